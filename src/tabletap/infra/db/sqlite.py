"""SQLite: one writer thread with group commit, readers apart.

A decision is a coroutine that is driven to its end on the writer thread without an event loop. One that waits for
anything but its own reads is an error, so "no network while a transaction is open" holds by construction.
"""

import asyncio
import contextvars
import queue
import re
import sqlite3
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tabletap.infra.db.job_request import enqueue_on_sqlite
from tabletap.infra.db.plan import Plan, Update
from tabletap.infra.db.schema import metadata
from tabletap.infra.db.statement import Convert, Statement, instant_number, to_sqlite
from tabletap.infra.db.transaction import Duplicate, Follow, Look, Publish, Reader, Stale, T, Transaction, Work
from tabletap.kernel.clock import Clock
from tabletap.kernel.ids import Id

_BATCH = 256
_HEADS = "INSERT INTO stream (cafe_id, key, head, epoch) VALUES "
_HEAD = "(?, ?, ?, coalesce((SELECT epoch FROM stream_epoch WHERE cafe_id = ?1), 1))"
"""A plan's events are of one cafe: the first parameter."""
_HEADS_MOVED = " ON CONFLICT (cafe_id, key) DO UPDATE SET head = head + excluded.head RETURNING key, head, epoch"
_EVENTS = "INSERT INTO stream_event (cafe_id, key, seq, event_id, cause_id, name, at, schema_version, data) VALUES "
_UNIQUE = re.compile(r"UNIQUE constraint failed: (\w+)\.")


class Waited(RuntimeError):
    """A decision waited for something other than its own database: a bug."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection as every part of TableTap wants it: WAL, nothing lost on a power cut, foreign keys on."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=10000",
        "cache_size=-32768",
        "temp_store=MEMORY",  # savepoints of many pages would spill into a file, opened and removed again for each
        "wal_autocheckpoint=4000",  # pages: every start dirties the same ones, so copy them home more seldom
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def drive(coroutine: Awaitable[T]) -> T:
    """Run a coroutine that waits for nothing to its end."""
    steps = coroutine.__await__()
    try:
        next(steps)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # StopIteration carries Any
    close = getattr(steps, "close", None)
    if close is not None:
        close()
    raise Waited("a transaction may not wait for anything but its own database")


Execute = Callable[..., sqlite3.Cursor]


class SqliteReader(Reader):
    """Reads on one connection."""

    def __init__(self, execute: Execute, cafe_id: Id, now: Any) -> None:
        self._execute, self.cafe_id, self.now = execute, cafe_id, now

    async def rows(self, statement: Statement, params: dict[str, Any], lock: bool) -> list[Any]:
        """The statement's rows."""
        return _fetch(self._execute, statement, params)


def _fetch(execute: Execute, statement: Statement, params: dict[str, Any]) -> list[Any]:
    compiled = statement.sqlite
    return [compiled.row(row) for row in execute(compiled.text, compiled.arguments(params)).fetchall()]


class SqliteTransaction(Transaction):
    """One decision inside the writer's transaction; nobody else writes meanwhile, so it never needs a second try."""

    def __init__(self, execute: Execute, cafe_id: Id, now: Any) -> None:
        super().__init__(cafe_id, now, locked=True)
        self.execute = execute

    async def rows(self, statement: Statement, params: dict[str, Any], lock: bool) -> list[Any]:
        """The statement's rows."""
        return _fetch(self.execute, statement, params)

    async def run(self, statement: Statement, **params: Any) -> int:
        """Write at once."""
        compiled = statement.sqlite
        return self.execute(compiled.text, compiled.arguments(params)).rowcount

    def write(self) -> None:
        """Write the plan: guarded updates, rows, jobs, and the streams last."""
        write_plan(self.execute, self)


