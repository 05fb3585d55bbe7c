"""The WebSocket of a live client, as uvicorn's `ws` protocol class: bytes in, one call a message; no task, no queue.

The handshake is ours (RFC 6455, 4.2), frames are read by the `websockets` library, and what is sent is written by
whoever has the frame ready. Messages are never compressed.
"""

import asyncio
import base64
import binascii
import hashlib
import logging
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from socket import IPPROTO_TCP, TCP_NODELAY
from typing import Any, Protocol, cast

import msgspec
from uvicorn.config import Config
from uvicorn.server import ServerState
from websockets.frames import Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from tabletap.realtime.engine.connection import MAX_WAITING_BYTES, Connection, Malformed
from tabletap.realtime.engine.frames import NORMAL, NOT_TEXT, RESTARTING, close_frame
from tabletap.realtime.engine.turns import Turns

_log = logging.getLogger(__name__)
_frames_log = logging.getLogger(f"{__name__}.frames")
_frames_log.setLevel(logging.INFO)  # at DEBUG the library writes down what clients send, their tokens among it
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY_BYTES = 16
UPGRADE_SECONDS = 10
"""A WebSocket that is to take over from polling does so within this time."""


class Request(msgspec.Struct, frozen=True):
    """What a client opened a connection with."""

    path: str
    query: str
    headers: dict[str, str]
    """By their names in lower case; repeated ones are joined by commas."""
    address: tuple[str, int] | None


