"""One client's Engine.IO session: over WebSocket, over polling, and from the one to the other.

What it is sent goes out at once, or waits for the next poll. What it says is handled one after the other, in the order
in which it came, and its end is handled after everything it said before.
"""

import asyncio
import base64
import logging
from collections import deque
from typing import Protocol

from tabletap.realtime.engine.frames import NORMAL, close_frame, frame, frame_of
from tabletap.realtime.engine.turns import Turns

_log = logging.getLogger(__name__)
CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = "1", "2", "3", "4", "5", "6"
PROBE, PROBED = "2probe", "3probe"
MAX_WAITING_BYTES = 1 << 20
"""Whoever has more than this waiting does not read: they are cut off and go on from their cursor (live.md)."""
DRAINED_BYTES = MAX_WAITING_BYTES // 4
"""A long replay is sent as the client takes it: it is then never cut off as one who does not read."""
LOOK_AGAIN_SECONDS = 0.02
MAX_UNHANDLED = 64
"""A client with more messages than this before us is not listened to until some are handled."""
MAX_POLLED_PACKETS = 16
"""In the answer to one poll: python-socketio's client takes no more, and hangs up."""
_PING_FRAME = frame(PING.encode())


class Malformed(ValueError):
    """This is no packet of the protocol."""


class PolledTwice(Exception):
    """A client may have one poll at a time."""


class Writer(Protocol):
    """The TCP or TLS side of a WebSocket (asyncio.Transport)."""

    def write(self, data: bytes) -> None:
        """Send, or keep until the network takes it."""
        ...

    def get_write_buffer_size(self) -> int:
        """How many bytes the network has not taken yet."""
        ...

    def close(self) -> None:
        """Send what waits, then close."""
        ...

    def abort(self) -> None:
        """Close at once."""
        ...

    def pause_reading(self) -> None:
        """Hear no more for a while."""
        ...

    def resume_reading(self) -> None:
        """Hear again."""
        ...


