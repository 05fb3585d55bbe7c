"""Subscribing: from now, from a cursor, across a cut; every event once, in order, or none of it."""

import asyncio
from typing import Any

import pytest

from tabletap.infra.streams import MAX_REPLAY
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Role
from tests.realtime.world import UNTIL_NOW, Screen, World, in_order


async def test_a_subscription_without_a_cursor_is_live_from_now(world: World) -> None:
    await world.happen(world.kitchen(), 3)
    kitchen = await world.screen("/kitchen", Role.KITCHEN)

    result = await kitchen.result("subscribe", {"stream": world.kitchen()})
    await world.happen(world.kitchen())

    assert result == {"stream": world.kitchen(), "epoch": 1, "head": 3, "replayed": 0}
    event = await kitchen.hears("announcement")
    assert event["seq"] == 4
    assert kitchen.seqs(world.kitchen()) == [4]


async def test_an_event_is_its_own_fields_beside_the_envelope(world: World) -> None:
    kitchen = await world.screen("/kitchen", Role.KITCHEN)
    await kitchen.result("subscribe", {"stream": world.kitchen()})

    await world.happen(world.kitchen())

    event = await kitchen.hears("announcement")
    assert set(event) == {
        "message", "eventId", "causeId", "name", "timestamp", "schemaVersion", "cafeId", "stream", "epoch", "seq"
    }  # fmt: skip
    assert (event["name"], event["message"], event["cafeId"]) == (
        "announcement",
        "Kitchen closes at nine",
        world.place.id,
    )


async def test_connecting_subscribes_to_nothing(world: World) -> None:
    kitchen = await world.screen("/kitchen", Role.KITCHEN)

    await world.place.paid_order()
    await asyncio.sleep(UNTIL_NOW)

    assert kitchen.events() == []


async def test_a_subscription_from_a_cursor_is_answered_then_replayed_then_live(world: World) -> None:
    await world.happen(world.kitchen(), 20)
    kitchen = await world.screen("/kitchen", Role.KITCHEN)
    kitchen.heard.clear()
    acks: list[Any] = []

    def answered(ack: Any) -> None:
        acks.append((ack, len(kitchen.events())))

    cursor = {"epoch": 1, "seq": 5}
    await kitchen.client.emit(
        "subscribe", {"stream": world.kitchen(), "cursor": cursor}, namespace="/kitchen", callback=answered
    )
    await kitchen.hears("announcement", 15)
    await world.happen(world.kitchen(), 2)
    await kitchen.hears("announcement", 17)

    [(ack, heard_before)] = acks
    assert ack["result"] == {"stream": world.kitchen(), "epoch": 1, "head": 20, "replayed": 15}
    assert heard_before == 0, "the ack comes before the replay"
    assert kitchen.seqs(world.kitchen()) == list(range(6, 23))


async def test_subscribing_again_from_a_cursor_starts_again_from_there(world: World) -> None:
    kitchen = await world.screen("/kitchen", Role.KITCHEN)
    await kitchen.result("subscribe", {"stream": world.kitchen()})
    await world.happen(world.kitchen(), 4)
    await kitchen.hears("announcement", 4)

    result = await kitchen.result("subscribe", {"stream": world.kitchen(), "cursor": {"epoch": 1, "seq": 1}})
    await world.happen(world.kitchen())
    await kitchen.hears("announcement", 8)

    assert (result["head"], result["replayed"]) == (4, 3)
    assert kitchen.seqs(world.kitchen()) == [1, 2, 3, 4, 2, 3, 4, 5]


async def test_subscribing_again_without_a_cursor_changes_nothing(world: World) -> None:
    kitchen = await world.screen("/kitchen", Role.KITCHEN)
    await kitchen.result("subscribe", {"stream": world.kitchen()})
    await world.happen(world.kitchen(), 2)
    await kitchen.hears("announcement", 2)

    result = await kitchen.result("subscribe", {"stream": world.kitchen()})
    await world.happen(world.kitchen())
    await kitchen.hears("announcement", 3)

    assert (result["head"], result["replayed"]) == (2, 0)
    assert kitchen.seqs(world.kitchen()) == [1, 2, 3]


