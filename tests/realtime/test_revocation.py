"""Who loses access is off every open socket, in every process, and comes in nowhere."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from socketio.exceptions import ConnectionError as Refused

from tabletap.identity.errors import RefreshTokenReused
from tabletap.identity.model import SignedIn
from tabletap.kernel.people import Role, system
from tests.realtime.world import Screen, World, served

PASSWORD = "a-flat-white-please"


async def hired(world: World, email: str = "mia@example.org") -> str:
    """The id of somebody new in the kitchen."""
    person = await world.services.identity.add_staff(
        name="Mia", email=email, password=PASSWORD, roles=frozenset({Role.KITCHEN}), by=system(world.place.id)
    )
    return person.id


async def signed_in(world: World, email: str = "mia@example.org") -> SignedIn:
    return await world.services.identity.sign_in(email, PASSWORD, world.place.id)


async def connected(world: World, who: SignedIn, namespace: str = "/kitchen", url: str | None = None) -> Screen:
    screen = await world.unconnected(namespace, url).connect({"token": who.access_token})
    await screen.hears("session_ready")
    return screen


async def is_refused(world: World, who: SignedIn) -> bool:
    screen = world.unconnected("/kitchen")
    with pytest.raises(Refused):
        await screen.connect({"token": who.access_token})
    return bool(screen.refusal["data"]["code"] == "token_invalid")


async def test_signing_out_ends_what_that_sign_in_opened_and_nothing_else(world: World) -> None:
    await hired(world)
    here, there = await signed_in(world), await signed_in(world)
    mine = [await connected(world, here, namespace) for namespace in ("/kitchen", "/orders")]
    elsewhere = await connected(world, there)

    await world.services.identity.sign_out(here.refresh_token)
    for screen in mine:
        await screen.dropped.wait()

    assert [len(screen.named("session_expired")) for screen in mine] == [1, 1]
    assert (await elsewhere.ask("stream_ack", {"cursors": {}}))["ok"] is True
    assert await is_refused(world, here)
    error = await elsewhere.error("auth_refresh", {"token": here.access_token})
    assert (error["type"], error["code"]) == ("authentication_failed", "token_invalid")


async def test_a_refresh_token_used_twice_ends_what_both_opened(world: World) -> None:
    await hired(world)
    first = await signed_in(world)
    second = await world.services.identity.refresh(first.refresh_token)
    screens = [await connected(world, first), await connected(world, second)]

    with pytest.raises(RefreshTokenReused):
        await world.services.identity.refresh(first.refresh_token)
    for screen in screens:
        await screen.dropped.wait()

    assert await is_refused(world, second)


async def test_who_is_shut_out_is_off_in_every_process(world: World) -> None:
    person_id = await hired(world)
    one, two = await signed_in(world), await signed_in(world)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(served(world.server()))
        screens = [await connected(world, one), await connected(world, two, url=url)]

        await world.services.identity.disable(person_id, system(world.place.id))
        for screen in screens:
            await screen.dropped.wait()

    assert await is_refused(world, two)


async def test_a_server_that_starts_knows_who_was_signed_out_before(world: World) -> None:
    await hired(world)
    mia = await signed_in(world)
    await world.services.identity.sign_out(mia.refresh_token)

    async with served(world.server()) as url:
        screen = world.unconnected("/kitchen", url)
        with pytest.raises(Refused):
            await screen.connect({"token": mia.access_token})

    assert screen.refusal["data"]["code"] == "token_invalid"


async def test_guests_who_left_the_table_hear_of_their_own_orders_alone(world: World) -> None:
    table = await world.services.cafes.add_table("7", system(world.place.id))
    seat = await world.services.cafes.open_session_for(table.code)
    ada = world.place.guest(seat.session_id)
    bo = world.place.guest(seat.session_id)
    own, friends = await world.place.order(ada), await world.place.order(bo)
    screen = await world.screen("/orders", ada)
    for order in (own, friends):
        await screen.result("join_order", {"orderId": order.id})

    await world.services.cafes.close_session(table.id, system(world.place.id))
    problem = await screen.hears("exception")
    for order in (friends, own):
        await world.place.start_cash(order)
    await screen.hears("payment_initiated")

    assert (problem["type"], problem["stream"]) == ("authorization_denied", f"order:{friends.id}")
    assert {event["stream"] for event in screen.events()} == {f"order:{own.id}"}
    assert (await screen.error("join_order", {"orderId": friends.id}))["code"] == "not_allowed"
    assert not screen.dropped.is_set()
    late = await world.screen("/orders", bo)
    assert (await late.error("join_order", {"orderId": own.id}))["code"] == "not_allowed"


async def test_a_replay_ends_when_its_stream_is_no_longer_the_guests(world: World) -> None:
    table = await world.services.cafes.add_table("7", system(world.place.id))
    seat = await world.services.cafes.open_session_for(table.code)
    guest, friend = world.place.guest(seat.session_id), world.place.guest(seat.session_id)
    own, friends = await world.place.order(guest), await world.place.order(friend)
    stream, events = f"order:{friends.id}", 3_000
    await world.happen(stream, events, "x" * 10_000)
    screen = await world.screen("/orders", guest, transports=["websocket"])
    network = screen.client.eio.ws._response.connection.transport

    network.pause_reading()  # so that most of the replay has to wait
    await screen.client.emit("subscribe", {"stream": stream, "cursor": {"epoch": 1, "seq": 0}}, namespace="/orders")
    (session,) = world.live.sessions
    while stream not in session.streams:  # noqa: ASYNC110 - there is no event
        await asyncio.sleep(0.01)
    await world.services.cafes.close_session(table.id, system(world.place.id))
    while stream in session.streams:  # noqa: ASYNC110 - there is no event
        await asyncio.sleep(0.01)
    network.resume_reading()

    await screen.result("join_order", {"orderId": own.id})
    seqs = screen.seqs(stream)
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(seqs) < events
    assert not screen.dropped.is_set()


async def test_a_guests_next_token_is_of_no_table_that_was_closed(world: World) -> None:
    table = await world.services.cafes.add_table("7", system(world.place.id))
    seat = await world.services.cafes.open_session_for(table.code)
    guest = await world.services.identity.sign_in_guest(seat.cafe_id, seat.table_id, seat.session_id)
    kept = await world.services.identity.refresh(guest.refresh_token)
    assert world.services.tokens.verify(kept.access_token).session_id == seat.session_id

    await world.services.cafes.close_session(table.id, system(world.place.id))
    later = await world.services.identity.refresh(kept.refresh_token)

    assert world.services.tokens.verify(later.access_token).session_id is None
