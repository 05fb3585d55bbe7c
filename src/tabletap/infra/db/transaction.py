"""The Transaction that use-cases are given, and what both engines promise about it."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

import msgspec

from tabletap.infra.db.job_request import JobRequest
from tabletap.infra.db.plan import Plan
from tabletap.infra.db.statement import Statement
from tabletap.kernel.errors import Kind, Refusal
from tabletap.kernel.events import Event, Fact
from tabletap.kernel.ids import Id, new_id

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)

correlation_id: ContextVar[str | None] = ContextVar("correlation_id", default=None)
"""The request, message or job that all log lines, events and jobs of this moment belong to."""


class Stale(Exception):
    """A guard failed: somebody else changed a row since it was read. The engine tries again, with locks."""


class DatabaseAway(Refusal):
    """The database cannot be reached right now; try again shortly, with the same key where one is used."""

    code, kind, retryable = "database_unavailable", Kind.UNAVAILABLE, True


class Duplicate(Exception):
    """A unique key was there already."""

    def __init__(self, table: str) -> None:
        self.table = table
        super().__init__(f"a row of {table} with this key exists")


class Reader(ABC):
    """Reads rows of one cafe."""

    cafe_id: Id
    now: datetime

    @abstractmethod
    async def rows(self, statement: Statement, params: dict[str, Any], lock: bool) -> list[Any]:
        """The statement's rows as sequences of Python values."""

    async def one(self, statement: Statement, into: type[S], *, lock: bool = False, **params: Any) -> S | None:
        """The first row as a struct, or None. `lock` matters on a retry: then the row is held until the end."""
        rows = await self.rows(statement, params, lock)
        return into(*rows[0]) if rows else None

    async def all(self, statement: Statement, into: type[S], *, lock: bool = False, **params: Any) -> list[S]:
        """All rows as structs."""
        return [into(*row) for row in await self.rows(statement, params, lock)]

    async def value(self, statement: Statement, **params: Any) -> Any:
        """The first column of the first row, or None."""
        rows = await self.rows(statement, params, False)
        return rows[0][0] if rows else None


class Transaction(Reader, Plan):
    """Reads now, says its writes as data, and has them written together at the end: rows, events and jobs, or nothing.

    Reads do not see this transaction's own writes: they are not written yet. A use-case therefore passes on what it
    decided. The decision may run more than once (after a stale guard), so it has no effect outside the transaction.
    """

    def __init__(self, cafe_id: Id, now: datetime, locked: bool) -> None:
        Plan.__init__(self)
        self.cafe_id = cafe_id
        self.now = now
        self.locked = locked
        self.facts: list[Fact] = []
        self.cause_id = new_id()
        """What all events of this change have in common."""
        self._remembered: dict[Any, Any] = {}

    def emit(self, *facts: Fact) -> None:
        """Say what happened. The reactions to it run before the commit and belong to this transaction."""
        self.facts.extend(facts)

    def tell(self, *events: Event) -> None:
        """Append events to their streams, last of all in the transaction."""
        self.events.extend(events)

    def enqueue(
        self,
        entrypoint: str,
        payload: msgspec.Struct,
        *,
        after: timedelta = timedelta(),
        at: datetime | None = None,
        priority: int = 0,
        dedupe_key: str | None = None,
    ) -> None:
        """Have a job run after the commit, after a while or at a moment."""
        delay = max(timedelta(), at - self.now) if at is not None else after
        encoded = msgspec.json.encode(payload)
        self.jobs.append(JobRequest(entrypoint, encoded, delay, priority, dedupe_key, correlation_id.get()))

    def remember(self, key: Any, value: Any) -> None:
        """Keep the state of something as this transaction will leave it, for whoever asks for it later on."""
        self._remembered[key] = value

    def recall(self, key: Any) -> Any:
        """What was remembered under the key, or None."""
        return self._remembered.get(key)

    @abstractmethod
    async def run(self, statement: Statement, **params: Any) -> int:
        """Write at once and answer how many rows it touched: for upkeep, in a transaction that began with locks."""

    async def settle(self, follow: "Follow") -> None:
        """Let reactions follow every fact, and the facts that they emit."""
        index = 0
        while index < len(self.facts):
            await follow(self, self.facts[index])
            index += 1
        self.put_in_order()


Follow = Callable[[Transaction, Fact], Awaitable[None]]
"""What follows a fact: handed in by the app (reactions)."""
Publish = Callable[[list[Event]], None]
"""Hears of every committed event, with its seq, in the event loop's thread."""
Work = Callable[[Transaction], Awaitable[T]]
"""A decision: reads, decides, says its writes. On SQLite it may wait for nothing but its own reads."""
Look = Callable[[Reader], Awaitable[T]]


class Database(Protocol):
    """One of the two engines."""

    engine: str
    """`sqlite` or `postgres`."""

    async def start(self) -> None:
        """Open connections. The schema must be current (see migrate)."""
        ...

    async def stop(self) -> None:
        """Finish what runs and close."""
        ...

    async def transaction(self, cafe_id: Id, work: Work[T], *, lock: bool = False) -> T:
        """Run a decision and write what it said, in one commit. What it raises is raised, and nothing is written.

        `lock` takes row locks from the first try, for upkeep and for rows that are always contended.
        """
        ...

    async def read(self, cafe_id: Id, look: Look[T], *, consistent: bool = False) -> T:
        """Run reads only, scoped to a cafe. `consistent`: all of them see one moment."""
        ...

    async def across_cafes(self, look: Look[T]) -> T:
        """Run the few look-ups that find the tenant or serve every tenant; each is named in infra/tenancy.py."""
        ...