async def test_nothing_comes_after_unsubscribing(world: World) -> None:
    kitchen = await world.screen("/kitchen", Role.KITCHEN)
    await kitchen.result("subscribe", {"stream": world.kitchen()})

    assert await kitchen.result("unsubscribe", {"stream": world.kitchen()}) == {"stream": world.kitchen()}
    await world.happen(world.kitchen())
    await asyncio.sleep(UNTIL_NOW)

    assert kitchen.events() == []
    assert await kitchen.result("unsubscribe", {"stream": world.kitchen()}), "safe to repeat"


async def test_handshake_cursors_resume_where_the_screen_left_off(world: World) -> None:
    await world.happen(world.kitchen(), 6)
    cursors = {world.kitchen(): {"epoch": 1, "seq": 2}}

    kitchen = await world.screen("/kitchen", Role.KITCHEN, cursors)
    await kitchen.hears("announcement", 4)
    await world.happen(world.kitchen())
    await kitchen.hears("announcement", 5)

    assert kitchen.heard[0][0] == "session_ready"
    assert kitchen.named("session_ready")[0]["streams"] == [
        {"stream": world.kitchen(), "epoch": 1, "head": 6, "replayed": 4}
    ]
    assert kitchen.seqs(world.kitchen()) == [3, 4, 5, 6, 7]


async def test_a_screen_that_is_cut_off_misses_nothing_and_repeats_nothing(world: World) -> None:
    key = world.kitchen()
    heard: list[int] = []
    busy = asyncio.create_task(keep_happening(world, key, 120))
    while not busy.done():
        cursors = {key: {"epoch": 1, "seq": heard[-1] if heard else 0}}
        kitchen = await world.screen("/kitchen", Role.KITCHEN, cursors)
        await hear_some(kitchen, busy)
        await kitchen.leave()
        heard += kitchen.seqs(key)
    last = await world.screen("/kitchen", Role.KITCHEN, {key: {"epoch": 1, "seq": heard[-1]}})
    await last.until(lambda: [*heard, *last.seqs(key)][-1] == 120)

    assert [*heard, *last.seqs(key)] == list(range(1, 121))


async def hear_some(kitchen: Screen, busy: "asyncio.Task[None]") -> None:
    """Until there are five events, or until nothing more happens."""
    await kitchen.until(lambda: len(kitchen.events()) >= 5 or busy.done())


async def keep_happening(world: World, key: str, times: int) -> None:
    for _ in range(times):
        await world.happen(key)
        await asyncio.sleep(0.003)


async def test_many_who_come_while_much_happens_all_hear_the_same(world: World) -> None:
    """Replays, joins and live events of one stream at the same time: nobody has a gap or a repeat."""
    key = world.kitchen()
    await world.happen(key, 30)

    async def watch(start: int) -> list[int]:
        await asyncio.sleep(start / 300)
        kitchen = await world.screen("/kitchen", world.place.person(Role.KITCHEN))
        await kitchen.result("subscribe", {"stream": key, "cursor": {"epoch": 1, "seq": start}})
        await kitchen.until(lambda: kitchen.seqs(key) and kitchen.seqs(key)[-1] == 90)
        return kitchen.seqs(key)

    writers = [keep_happening(world, key, 20) for _ in range(3)]
    starts = list(range(0, 24, 3))
    heard = (await asyncio.gather(*(watch(start) for start in starts), *writers))[: len(starts)]

    assert [seqs[0] for seqs in heard if seqs] == [start + 1 for start in starts]
    assert all(seqs and in_order(seqs) for seqs in heard)


async def test_a_long_replay_arrives_whole_over_one_connection(world: World) -> None:
    """It is far more than may wait for a client, and is sent as the client takes it."""
    key, events = world.kitchen(), 4_000
    await world.happen(key, events, "x" * 2_000)
    kitchen = await world.screen("/kitchen", Role.KITCHEN)

    assert (await kitchen.result("subscribe", {"stream": key, "cursor": {"epoch": 1, "seq": 0}}))["replayed"] == events
    await kitchen.until(lambda: len(kitchen.seqs(key)) == events or kitchen.dropped.is_set())
    await world.happen(key)

    await kitchen.until(lambda: kitchen.named("announcement")[-1]["seq"] == events + 1)
    assert kitchen.seqs(key) == list(range(1, events + 2))
    assert not kitchen.dropped.is_set()