class Refused(Exception):
    """The connection may not be opened; the sentence goes to the client."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def body(self) -> bytes:
        """What the client is answered."""
        return msgspec.json.encode({"code": self.code, "message": self.message})


class Door(Protocol):
    """Who decides whether a WebSocket may come in."""

    max_packet_bytes: int
    turns: Turns

    def enter(self, request: Request) -> tuple[Connection, bool]:
        """The connection of the request, and whether it polled until now. Raises Refused."""
        ...


class LiveWebSocket(asyncio.Protocol):
    """One WebSocket. Made anew by uvicorn for every upgrade of a connection."""

    def __init__(self, door: Door, state: ServerState) -> None:
        self._door = door
        self._all = cast(set[Any], state.connections)
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._frames: ServerProtocol | None = None
        self._connection: Connection | None = None
        self._take: Callable[[str | bytes], Any] = self._probe
        self._parts = bytearray()
        """What has come of a message in several frames. Joined: there may be any number of empty ones."""
        self._is_text = True
        self._has_asked = self._is_closed = False

    # --- what asyncio and uvicorn tell us ------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The TCP or TLS connection is ours from now on."""
        self._transport = cast(asyncio.Transport, transport)
        # asyncio does it only for sockets that name their protocol; without it small messages wait 40 ms.
        transport.get_extra_info("socket").setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        self._transport.set_write_buffer_limits(high=MAX_WAITING_BYTES)
        self._all.add(self)  # uvicorn calls `shutdown` of what is in it, and nothing else

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._all.discard(self)
        self._is_closed = True
        connection, self._connection = self._connection, None
        if connection is not None and connection.writer is self._transport:
            connection.lost()
        elif connection is not None:
            connection.upgrading = False

    def pause_writing(self) -> None:
        """More than a megabyte waits. Rooms may be in the midst of writing, so that it ends a moment later."""
        asyncio.get_running_loop().call_soon(self._slow)

    def _slow(self) -> None:
        connection = self._connection
        if connection is not None and connection.writer is self._transport:
            connection.slow()
        else:  # it has not taken over from polling: what waits is what it asked for itself, with pings
            self._transport.abort()

    def shutdown(self) -> None:
        """The server stops: the client is to come again, to whoever serves then."""
        self._close(RESTARTING)

    def data_received(self, data: bytes) -> None:
        """Bytes of the client: first the request, then frames."""
        if self._is_closed:
            return
        if self._frames is None:
            self._ask(data)
            return
        frames = self._frames
        frames.receive_data(data)
        for event in frames.events_received():
            self._frame(event)
        out = frames.data_to_send()
        if out and not self._is_closed:
            self._transport.write(b"".join(out))
        if frames.close_expected() and not self._is_closed:
            self._hang_up()

    # --- the handshake -------------------------------------------------------------------

    def _ask(self, data: bytes) -> None:
        if self._has_asked:  # it is in a hurry, and says something before it is let in
            self._close(NORMAL)
            return
        self._has_asked = True
        self._door.turns.begin(partial(self._begin, data))

    def _begin(self, data: bytes) -> None:
        if self._is_closed:
            return
        try:
            request, accept = _handshake(data, self._transport)
            connection, has_polled = self._door.enter(request)
        except Refused as refused:
            self._refuse(refused)
            return
        self._connection = connection
        self._frames = ServerProtocol(state=State.OPEN, max_size=self._door.max_packet_bytes, logger=_frames_log)
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        if connection.writer is not None or connection.upgrading:  # somebody else is there already
            self._connection = None
            self._close(NORMAL)
        elif has_polled:
            asyncio.get_running_loop().call_later(UPGRADE_SECONDS, self._give_up)
        else:
            self._take = connection.take
            connection.attach(self._transport)

    def _refuse(self, refused: Refused) -> None:
        body = refused.body()
        self._is_closed = True
        phrase = HTTPStatus(refused.status).phrase
        version = "Sec-WebSocket-Version: 13\r\n" if refused.status == HTTPStatus.UPGRADE_REQUIRED else ""
        head = (
            f"HTTP/1.1 {refused.status} {phrase}\r\nContent-Type: application/json\r\n{version}"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self._transport.write(head.encode() + body)
        self._transport.close()

    # --- frames --------------------------------------------------------------------------

    def _frame(self, event: Any) -> None:
        opcode = event.opcode
        if opcode is Opcode.TEXT or opcode is Opcode.BINARY:
            if event.fin:
                self._message(bytes(event.data), opcode is Opcode.TEXT)
            else:
                self._parts, self._is_text = bytearray(event.data), opcode is Opcode.TEXT
        elif opcode is Opcode.CONT:
            self._parts += event.data
            if event.fin:
                whole, self._parts = bytes(self._parts), bytearray()
                self._message(whole, self._is_text)

    def _message(self, data: bytes, is_text: bool) -> None:
        if self._is_closed:
            return
        try:
            self._take(data.decode() if is_text else data)
        except UnicodeDecodeError:
            self._close(NOT_TEXT)
        except Malformed:
            self._close(NORMAL)

    def _probe(self, packet: str | bytes) -> None:
        """A WebSocket that is to take over from polling."""
        connection = self._connection
        if connection is None or not connection.probe(self._transport, packet):
            raise Malformed
        if connection.writer is self._transport:
            self._take = connection.take

    def _give_up(self) -> None:
        """It asked to take over and never did."""
        if self._connection is not None and self._connection.writer is not self._transport:
            self._close(NORMAL)

    def _close(self, code: int) -> None:
        if not self._is_closed and not self._transport.is_closing():
            if self._frames is not None:
                self._transport.write(close_frame(code))
            self._hang_up()

    def _hang_up(self) -> None:
        """Say no more. Whoever does not read what waits is not kept for as long as they like."""
        self._is_closed = True
        self._transport.close()
        if self._transport.get_write_buffer_size():
            asyncio.get_running_loop().call_later(UPGRADE_SECONDS, self._transport.abort)


def protocol_of(door: Door) -> Callable[..., LiveWebSocket]:
    """What uvicorn is given as its `ws`."""

    def protocol(config: Config, server_state: ServerState, app_state: dict[str, Any]) -> LiveWebSocket:
        return LiveWebSocket(door, server_state)

    return protocol


def _handshake(data: bytes, transport: asyncio.Transport) -> tuple[Request, bytes]:
    """The request and the answer to its key. uvicorn has parsed and written it anew, so that its form is certain."""
    first, *lines = data.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    if method != "GET":
        raise Refused(HTTPStatus.BAD_REQUEST, 2, "Bad handshake method")
    if headers.get("sec-websocket-version") != "13":
        raise Refused(HTTPStatus.UPGRADE_REQUIRED, 3, "Only version 13 of WebSocket is spoken here")
    key = headers.get("sec-websocket-key", "").encode()
    if not _is_key(key):
        raise Refused(HTTPStatus.BAD_REQUEST, 3, "Bad request")
    path, _, query = target.partition("?")
    address = transport.get_extra_info("peername")
    request = Request(path, query, headers, address[:2] if isinstance(address, tuple) else None)
    return request, base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())


def _is_key(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == _KEY_BYTES
    except binascii.Error:
        return False
