"""One database, one or two processes that serve it live, and hints between them that may go astray."""

import asyncio
import random
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from typing import Any, Literal, TypeVar, get_args

import msgspec

from tabletap.cafes.service import CafeService
from tabletap.identity.tokens import Tokens
from tabletap.infra import streams
from tabletap.infra.broker import MemoryBroker
from tabletap.infra.db.open import AnyDatabase, open_database
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.infra.revocations import Revocations
from tabletap.kernel.clock import SystemClock
from tabletap.kernel.errors import NotAllowed
from tabletap.kernel.events import Event
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Actor, Role
from tabletap.orders.model import OrderView
from tabletap.reactions import follow
from tabletap.realtime.connections import LiveLimits
from tabletap.realtime.server import LiveServer
from tests.realtime.chaos.followers import Follower
from tests.realtime.world import served

SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a6978"
T = TypeVar("T")
Mood = Literal["passes", "loses", "doubles", "reorders", "holds back"]
MOODS: tuple[Mood, ...] = get_args(Mood)
ANYBODY = LiveLimits(connections_per_person=1_000, connects_per_minute=1_000_000)


class Undecided(Exception):
    """A transaction that comes to nothing."""


async def tell(
    db: AnyDatabase, cafe_id: Id, keys: Sequence[str], *, padding: int = 0, comes_to_nothing: bool = False
) -> list[Id]:
    """Tell streams one event each, in one transaction; answers the ids, none where it came to nothing."""
    told: list[Id] = []

    async def decide(tx: Transaction) -> None:
        told.clear()
        for key in keys:
            event_id = new_id()
            told.append(event_id)
            data = msgspec.json.encode({"message": event_id, "padding": "x" * padding})
            tx.tell(
                Event(
                    cafe_id=cafe_id, stream=key, name="announcement", data=data,
                    event_id=event_id, cause_id=event_id, at=tx.now,
                )
            )  # fmt: skip
        if comes_to_nothing:
            raise Undecided

    try:
        await db.transaction(cafe_id, decide)
    except Undecided:
        return []
    return told


class Process:
    """A live server, with a connection to the database and a broker of its own."""

    def __init__(self, url: str, place: "Place") -> None:
        self.place = place
        self.db: AnyDatabase = open_database(url, place.clock, follow, place.publish)
        self.broker = MemoryBroker()
        self.mood: Mood = "passes"
        self.held: list[Event] = []
        self.url = ""
        self._serving = AsyncExitStack()

    async def start(self) -> None:
        """Begin to serve, on a new port."""
        self.broker = MemoryBroker()
        revocations = Revocations(self.db, self.place.clock)
        self.live = LiveServer(
            db=self.db,
            broker=self.broker,
            verify=Tokens(SECRET, self.place.clock, current=revocations.current).verify,
            move_order=_nobody_moves_orders,
            clock=self.place.clock,
            revocations=revocations,
            limits=ANYBODY,
        )
        self.url = await self._serving.enter_async_context(served(self.live))

    async def stop(self) -> None:
        """Serve no longer; safe to repeat."""
        await self._serving.aclose()

    def hint(self, events: list[Event], chance: random.Random) -> None:
        """Some process has committed these; what arrives of that is a matter of mood."""
        match self.mood:
            case "passes":
                self.broker.publish(events)
            case "doubles":
                self.broker.publish([*events, *events])
                self.broker.publish(events)
            case "reorders":
                self.held.extend(events)
                chance.shuffle(self.held)
                some, self.held = self.held[::2], self.held[1::2]
                self.broker.publish(some)
            case "holds back":
                self.held.extend(events)
            case "loses":
                pass

    def let_go(self) -> None:
        """What was held back arrives after all."""
        late, self.held = self.held, []
        self.broker.publish(late)


async def _nobody_moves_orders(*_: Any, **__: Any) -> OrderView:
    raise NotAllowed


class Place:
    """The database and its processes, and the loop in which they live."""

    def __init__(self, url: str, processes: int) -> None:
        self.clock = SystemClock()
        self.tokens = Tokens(SECRET, self.clock)
        self._runner = asyncio.Runner()
        self.chance = random.Random(1)  # noqa: S311 - not for secrets
        self.processes = [Process(url, self) for _ in range(processes)]
        self.examples = self.events = self.heard = self.comings = self.restarts = 0
        self.run(self._start())

    async def _start(self) -> None:
        for process in self.processes:
            await process.db.start()
            await process.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something, while everything else goes on."""
        return self._runner.run(work)

    def close(self) -> None:
        """Nobody needs it any more."""

        async def stop() -> None:
            for process in self.processes:
                await process.stop()
                await process.db.stop()

        self.run(stop())
        self._runner.close()

    def publish(self, events: list[Event]) -> None:
        """One of the processes has committed."""
        for process in self.processes:
            process.hint(events, self.chance)

    def new_cafe(self) -> Id:
        """A cafe that nobody was at before."""
        service = CafeService(self.processes[0].db, self.clock, dict)
        return self.run(service.create("Corner", "AUD", "Australia/Sydney")).cafe_id

    def follower(self, cafe_id: Id, role: Role, namespace: str, person_id: Id | None = None) -> Follower:
        """Somebody who may follow streams."""
        person_id = person_id or new_id()
        actor = Actor(cafe_id=cafe_id, person_id=person_id, roles=frozenset({role}))
        token = self.tokens.issue(cafe_id=cafe_id, person_id=person_id, roles=actor.roles)
        return Follower(cafe_id, person_id, role, namespace, token)

    async def commit(self, process: Process, cafe_id: Id, keys: Sequence[str], *, comes_to_nothing: bool) -> list[Id]:
        """Tell streams one event each, in one transaction of a process; answers their ids."""
        told = await tell(process.db, cafe_id, keys, comes_to_nothing=comes_to_nothing)
        self.events += len(told)
        return told

    async def truth(self, cafe_id: Id, key: str) -> list[Event]:
        """The whole stream."""

        async def look(reader: Reader) -> list[Event]:
            return await streams.events_after(reader, cafe_id, key, 0, 100_000)

        return await self.processes[0].db.read(cafe_id, look)

    def summary(self) -> str:
        """What was played."""
        return (
            f"{self.examples} lives, {self.events} events heard {self.heard} times, {self.comings} connections, "
            f"{self.restarts} restarts, {len(self.processes)} processes"
        )
