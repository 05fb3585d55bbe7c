"""Clients that keep what they hear as a screen does, on lines that can be cut and clogged."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tabletap.kernel.ids import Id
from tabletap.kernel.people import Role
from tests.realtime.world import OUTSIDE_STREAMS, PATIENCE_SECONDS


class Log:
    """What a follower has of one stream: everything after the place where it began."""

    def __init__(self, base: int) -> None:
        self.base = base
        self.event_ids: list[Id] = []

    @property
    def seq(self) -> int:
        """The number of the last event it has."""
        return self.base + len(self.event_ids)

    def cursor(self) -> dict[str, int]:
        """Where it goes on."""
        return {"epoch": 1, "seq": self.seq}


class Follower:
    """Somebody with a socket in one namespace. Speaks the protocol by itself, to hold nothing back and hide nothing."""

    def __init__(self, cafe_id: Id, person_id: Id, role: Role, namespace: str, token: str) -> None:
        self.cafe_id, self.person_id, self.role, self.namespace = cafe_id, person_id, role, namespace
        self.token = token
        self.logs: dict[str, Log] = {}
        """Everything that was ever followed."""
        self.following: set[str] = set()
        self.faults: list[str] = []
        self.comings = 0
        self._socket: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None
        self._acks: dict[int, asyncio.Future[Any]] = {}
        self._numbers = itertools.count(1)
        self._ready = asyncio.Event()
        self._news = asyncio.Event()

    def __str__(self) -> str:
        return f"{self.role} of {self.cafe_id} in {self.namespace}"

    # --- the line -----------------------------------------------------------------------

    @property
    def is_here(self) -> bool:
        """Whether it is connected, as far as it knows."""
        return self._socket is not None

    async def come(self, url: str) -> bool:
        """Connect with the cursors of what is followed; whether the server was there."""
        if self.is_here:
            return True
        if self._reading is not None:
            await self._reading
        self._ready.clear()
        address = f"{url.replace('http', 'ws', 1)}/socket.io/?EIO=4&transport=websocket"
        try:
            self._socket = await connect(address, ping_interval=None, compression=None, max_size=None, proxy=None)
        except (OSError, WebSocketException):
            return False
        self._reading = asyncio.create_task(self._read(self._socket))
        await self.until(lambda: self._ready.is_set() or not self.is_here)
        self.comings += 1
        return self.is_here

    def cut(self) -> None:
        """The line breaks, without a word to either side."""
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.transport.abort()

    def clog(self) -> None:
        """Nothing more is read."""
        if self._socket is not None:
            self._socket.transport.pause_reading()

    def unclog(self) -> None:
        """Reading goes on."""
        if self._socket is not None:
            self._socket.transport.resume_reading()

    async def leave(self) -> None:
        """Go for good."""
        self.cut()
        if self._reading is not None:
            await self._reading

    async def until(self, reached: Callable[[], Any]) -> None:
        """Wait for something to be so."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not reached():
                self._news.clear()
                await self._news.wait()

    # --- what it says -------------------------------------------------------------------

    async def ask(self, name: str, payload: Any) -> Any:
        """The answer to a message; None when the line broke before it came."""
        if self._socket is None:
            return None
        self.unclog()
        number = next(self._numbers)
        self._acks[number] = answer = asyncio.get_running_loop().create_future()
        with contextlib.suppress(WebSocketException):
            await self._socket.send(f"42{self.namespace},{number}{msgspec.json.encode([name, payload]).decode()}")
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await answer

    async def follow(self, stream: str) -> None:
        """Follow a stream, from where it was left or from now."""
        if stream in self.following:
            return
        log = self.logs.get(stream)
        ack = await self.ask("subscribe", {"stream": stream} | ({} if log is None else {"cursor": log.cursor()}))
        if ack is not None and not ack["ok"]:
            self.faults.append(f"could not follow {stream}: {ack}")

    async def unfollow(self, stream: str) -> None:
        """Follow it no longer."""
        await self.ask("unsubscribe", {"stream": stream})
        self.following.discard(stream)

    async def reaches(self, stream: str, seq: int) -> None:
        """Wait until it has the event of this number, or something is wrong."""
        await self.until(lambda: self.faults or self.logs[stream].seq >= seq)

    # --- what it hears ------------------------------------------------------------------

    async def _read(self, socket: ClientConnection) -> None:
        with contextlib.suppress(WebSocketException, OSError):
            async for packet in socket:
                assert isinstance(packet, str)
                await self._take(socket, packet)
        acks, self._acks = self._acks, {}
        for answer in acks.values():
            if not answer.done():
                answer.set_result(None)
        if self._socket is socket:
            self._socket = None
        self._news.set()

    async def _take(self, socket: ClientConnection, packet: str) -> None:
        kind, _, rest = packet.partition(",")
        if packet.startswith("0{"):
            cursors = {stream: self.logs[stream].cursor() for stream in self.following}
            auth = msgspec.json.encode({"token": self.token, "cursors": cursors}).decode()
            await socket.send(f"40{self.namespace},{auth}")
        elif packet == "2":
            await socket.send("3")
        elif kind == "42" + self.namespace:
            self._hear(*msgspec.json.decode(rest))
        elif kind == "43" + self.namespace:
            number, _, ack = rest.partition("[")
            self._answered(int(number), msgspec.json.decode("[" + ack)[0])
        elif kind == "44" + self.namespace:
            self.faults.append(f"refused: {rest}")
        self._news.set()

    def _answered(self, number: int, ack: Any) -> None:
        """What follows in the stream comes after this, so it is noted before anything else is read."""
        result = ack.get("result") or {}
        if "head" in result:
            self.following.add(result["stream"])
            self.logs.setdefault(result["stream"], Log(result["head"]))
        self._acks.pop(number).set_result(ack)

    def _hear(self, name: str, event: Any) -> None:
        if name == "session_ready":
            resumed = {each["stream"] for each in event["streams"]}
            if resumed != self.following:
                self.faults.append(f"resumed {resumed} of {self.following}")
            self._ready.set()
        elif name in ("snapshot_required", "exception", "session_expired"):
            self.faults.append(f"heard {name}: {event}")
        elif name not in OUTSIDE_STREAMS:
            self._apply(event)

    def _apply(self, event: Any) -> None:
        log = self.logs.get(event["stream"])
        if event["cafeId"] != self.cafe_id or event["message"] != event["eventId"]:
            self.faults.append(f"heard somebody else's: {event}")
        elif log is None or event["seq"] != log.seq + 1:
            self.faults.append(f"{event['stream']}: {event['seq']} after {log and log.seq}")
        else:
            log.event_ids.append(event["eventId"])
