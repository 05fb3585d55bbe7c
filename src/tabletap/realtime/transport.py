"""python-socketio as we use it: the one file that touches its private parts (pinned in pyproject.toml).

What is ours here: the Engine.IO server below it, packets encoded by msgspec, messages handed over one after the other,
a moment "after the answer was sent", which the library does not offer, and the hot path past all of it (`tell`).
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec
import socketio
from socketio.exceptions import ConnectionRefusedError as Refuse
from socketio.packet import Packet

from tabletap.kernel.events import Event
from tabletap.realtime.engine.connection import Connection
from tabletap.realtime.engine.polling import Polling
from tabletap.realtime.engine.server import EngineServer, Options
from tabletap.realtime.engine.websocket import Request
from tabletap.realtime.members import Members

_log = logging.getLogger(__name__)
MAX_ATTACHMENTS = 4
_WITH_ATTACHMENTS = ("5", "6")
"""Packet types of the Socket.IO protocol, revision 5: BINARY_EVENT and BINARY_ACK."""
_CONNECT, _ACK, _CONNECT_ERROR = 0, 3, 4
CONNECT_SECONDS = 20.0
"""A connection that is in no namespace for so long is closed."""
_KEPT_HEADERS = ("authorization", "host", "origin", "x-forwarded-for")
"""What a handshake may look at later, when further namespaces are entered."""


class _Json:
    """JSON as the library asks for it."""

    _encode = staticmethod(msgspec.json.Encoder().encode)
    _decode = staticmethod(msgspec.json.Decoder().decode)

    @classmethod
    def dumps(cls, value: Any, **_: Any) -> str:
        return cls._encode(value).decode()

    @classmethod
    def loads(cls, text: str | bytes, **_: Any) -> Any:
        try:
            return cls._decode(text)
        except msgspec.DecodeError as error:
            raise ValueError("this is not JSON") from error


class _Packet(Packet):  # type: ignore[misc]  # the library has no types
    json = _Json


class Edge(Protocol):
    """What stands behind the transport."""

    async def connect(self, namespace: str, socket_id: str, environ: dict[str, Any], auth: Any) -> None:
        """Admit a socket, or raise the library's ConnectionRefusedError."""
        ...

    async def connected(self, namespace: str, socket_id: str) -> None:
        """The socket has been told that it is connected."""
        ...

    async def message(self, namespace: str, socket_id: str, name: Any, arguments: list[Any]) -> Any:
        """Answer a message, a tuple with several values; never raises."""
        ...

    async def answered(self, namespace: str, socket_id: str) -> None:
        """The answer is on its way; what must follow it may be sent now."""
        ...

    async def disconnected(self, namespace: str, socket_id: str) -> None:
        """The socket is gone."""
        ...


