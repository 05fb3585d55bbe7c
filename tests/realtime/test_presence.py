"""Who is connected to a cafe, and how far behind they are; those who serve hear when that changes."""

from typing import Any

from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Role
from tests.realtime.world import Screen, World


async def called(screen: Screen) -> dict[str, Any]:
    """The roll-call, without what differs each time."""
    found: dict[str, Any] = await screen.result("roll_call", {})
    return found


async def test_presence_knows_who_is_here_and_how_far_their_screen_is(world: World) -> None:
    kitchen = await world.screen("/kitchen", Role.KITCHEN)
    await kitchen.result("subscribe", {"stream": world.kitchen()})
    own, foreign = {"epoch": 1, "seq": 3}, f"order:{new_id()}"

    await kitchen.result("stream_ack", {"cursors": {world.kitchen(): own, foreign: own}})
    await kitchen.result("stream_ack", {"cursors": {}})  # what a message changed is shown before the next is answered

    presence = world.live.presence
    [connection] = await presence.active(world.place.id, Role.KITCHEN)
    assert connection.person_id == world.place[Role.KITCHEN].person_id
    assert [*connection.acknowledged] == [world.kitchen()]
    assert connection.acknowledged[world.kitchen()].seq == 3
    assert await presence.connections_of(world.place.id, connection.person_id) == [connection]
    assert await presence.connection(world.place.id, "/kitchen", connection.socket_id) == connection
    assert await presence.connection(world.place.id, "/counter", connection.socket_id) is None
    assert await presence.active(world.other.id) == []

    await kitchen.leave()
    await world.screen("/counter", Role.COUNTER)
    assert await presence.active(world.place.id, Role.KITCHEN) == []


async def test_the_roll_call_says_how_far_behind_each_screen_is(world: World) -> None:
    kitchen = await world.screen("/kitchen", Role.KITCHEN)
    counter = await world.screen("/counter", Role.COUNTER)
    for screen, stream in ((kitchen, world.kitchen()), (counter, f"cafe:{world.place.id}:counter")):
        await screen.result("subscribe", {"stream": stream})
    await world.happen(world.kitchen(), 3)
    await kitchen.result("stream_ack", {"cursors": {world.kitchen(): {"epoch": 1, "seq": 2}}})
    world.services.clock.let_time_pass(seconds=2)
    await kitchen.result("stream_ack", {"cursors": {}})

    found = await called(counter)

    [first, second] = found["screens"]
    assert (first["label"], first["roles"], first["namespaces"]) == ("kitchen", ["kitchen"], ["/kitchen"])
    assert first["streams"] == [
        {"stream": world.kitchen(), "head": 3, "acknowledgedSeq": 2, "eventsBehind": 1, "secondsBehind": 2}
    ]
    assert second["streams"] == [
        {
            "stream": f"cafe:{world.place.id}:counter",
            "head": 0,
            "acknowledgedSeq": None,
            "eventsBehind": None,
            "secondsBehind": None,
        }
    ]
    assert {first["processId"], second["processId"]} == set(found["processes"])
    assert (found["isComplete"], found["guests"]) == (True, 0)

    await kitchen.result("stream_ack", {"cursors": {world.kitchen(): {"epoch": 1, "seq": 3}}})
    await kitchen.result("stream_ack", {"cursors": {}})
    [first, _] = (await called(counter))["screens"]
    assert (first["streams"][0]["eventsBehind"], first["streams"][0]["secondsBehind"]) == (0, 0)


async def test_guests_are_counted_and_not_named_and_nobody_of_another_cafe_is_there(world: World) -> None:
    guest = world.place.guest()
    await world.screen("/customers", guest)
    await world.screen("/orders", world.other[Role.MANAGER])
    admin = await world.screen("/admin", Role.MANAGER)

    found = await called(admin)

    assert found["guests"] == 1
    assert [screen["personId"] for screen in found["screens"]] == [world.place[Role.MANAGER].person_id]
    assert guest.person_id not in str(found)


async def test_those_who_work_here_are_called_by_their_names(world: World) -> None:
    added = await world.services.identity.add_staff(
        name="Mo",
        email="mo@example.org",
        password="a long enough phrase",
        roles=frozenset({Role.STAFF}),
        by=world.place[Role.MANAGER],
    )
    await world.screen("/orders", world.place.person(Role.STAFF, person_id=added.id))
    device = world.place.person(Role.KITCHEN, audience="device")
    await world.screen("/kitchen", device)
    admin = await world.screen("/admin", Role.MANAGER)

    found = await called(admin)

    assert [screen["label"] for screen in found["screens"]] == ["Mo", "kitchen device", "manager"]


async def test_the_roll_is_called_for_the_counter_and_above(world: World) -> None:
    staff = await world.screen("/counter", Role.STAFF)

    refused = await staff.error("roll_call", {})

    assert refused["code"] == "not_allowed"


async def test_counter_and_managers_hear_that_somebody_came_or_went(world: World) -> None:
    counter = await world.screen("/counter", Role.COUNTER)
    elsewhere = await world.screen("/admin", world.other[Role.MANAGER])
    first = await counter.hears("presence_changed")
    assert first == {"cafeId": world.place.id, "screens": 1, "guests": 0}

    guest = await world.screen("/customers", world.place.guest())
    kitchen = await world.screen("/kitchen", Role.KITCHEN)
    both = {"cafeId": world.place.id, "screens": 2, "guests": 1}
    await counter.until(lambda: both in counter.named("presence_changed"))
    await guest.leave()
    await kitchen.leave()

    await counter.until(lambda: counter.named("presence_changed")[-1] == first)
    assert kitchen.named("presence_changed") == []
    assert {each["cafeId"] for each in elsewhere.named("presence_changed")} <= {world.other.id}


async def test_what_a_process_of_another_version_shows_is_left_out_and_said_to_be(world: World) -> None:
    admin = await world.screen("/admin", Role.MANAGER)
    world.live.presence._board.put(world.place.id, "strange", b"\xc1")

    found = await called(admin)

    assert ([screen["label"] for screen in found["screens"]], found["isComplete"]) == (["manager"], False)
