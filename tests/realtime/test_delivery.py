"""Delivering: a lossy broker is not noticed, screens know how far their streams are, nobody leaves anything behind."""

from tabletap.kernel.events import Event
from tabletap.kernel.people import Role
from tests.realtime.world import World


async def test_what_the_broker_loses_doubles_or_reorders_nobody_notices(world: World) -> None:
    kitchen = await world.screen("/kitchen", Role.KITCHEN)
    await kitchen.result("subscribe", {"stream": world.kitchen()})
    held: list[Event] = []

    def lose_hold_and_double(events: list[Event]) -> list[Event]:
        kept = [event for event in events if event.seq % 5]
        held.extend(kept)
        return kept if events[0].seq % 2 else [*reversed(held), *kept]

    world.broker.mangle = lose_hold_and_double
    for _ in range(30):
        await world.happen(world.kitchen())
    await kitchen.hears("announcement", 30)

    assert kitchen.seqs(world.kitchen()) == list(range(1, 31))


async def test_an_event_that_the_broker_lost_comes_all_the_same(world: World) -> None:
    kitchen = await world.screen("/kitchen", Role.KITCHEN)
    await kitchen.result("subscribe", {"stream": world.kitchen()})
    world.broker.mangle = lambda _: []

    await world.happen(world.kitchen())

    assert (await kitchen.hears("announcement"))["seq"] == 1


async def test_a_heartbeat_tells_how_far_each_stream_has_come(world: World) -> None:
    kitchen = await world.screen("/kitchen", Role.KITCHEN)
    await kitchen.result("subscribe", {"stream": world.kitchen()})
    await world.happen(world.kitchen(), 2)
    await kitchen.hears("announcement", 2)

    beat = await kitchen.until(lambda: [each for each in kitchen.named("heartbeat") if each["heads"]])

    assert beat[-1]["heads"] == {world.kitchen(): {"epoch": 1, "seq": 2}}


async def test_one_socket_follows_a_limited_number_of_streams(world: World) -> None:
    screen = await world.screen("/orders", Role.STAFF)
    [session] = world.live.sessions
    session.streams.update(f"order:{number}" for number in range(200))

    error = await screen.error("subscribe", {"stream": f"cafe:{world.place.id}:staff"})

    assert (error["type"], error["code"]) == ("rate_limit_exceeded", "too_many_streams")


async def test_whoever_cannot_follow_all_of_a_cafe_follows_what_they_did(world: World) -> None:
    screen = await world.screen("/admin", Role.ADMIN)
    await screen.result("subscribe", {"stream": world.kitchen()})
    [session] = world.live.sessions
    session.streams.update(before := {f"order:{number}" for number in range(197)} | session.streams)

    error = await screen.error("join_cafe", {"cafeId": world.place.id})

    assert error["code"] == "too_many_streams"
    assert session.streams == before
    await world.happen(world.kitchen())
    assert (await screen.hears("announcement"))["seq"] == 1


async def test_a_socket_that_is_gone_leaves_nothing_behind(world: World) -> None:
    kitchen = await world.screen("/kitchen", Role.KITCHEN)
    await kitchen.result("subscribe", {"stream": world.kitchen()})

    await kitchen.leave()
    await world.happen(world.kitchen())
    await world.live.dispatcher.look()

    assert len(world.live.sessions) == 0
    assert world.live.dispatcher.feeds == 0
