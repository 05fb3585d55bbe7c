"""The official clients behind one face: what a test asks of them, and everything they hear, in their order."""

import asyncio
import itertools
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, NamedTuple

import socketio

from tests.realtime.world import OUTSIDE_STREAMS, PATIENCE_SECONDS

Transport = Literal["websocket", "polling", "upgrade"]
"""`upgrade` begins with polling and goes on over a WebSocket, as clients do when nobody tells them otherwise."""


class Heard(NamedTuple):
    """Something that a client noticed in a namespace."""

    kind: str
    """`connect`, `connect_error`, `disconnect`, `event` or `ack`."""
    namespace: str
    name: str
    """Of an event its name, of an ack the number of its message, of a disconnection or refusal the reason."""
    payload: Any


class Client(ABC):
    """One connection, with sockets in some namespaces."""

    def __init__(self, url: str, transport: Transport, namespaces: Sequence[str]) -> None:
        self.url, self.transport, self.namespaces = url, transport, namespaces
        self.heard: list[Heard] = []
        self.now_over: str | None = None
        """The transport that the connection uses."""
        self._numbers = itertools.count(1)
        self._news = asyncio.Event()

    # --- what each client does in its own way -------------------------------------------

    @abstractmethod
    async def open(self, auth: Any, *, reconnects: bool, keeps_cursors: bool) -> None:
        """Begin to connect every namespace. `keeps_cursors`: the handshake says where the streams were left."""

    @abstractmethod
    async def again(self, auth: Any) -> None:
        """Connect once more, with another token."""

    @abstractmethod
    async def _send(self, namespace: str, messages: Sequence[tuple[int, str, Sequence[Any]]]) -> None:
        """Send messages of a number, a name and arguments in one breath."""

    @abstractmethod
    async def close(self) -> None:
        """Go."""

    # --- what tests ask -----------------------------------------------------------------

    def on(self, namespace: str) -> "Socket":
        """The client's socket in a namespace."""
        return Socket(self, namespace)

    def hear(self, heard: Heard) -> None:
        """Note what was heard."""
        self.heard.append(heard)
        self.news()

    def news(self) -> None:
        """Something is otherwise than before."""
        self._news.set()

    async def until(self, reached: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
        """What the condition comes to be true with; fails with everything that was heard when it never does."""
        try:
            async with asyncio.timeout(seconds):
                while not (found := reached()):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"in vain; heard {self.heard[-30:]}") from None
        return found

    async def upgraded(self) -> None:
        """The connection is done with changing its transport; until then, some clients hold back what they send."""
        await self.until(lambda: self.now_over == ("polling" if self.transport == "polling" else "websocket"))

    async def send(self, namespace: str, *messages: tuple[str, Any]) -> list[int]:
        """Send messages in one breath, without waiting; answers the numbers of their acks."""
        numbered = [(next(self._numbers), name, [payload]) for name, payload in messages]
        await self._send(namespace, numbered)
        return [number for number, *_ in numbered]


class Socket:
    """A client's socket in one namespace."""

    def __init__(self, client: Client, namespace: str) -> None:
        self.client, self.namespace = client, namespace

    @property
    def heard(self) -> list[Heard]:
        """Everything of this namespace."""
        return [heard for heard in self.client.heard if heard.namespace == self.namespace]

    def times(self, kind: str) -> list[Heard]:
        """Everything of a kind."""
        return [heard for heard in self.heard if heard.kind == kind]

    async def comes(self, kind: str, times: int = 1) -> Heard:
        """The so-manieth of a kind."""
        found: list[Heard] = await self.client.until(lambda: len(self.times(kind)) >= times and self.times(kind))
        return found[times - 1]

    def named(self, name: str) -> list[Any]:
        """The events of a name."""
        return [heard.payload for heard in self.times("event") if heard.name == name]

    async def hears(self, name: str, times: int = 1) -> Any:
        """The payload of the so-manieth event of a name."""
        found: list[Any] = await self.client.until(lambda: len(self.named(name)) >= times and self.named(name))
        return found[times - 1]

    def seqs(self, stream: str) -> list[int]:
        """The numbers of the events of a stream, as they came."""
        told = [heard.payload for heard in self.times("event") if heard.name not in OUTSIDE_STREAMS]
        return [event["seq"] for event in told if event["stream"] == stream]

    async def reaches(self, stream: str, seq: int) -> list[int]:
        """The numbers of the events of a stream, once the one with this number is among them."""
        await self.client.until(lambda: seq in self.seqs(stream))
        return self.seqs(stream)

    async def ack(self, number: int) -> Any:
        """The answer to a message that was sent."""

        def found() -> list[Any]:
            return [heard.payload for heard in self.times("ack") if heard.name == str(number)]

        [payload] = await self.client.until(found)
        return payload

    async def ask(self, name: str, payload: Any) -> Any:
        """The answer to a message."""
        [number] = await self.client.send(self.namespace, (name, payload))
        return await self.ack(number)

    async def result(self, name: str, payload: Any) -> Any:
        """The result of a message that is expected to succeed."""
        ack = await self.ask(name, payload)
        assert ack["ok"] is True, ack
        return ack.get("result")

    async def error(self, name: str, payload: Any) -> Any:
        """The error of a message that is expected to be refused; it also comes as `exception`."""
        ack = await self.ask(name, payload)
        assert ack["ok"] is False, ack
        await self.client.until(lambda: ack["error"] in self.named("exception"))
        return ack["error"]


