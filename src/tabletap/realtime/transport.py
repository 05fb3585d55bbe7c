"""python-socketio as we use it: the one file that touches its private parts (pinned in pyproject.toml).

What is ours here: packets are encoded by msgspec, messages are handed over one after the other, and there is a moment
"after the answer was sent", which the library does not offer.
"""

import logging
from collections.abc import Collection
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec
import socketio
from engineio.payload import Payload
from socketio.packet import Packet

from tabletap.kernel.events import Event

_log = logging.getLogger(__name__)
MAX_PACKET_BYTES = 64 * 1024
"""Nobody has more to say at once; a larger packet ends the connection."""
MAX_ATTACHMENTS = 4
_WITH_ATTACHMENTS = ("5", "6")
"""Packet types of the Socket.IO protocol, revision 5: BINARY_EVENT and BINARY_ACK."""
MAX_POLLED_PACKETS = 256
"""A polling client may send this many packets in one request; the library's 16 break a quick burst of commands."""


class _Json:
    """JSON as the library asks for it. An event that is encoded already goes into its packet as it is."""

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
        """Answer a message; never raises."""
        ...

    async def answered(self, namespace: str, socket_id: str) -> None:
        """The answer is on its way; what must follow it may be sent now."""
        ...

    async def disconnected(self, namespace: str, socket_id: str) -> None:
        """The socket is gone."""
        ...


class Transport(socketio.AsyncServer):  # type: ignore[misc]  # the library has no types
    """The Socket.IO server."""

    def __init__(self, edge: Edge, namespaces: Collection[str], allowed_origins: Collection[str]) -> None:
        Payload.max_decode_packets = MAX_POLLED_PACKETS
        self._edge = edge
        self._origins = frozenset(allowed_origins)
        super().__init__(
            async_mode="asgi",
            serializer=_Packet,
            async_handlers=False,  # messages of one connection are handled in the order in which they came
            max_http_buffer_size=MAX_PACKET_BYTES,
            cors_allowed_origins=self._is_allowed,
            cors_credentials=False,  # tokens, never cookies
            namespaces=list(namespaces),
        )
        for namespace in namespaces:
            self.on("connect", self._connect_to(namespace), namespace=namespace)
            self.on("disconnect", self._disconnect_from(namespace), namespace=namespace)

    def asgi(self) -> Any:
        """The application that serves `/socket.io`."""
        return socketio.ASGIApp(self, socketio_path="/socket.io")

    async def tell(self, namespace: str, to: str, event: Event) -> None:
        """Send a stream's event to a socket or a room; it is encoded once for all."""
        await self.emit(event.name, msgspec.Raw(event.wire()), to=to, namespace=namespace)

    async def say(self, namespace: str, socket_id: str, name: str, payload: msgspec.Struct) -> None:
        """Send one socket something that belongs to no stream."""
        await self.emit(name, payload, to=socket_id, namespace=namespace)

    def is_open(self, namespace: str, socket_id: str) -> bool:
        """Whether the socket is connected and not about to go."""
        return bool(self.manager.is_connected(socket_id, namespace))

    def _is_allowed(self, origin: str | None, environ: dict[str, Any]) -> bool:
        """A page of ours, or of an origin that the settings name. Programs that are no browser send no origin."""
        if origin in self._origins or "*" in self._origins:
            return True
        return origin is not None and urlsplit(origin).netloc == environ.get("HTTP_HOST")

    def _connect_to(self, namespace: str) -> Any:
        async def connect(socket_id: str, environ: dict[str, Any], auth: Any = None) -> None:
            await self._edge.connect(namespace, socket_id, environ, auth)

        return connect

    def _disconnect_from(self, namespace: str) -> Any:
        async def disconnect(socket_id: str, _reason: str) -> None:
            await self._edge.disconnected(namespace, socket_id)

        return disconnect

    async def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        """What the connect handler emits would come before the CONNECT reply; `connected` comes after it."""
        namespace = namespace or "/"
        before = self.manager.sid_from_eio_sid(eio_sid, namespace)
        await super()._handle_connect(eio_sid, namespace, data)
        socket_id = self.manager.sid_from_eio_sid(eio_sid, namespace)
        if socket_id not in (None, before) and self.is_open(namespace, socket_id):
            await self._edge.connected(namespace, socket_id)

    async def _handle_eio_message(self, eio_sid: str, data: Any) -> None:
        """A packet that no client of the protocol would send ends the connection, and nothing but the connection."""
        try:
            _require_few_attachments(data)
            await super()._handle_eio_message(eio_sid, data)
        except Exception as error:  # noqa: BLE001 - a stranger's packet may break the parser in any way
            _log.info("a malformed packet ended connection %s: %r", eio_sid, error)
            for namespace in list(self.manager.get_namespaces()):
                socket_id = self.manager.sid_from_eio_sid(eio_sid, namespace)
                if socket_id is not None:
                    await self.disconnect(socket_id, namespace=namespace)
            await self.eio.disconnect(eio_sid)

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
            packet = self.packet_class(3, namespace=namespace, id=id, data=[answer])
            await self._send_packet(eio_sid, packet)
        await self._edge.answered(namespace, sid)


def _require_few_attachments(data: Any) -> None:
    """The library would collect as many attachments as a packet announces; none of our messages has one."""
    if isinstance(data, str) and data[:1] in _WITH_ATTACHMENTS:
        count = data[1:].partition("-")[0]
        if not count.isascii() or not count.isdigit() or len(count) > 2 or int(count) > MAX_ATTACHMENTS:
            raise ValueError("too many attachments")
