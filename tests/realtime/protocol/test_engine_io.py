"""Engine.IO, protocol revision 4, case by case (`make protocol-suites` runs the official suite)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest
import pytest_asyncio

from tests.realtime.protocol.echo import OPTIONS, served

POLLING = {"EIO": "4", "transport": "polling"}
WEBSOCKET = {"EIO": "4", "transport": "websocket"}
PATIENCE_SECONDS = 5


class Wire:
    """A bare client of a path."""

    def __init__(self, address: str, session: aiohttp.ClientSession, path: str = "/engine.io/") -> None:
        self.url, self.session = f"http://{address}{path}", session

    async def ask(self, method: str = "GET", body: str | None = None, **query: str) -> tuple[int, str]:
        """Status and text of an answer."""
        async with self.session.request(method, self.url, params=query, data=body) as answer:
            return answer.status, await answer.text()

    async def open_poll(self) -> dict[str, str]:
        """Open a polling session; the query of its further requests."""
        _, packet = await self.ask(**POLLING)
        return POLLING | {"sid": msgspec.json.decode(packet[1:])["sid"]}

    async def socket(self, **query: str) -> aiohttp.ClientWebSocketResponse:
        """A WebSocket."""
        return await self.session.ws_connect(self.url, params=WEBSOCKET | query, timeout=aiohttp.ClientWSTimeout())

    async def opened(self) -> aiohttp.ClientWebSocketResponse:
        """A WebSocket whose first packet was read."""
        socket = await self.socket()
        assert (await socket.receive_str()).startswith("0{")
        return socket


async def is_closed(socket: aiohttp.ClientWebSocketResponse) -> bool:
    """Whether it is closed, after whatever comes before that."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not socket.closed:
            await socket.receive()
    return True