class PythonClient(Client):
    """python-socketio's client."""

    async def open(self, auth: Any, *, reconnects: bool, keeps_cursors: bool) -> None:
        self._auth, self._reconnects, self._keeps_cursors = auth, reconnects, keeps_cursors
        self._cursors: dict[str, Any] = {}
        await self._connect()

    def _listen(self, namespace: str) -> None:
        def noting(kind: str) -> Callable[..., None]:
            def note(name: Any = "", payload: Any = None) -> None:
                self.hear(Heard(kind, namespace, name, payload))

            return note

        def connected() -> None:
            self.now_over = self._client.transport()
            self.hear(Heard("connect", namespace, self._client.get_sid(namespace), None))

        def refused(told: Any) -> None:
            text, data = (told["message"], told.get("data")) if isinstance(told, dict) else (str(told), None)
            self.hear(Heard("connect_error", namespace, text, data))

        def event(name: str, payload: Any = None) -> None:
            if isinstance(payload, dict) and "seq" in payload:
                self._cursors[payload["stream"]] = {"epoch": payload["epoch"], "seq": payload["seq"]}
            self.hear(Heard("event", namespace, name, payload))

        self._client.on("connect", connected, namespace=namespace)
        self._client.on("connect_error", refused, namespace=namespace)
        self._client.on("disconnect", noting("disconnect"), namespace=namespace)
        self._client.on("*", event, namespace=namespace)

    def _handshake(self) -> Any:
        return self._auth | ({"cursors": self._cursors} if self._keeps_cursors else {})

    async def _connect(self) -> None:
        self._client = socketio.AsyncClient(
            reconnection=self._reconnects, reconnection_delay=0.02, reconnection_delay_max=0.2, randomization_factor=0
        )
        for namespace in self.namespaces:
            self._listen(namespace)
        transports = None if self.transport == "upgrade" else [self.transport]
        await self._client.connect(
            self.url,
            auth=self._handshake,
            namespaces=list(self.namespaces),
            transports=transports,
            wait_timeout=PATIENCE_SECONDS,
            wait=False,
        )
        self.now_over = self._client.transport()
        self.news()

    async def again(self, auth: Any) -> None:
        self._auth = auth
        await self._leave()
        await self._connect()

    async def _send(self, namespace: str, messages: Sequence[tuple[int, str, Sequence[Any]]]) -> None:
        for number, name, given in messages:

            def answered(payload: Any = None, number: int = number) -> None:
                self.hear(Heard("ack", namespace, str(number), payload))

            await self._client.emit(name, tuple(given), namespace=namespace, callback=answered)

    async def close(self) -> None:
        await self._leave()

    async def _leave(self) -> None:
        """Take leave in each namespace; over polling the library would then wait for its last poll to be answered."""
        if self._client.eio.state == "connected" and self._client.transport() == "polling":
            for namespace in self._client.namespaces:
                await self._client.eio.send(f"41{namespace},")
            await self._client.eio.queue.join()
            await self._client.eio.disconnect(abort=True)
        await self._client.shutdown()


Obey = Callable[[dict[str, Any]], Awaitable[None]]


class Puppet:
    """A program that has the official JavaScript client, and does what it is told."""

    def __init__(self, obey: Obey) -> None:
        self.obey = obey
        self.clients: dict[str, PuppetClient] = {}
        self._numbers = itertools.count(1)

    def add(self, client: "PuppetClient") -> str:
        """A name for another client."""
        name = f"client {next(self._numbers)}"
        self.clients[name] = client
        return name

    def report(self, *reports: dict[str, Any]) -> None:
        """Pass on what clients heard; of some that are gone there may come a last word."""
        for told in reports:
            if told["client"] in self.clients:
                self.clients[told["client"]].told(told)


class PuppetClient(Client):
    """socket.io-client, in Node or in a browser."""

    def __init__(self, puppet: Puppet, url: str, transport: Transport, namespaces: Sequence[str]) -> None:
        super().__init__(url, transport, namespaces)
        self.puppet, self.name = puppet, puppet.add(self)
        self.is_closed = False

    def told(self, told: dict[str, Any]) -> None:
        """Note what the program reports."""
        if told["kind"] == "transport":
            self.now_over = told["name"]
            self.news()
        elif told["kind"] == "closed":
            self.is_closed = True
            self.news()
        else:
            self.hear(Heard(told["kind"], told["namespace"], told.get("name", ""), told.get("payload")))

    async def _do(self, act: str, **more: Any) -> None:
        await self.puppet.obey({"client": self.name, "act": act, **more})

    async def open(self, auth: Any, *, reconnects: bool, keeps_cursors: bool) -> None:
        await self._do(
            "open",
            url=self.url,
            transport=self.transport,
            namespaces=list(self.namespaces),
            auth=auth,
            reconnects=reconnects,
            keepsCursors=keeps_cursors,
        )

    async def again(self, auth: Any) -> None:
        await self._do("again", auth=auth)

    async def _send(self, namespace: str, messages: Sequence[tuple[int, str, Sequence[Any]]]) -> None:
        numbered = [{"number": number, "name": name, "given": written(given)} for number, name, given in messages]
        await self._do("send", namespace=namespace, messages=numbered)

    async def leave(self, namespace: str) -> None:
        """Leave one namespace and stay in the others."""
        await self._do("leave", namespace=namespace)

    async def close(self) -> None:
        await self._do("close")
        await self.until(lambda: self.is_closed)
        del self.puppet.clients[self.name]


def written(value: Any) -> Any:
    """A value as JSON has it: bytes as the puppet reads them."""
    if isinstance(value, bytes):
        return {"$bytes": list(value)}
    if isinstance(value, dict):
        return {name: written(inner) for name, inner in value.items()}
    return [written(inner) for inner in value] if isinstance(value, list | tuple) else value
