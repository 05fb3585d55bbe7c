"""Clients that mean harm, or are broken: each is answered or cut off, and costs little."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import aiohttp
import pytest
import pytest_asyncio

from tabletap.realtime.engine.connection import MAX_UNHANDLED, MAX_WAITING_BYTES
from tabletap.realtime.engine.server import Options
from tabletap.realtime.engine.websocket import LiveWebSocket
from tests.realtime.protocol.echo import Both, served
from tests.realtime.protocol.test_engine_io import PATIENCE_SECONDS, Wire, is_closed, said

MAX_PACKET_BYTES = 64 * 1024
TEXT, CONTINUATION, PING = 1, 0, 9
UPGRADE = (
    "GET {path}?EIO=4&transport=websocket{more} HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\n"
    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
)


class Raw:
    """A TCP connection that says what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def read_no_more(self) -> None:
        """Leave what comes in the network."""
        cast("asyncio.Transport", self.writer.transport).pause_reading()

    async def say(self, data: bytes) -> None:
        """Send, once there is room."""
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> str:
        """Status line and headers of an answer."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return (await self.reader.readuntil(b"\r\n\r\n")).decode()

    async def until_cut_off(self) -> bytes:
        """Everything that comes before the end."""
        heard = bytearray()
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                while part := await self.reader.read(1 << 16):
                    heard += part
            except ConnectionError:
                pass
        return bytes(heard)


def masked(kind: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """A frame of a client."""
    assert len(payload) < 126
    return bytes([(0x80 if fin else 0) | kind, 0x80 | len(payload)]) + b"\0\0\0\0" + payload


class Place:
    """Both servers, and connections to them."""

    def __init__(self, both: Both, address: str) -> None:
        self.both, self.address = both, address
        self._open: list[Raw] = []

    async def raw(self) -> Raw:
        """A TCP connection."""
        host, port = self.address.split(":")
        raw = Raw(*await asyncio.open_connection(host, int(port)))
        self._open.append(raw)
        return raw

    async def upgrade(self, more: str = "", headers: str = "", path: str = "/engine.io/") -> Raw:
        """A TCP connection that asked for a WebSocket."""
        raw = await self.raw()
        await raw.say(UPGRADE.format(path=path, more=more, headers=headers).encode("latin-1"))
        return raw

    def leave(self) -> None:
        """Close what is open."""
        for raw in self._open:
            raw.writer.close()


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Place]:
    """Servers that are as patient as in earnest."""
    both = Both(Options(max_packet_bytes=MAX_PACKET_BYTES))
    async with served(both=both) as address:
        place = Place(both, address)
        yield place
        place.leave()


@pytest_asyncio.fixture
async def wire(place: Place) -> AsyncIterator[Wire]:
    """A client that keeps to HTTP."""
    async with aiohttp.ClientSession() as session:
        yield Wire(place.address, session)


async def eventually(reached: Callable[[], Any]) -> None:
    """Wait until something inside the server is so."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not reached():  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("origin", ["http://[", "https://a]b", "null", "\xff\xfe", "https://stranger.example.org"])
async def test_an_origin_that_is_none_is_refused_whoever_else_comes(place: Place, origin: str) -> None:
    headers = f"Origin: {origin}\r\n"
    poll = await place.raw()
    await poll.say(f"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n{headers}\r\n".encode("latin-1"))
    crowd = await asyncio.gather(*(place.upgrade(headers=headers, path="/socket.io/") for _ in range(8)))

    assert (await poll.head()).startswith("HTTP/1.1 400 ")
    for raw in crowd:
        assert (await raw.until_cut_off()).startswith(b"HTTP/1.1 400 "), "also those that had to wait their turn"


async def test_there_is_a_websocket_below_one_path_alone(place: Place) -> None:
    elsewhere = await place.upgrade(path="/health/ready")

    assert (await elsewhere.until_cut_off()).startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize("path", ["/engine.io/", "/socket.io/"])
async def test_a_query_without_end_is_not_looked_into(place: Place, path: str) -> None:
    raw = await place.upgrade(more="&a=1" * 10_000, path=path)

    assert (await raw.until_cut_off()).startswith(b"HTTP/1.1 400 ")


async def test_who_talks_before_being_let_in_is_cut_off(place: Place) -> None:
    crowd = [await place.raw() for _ in range(40)]
    for raw in crowd:  # all of them in one round, so that most have to wait
        raw.writer.write(UPGRADE.format(path="/engine.io/", more="", headers="").encode())
        raw.writer.write(masked(TEXT, b"4hello"))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(*(raw.reader.read(1) for raw in crowd))

    assert (await (await place.upgrade()).head()).startswith("HTTP/1.1 101 "), "others are served"


async def test_a_message_in_countless_empty_frames_keeps_nothing(place: Place) -> None:
    raw = await place.upgrade()
    await raw.head()
    await raw.say(masked(TEXT, b"4hel", fin=False) + masked(CONTINUATION, fin=False) * 20_000)
    (websocket,) = _open_websockets()
    await eventually(lambda: websocket._parts)
    assert len(websocket._parts) == len("4hel")
    await raw.say(masked(CONTINUATION, b"lo"))

    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await raw.reader.readuntil(b"4hello")


