"""The Engine.IO server: opens connections, over polling and WebSocket, and passes on what clients say.

It stands where python-socketio expects python-engineio's server, and keeps to the protocol where that one does not
(decision 0016); the official suites are run against it (`make protocol-suites`).
"""

import asyncio
import base64
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, cast
from urllib.parse import parse_qs

import msgspec

from tabletap.realtime.engine.connection import MESSAGE, Connection
from tabletap.realtime.engine.turns import Turns
from tabletap.realtime.engine.websocket import Refused, Request, protocol_of

_log = logging.getLogger(__name__)
_ID_BYTES = 15
_TRANSPORTS = ("polling", "websocket")
_MAX_QUERY = 1_000
"""Characters: a client says less than a hundred."""
OnOpen = Callable[[Connection, Request], None]
OnMessage = Callable[[str, str | bytes], Awaitable[None]]
OnGone = Callable[[str, str], Awaitable[None]]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How the server behaves. Times in seconds."""

    ping_interval: float = 25
    ping_timeout: float = 20
    max_packet_bytes: int = 64 * 1024
    path: str = "/socket.io"
    """Below it is the live edge."""


class Opening(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The first packet of a connection. Times in milliseconds."""

    sid: str
    upgrades: list[str]
    ping_interval: int
    ping_timeout: int
    max_payload: int


class EngineServer:
    """Every connection of this process."""

    async_mode = "asgi"

    def __init__(self, options: Options, is_allowed_origin: Callable[[str, Request], bool]) -> None:
        self.options, self.is_allowed_origin = options, is_allowed_origin
        self.ping_interval, self.ping_timeout = options.ping_interval, options.ping_timeout
        self.max_packet_bytes = options.max_packet_bytes
        self.connections: dict[str, Connection] = {}
        self.turns = Turns()
        self.websocket = protocol_of(self)
        """What uvicorn takes as `ws`."""
        self.opened: OnOpen = _nothing
        self.upgraded: Callable[[Connection], None] = _nothing
        self.ended: Callable[[Connection], None] = _nothing
        self._handlers: dict[str, Any] = {}

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that serves."""
        return asyncio.get_running_loop()

    # --- opening -----------------------------------------------------------------------

    def enter(self, request: Request) -> tuple[Connection, bool]:
        """The connection of a WebSocket, and whether it polled until now. Raises Refused."""
        if not request.path.startswith(self.options.path):
            raise Refused(HTTPStatus.NOT_FOUND, 3, "There is no WebSocket here")
        asked = self.checked(request, "websocket")
        known = asked.get("sid")
        if known is None:
            return self.open(request, "websocket"), False
        return self.known(known), True

    def open(self, request: Request, transport: str) -> Connection:
        """A new connection; its first packet is on its way."""
        connection = Connection(self, self.generate_id())
        self.connections[connection.id] = connection
        opening = Opening(
            sid=connection.id,
            upgrades=["websocket"] if transport == "polling" else [],
            ping_interval=round(self.ping_interval * 1000),
            ping_timeout=round(self.ping_timeout * 1000),
            max_payload=self.max_packet_bytes,
        )
        connection.send("0" + msgspec.json.encode(opening).decode())
        self.opened(connection, request)
        return connection

    def checked(self, request: Request, transport: str) -> Mapping[str, str]:
        """The query of a request that keeps to the protocol. Raises Refused for others."""
        if len(request.query) > _MAX_QUERY:
            raise Refused(HTTPStatus.BAD_REQUEST, 3, "Bad request")
        asked = _asked(request.query)
        if asked.get("transport") not in _TRANSPORTS:
            raise Refused(HTTPStatus.BAD_REQUEST, 0, "Transport unknown")
        origin = request.headers.get("origin")
        if origin is not None and not self.is_allowed_origin(origin, request):
            raise Refused(HTTPStatus.BAD_REQUEST, 4, "Forbidden")
        if "sid" not in asked and asked.get("EIO") != "4":
            raise Refused(HTTPStatus.BAD_REQUEST, 5, "Unsupported protocol version")
        if asked["transport"] != transport:
            raise Refused(HTTPStatus.BAD_REQUEST, 3, "Bad request")
        return asked

    def known(self, id: str) -> Connection:  # noqa: A002 - the protocol's word for it
        """The connection with this id. Raises Refused when there is none."""
        connection = self.connections.get(id)
        if connection is None:
            raise Refused(HTTPStatus.BAD_REQUEST, 1, "Session ID unknown")
        return connection

    def end_polls(self) -> None:
        """End the sessions that poll, with the polls that are held."""
        for connection in list(self.connections.values()):
            if connection.writer is None:
                connection.close("server shutdown")

    # --- what connections tell (connection.Host) ---------------------------------------

    async def heard(self, connection: Connection, message: str | bytes) -> None:
        """Pass a message on; whatever goes wrong ends this connection and nothing else."""
        try:
            await cast(OnMessage, self._handlers["message"])(connection.id, message)
        except Exception:  # noqa: BLE001 - a bug of ours, or a stranger's packet
            _log.exception("a message ended connection %s", connection.id)
            connection.close("server error")

    async def gone(self, connection: Connection, reason: str) -> None:
        """Pass on that a client is gone."""
        try:
            await cast(OnGone, self._handlers["disconnect"])(connection.id, reason)
        except Exception:  # noqa: BLE001 - a bug of ours must not keep the connection alive
            _log.exception("the end of connection %s failed", connection.id)

    def forget(self, connection: Connection) -> None:
        """Its id is unknown from now on."""
        self.connections.pop(connection.id, None)

    # --- what python-socketio expects of an Engine.IO server ----------------------------

    def on(self, event: str, handler: Callable[..., Any]) -> None:
        """Have messages and ends handled; openings are told with `opened`, which does not wait."""
        self._handlers[event] = handler

    async def send(self, id: str, data: str | bytes) -> None:  # noqa: A002 - the protocol's word for it
        """Send a message."""
        connection = self.connections.get(id)
        if connection is not None:
            connection.send(data if isinstance(data, bytes) else MESSAGE + data)

    async def send_packet(self, id: str, packet: Any) -> None:  # noqa: A002 - the protocol's word for it
        """Send a packet of the library's."""
        connection = self.connections.get(id)
        if connection is not None:
            connection.send(packet.encode())

    async def disconnect(self, id: str) -> None:  # noqa: A002 - the protocol's word for it
        """Close a connection."""
        connection = self.connections.get(id)
        if connection is not None:
            connection.close("server disconnect")

    async def shutdown(self) -> None:
        """Nothing runs in the background: the web server closes the sockets."""

    def generate_id(self) -> str:
        """An id that nobody guesses."""
        return base64.urlsafe_b64encode(secrets.token_bytes(_ID_BYTES)).decode()


@lru_cache(maxsize=128)
def _asked(query: str) -> Mapping[str, str]:
    """The fields of a query; nearly everybody asks the same."""
    return MappingProxyType({name: values[0] for name, values in parse_qs(query).items()})


def _nothing(*_: Any) -> None:
    """Nobody wants to know."""