def write_plan(execute: Execute, plan: Plan) -> None:
    """One plan, statement by statement. Raises Stale when a guard fails and Duplicate for a key that exists."""
    try:
        for update in plan.updates.values():
            sql, arguments = _update(update)
            if execute(sql, arguments).rowcount != 1:
                raise Stale
        for table, key in plan.removals:
            execute(f"DELETE FROM {table.name} WHERE {' AND '.join(f'{name} = ?' for name in key)}", list(key.values()))
        for (name, fields), (_, rows) in plan.inserts.items():
            sql, converts = _insert(name, fields)
            for row in rows:
                execute(
                    sql, [convert(value) if convert else value for value, convert in zip(row, converts, strict=True)]
                )
    except sqlite3.IntegrityError as error:
        match = _UNIQUE.match(str(error))
        if match is None:
            raise
        raise Duplicate(match[1]) from error
    for job in plan.jobs:
        enqueue_on_sqlite(execute, job)
    _append(execute, plan)


def _append(execute: Execute, plan: Plan) -> None:
    """Each stream's head moves once, by the number of its new events: a statement for all heads, one for all events."""
    if not plan.events:
        return
    many = Counter((event.cafe_id, event.stream) for event in plan.events)
    moves = [value for (cafe_id, key), count in many.items() for value in (cafe_id, key, count)]
    plan.number_events(execute(_heads_text(len(many)), moves).fetchall())
    arguments: list[Any] = []
    for event in plan.events:
        arguments += (event.cafe_id, event.stream, event.seq, event.event_id, event.cause_id, event.name)
        arguments += (instant_number(event.at), event.schema_version, event.data)
    execute(_events_text(len(plan.events)), arguments)


@cache
def _heads_text(count: int) -> str:
    return _HEADS + ", ".join([_HEAD] * count) + _HEADS_MOVED


@cache
def _events_text(count: int) -> str:
    return _EVENTS + ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?, ?)"] * count)


@cache
def _insert(table: str, fields: tuple[str, ...]) -> tuple[str, list[Convert | None]]:
    columns: sa.ColumnCollection[Any, Any] = metadata.tables[table].columns
    marks = ", ".join("?" * len(fields))
    return f"INSERT INTO {table} ({', '.join(fields)}) VALUES ({marks})", [
        to_sqlite(columns[name].type) for name in fields
    ]


def _update(update: Update) -> tuple[str, list[Any]]:
    nulls = tuple(name for name, value in update.guard.items() if value is None)
    guards = {name: value for name, value in update.guard.items() if value is not None}
    sql, converts = _update_text(update.table.name, tuple(update.values), tuple(update.key), tuple(guards), nulls)
    values = (*update.values.values(), *update.key.values(), *guards.values())
    return sql, [convert(value) if convert else value for value, convert in zip(values, converts, strict=True)]


@cache
def _update_text(
    table: str, values: tuple[str, ...], key: tuple[str, ...], guards: tuple[str, ...], nulls: tuple[str, ...]
) -> tuple[str, list[Convert | None]]:
    columns: sa.ColumnCollection[Any, Any] = metadata.tables[table].columns
    where = [f"{name} = ?" for name in (*key, *guards)] + [f"{name} IS NULL" for name in nulls]
    text = f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in values)} WHERE {' AND '.join(where)}"
    return text, [to_sqlite(columns[name].type) for name in (*values, *key, *guards)]


class _Unit:
    """A decision waiting for its turn on the writer thread."""

    __slots__ = ("cafe_id", "context", "future", "work")

    def __init__(self, cafe_id: Id, work: Work[Any], future: asyncio.Future[Any]) -> None:
        self.cafe_id, self.work, self.future = cafe_id, work, future
        self.context = contextvars.copy_context()


_NOTHING = Plan()
Outcome = tuple[_Unit, Any, BaseException | None, Plan]
"""The decision, its result or its error, and what it wrote."""


