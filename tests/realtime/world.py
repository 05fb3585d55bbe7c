"""A live server on a real port, and people with Socket.IO clients in front of it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import socketio
import uvicorn

from tabletap.identity.tokens import Tokens
from tabletap.infra import streams
from tabletap.infra.broker import MemoryBroker
from tabletap.infra.db.transaction import Transaction
from tabletap.infra.revocations import Revocations, revoke
from tabletap.kernel.events import Event
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Actor, Role
from tabletap.orders.model import OrderStatus, OrderView
from tabletap.realtime.catalogue import namespaces
from tabletap.realtime.gateway import OF_EVERY_MESSAGE
from tabletap.realtime.messages import SERVER_MESSAGES
from tabletap.realtime.problems import BUG
from tabletap.realtime.server import LiveServer
from tests.audiences.place import SECRET, Place, Services

PATIENCE_SECONDS = 30
OUTSIDE_STREAMS = set(SERVER_MESSAGES)
_CODES = {"": {refusal.code for refusal in OF_EVERY_MESSAGE}} | {
    asked.name: {BUG.code, *(refusal.code for refusal in asked.refusals)}
    for space in namespaces()
    for asked in space.commands
}
UNTIL_NOW = 0.2
"""Long enough for anything that was going to arrive to have arrived."""


class WildBroker(MemoryBroker):
    """A broker that a test can have lose, double and reorder."""

    def __init__(self) -> None:
        super().__init__()
        self.mangle: Callable[[list[Event]], list[Event]] = list

    def publish(self, events: list[Event]) -> None:
        super().publish(self.mangle(events))


class Screen:
    """Somebody's connection to one namespace, and everything it was sent."""

    def __init__(self, url: str, namespace: str) -> None:
        self.url, self.namespace = url, namespace
        self.heard: list[tuple[str, Any]] = []
        self.refusal: Any = None
        self.dropped = asyncio.Event()
        self._news = asyncio.Event()
        self.client = socketio.AsyncClient(reconnection=False)
        self.client.on("*", self._hear, namespace=namespace)
        self.client.on("connect_error", self._refused, namespace=namespace)
        self.client.on("disconnect", self._drop, namespace=namespace)

    def _hear(self, name: str, payload: Any) -> None:
        self.heard.append((name, payload))
        self._news.set()

    def nudge(self) -> None:
        """Something came that `until` may wait for."""
        self._news.set()

    def _refused(self, data: Any) -> None:
        self.refusal = data

    def _drop(self, *_: Any) -> None:
        self.dropped.set()

    async def connect(self, auth: Any, **options: Any) -> "Screen":
        """Connect; raises the client's ConnectionError when refused."""
        await self.client.connect(self.url, namespaces=[self.namespace], auth=auth, **options)
        return self

    async def ask(self, name: str, payload: Any = None, *more: Any) -> Any:
        """Send a message and wait for its ack."""
        arguments = payload if not more else (payload, *more)
        return await self.client.call(name, arguments, namespace=self.namespace, timeout=PATIENCE_SECONDS)

    async def result(self, name: str, payload: Any) -> Any:
        """The result of a message that is expected to succeed."""
        ack = await self.ask(name, payload)
        assert ack["ok"] is True, ack
        return ack.get("result")

    async def error(self, name: str, payload: Any = None, *more: Any) -> Any:
        """The error of a message that is expected to be refused; it must also have come as `exception`."""
        ack = await self.ask(name, payload, *more)
        assert ack["ok"] is False, ack
        assert set(ack["error"]) - {"retryAfterSeconds"} == {"type", "code", "message", "retryable"}
        assert await self.until(lambda: ack["error"] in self.named("exception"))
        assert ack["error"]["code"] in _CODES.get(name, _CODES[""]), "every code of an ack is in the register"
        return ack["error"]

    def named(self, name: str) -> list[Any]:
        """What was heard under a name."""
        return [payload for heard, payload in self.heard if heard == name]

    def events(self, stream: str | None = None) -> list[Any]:
        """The events of streams, in the order in which they came."""
        found = [payload for name, payload in self.heard if name not in OUTSIDE_STREAMS]
        return [event for event in found if stream in (None, event["stream"])]

    def seqs(self, stream: str) -> list[int]:
        """The numbers of the events of a stream."""
        return [event["seq"] for event in self.events(stream)]

    async def until(self, reached: Callable[[], Any]) -> Any:
        """What the condition comes to be true with; fails when it never does."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (found := reached()):
                self._news.clear()
                await self._news.wait()
        return found

    async def hears(self, name: str, times: int = 1) -> Any:
        """The payload of the so-manieth event of this name."""
        found: list[Any] = await self.until(lambda: len(self.named(name)) >= times and self.named(name))
        return found[times - 1]

    async def leave(self) -> None:
        """Go."""
        if self.client.connected and self.client.transport() == "polling":
            await self.client.eio.disconnect(abort=True)  # it would wait for its last poll to be answered
        else:
            await self.client.disconnect()


class World:
    """The server, two cafes, and everybody's screens."""

    def __init__(self, services: Services, place: Place, other: Place, broker: WildBroker) -> None:
        self.services, self.place, self.other, self.broker = services, place, other, broker
        self.screens: list[Screen] = []
        self.bug: Exception | None = None
        self.moving: list[Id] = []
        """Orders whose moves have begun, in order."""
        self.may_move = asyncio.Event()
        self.may_move.set()
        self.url = ""
        self.live = self.server()

    def server(self, **options: Any) -> LiveServer:
        """A live server of this world; another one is another process."""
        revocations = Revocations(self.services.db, self.services.clock)
        tokens = Tokens(SECRET, self.services.clock, current=revocations.current)
        return LiveServer(
            db=self.services.db,
            broker=self.broker,
            verify=tokens.verify,
            move_order=self.move_order,
            clock=self.services.clock,
            allowed_origins=["https://friend.example.org"],
            revocations=revocations,
            heartbeat_seconds=1,
            now_ns=lambda: int(self.services.clock.now().timestamp() * 1_000_000_000),
            **options,
        )

    async def move_order(
        self,
        by: Actor,
        order_id: Id,
        status: OrderStatus,
        expected_version: int | None,
        reason: str | None,
        command_id: str | None,
    ) -> OrderView:
        """The use-case behind order_status_update, as the app wires it."""
        if self.bug is not None:
            raise self.bug
        self.moving.append(order_id)
        await self.may_move.wait()
        commands = self.services.commands
        return await commands.move(by, order_id, status, expected_version, reason, command_id)

    async def screen(
        self, namespace: str, who: Actor | Role, cursors: Any = None, url: str | None = None, **options: Any
    ) -> Screen:
        """Somebody who is connected; `session_ready` was heard."""
        screen = self.unconnected(namespace, url)
        auth = {"token": self.token(who)} | ({} if cursors is None else {"cursors": cursors})
        await screen.connect(auth, **options)
        await screen.hears("session_ready")
        return screen

    def unconnected(self, namespace: str, url: str | None = None) -> Screen:
        """A screen that is not connected yet."""
        self.screens.append(screen := Screen(url or self.url, namespace))
        return screen

    def token(self, who: Actor | Role) -> str:
        """A token for somebody of the first cafe, or for a person."""
        actor = self.place[who] if isinstance(who, Role) else who
        return self.place.token(actor)

    def kitchen(self) -> str:
        """The stream most tests listen to."""
        return f"cafe:{self.place.id}:kitchen"

    async def happen(self, key: str, times: int = 1, message: str = "Kitchen closes at nine") -> None:
        """So many events on a stream, in one transaction."""
        data = msgspec.json.encode({"message": message})

        async def decide(tx: Transaction) -> None:
            for _ in range(times):
                event_id = new_id()
                tx.tell(
                    Event(
                        cafe_id=tx.cafe_id,
                        stream=key,
                        name="announcement",
                        data=data,
                        event_id=event_id,
                        cause_id=event_id,
                        at=tx.now,
                    )
                )

        await self.services.db.transaction(self.place.id, decide)

    async def restart(self, key: str) -> None:
        """The stream begins a new epoch, as after a restored backup."""
        table = streams.stream

        async def decide(tx: Transaction) -> None:
            tx.update(table, {"cafe_id": tx.cafe_id, "key": key}, {"epoch": 2}, {"epoch": 1})

        await self.services.db.transaction(self.place.id, decide)

    async def revoke(self, *subject_ids: Id) -> None:
        """End a sign-in, a person or a table session, as their services do."""

        async def decide(tx: Transaction) -> None:
            revoke(tx, *subject_ids)

        await self.services.db.transaction(self.place.id, decide)

    async def gone(self, screen: Screen) -> None:
        """Have somebody leave; the server has noticed."""
        namespace, socket_id = screen.namespace, screen.client.get_sid(screen.namespace)
        await screen.leave()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.live.sessions.find(namespace, socket_id) is not None:  # noqa: ASYNC110 - there is no event
                await asyncio.sleep(0.01)

    async def let_time_pass(self, **duration: float) -> None:
        """Time passes for the server, and it looks after its sessions."""
        self.services.clock.let_time_pass(**duration)
        await self.live.sessions.look_after()


@asynccontextmanager
async def served(live: LiveServer) -> AsyncIterator[str]:
    """The live server behind a real web server on a free port."""
    config = uvicorn.Config(
        live.asgi,
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        ws=live.websocket,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        await live.start()
        running = asyncio.create_task(server.serve([listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            await live.stop()
            server.should_exit = True
            await running


def in_order(seqs: list[int]) -> bool:
    """Whether nothing is missing and nothing came twice."""
    return seqs == list(range(seqs[0], seqs[0] + len(seqs))) if seqs else True


def plain(value: Any) -> Any:
    """A struct as a client would read it."""
    return msgspec.json.decode(msgspec.json.encode(value))
