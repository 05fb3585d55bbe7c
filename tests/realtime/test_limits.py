"""How much one person, one address and one cafe may do, on real sockets."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from socketio.exceptions import ConnectionError as Refused

from tabletap.kernel.people import Actor, Role
from tabletap.realtime.connections import LiveLimits
from tests.realtime.world import World, served

AT_MOST = 5
"""Connections a person."""
MESSAGES_A_MINUTE = {
    "/orders": 100,
    "/kitchen": 200,
    "/counter": 200,
    "/customers": 50,
    "/admin": 100,
    "/payments": 100,
}
NAMESPACES_OF_A_MANAGER = ("/orders", "/kitchen", "/counter", "/admin", "/payments")
ACK: dict[str, Any] = {"cursors": {}}


async def refusal(world: World, who: Actor, url: str | None = None, **options: Any) -> Any:
    """The data of a refused handshake."""
    screen = world.unconnected("/orders", url)
    with pytest.raises(Refused):
        await screen.connect({"token": world.token(who)}, **options)
    return screen.refusal["data"]


@pytest.fixture
async def small_url(world: World) -> AsyncIterator[str]:
    """A server that takes few connections of a cafe and few connects of an address, behind a proxy."""
    limits = LiveLimits(connections_per_cafe=3, connects_per_minute=2)
    async with served(world.server(limits=limits, trusted_proxies=["127.0.0.1"])) as url:
        yield url


def from_address(address: str) -> dict[str, Any]:
    """As the proxy passes somebody on."""
    return {"headers": {"X-Forwarded-For": address}}


# --- messages --------------------------------------------------------------------------


def test_each_namespace_takes_as_many_messages_a_minute_as_it_should(world: World) -> None:
    assert {path: gateway.messages_per_minute for path, gateway in world.live.gateways.items()} == MESSAGES_A_MINUTE


async def test_the_limit_is_of_a_person_in_a_namespace_whatever_the_number_of_their_sockets(world: World) -> None:
    guest = world.place.guest()
    one, two = [await world.screen("/customers", guest) for _ in range(2)]
    for _ in range(25):
        assert (await one.ask("stream_ack", ACK))["ok"] is (await two.ask("stream_ack", ACK))["ok"] is True

    error = await two.error("stream_ack", ACK)
    elsewhere = await world.screen("/orders", guest)
    world.services.clock.let_time_pass(seconds=error["retryAfterSeconds"])

    assert (error["type"], error["code"], error["retryable"]) == ("rate_limit_exceeded", "rate_limit_exceeded", True)
    assert error["retryAfterSeconds"] == 2, "fifty a minute are refilled evenly: 1.2 seconds each"
    assert (await elsewhere.ask("stream_ack", ACK))["ok"] is True
    assert [(await one.ask("stream_ack", ACK))["ok"] for _ in range(2)] == [True, False]


async def test_a_person_over_their_own_limit_uses_nothing_of_their_cafe(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tabletap.realtime.gateway.A_CAFE_IS", 2)
    async with served(world.server()) as url:
        greedy, other = [await world.screen("/customers", world.place.guest(), url=url) for _ in range(2)]
        stranger = await world.screen("/customers", world.other.guest(), url=url)
        message = {"stream": f"order:{world.place.id}"}

        refused = [(await greedy.ask("unsubscribe", message))["ok"] for _ in range(110)].count(False)
        others = [(await other.ask("unsubscribe", message))["ok"] for _ in range(50)]

        assert refused == 60
        assert all(others), "the cafe's own hundred had room for both"
        assert (await stranger.ask("unsubscribe", message))["ok"] is True


async def test_a_cafe_over_its_limit_leaves_the_others_alone_and_its_screens_may_still_say_where_they_are(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tabletap.realtime.gateway.A_CAFE_IS", 1)
    async with served(world.server()) as url:
        guests = [await world.screen("/customers", world.place.guest(), url=url) for _ in range(2)]
        stranger = await world.screen("/customers", world.other.guest(), url=url)
        message = {"stream": f"order:{world.place.id}"}
        answers = [await guest.ask("unsubscribe", message) for _ in range(26) for guest in guests]

        assert [answer["ok"] for answer in answers] == [True] * 50 + [False] * 2
        assert answers[-1]["error"]["code"] == "rate_limit_exceeded"
        assert (await guests[0].ask("stream_ack", ACK))["ok"] is True
        assert (await stranger.ask("unsubscribe", message))["ok"] is True


# --- connections -----------------------------------------------------------------------


async def test_a_person_has_at_most_five_connections_and_each_that_goes_makes_room(world: World) -> None:
    person, colleague = world.place[Role.STAFF], world.place.person(Role.STAFF)
    screens = [await world.screen("/orders", person) for _ in range(AT_MOST)]

    told = await refusal(world, person)
    assert (told["code"], told["retryable"]) == ("too_many_connections", True)
    assert (await world.screen("/orders", colleague)).client.connected

    await world.gone(screens[0])
    assert (await world.screen("/orders", person)).client.connected
    assert (await refusal(world, person))["code"] == "too_many_connections"


async def test_all_namespaces_over_one_connection_are_one_connection(world: World) -> None:
    manager = world.place[Role.MANAGER]
    for _ in range(AT_MOST):
        screen = world.unconnected("/orders")
        namespaces = list(NAMESPACES_OF_A_MANAGER)
        await screen.client.connect(world.url, namespaces=namespaces, auth={"token": world.token(manager)})
        assert set(screen.client.namespaces) == set(namespaces)

    assert (await refusal(world, manager))["code"] == "too_many_connections"


async def test_a_device_is_not_its_persons(world: World) -> None:
    person = world.place[Role.KITCHEN]
    for _ in range(AT_MOST):
        await world.screen("/kitchen", person)

    device = world.place.person(Role.KITCHEN, person_id=person.person_id, audience="device")
    assert (await world.screen("/kitchen", device)).client.connected


async def test_polling_is_a_connection_like_any_other(world: World) -> None:
    person = world.place[Role.STAFF]
    for transports in (["polling"], ["polling", "websocket"], ["websocket"], ["websocket"], ["websocket"]):
        await world.screen("/orders", person, transports=transports)

    assert (await refusal(world, person))["code"] == "too_many_connections"


async def test_refused_handshakes_hold_no_connection(world: World) -> None:
    person = world.place[Role.STAFF]
    for _ in range(AT_MOST + 1):
        with pytest.raises(Refused):
            await world.unconnected("/admin").connect({"token": world.token(person)})

    assert (await world.screen("/orders", person)).client.connected


async def test_a_cafe_has_only_so_many_connections(world: World, small_url: str) -> None:
    for guest in range(3):
        await world.screen("/orders", world.place.guest(), url=small_url, **from_address(f"198.51.100.{guest}"))

    told = await refusal(world, world.place.guest(), small_url, **from_address("198.51.100.9"))

    assert (told["code"], told["retryable"]) == ("too_many_connections", True)
    assert (await world.screen("/orders", world.other.guest(), url=small_url)).client.connected


@pytest.mark.parametrize(
    ("first", "same", "other"),
    [
        ("203.0.113.5", "203.0.113.5", "203.0.113.6"),
        ("2001:db8::1", "2001:db8::2:ffff", "2001:db8:0:1::1"),
        ("::ffff:203.0.113.7", "203.0.113.7", "203.0.113.8"),
    ],
)
async def test_an_address_connects_only_so_often(
    world: World, small_url: str, first: str, same: str, other: str
) -> None:
    for address in (first, same):
        await world.screen("/orders", world.other.guest(), url=small_url, **from_address(address))

    told = await refusal(world, world.place.guest(), small_url, **from_address(f"192.0.2.1, {same}"))

    assert (told["code"], told["retryable"], told["retryAfterSeconds"]) == ("rate_limit_exceeded", True, 30)
    assert (await world.screen("/orders", world.place.guest(), url=small_url, **from_address(other))).client.connected


async def test_a_bad_token_counts_as_a_connect_as_well(world: World, small_url: str) -> None:
    for _ in range(2):
        with pytest.raises(Refused):
            await world.unconnected("/orders", small_url).connect({"token": "a.b.c"}, **from_address("203.0.113.5"))

    told = await refusal(world, world.place.guest(), small_url, **from_address("203.0.113.5"))

    assert told["code"] == "rate_limit_exceeded"


async def test_what_a_caller_says_of_their_address_counts_for_nothing_without_a_proxy(world: World) -> None:
    screen = await world.screen("/orders", Role.STAFF, **from_address("203.0.113.5"))

    session = world.live.sessions.find("/orders", screen.client.get_sid("/orders"))

    assert session is not None
    assert session.actor.address == "127.0.0.1"


async def test_who_never_stops_is_sent_away_and_fills_no_log(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tabletap.realtime.gateway.TURNED_DOWN_AT_MOST", 60)
    screen, other = [await world.screen("/customers", world.place.guest()) for _ in range(2)]

    with caplog.at_level(logging.INFO):
        for _ in range(50 + 60):
            await screen.client.emit("stream_ack", ACK, namespace="/customers")
        await screen.dropped.wait()

    [ended] = screen.named("session_expired")
    assert "messages" in ended["reason"]
    assert len([record for record in caplog.records if "rate_limit_exceeded" in record.getMessage()]) == 10
    assert (await other.ask("stream_ack", ACK))["ok"] is True


async def test_a_few_too_many_end_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tabletap.realtime.gateway.TURNED_DOWN_AT_MOST", 5)
    screen = await world.screen("/customers", world.place.guest())
    for _ in range(50):
        await screen.ask("stream_ack", ACK)

    for _ in range(4):
        for _ in range(4):
            assert (await screen.ask("stream_ack", ACK))["ok"] is False
        world.services.clock.let_time_pass(seconds=1.25)
        assert (await screen.ask("stream_ack", ACK))["ok"] is True, "begins to count anew"