class SqliteDatabase:
    """The embedded engine: one process, one file."""

    engine = "sqlite"

    def __init__(self, path: Path, clock: Clock, follow: Follow, publish: Publish) -> None:
        self.path, self.clock, self.follow, self.publish = path, clock, follow, publish
        self._asked: list[_Unit] = []
        """Decisions of this turn of the loop: they go to the writer together."""
        self._queue: queue.SimpleQueue[list[_Unit]] = queue.SimpleQueue()
        """What is asked for together; an empty list says that there will be no more."""
        self.on_enqueued: Callable[[], None] | None = None
        """Told after a commit that added jobs: the job engine, when it runs in this process."""

    async def start(self) -> None:
        """Open the file and start the writer."""
        self._loop = asyncio.get_running_loop()
        self._writing, self._reading = connect(self.path), connect(self.path)
        self._reading.execute("PRAGMA query_only=ON")
        self._thread = threading.Thread(target=self._write_on, name="sqlite-writer", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Finish what is queued and close."""
        self._hand_over()
        self._queue.put([])
        await asyncio.to_thread(self._thread.join)
        await asyncio.sleep(0)
        self._writing.close()
        self._reading.close()

    async def transaction(self, cafe_id: Id, work: Work[T], *, lock: bool = False) -> T:
        """On the writer thread, committed together with whatever else waits there (contract of Database)."""
        future: asyncio.Future[T] = self._loop.create_future()
        if not self._asked:
            self._loop.call_soon(self._hand_over)
        self._asked.append(_Unit(cafe_id, work, future))
        return await future

    def _hand_over(self) -> None:
        """Wake the writer once for all that this turn of the loop asks for, so that it commits once, too."""
        if self._asked:
            self._queue.put(self._asked)
            self._asked = []

    async def read(self, cafe_id: Id, look: Look[T], *, consistent: bool = False) -> T:
        """Reads only, at once: SQLite answers from its page cache quicker than a thread could be asked."""
        return self._look(SqliteReader(self._reading.execute, cafe_id, self.clock.now()), look)

    async def across_cafes(self, look: Look[T]) -> T:
        """Reads that find or serve every tenant (contract of Database)."""
        return self._look(SqliteReader(self._reading.execute, "", self.clock.now()), look)

    def _look(self, reader: SqliteReader, look: Look[T]) -> T:
        self._reading.execute("BEGIN")
        try:
            return drive(look(reader))
        finally:
            self._reading.execute("COMMIT")

    async def on_writer(self, work: Callable[[Execute], T]) -> T:
        """Run plain SQL on the writer thread in the running group commit: for the job engine, which has no cafe."""

        async def run(transaction: Transaction) -> T:
            assert isinstance(transaction, SqliteTransaction)
            return work(transaction.execute)

        return await self.transaction("", run)

    def on_reader(self, work: Callable[[Execute], T]) -> T:
        """Run plain reading SQL at once: for the job engine."""
        return work(self._reading.execute)

    def _write_on(self) -> None:
        """Take whatever waits, run it in one transaction, each decision in a savepoint of its own, and commit once."""
        execute = self._writing.execute
        while units := self._queue.get():
            taken: list[_Unit] = []
            done: list[Outcome] = []
            try:
                execute("BEGIN IMMEDIATE")
                while units:
                    taken += units
                    done += [self._run(execute, unit) for unit in units]
                    units = self._next() if len(taken) < _BATCH else []
                execute("COMMIT")
            except sqlite3.Error as error:
                if self._writing.in_transaction:
                    execute("ROLLBACK")
                done = [(unit, None, error, _NOTHING) for unit in taken or units]
            self._loop.call_soon_threadsafe(self._committed, done)

    def _next(self) -> list[_Unit]:
        """What else waits now. The end of all work is put back for the outer loop to see."""
        try:
            units = self._queue.get_nowait()
        except queue.Empty:
            return []
        if not units:
            self._queue.put(units)
        return units

    def _run(self, execute: Execute, unit: _Unit) -> Outcome:
        transaction = SqliteTransaction(execute, unit.cafe_id, self.clock.now())
        execute("SAVEPOINT decision")
        try:
            result = unit.context.run(drive, self._decide(transaction, unit.work))
            execute("RELEASE decision")
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to whoever waits for this decision
            execute("ROLLBACK TO decision")
            execute("RELEASE decision")
            return unit, None, error, _NOTHING
        return unit, result, None, transaction

    async def _decide(self, transaction: SqliteTransaction, work: Work[T]) -> T:
        result = await work(transaction)
        await transaction.settle(self.follow)
        transaction.write()
        return result

    def _committed(self, done: list[Outcome]) -> None:
        if self.on_enqueued is not None and any(plan.jobs for *_, plan in done):
            self.on_enqueued()
        for unit, result, error, plan in done:
            if plan.events:
                self.publish(plan.events)
            if unit.future.done():
                continue
            if error is not None:
                unit.future.set_exception(error)
            else:
                unit.future.set_result(result)