class Host(Protocol):
    """What a connection belongs to."""

    ping_interval: float
    ping_timeout: float
    """Seconds."""
    turns: Turns

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that serves."""
        ...

    async def heard(self, connection: "Connection", message: str | bytes) -> None:
        """Handle a message; never raises."""
        ...

    async def gone(self, connection: "Connection", reason: str) -> None:
        """The client is gone, and everything it said before is handled."""
        ...

    def upgraded(self, connection: "Connection") -> None:
        """The connection is a WebSocket from now on."""
        ...

    def ended(self, connection: "Connection") -> None:
        """Nothing can be sent to the client from now on."""
        ...

    def forget(self, connection: "Connection") -> None:
        """The client may not come back with this id."""
        ...


class Connection:
    """A client's session. `writer` is its WebSocket, None while it polls."""

    __slots__ = (
        "_handling", "_host", "_inbox", "_outbox", "_poll", "_reason", "_room", "_timer", "_waiting_bytes", "closed",
        "id", "posting", "upgrading", "writer",
    )  # fmt: skip

    def __init__(self, host: Host, id: str) -> None:  # noqa: A002 - the protocol's word for it
        self._host, self.id = host, id
        self.writer: Writer | None = None
        self.closed = self.posting = self.upgrading = False
        self._outbox: list[str] = []
        self._waiting_bytes = 0
        self._poll: asyncio.Future[None] | None = None
        self._inbox: deque[str | bytes | None] | None = None
        """Messages that are not handled yet; None in it is the end."""
        self._handling: asyncio.Task[None] | None = None
        self._room: asyncio.Event | None = None
        self._reason = ""
        self._timer = host.loop.call_later(host.ping_interval, self._ping)

    # --- to the client -----------------------------------------------------------------

    def send(self, packet: str | bytes) -> None:
        """Send a packet, at once or with the next poll. To a client that is gone it is lost, as on any network."""
        if self.closed:
            return
        if self.writer is not None:
            self.writer.write(frame_of(packet))
            return
        text = packet if isinstance(packet, str) else "b" + base64.b64encode(packet).decode()
        self._outbox.append(text)
        self._waiting_bytes += len(text)
        if self._waiting_bytes > MAX_WAITING_BYTES:
            self.close("slow")
        else:
            self._answer_poll()

    def send_all(self, packets: list[str]) -> None:
        """Send packets together, in this order."""
        if self.writer is not None and not self.closed:
            self.writer.write(b"".join(map(frame_of, packets)))
        else:
            for packet in packets:
                self.send(packet)

    async def drained(self) -> None:
        """Wait until the client has taken most of what it was sent, or is gone."""
        while not self.closed and self._unread_bytes() > DRAINED_BYTES:  # noqa: ASYNC110 - a transport tells of room only after it was full
            await asyncio.sleep(LOOK_AGAIN_SECONDS)

    def _unread_bytes(self) -> int:
        return self._waiting_bytes if self.writer is None else self.writer.get_write_buffer_size()

    async def poll(self) -> list[str]:
        """What there is for the client, once there is something. Raises PolledTwice, and then the session is over."""
        if self._poll is not None:
            self.close("transport error")
            raise PolledTwice
        if not self._outbox and not self.upgrading and not self.closed:
            self._poll = self._host.loop.create_future()
            try:
                await self._poll
            finally:
                self._poll = None
        packets, self._outbox = self._outbox[:MAX_POLLED_PACKETS], self._outbox[MAX_POLLED_PACKETS:]
        self._waiting_bytes -= sum(map(len, packets))
        if self.closed and not self._outbox:
            self._leave()
        return packets or [NOOP]

    def _answer_poll(self) -> None:
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)

    # --- from the client ---------------------------------------------------------------

    def take(self, packet: str | bytes) -> None:
        """A packet of the client. Raises Malformed for what is none."""
        if self.closed:
            return
        if isinstance(packet, bytes):
            self._put(packet)
        elif packet == PONG:
            self._timer.cancel()
            self._timer = self._host.loop.call_later(self._host.ping_interval, self._ping)
        elif packet[:1] == MESSAGE:
            self._put(packet[1:])
        elif packet == CLOSE:
            self._outbox.append(NOOP)
            self._answer_poll()
            self.close("client disconnect", linger=False)
        else:
            raise Malformed

    def take_payload(self, payload: str) -> None:
        """What a polling client posted: packets with record separators between them. Raises Malformed for others."""
        for packet in payload.split("\x1e"):
            if packet[:1] == "b":
                try:
                    self.take(base64.b64decode(packet[1:], validate=True))
                except ValueError as error:
                    raise Malformed from error
            else:
                self.take(packet)

    async def has_room(self) -> None:
        """Wait until enough of what the client said is handled."""
        if self._inbox is not None and len(self._inbox) > MAX_UNHANDLED:
            self._room = self._room or asyncio.Event()
            await self._room.wait()

    def _put(self, message: str | bytes | None) -> None:
        if self._inbox is None:
            self._inbox = deque((message,))
            self._host.turns.begin(self._start)
            return
        self._inbox.append(message)
        if len(self._inbox) >= MAX_UNHANDLED and self.writer is not None and not self.closed:
            self.writer.pause_reading()

    def _start(self) -> None:
        self._handling = self._host.loop.create_task(self._handle())

    async def _handle(self) -> None:
        """Handle what was said, in its order, until nothing is left."""
        inbox = self._inbox
        while inbox:
            message = inbox.popleft()
            if message is None:
                await self._host.gone(self, self._reason)
            else:
                await self._host.heard(self, message)
            if len(inbox) == MAX_UNHANDLED // 2:
                if self.writer is not None and not self.closed:
                    self.writer.resume_reading()
                if self._room is not None:
                    self._room.set()
                    self._room = None
        self._inbox = self._handling = None

    # --- from polling to WebSocket -----------------------------------------------------

    def probe(self, writer: Writer, packet: str | bytes) -> bool:
        """A packet on a WebSocket that wants to take over from polling: whether it may go on."""
        if packet == PROBE and not self.closed and self.writer is None:
            self.upgrading = True
            writer.write(frame(PROBED.encode()))
            self._answer_poll()
            return True
        if packet == UPGRADE and self.upgrading and not self.closed:
            self.attach(writer)
            return True
        return False

    def attach(self, writer: Writer) -> None:
        """Go on over this WebSocket; what waited for a poll goes first."""
        self.writer, self.upgrading = writer, False
        waiting, self._outbox, self._waiting_bytes = self._outbox, [], 0
        for packet in waiting:
            writer.write(frame(base64.b64decode(packet[1:]), 0x82) if packet[0] == "b" else frame(packet.encode()))
        self._answer_poll()
        self._host.upgraded(self)

    # --- the end -----------------------------------------------------------------------

    def _ping(self) -> None:
        self._timer = self._host.loop.call_later(self._host.ping_timeout, self._silent)
        if self.writer is not None:
            self.writer.write(_PING_FRAME)
        else:
            self.send(PING)

    def _silent(self) -> None:
        self.close("ping timeout", linger=False)

    def close(self, reason: str, *, linger: bool = True) -> None:
        """End the session and tell the client. Safe to repeat.

        A polling client hears of it with its next poll, unless it is the one who left (`linger`).
        """
        if self.closed:
            return
        if self.writer is not None:
            self.writer.write(close_frame(NORMAL))
            self.writer.close()
            if self.writer.get_write_buffer_size():  # who does not read would be kept for as long as they like
                self._host.loop.call_later(self._host.ping_timeout, self.writer.abort)
            self._end(reason)
        elif linger:
            self._outbox.append(CLOSE)
            self._end(reason)
            self._timer = self._host.loop.call_later(self._host.ping_timeout, self._leave)
            self._answer_poll()
            return
        else:
            self._end(reason)
            self._answer_poll()
        self._leave()

    def lost(self, reason: str = "transport close") -> None:
        """The network connection is gone. Safe to repeat."""
        if not self.closed:
            self._end(reason)
        self._leave()

    def slow(self) -> None:
        """More waits for the client than we keep: cut it off."""
        _log.info("connection %s does not read; it is cut off", self.id)
        if self.writer is not None:
            self.writer.abort()
        self.lost("slow")

    def _end(self, reason: str) -> None:
        self.closed, self._reason = True, reason
        self._timer.cancel()
        self._host.ended(self)
        self._put(None)

    def _leave(self) -> None:
        self._timer.cancel()
        self._host.forget(self)
