"""Screens that listen to the live API with the official protocol, note every event and miss none."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import socketio
from socketio.exceptions import SocketIOError

from tabletap.cli.caller import PATIENCE_SECONDS, ServiceIncomplete

_OUTSIDE_STREAMS = frozenset(
    {
        "session_ready",
        "heartbeat",
        "exception",
        "dashboard_delta",
        "auth_expiring",
        "session_expired",
        "presence_changed",
    }
)


class Heard(msgspec.Struct, frozen=True):
    """An event as it came."""

    who: str
    namespace: str
    name: str
    stream: str
    seq: int
    data: Mapping[str, Any]


class Listeners:
    """Everybody's screens. Each stream is followed by one of them, from its first event or from now."""

    def __init__(self, url: str, tell: Callable[[Heard], None]) -> None:
        self.url, self.tell = url, tell
        self.heard: list[Heard] = []
        self.streams: dict[str, tuple[str, str]] = {}
        """By stream, who follows it in which namespace."""
        self._clients: dict[str, socketio.AsyncClient] = {}
        self._last: dict[str, tuple[int, int]] = {}
        self._faults: list[str] = []
        self._news = asyncio.Event()

    async def connect(self, who: str, token: str, *namespaces: str) -> None:
        """Connect a person to namespaces. Raises ServiceIncomplete."""
        client = self._clients[who] = socketio.AsyncClient(reconnection=False)
        for namespace in namespaces:
            client.on("*", self._hear(who, namespace), namespace=namespace)
        try:
            await client.connect(
                self.url, auth={"token": token}, namespaces=list(namespaces), transports=["websocket"], wait_timeout=10
            )
        except SocketIOError as error:
            raise ServiceIncomplete(f"{who} could not connect to {', '.join(namespaces)}: {error}.") from None

    async def follow(self, who: str, namespace: str, stream: str, *, from_start: bool = False) -> None:
        """Have a person subscribe to a stream; from its start, all that happened before is replayed."""
        if stream in self.streams:
            return
        self.streams[stream] = (who, namespace)
        wanted: dict[str, Any] = {"stream": stream}
        if from_start:
            wanted["cursor"] = {"epoch": 1, "seq": 0}
            self._last[stream] = (1, 0)
        at = await self.ask(who, namespace, "subscribe", wanted)
        self._last.setdefault(stream, (at["epoch"], at["head"]))

    async def ask(self, who: str, namespace: str, name: str, payload: dict[str, Any]) -> Any:
        """The result of a live command. Raises ServiceIncomplete when it is refused."""
        try:
            ack = await self._clients[who].call(name, payload, namespace=namespace, timeout=PATIENCE_SECONDS)
        except SocketIOError as error:
            raise ServiceIncomplete(f"{name} of {who} was not answered: {type(error).__name__}.") from None
        if not ack["ok"]:
            raise ServiceIncomplete(f"{name} of {who} was refused: {ack['error']['message']}")
        return ack.get("result")

    async def expect(self, name: str, *streams: str, **fields: Any) -> None:
        """Wait until an event with these fields came in every one of the streams. Raises ServiceIncomplete."""
        missing = set(streams)
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while True:
            self._news.clear()
            missing -= {heard.stream for heard in self.heard if heard.name == name and _fits(heard.data, fields)}
            if not missing:
                return
            try:
                async with asyncio.timeout_at(deadline):
                    await self._news.wait()
            except TimeoutError:
                wanted = ", ".join(f"{key} {value}" for key, value in fields.items())
                raise ServiceIncomplete(f"No {name} ({wanted}) came in {', '.join(sorted(missing))}.") from None

    def require_gapless(self) -> None:
        """Raise ServiceIncomplete if an event of any stream was missing, came twice or out of order."""
        if self._faults:
            raise ServiceIncomplete("Streams had gaps: " + "; ".join(self._faults) + ".")

    async def close(self) -> None:
        """Everybody leaves."""
        await asyncio.gather(*(client.disconnect() for client in self._clients.values()), return_exceptions=True)

    def _hear(self, who: str, namespace: str) -> Callable[[str, Any], None]:
        def hear(name: str, data: Any) -> None:
            if name in _OUTSIDE_STREAMS or not isinstance(data, dict) or "seq" not in data:
                return
            heard = Heard(who, namespace, name, data["stream"], data["seq"], data)
            self._note(heard, data["epoch"])
            self.heard.append(heard)
            self.tell(heard)
            self._news.set()

        return hear

    def _note(self, heard: Heard, epoch: int) -> None:
        """Compare the number with the one before. The first event may overtake the answer that names the head."""
        known_epoch, before = self._last.get(heard.stream, (epoch, heard.seq - 1))
        self._last[heard.stream] = (epoch, heard.seq)
        if (epoch, heard.seq) != (known_epoch, before + 1):
            self._faults.append(f"{heard.stream} came from {known_epoch}:{before} to {epoch}:{heard.seq}")


def _fits(data: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    return all(data.get(key) == value for key, value in fields.items())