async def said(socket: aiohttp.ClientWebSocketResponse) -> str | bytes:
    """What the server says next, pings apart."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (message := await socket.receive()).data == "2":
            await socket.send_str("3")
    data: str | bytes = message.data
    return data


@pytest_asyncio.fixture
async def wire() -> AsyncIterator[Wire]:
    """A client of the echo server."""
    async with served() as address, aiohttp.ClientSession() as session:
        yield Wire(address, session)


async def test_a_poll_opens_a_session(wire: Wire) -> None:
    status, packet = await wire.ask(**POLLING)

    opening = msgspec.json.decode(packet[1:])
    assert (status, packet[0]) == (200, "0")
    assert opening.pop("sid")
    assert opening == {
        "upgrades": ["websocket"],
        "pingInterval": round(OPTIONS.ping_interval * 1000),
        "pingTimeout": round(OPTIONS.ping_timeout * 1000),
        "maxPayload": OPTIONS.max_packet_bytes,
    }


async def test_a_websocket_opens_a_session(wire: Wire) -> None:
    socket = await wire.socket()

    opening = msgspec.json.decode((await socket.receive_str())[1:])
    assert opening["upgrades"] == []
    assert opening["pingInterval"] == round(OPTIONS.ping_interval * 1000)


@pytest.mark.parametrize(
    ("method", "query"),
    [
        ("GET", {"transport": "polling"}),
        ("GET", {"transport": "polling", "EIO": "abc"}),
        ("GET", {"transport": "polling", "EIO": "3"}),
        ("GET", {"EIO": "4"}),
        ("GET", {"EIO": "4", "transport": "abc"}),
        ("GET", {"EIO": "4", "transport": "websocket"}),
        ("POST", POLLING),
        ("PUT", POLLING),
        ("GET", POLLING | {"sid": "nobody"}),
        ("POST", POLLING | {"sid": "nobody"}),
    ],
)
async def test_a_request_beside_the_protocol_is_a_bad_request(wire: Wire, method: str, query: dict[str, str]) -> None:
    status, answer = await wire.ask(method, **query)

    assert status == 400
    assert set(msgspec.json.decode(answer)) == {"code", "message"}


@pytest.mark.parametrize("query", [{"EIO": "abc"}, {"transport": "abc"}, {"sid": "nobody"}])
async def test_a_websocket_beside_the_protocol_is_refused(wire: Wire, query: dict[str, str]) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await wire.socket(**query)

    assert refused.value.status == 400


@pytest.mark.parametrize("payload", ["4hello", "4a\x1e4b\x1e4c", "4hello\x1ebAQIDBA==", "4grün ☕"])
async def test_what_is_posted_comes_back_with_the_next_poll(wire: Wire, payload: str) -> None:
    session = await wire.open_poll()

    assert await wire.ask("POST", payload, **session) == (200, "ok")
    heard: list[str] = []
    while len(heard) < payload.count("\x1e") + 1:
        _, answer = await wire.ask(**session)
        heard += [packet for packet in answer.split("\x1e") if packet != "2"]
    assert "\x1e".join(heard) == payload


@pytest.mark.parametrize("payload", ["abc", "", "7", "b!!!", "4a\x1e", "2probe", "5"])
async def test_a_bad_payload_ends_its_session(wire: Wire, payload: str) -> None:
    session = await wire.open_poll()

    assert (await wire.ask("POST", payload, **session))[0] == 400
    assert (await wire.ask(**session))[0] == 400


async def test_a_payload_too_large_is_never_kept(wire: Wire) -> None:
    session = await wire.open_poll()

    assert (await wire.ask("POST", "4" + "x" * OPTIONS.max_packet_bytes, **session))[0] == 413
    assert (await wire.ask(**session))[0] == 400


async def test_two_polls_at_once_end_the_session(wire: Wire) -> None:
    session = await wire.open_poll()

    answers = await asyncio.gather(wire.ask(**session), wire.ask(**session, t="again"))

    assert sorted(answers)[0] == (200, "1")
    assert sorted(answers)[1][0] == 400
    assert (await wire.ask(**session))[0] == 400


async def test_a_client_that_leaves_its_poll_is_gone(wire: Wire) -> None:
    session = await wire.open_poll()
    waiting = asyncio.create_task(wire.ask(**session))
    await asyncio.sleep(0.1)

    waiting.cancel()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await wire.ask("POST", "4x", **session))[0] != 400:
            pass
    assert (await wire.ask(**session))[0] == 400


@pytest.mark.parametrize("message", ["4hello", b"\x01\x02\x03\x04", "4" + "x" * 70_000, b"y" * 300, "4"])
async def test_a_websocket_carries_text_and_bytes(wire: Wire, message: str | bytes) -> None:
    socket = await wire.opened()

    await (socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message))

    assert await said(socket) == message


@pytest.mark.parametrize("packet", ["abc", "7", "2probe", "5", "x" * (OPTIONS.max_packet_bytes + 1)])
async def test_a_bad_packet_closes_its_websocket(wire: Wire, packet: str) -> None:
    socket = await wire.opened()

    await socket.send_str(packet)

    assert await is_closed(socket)


async def test_polls_are_pinged_and_answer(wire: Wire) -> None:
    session = await wire.open_poll()

    for _ in range(3):
        assert await wire.ask(**session) == (200, "2")
        assert await wire.ask("POST", "3", **session) == (200, "ok")


async def test_websockets_are_pinged_and_answer(wire: Wire) -> None:
    socket = await wire.opened()

    for _ in range(3):
        assert await socket.receive_str() == "2"
        await socket.send_str("3")


async def test_who_does_not_answer_pings_is_gone(wire: Wire) -> None:
    session, socket = await wire.open_poll(), await wire.opened()

    assert await is_closed(socket)
    assert (await wire.ask(**session))[0] == 400


async def test_a_polling_client_says_goodbye(wire: Wire) -> None:
    session = await wire.open_poll()
    waiting = asyncio.create_task(wire.ask(**session))
    await asyncio.sleep(0.05)

    assert (await wire.ask("POST", "1", **session))[0] == 200
    assert await waiting == (200, "6")
    assert (await wire.ask(**session))[0] == 400


async def test_a_websocket_client_says_goodbye(wire: Wire) -> None:
    socket = await wire.opened()

    await socket.send_str("1")

    assert await is_closed(socket)


async def upgraded(wire: Wire) -> tuple[dict[str, str], aiohttp.ClientWebSocketResponse]:
    """A session that went from polling to WebSocket."""
    session = await wire.open_poll()
    socket = await wire.socket(sid=session["sid"])
    await socket.send_str("2probe")
    assert await socket.receive_str() == "3probe"
    assert await wire.ask(**session) == (200, "6"), "the poll is ended cleanly"
    await socket.send_str("5")
    return session, socket


async def test_a_session_goes_from_polling_to_websocket(wire: Wire) -> None:
    _, socket = await upgraded(wire)

    await socket.send_str("4hello")

    assert await said(socket) == "4hello"


async def test_what_waited_for_a_poll_comes_over_the_websocket(wire: Wire) -> None:
    session = await wire.open_poll()
    socket = await wire.socket(sid=session["sid"])
    await socket.send_str("2probe")
    assert await socket.receive_str() == "3probe"

    await wire.ask("POST", "4a\x1e4b\x1ebAQI=", **session)
    await socket.send_str("5")

    assert [await said(socket) for _ in range(3)] == ["4a", "4b", b"\x01\x02"]


async def test_after_the_upgrade_there_is_no_polling_and_no_second_websocket(wire: Wire) -> None:
    session, socket = await upgraded(wire)
    await socket.send_str("4a")
    assert await said(socket) == "4a"

    assert (await wire.ask(**session))[0] == 400
    assert await is_closed(await wire.socket(sid=session["sid"]))
    await socket.send_str("4b")
    assert await said(socket) == "4b"


@pytest.mark.parametrize("packet", ["5", "4hello", "2", "3probe"])
async def test_an_upgrade_that_does_not_probe_is_closed_and_polling_goes_on(wire: Wire, packet: str) -> None:
    session = await wire.open_poll()
    socket = await wire.socket(sid=session["sid"])

    await socket.send_str(packet)

    assert await is_closed(socket)
    assert (await wire.ask("POST", "4still here", **session))[0] == 200
    assert "4still here" in (await wire.ask(**session))[1]


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [("Sec-WebSocket-Version", "8", 426), ("Sec-WebSocket-Key", "short", 400), ("Sec-WebSocket-Key", "", 400)],
)
async def test_a_handshake_beside_rfc_6455_is_refused(wire: Wire, header: str, value: str, status: int) -> None:
    headers = {
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", header: value,
    }  # fmt: skip

    async with wire.session.get(wire.url, params=WEBSOCKET, headers=headers) as answer:
        assert answer.status == status


async def test_pages_elsewhere_may_ask_first(wire: Wire) -> None:
    headers: dict[str, Any] = {"Origin": "https://elsewhere.example.org", "Access-Control-Request-Headers": "x-a"}

    async with wire.session.options(wire.url, params=POLLING, headers=headers) as answer:
        assert answer.status == 200
        assert answer.headers["Access-Control-Allow-Origin"] == headers["Origin"]
        assert answer.headers["Access-Control-Allow-Headers"] == "x-a"