@pytest.mark.parametrize(("size", "chunk", "status"), [(2_000, 1, 200), (MAX_PACKET_BYTES + 1, 8_000, 413)])
async def test_what_is_posted_in_chunks_is_never_larger_than_allowed(
    place: Place, wire: Wire, size: int, chunk: int, status: int
) -> None:
    session = await wire.open_poll()
    raw = await place.raw()
    query = "&".join(f"{name}={value}" for name, value in session.items())
    body = "4".ljust(size, "x").encode()
    parts = [body[start : start + chunk] for start in range(0, size, chunk)]

    await raw.say(f"POST /engine.io/?{query} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    await raw.say(b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n")

    assert (await raw.head()).startswith(f"HTTP/1.1 {status} ")
    assert (await wire.ask(**session))[0] == (200 if status == 200 else 400)


@pytest.mark.parametrize("length", ["abc", "-5", "+5", "9" * 30, "5\r\nContent-Length: 6", "99999999999"])
async def test_a_length_that_is_none_is_refused(place: Place, wire: Wire, length: str) -> None:
    session = await wire.open_poll()
    raw = await place.raw()
    query = "&".join(f"{name}={value}" for name, value in session.items())

    await raw.say(f"POST /engine.io/?{query} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n4hello".encode())

    assert (await raw.head())[9:12] in ("400", "413")


async def test_two_posts_at_once_end_the_session(place: Place, wire: Wire) -> None:
    session = await wire.open_poll()
    raw = await place.raw()
    query = "&".join(f"{name}={value}" for name, value in session.items())
    await raw.say(f"POST /engine.io/?{query} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n4hel".encode())
    connection = place.both.engine.connections[session["sid"]]
    await eventually(lambda: connection.posting)

    assert (await wire.ask("POST", "4x", **session))[0] == 400
    assert (await wire.ask(**session))[0] == 400


async def test_who_floods_before_taking_over_from_polling_is_cut_off(place: Place, wire: Wire) -> None:
    session = await wire.open_poll()
    raw = await place.upgrade(more=f"&sid={session['sid']}")
    await raw.head()
    raw.read_no_more()
    flood = masked(PING, b"x" * 125) * 2_000

    with pytest.raises(ConnectionError):
        await raw.say(flood * (20 * MAX_WAITING_BYTES // len(flood)))

    assert (await wire.ask("POST", "4still here", **session))[0] == 200
    assert "4still here" in (await wire.ask(**session))[1]


async def test_who_does_not_read_goodbye_is_hung_up_on(place: Place) -> None:
    place.both.engine.ping_timeout = 0.1
    raw = await place.upgrade()
    await raw.head()
    raw.read_no_more()
    (connection,) = place.both.engine.connections.values()
    while not connection.writer or not connection.writer.get_write_buffer_size():
        connection.send("4" + "x" * 10_000)

    connection.close("server disconnect")

    await eventually(lambda: not _open_websockets())
    assert not place.both.engine.connections


async def test_what_a_client_said_by_polling_keeps_its_websocket_waiting(place: Place, wire: Wire) -> None:
    may_hear = asyncio.Event()

    async def hear(_id: str, _message: str | bytes) -> None:
        await may_hear.wait()

    place.both.engine.on("message", hear)
    session = await wire.open_poll()
    connection = place.both.engine.connections[session["sid"]]
    posting = asyncio.create_task(wire.ask("POST", "\x1e".join(["4x"] * (MAX_UNHANDLED + 10)), **session))
    await eventually(lambda: connection.posting and connection._inbox)
    socket = await wire.socket(sid=session["sid"])
    await socket.send_str("2probe")
    assert await socket.receive_str() == "3probe"
    await socket.send_str("5")
    await eventually(lambda: connection.writer)

    await socket.send_str("4first")
    writer: Any = connection.writer
    await eventually(lambda: not writer.is_reading())
    may_hear.set()

    assert (await posting)[0] == 200
    await eventually(writer.is_reading)
    assert connection._inbox is None


async def test_a_poll_that_crosses_the_end_of_its_session_is_answered(place: Place, wire: Wire) -> None:
    session = await wire.open_poll()
    connection = place.both.engine.connections[session["sid"]]
    polling = asyncio.ensure_future(connection.poll())

    connection.close("server disconnect", linger=False)

    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await polling == ["6"]


async def test_text_in_the_place_of_an_attachment_ends_the_connection(place: Place) -> None:
    async with aiohttp.ClientSession() as client:
        wire = Wire(place.address, client, "/socket.io/")
        socket = await wire.opened()
        await socket.send_str("40")
        assert str(await said(socket)).startswith("40{")

        await socket.send_str('451-["message",{"_placeholder":true,"num":0}]')
        await socket.send_str("4no bytes")

        assert await is_closed(socket)


def _open_websockets() -> list[LiveWebSocket]:
    found = [each for each in gc.get_objects() if isinstance(each, LiveWebSocket)]
    return [each for each in found if each in each._all]