class Transport(socketio.AsyncServer):  # type: ignore[misc]  # the library has no types
    """The Socket.IO server. `asgi` answers polls below `/socket.io`, `websocket` is uvicorn's `ws`."""

    def __init__(
        self,
        edge: Edge,
        namespaces: Collection[str],
        allowed_origins: Collection[str],
        *,
        options: Options | None = None,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> None:
        self._edge, self._connect_seconds = edge, connect_seconds
        self._origins = frozenset(allowed_origins)
        self._known = frozenset(namespaces)
        self._engine = EngineServer(options or Options(), self._is_allowed)
        self._members = Members(self._engine.connections.get)
        self._outside: dict[str, asyncio.TimerHandle] = {}
        """Connections that are in no namespace, and when they are closed."""
        super().__init__(
            client_manager=self._members,
            async_mode="asgi",
            serializer=_Packet,
            async_handlers=False,  # messages of one connection are handled in the order in which they came
            namespaces=list(namespaces),
        )
        self._engine.opened = self._opened
        self._engine.upgraded, self._engine.ended = self._members.upgraded, self._members.ended
        for namespace in namespaces:
            self.on("disconnect", self._disconnect_from(namespace), namespace=namespace)
        self.asgi: Any = Polling(self._engine)
        self.websocket: Any = self._engine.websocket

    def tell(self, namespace: str, to: str, event: Event) -> None:
        """Send a stream's event to a room: it is encoded and framed once, and written to every member at once."""
        self._members.deliver(namespace, to, _event_packet(namespace, event.name, event.wire()))

    def tell_one(self, namespace: str, socket_id: str, events: list[Event]) -> None:
        """Send events of a stream to one socket, in this order."""
        packets = [_event_packet(namespace, event.name, event.wire()) for event in events]
        self._members.deliver_to(socket_id, *packets)

    async def drained(self, socket_id: str) -> None:
        """Wait until a socket has taken most of what it was sent: whoever is sent much is not therefore slow."""
        await self._members.drained(socket_id)

    async def say(self, namespace: str, socket_id: str, name: str, payload: msgspec.Struct) -> None:
        """Send one socket something that belongs to no stream."""
        self._members.deliver_to(socket_id, _event_packet(namespace, name, msgspec.json.encode(payload)))

    def end_polls(self) -> None:
        """Send away who polls."""
        self._engine.end_polls()

    # --- connections -------------------------------------------------------------------

    def _is_allowed(self, origin: str, request: Request) -> bool:
        """A page of ours, or of an origin that the settings name. Programs that are no browser send no origin."""
        if origin in self._origins or "*" in self._origins:
            return True
        try:
            return urlsplit(origin).netloc == request.headers.get("host")
        except ValueError:  # "http://[": no page has such an origin
            return False

    def _opened(self, connection: Connection, request: Request) -> None:
        kept = {name: request.headers[name] for name in _KEPT_HEADERS if name in request.headers}
        environ: dict[str, Any] = {"HTTP_" + name.upper().replace("-", "_"): value for name, value in kept.items()}
        headers = [(name.encode(), value.encode("latin-1")) for name, value in kept.items()]
        environ["asgi.scope"] = {"client": request.address, "headers": headers}
        environ["tabletap.connection_id"] = connection.id
        self.environ[connection.id] = environ
        self._watch(connection.id)

    def _watch(self, connection_id: str) -> None:
        """Close the connection unless it enters a namespace soon."""
        loop = asyncio.get_running_loop()
        self._outside[connection_id] = loop.call_later(self._connect_seconds, self._close_outside, connection_id)

    def _close_outside(self, connection_id: str) -> None:
        self._outside.pop(connection_id, None)
        connection = self._engine.connections.get(connection_id)
        if connection is not None:
            connection.close("no namespace")

    def _disconnect_from(self, namespace: str) -> Any:
        async def disconnect(socket_id: str, _reason: str) -> None:
            await self._edge.disconnected(namespace, socket_id)
            connection_id = self._members.eio_sid_from_sid(socket_id, namespace)
            connection = self._engine.connections.get(connection_id or "")
            is_last = connection_id is not None and len(self._members.namespaces_of(connection_id)) == 1
            if connection is not None and is_last and not connection.closed:
                self._watch(connection.id)

        return disconnect

    def _engineio_server_class(self) -> Callable[..., EngineServer]:
        """The library builds its Engine.IO server here; it gets ours."""
        return lambda **_: self._engine

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        """The library would look into every namespace."""
        timer = self._outside.pop(eio_sid, None)
        if timer is not None:
            timer.cancel()
        for namespace in self._members.namespaces_of(eio_sid):
            await self._handle_disconnect(eio_sid, namespace, reason)
        self.environ.pop(eio_sid, None)
        self._binary_packet.pop(eio_sid, None)

    # --- packets -----------------------------------------------------------------------

    async def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        """Admit a client to a namespace; `connected` comes after it was told so."""
        namespace = namespace or "/"
        if namespace not in self._known:
            await self._refuse(eio_sid, namespace, {"message": "Invalid namespace"})
            return
        sid = await self._members.pre_connect(eio_sid, namespace)
        if sid is None:
            await self._refuse(eio_sid, namespace, {"message": "Unable to connect"})
            return
        try:
            await self._edge.connect(namespace, sid, self.environ[eio_sid], data)
        except Refuse as refused:
            await self._members.disconnect(sid, namespace)
            await self._refuse(eio_sid, namespace, refused.error_args)
            return
        await self._members.connect(sid, namespace)
        timer = self._outside.pop(eio_sid, None)
        if timer is not None:
            timer.cancel()
        await self._send_packet(eio_sid, _Packet(_CONNECT, {"sid": sid}, namespace=namespace))
        await self._edge.connected(namespace, sid)

    async def _refuse(self, eio_sid: str, namespace: str, why: Any) -> None:
        await self._send_packet(eio_sid, _Packet(_CONNECT_ERROR, data=why, namespace=namespace))

    async def _handle_eio_message(self, eio_sid: str, data: Any) -> None:
        """A packet that no client of the protocol would send ends the connection, and nothing but the connection."""
        try:
            if isinstance(data, str):
                _require_whole(data, is_bytes_turn=eio_sid in self._binary_packet)
            await super()._handle_eio_message(eio_sid, data)
        except Exception as error:  # noqa: BLE001 - a stranger's packet may break the parser in any way
            _log.info("a malformed packet ended connection %s: %r", eio_sid, error)
            for namespace in self._members.namespaces_of(eio_sid):
                socket_id = self._members.sid_from_eio_sid(eio_sid, namespace)
                if socket_id is not None:
                    await self.disconnect(socket_id, namespace=namespace)
            await self._engine.disconnect(eio_sid)

    async def _handle_event_internal(
        self,
        server: Any,
        sid: str,
        eio_sid: str,
        data: Any,
        namespace: str,
        id: int | None,  # noqa: A002 - theirs
    ) -> None:
        """Every event of a client, `connect` and `disconnect` as event names included, takes this one way."""
        if not isinstance(data, list):
            raise ValueError("an event is a list")  # noqa: TRY004 - of what a stranger sent, not of ours
        answer = await self._edge.message(namespace, sid, data[0], list(data[1:]))
        if id is not None:
            answers = list(answer) if isinstance(answer, tuple) else [answer]
            await self._send_packet(eio_sid, _Packet(_ACK, namespace=namespace, id=id, data=answers))
        await self._edge.answered(namespace, sid)


def _event_packet(namespace: str, name: str, payload: bytes) -> bytes:
    """An EVENT packet around a payload that is JSON already. Names of events are ours and need no escapes."""
    return b'2%b,["%b",%b]' % (namespace.encode(), name.encode(), payload)


def _require_whole(text: str, *, is_bytes_turn: bool) -> None:
    """The library takes text for an attachment, and as many attachments as a packet announces."""
    if is_bytes_turn:
        raise ValueError("an attachment is missing")
    if text[:1] in _WITH_ATTACHMENTS:
        count = text[1:].partition("-")[0]
        if not count.isascii() or not count.isdigit() or len(count) > 2 or int(count) > MAX_ATTACHMENTS:
            raise ValueError("too many attachments")
