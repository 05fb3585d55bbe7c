"""Who may connect to which namespace, and what the others are told."""

import itertools
import logging
from typing import Any

import aiohttp
import msgspec
import pytest
from socketio.exceptions import ConnectionError as Refused
from socketio.exceptions import ConnectionRefusedError as Refusing

from tabletap.infra.logs import masked_text
from tabletap.kernel.people import Role
from tabletap.realtime.connections import LiveLimits
from tests.realtime.world import World, served

EVERYBODY = set(Role)
LEADERS = {Role.MANAGER, Role.ADMIN}
MAY_CONNECT = {
    "/orders": EVERYBODY,
    "/kitchen": {Role.KITCHEN, *LEADERS},
    "/counter": {Role.COUNTER, Role.STAFF, *LEADERS},
    "/customers": {Role.CUSTOMER, Role.BOARD},
    "/payments": EVERYBODY,
    "/admin": LEADERS,
}


async def refusal(world: World, namespace: str, auth: Any, **options: Any) -> Any:
    """The data of a refused handshake."""
    screen = world.unconnected(namespace)
    with pytest.raises(Refused):
        await screen.connect(auth, **options)
    assert screen.refusal["message"] == screen.refusal["data"]["message"]
    assert set(screen.refusal["data"]) == {"code", "message", "retryable"}
    return screen.refusal["data"]


async def test_a_namespace_lets_in_whom_the_contract_names(world: World) -> None:
    for namespace, role in itertools.product(MAY_CONNECT, Role):
        if role in MAY_CONNECT[namespace]:
            screen = await world.screen(namespace, role)
            assert screen.client.connected
            await screen.leave()
        else:
            told = await refusal(world, namespace, {"token": world.token(role)})
            assert (told["code"], told["retryable"]) == ("not_allowed", False)


async def test_the_welcome_says_what_the_session_is(world: World) -> None:
    screen = await world.screen("/kitchen", Role.KITCHEN)

    [ready] = screen.named("session_ready")
    assert set(ready) == {"streams", "tokenExpiresAt", "heartbeatSeconds"}
    assert ready["streams"] == []
    assert ready["tokenExpiresAt"].endswith("Z")


async def test_a_token_in_the_authorization_header_is_as_good(world: World) -> None:
    token = world.token(Role.KITCHEN)
    screen = world.unconnected("/kitchen")

    await screen.connect(None, headers={"Authorization": f"Bearer {token}"})

    assert await screen.hears("session_ready")


async def test_a_token_in_the_address_is_not_looked_at(world: World) -> None:
    screen = world.unconnected("/kitchen")
    screen.url += f"?token={world.token(Role.KITCHEN)}"

    with pytest.raises(Refused):
        await screen.connect(None)

    assert screen.refusal["data"]["code"] == "token_invalid"


@pytest.mark.parametrize(
    ("auth", "code"),
    [
        (None, "token_invalid"),
        ({}, "token_invalid"),
        ({"token": ""}, "token_invalid"),
        ({"token": "abc"}, "token_invalid"),
        ({"token": "a.b.c"}, "token_invalid"),
        ({"token": 7}, "invalid_request"),
        ({"token": "x", "role": "admin"}, "invalid_request"),
        ({"token": "x", "cursors": {"s": {"epoch": 1}}}, "invalid_request"),
        ({"token": "x", "cursors": {"s": {"epoch": 1, "seq": -1}}}, "invalid_request"),
        (["token"], "invalid_request"),
        ("token", "invalid_request"),
    ],
    ids=str,
)
async def test_anything_else_is_refused_with_a_code(world: World, auth: Any, code: str) -> None:
    assert (await refusal(world, "/orders", auth))["code"] == code


async def test_a_changed_token_is_refused(world: World) -> None:
    token = world.token(Role.KITCHEN)

    assert (await refusal(world, "/kitchen", {"token": token[:-4] + "AAAA"}))["code"] == "token_invalid"


async def test_an_expired_token_says_so(world: World) -> None:
    token = world.token(Role.KITCHEN)
    world.services.clock.let_time_pass(hours=2)

    assert (await refusal(world, "/kitchen", {"token": token}))["code"] == "token_expired"


async def test_a_revoked_person_does_not_come_in(world: World) -> None:
    await world.revoke(world.place[Role.KITCHEN].person_id)
    await world.live.revocations.look()

    assert (await refusal(world, "/kitchen", {"token": world.token(Role.KITCHEN)}))["code"] == "token_invalid"


async def test_there_is_no_namespace_but_the_six(world: World) -> None:
    screen = world.unconnected("/everything")

    with pytest.raises(Refused):
        await screen.connect({"token": world.token(Role.ADMIN)})


async def test_polling_alone_works_as_well(world: World) -> None:
    screen = await world.screen("/kitchen", Role.KITCHEN, transports=["polling"])
    await screen.result("subscribe", {"stream": world.kitchen()})

    await world.place.paid_order()

    assert (await screen.hears("new_paid_order"))["stream"] == world.kitchen()