async def test_what_happens_in_a_long_replay_is_sent_as_the_client_takes_it_too(world: World) -> None:
    key, events = world.kitchen(), 1_000
    await world.happen(key, events, "x" * 10_000)
    other = await world.screen("/kitchen", Role.MANAGER)
    await other.result("subscribe", {"stream": key})
    kitchen = await world.screen("/kitchen", Role.KITCHEN, transports=["websocket"])
    network = kitchen.client.eio.ws._response.connection.transport
    session = next(each for each in world.live.sessions if Role.KITCHEN in each.actor.roles)

    network.pause_reading()
    await kitchen.client.emit("subscribe", {"stream": key, "cursor": {"epoch": 1, "seq": 0}}, namespace="/kitchen")
    while key not in session.streams:  # noqa: ASYNC110 - there is no event
        await asyncio.sleep(0.01)
    await world.happen(key, events, "x" * 10_000)
    assert world.live.dispatcher.position(session, key) is None, "the replay goes on"
    network.resume_reading()

    await kitchen.until(lambda: len(kitchen.seqs(key)) == 2 * events or kitchen.dropped.is_set())
    assert kitchen.seqs(key) == list(range(1, 2 * events + 1))
    await world.happen(key)
    await kitchen.until(lambda: kitchen.seqs(key)[-1] == 2 * events + 1)


@pytest.mark.parametrize(
    "cursor", [{"epoch": 2, "seq": 1}, {"epoch": 1, "seq": 4}], ids=["another epoch", "a seq that never was"]
)
async def test_a_cursor_that_cannot_be_followed_gets_a_snapshot_required_and_never_a_part(
    world: World, cursor: Any
) -> None:
    await world.happen(world.kitchen(), 3)
    kitchen = await world.screen("/kitchen", Role.KITCHEN)

    error = await kitchen.error("subscribe", {"stream": world.kitchen(), "cursor": cursor})
    await world.happen(world.kitchen())
    await asyncio.sleep(UNTIL_NOW)

    assert (error["type"], error["code"]) == ("conflict", "snapshot_required")
    [needed] = kitchen.named("snapshot_required")
    assert needed["stream"] == world.kitchen()
    assert needed["reason"]
    assert kitchen.events() == [], "the stream is left unsubscribed"


