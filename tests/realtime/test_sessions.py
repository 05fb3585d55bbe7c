"""What happens to an open socket as its token runs out, is refreshed, or is revoked."""

import pytest

from tabletap.kernel.people import Role
from tests.realtime.world import Screen, World


async def test_a_token_that_expires_is_warned_of_once_and_then_ends_the_session(world: World) -> None:
    kitchen = await world.screen("/kitchen", Role.KITCHEN)
    await world.let_time_pass(minutes=58)
    assert kitchen.named("auth_expiring") == []

    await world.let_time_pass(minutes=1, seconds=15)
    await world.let_time_pass(seconds=5)
    warning = await kitchen.hears("auth_expiring")
    await world.let_time_pass(minutes=1)
    await kitchen.hears("session_expired")
    await kitchen.dropped.wait()

    assert 0 < warning["seconds"] <= 60
    assert len(kitchen.named("auth_expiring")) == 1
    assert len(kitchen.named("session_expired")) == 1
    assert len(world.live.sessions) == 0


async def test_a_refreshed_token_keeps_the_session_in_place(world: World) -> None:
    kitchen = await world.screen("/kitchen", Role.KITCHEN)
    await kitchen.result("subscribe", {"stream": world.kitchen()})
    await world.let_time_pass(minutes=59, seconds=30)
    await kitchen.hears("auth_expiring")

    refreshed = await kitchen.result("auth_refresh", {"token": world.token(Role.KITCHEN)})
    await world.let_time_pass(minutes=30)
    await world.place.paid_order()

    assert await kitchen.hears("new_paid_order")
    assert refreshed["tokenExpiresAt"] > kitchen.named("session_ready")[0]["tokenExpiresAt"]
    assert kitchen.named("session_expired") == []


async def test_the_next_token_is_warned_of_as_well(world: World) -> None:
    kitchen = await world.screen("/kitchen", Role.KITCHEN)
    for times in (1, 2):
        await world.let_time_pass(minutes=59, seconds=30)
        await kitchen.hears("auth_expiring", times)
        await kitchen.result("auth_refresh", {"token": world.token(Role.KITCHEN)})

    assert len(kitchen.named("auth_expiring")) == 2


async def test_a_session_goes_on_only_with_a_token_of_the_same_person(world: World) -> None:
    kitchen = await world.screen("/kitchen", Role.KITCHEN)
    colleague, stranger = world.place.person(Role.KITCHEN), world.other[Role.KITCHEN]
    elsewhere = world.other.person(Role.KITCHEN, person_id=world.place[Role.KITCHEN].person_id)

    for other in (colleague, stranger, elsewhere):
        error = await kitchen.error("auth_refresh", {"token": world.token(other)})
        assert (error["type"], error["code"]) == ("authorization_denied", "not_allowed")
    assert await kitchen.result("stream_ack", {"cursors": {}}) is None, "it goes on as who it was"


@pytest.mark.parametrize("token", ["", "abc", "a.b.c"])
async def test_a_bad_token_does_not_refresh_anything(world: World, token: str) -> None:
    kitchen = await world.screen("/kitchen", Role.KITCHEN)

    error = await kitchen.error("auth_refresh", {"token": token})

    assert (error["type"], error["code"]) == ("authentication_failed", "token_invalid")


async def test_an_expired_token_does_not_refresh_anything(world: World) -> None:
    old = world.token(Role.KITCHEN)
    world.services.clock.let_time_pass(minutes=50)
    kitchen = await world.screen("/kitchen", Role.KITCHEN)
    world.services.clock.let_time_pass(minutes=20)

    error = await kitchen.error("auth_refresh", {"token": old})

    assert (error["type"], error["code"]) == ("authentication_failed", "token_expired")


async def test_after_its_token_expired_a_socket_is_answered_nothing_else(world: World) -> None:
    kitchen = await world.screen("/kitchen", Role.KITCHEN)
    world.services.clock.let_time_pass(minutes=61)

    ack = await kitchen.ask("subscribe", {"stream": world.kitchen()})

    assert (ack["error"]["type"], ack["error"]["code"]) == ("authentication_failed", "token_expired")


async def test_a_person_with_fewer_roles_than_before_hears_less(world: World) -> None:
    manager = world.place[Role.MANAGER]
    screen = await world.screen("/counter", manager)
    for tail in ("counter", "staff"):
        await screen.result("subscribe", {"stream": f"cafe:{world.place.id}:{tail}"})

    demoted = world.place.person(Role.STAFF, person_id=manager.person_id)
    await screen.result("auth_refresh", {"token": world.token(demoted)})
    await world.place.order()
    await screen.hears("order_created")

    assert [problem["stream"] for problem in screen.named("exception")] == [f"cafe:{world.place.id}:counter"]
    assert {event["stream"] for event in screen.events()} == {f"cafe:{world.place.id}:staff"}


async def test_a_person_who_may_not_be_here_any_more_cannot_refresh(world: World) -> None:
    manager = world.place[Role.MANAGER]
    screen = await world.screen("/admin", manager)

    demoted = world.place.person(Role.STAFF, person_id=manager.person_id)
    error = await screen.error("auth_refresh", {"token": world.token(demoted)})

    assert error["type"] == "authorization_denied"


async def test_a_revoked_person_is_off_everywhere_and_soon(world: World) -> None:
    person = world.place[Role.MANAGER]
    screens = [await world.screen(namespace, person) for namespace in ("/kitchen", "/counter", "/admin")]
    bystander = await world.screen("/kitchen", Role.KITCHEN)

    await world.revoke(person.person_id)
    for screen in screens:
        await screen.dropped.wait()

    assert all(screen.named("session_expired") for screen in screens)
    assert not bystander.dropped.is_set()


async def test_a_person_can_be_sent_away_at_once(world: World) -> None:
    person = world.place[Role.STAFF]
    mine, other = await world.screen("/orders", person), await world.screen("/orders", world.other[Role.STAFF])

    await world.live.sessions.end_person(world.place.id, person.person_id)
    await mine.dropped.wait()

    assert mine.named("session_expired")
    assert not other.dropped.is_set()


async def test_a_screen_that_was_sent_away_can_come_again_with_a_new_token(world: World) -> None:
    first = await world.screen("/kitchen", Role.KITCHEN)
    await first.result("subscribe", {"stream": world.kitchen()})
    await world.place.paid_order()
    seen = (await first.hears("new_paid_order"))["seq"]
    await world.let_time_pass(minutes=61)
    await first.dropped.wait()
    await world.place.paid_order()

    again: Screen = await world.screen("/kitchen", Role.KITCHEN, {world.kitchen(): {"epoch": 1, "seq": seen}})
    await again.hears("new_paid_order")

    assert again.seqs(world.kitchen()) == [seen + 1, seen + 2]