async def answer_to_page_of(world: World, origin: str | None) -> int:
    """The status with which a first request of a page is answered."""
    headers = {"Origin": origin} if origin else {}
    address = f"{world.url}/socket.io/?EIO=4&transport=polling"
    async with aiohttp.request("GET", address, headers=headers) as answer:
        return answer.status


@pytest.mark.parametrize(
    ("origin", "status"),
    [("https://friend.example.org", 200), ("https://stranger.example.org", 400), (None, 200), ("null", 400)],
)
async def test_only_pages_of_known_origins_may_connect(world: World, origin: str | None, status: int) -> None:
    assert await answer_to_page_of(world, origin) == status


async def test_our_own_pages_need_no_setting(world: World) -> None:
    assert await answer_to_page_of(world, world.url) == 200


async def test_a_token_in_the_address_is_in_no_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    token = world.token(Role.KITCHEN)
    with caplog.at_level(logging.DEBUG):
        async with aiohttp.request("GET", f"{world.url}/socket.io/?EIO=4&transport=polling&token={token}") as answer:
            assert answer.status == 200
        screen = world.unconnected("/kitchen")
        screen.url += f"?token={token}"
        with pytest.raises(Refused):
            await screen.connect({"token": token[:-4] + "AAAA"})

    said = [masked_text(record.getMessage()) for record in caplog.records if record.name.startswith("tabletap")]
    assert said, "refusals are noted"
    assert [line for line in said if token[-20:] in line or "eyJ" in line] == []


@pytest.mark.parametrize(
    ("auth", "code"),
    [
        ({"token": "x" * 5_000}, "token_invalid"),
        ({"token": "x" * 50_000}, "token_invalid"),
        ({"token": "x", "cursors": {f"order:{number}": {"epoch": 1, "seq": 1} for number in range(201)}}, None),
        ({"token": "x", "cursors": {"x" * 65: {"epoch": 1, "seq": 1}}}, None),
    ],
    ids=["5 kB", "50 kB", "201 cursors", "a long stream"],
)
async def test_a_handshake_of_any_size_is_refused_in_peace(world: World, auth: Any, code: str | None) -> None:
    assert (await refusal(world, "/orders", auth))["code"] == (code or "invalid_request")


async def test_a_handshake_beyond_all_measure_ends_its_connection_and_nothing_else(world: World) -> None:
    bystander, screen = await world.screen("/orders", Role.STAFF), world.unconnected("/orders")

    with pytest.raises(Refused):
        await screen.connect({"token": "x" * 200_000})

    assert (await bystander.ask("stream_ack", {"cursors": {}}))["ok"] is True


async def test_a_refusal_is_the_librarys_own(world: World) -> None:
    with pytest.raises(Refusing) as refused:
        world.live.handshakes.admit("/orders", None, {}, {"token": "x"})

    assert not isinstance(refused.value, ConnectionError), "Python's own would lose the code on its way"


async def test_who_enters_no_namespace_is_cut_and_who_has_lost_theirs_as_well(world: World) -> None:
    limits, token = LiveLimits(connect_seconds=1), world.token(Role.KITCHEN)
    async with served(world.server(limits=limits)) as url, aiohttp.ClientSession() as browser:
        address = url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
        silent, refused, left, inside = [await browser.ws_connect(address) for _ in range(4)]
        for line in (left, inside):
            await line.send_str(f'40/kitchen,{{"token":"{token}"}}')
        await left.send_str("41/kitchen,")
        await refused.send_str('40/kitchen,{"token":"a.b.c"}')

        heard = {name: [str(each.data) async for each in line] for name, line in
                 {"silent": silent, "refused": refused, "left": left}.items()}  # fmt: skip
        await inside.send_str('42/kitchen,7["stream_ack",{"cursors":{}}]')
        while not (packet := await inside.receive_str()).startswith("43"):
            continue

    assert packet == '43/kitchen,7[{"ok":true}]'
    assert [packet[0] for packet in heard["silent"]][:1] == ["0"], "it was open until then"
    assert any(packet.startswith("44/kitchen,") for packet in heard["refused"])
    assert any(packet.startswith("40/kitchen,") for packet in heard["left"])


async def test_a_connection_may_try_a_few_times_and_then_counts_as_another(world: World) -> None:
    limits = LiveLimits(connects_per_minute=2)
    async with served(world.server(limits=limits, trusted_proxies=["127.0.0.1"])) as url:
        address = url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
        told = []
        async with (
            aiohttp.ClientSession() as browser,
            browser.ws_connect(address, headers={"X-Forwarded-For": "203.0.113.5"}) as line,
        ):
            assert (await line.receive_str()).startswith("0{")
            for _ in range(13):
                await line.send_str('40/orders,{"token":"a.b.c"}')
                told.append(msgspec.json.decode((await line.receive_str()).partition(",")[2])["data"]["code"])

    assert told == ["token_invalid"] * 12 + ["rate_limit_exceeded"]