async def test_a_screen_that_is_too_far_behind_takes_a_snapshot(world: World) -> None:
    for _ in range(6):
        await world.happen(world.kitchen(), MAX_REPLAY // 5)

    kitchen = await world.screen("/kitchen", Role.KITCHEN, {world.kitchen(): {"epoch": 1, "seq": 1}})

    assert (await kitchen.hears("snapshot_required"))["stream"] == world.kitchen()
    assert kitchen.named("session_ready")[0]["streams"] == []
    assert kitchen.events() == []


async def test_a_long_absence_is_replayed_whole(world: World) -> None:
    for _ in range(3):
        await world.happen(world.kitchen(), 500)

    kitchen = await world.screen("/kitchen", Role.KITCHEN, {world.kitchen(): {"epoch": 1, "seq": 0}})
    await kitchen.hears("announcement", 1_500)

    assert kitchen.seqs(world.kitchen()) == list(range(1, 1_501))


async def test_a_stream_that_is_restarted_ends_the_subscriptions_to_it(world: World) -> None:
    kitchen = await world.screen("/kitchen", Role.KITCHEN)
    await world.happen(world.kitchen(), 2)
    await kitchen.result("subscribe", {"stream": world.kitchen()})

    await world.restart(world.kitchen())

    assert (await kitchen.hears("snapshot_required"))["stream"] == world.kitchen()
    await world.happen(world.kitchen())
    await asyncio.sleep(UNTIL_NOW)
    assert kitchen.events() == []
    result = await kitchen.result("subscribe", {"stream": world.kitchen(), "cursor": {"epoch": 2, "seq": 2}})
    assert (result["epoch"], result["replayed"]) == (2, 1)


async def test_a_cursor_for_a_forbidden_stream_is_an_error_for_that_stream_alone(world: World) -> None:
    await world.happen(world.kitchen(), 2)
    forbidden = f"cafe:{world.other.id}:kitchen"
    cursors = {forbidden: {"epoch": 1, "seq": 0}, world.kitchen(): {"epoch": 1, "seq": 0}}

    kitchen = await world.screen("/kitchen", Role.KITCHEN, cursors)
    await kitchen.hears("announcement", 2)

    [problem] = kitchen.named("exception")
    assert (problem["stream"], problem["type"], problem["code"]) == (forbidden, "authorization_denied", "other_cafe")
    assert [each["stream"] for each in kitchen.named("session_ready")[0]["streams"]] == [world.kitchen()]


async def test_forbidden_and_foreign_streams_are_refused(world: World) -> None:
    stranger = world.place.guest()
    order, foreign = await world.place.order(world.place.guest()), await world.other.order()
    guest = await world.screen("/orders", stranger)

    for stream, type_ in {
        f"order:{order.id}": "authorization_denied",
        f"order:{foreign.id}": "resource_not_found",
        f"order:{new_id()}": "resource_not_found",
        f"user:{new_id()}": "authorization_denied",
        f"cafe:{world.place.id}:staff": "authorization_denied",
        f"cafe:{world.other.id}:staff": "authorization_denied",
        world.kitchen(): "authorization_denied",
    }.items():
        assert (await guest.error("subscribe", {"stream": stream}))["type"] == type_, stream
    assert (await guest.error("join_cafe", {"cafeId": world.other.id}))["code"] == "other_cafe"
    assert (await guest.error("join_order", {"orderId": order.id}))["type"] == "authorization_denied"


async def test_nothing_of_one_cafe_reaches_another(world: World) -> None:
    manager = await world.screen("/admin", world.other[Role.MANAGER])
    joined = await manager.result("join_cafe", {"cafeId": world.other.id})
    assert len(joined["streams"]) > 5

    await world.place.move_to_the_end(await world.place.paid_order())
    mine = await world.other.paid_order()
    await manager.hears("new_paid_order")
    await asyncio.sleep(UNTIL_NOW)

    assert {event["cafeId"] for event in manager.events()} == {world.other.id}
    assert {event["orderId"] for event in manager.events()} == {mine.id}


async def test_joining_a_cafe_an_order_and_a_payment_subscribes_to_what_is_concerned(world: World) -> None:
    guest = world.place.guest()
    order = await world.place.order(guest)
    own = await world.screen("/payments", guest)
    payment = await world.place.start_cash(order, guest)

    joined = await own.result("join_cafe", {"cafeId": world.place.id})
    to_order = await own.result("join_order", {"orderId": order.id})
    to_payment = await own.result("join_payment", {"paymentId": payment.payment_id})
    await world.place.take_cash(payment)
    await own.hears("payment_state_sync", 3)

    assert [each["stream"] for each in joined["streams"]] == [f"user:{guest.person_id}"]
    assert to_order["stream"] == f"order:{order.id}"
    assert to_payment["stream"] == f"payment:{payment.payment_id}"
    heard = own.named("payment_state_sync")
    assert {event["stream"] for event in heard} == {
        each["stream"] for each in (*joined["streams"], to_order, to_payment)
    }
    assert len({event["eventId"] for event in heard}) == 1, "one event, in each of its streams"
    assert heard[0]["status"] == "completed"


async def test_one_connection_carries_each_namespace_with_subscriptions_of_its_own(world: World) -> None:
    manager = world.place[Role.MANAGER]
    kitchen, admin = await world.screen("/kitchen", manager), await world.screen("/admin", manager)
    await kitchen.result("subscribe", {"stream": world.kitchen()})
    await world.happen(world.kitchen())
    await admin.result("subscribe", {"stream": world.kitchen()})

    await kitchen.result("unsubscribe", {"stream": world.kitchen()})
    await world.happen(world.kitchen())
    await admin.hears("announcement")

    assert (kitchen.seqs(world.kitchen()), admin.seqs(world.kitchen())) == ([1], [2])
