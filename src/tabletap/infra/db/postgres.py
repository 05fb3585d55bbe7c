"""PostgreSQL through bare asyncpg: reads, then one guarded statement; row locks only on a retry."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import msgspec

from tabletap.infra.db.postgres_write import arguments_of, shape_of, text
from tabletap.infra.db.statement import Compiled, Statement
from tabletap.infra.db.transaction import (
    DatabaseAway,
    Duplicate,
    Follow,
    Look,
    Publish,
    Reader,
    Stale,
    T,
    Transaction,
    Work,
)
from tabletap.kernel.clock import Clock
from tabletap.kernel.ids import Id

TENANT_ROLE = "tabletap_tenant"
"""Owns nothing and is no superuser, so that row-level security binds it."""
STALE_STATE = "TT001"
_TRIES = 8
_CHECK_VIOLATION = "23514"
_RETRIED_STATES = {STALE_STATE, "40P01", "40001"}


class Connection(asyncpg.Connection):
    """A connection that knows which cafe its row-level security lets it see."""

    cafe_id: Id | None = None


async def _prepare(connection: "asyncpg.Connection[Any]") -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=_jsonb_in,
        decoder=lambda raw: msgspec.json.decode(raw[1:]),
    )


def _jsonb_in(value: Any) -> bytes:
    return b"\x01" + msgspec.json.encode(value)


async def _prepare_tenant(connection: "asyncpg.Connection[Any]") -> None:
    await _prepare(connection)
    await connection.execute(f"SET ROLE {TENANT_ROLE}")


async def _keep_state(connection: "asyncpg.Connection[Any]") -> None:
    """Instead of the pool's RESET ALL after every use: our sessions differ only in the cafe, which is tracked."""


_AWAY = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
)


@asynccontextmanager
async def _reached() -> AsyncIterator[None]:
    """A database that is away is a refusal which says so; with an idempotency key, asking again is always safe."""
    try:
        yield
    except _AWAY as error:
        if isinstance(error, ValueError):
            raise  # a wrong argument is a bug of ours, though the driver files it under its interface errors
        raise DatabaseAway(retry_after_seconds=2) from error


async def _fetched(connection: Any, compiled: Compiled, params: dict[str, Any]) -> list[Any]:
    return [compiled.row(row) for row in await connection.fetch(compiled.text, *compiled.arguments(params))]


class PostgresReader(Reader):
    """Reads on one connection."""

    connection: Any

    def __init__(self, connection: Any, cafe_id: Id, now: Any) -> None:
        self.connection, self.cafe_id, self.now = connection, cafe_id, now

    async def rows(self, statement: Statement, params: dict[str, Any], lock: bool) -> list[Any]:
        """The statement's rows."""
        return await _fetched(self.connection, statement.postgres(), params)


class PostgresTransaction(Transaction):
    """One try of one decision."""

    def __init__(self, connection: Any, cafe_id: Id, now: Any, locked: bool) -> None:
        super().__init__(cafe_id, now, locked)
        self.connection = connection

    async def rows(self, statement: Statement, params: dict[str, Any], lock: bool) -> list[Any]:
        """The statement's rows, held until the end when this try takes locks."""
        return await _fetched(self.connection, statement.postgres(lock and self.locked), params)

    async def run(self, statement: Statement, **params: Any) -> int:
        """Write at once."""
        assert self.locked, "an upkeep transaction begins with locks"
        compiled = statement.postgres()
        status = await self.connection.execute(compiled.text, *compiled.arguments(params))
        return int(status.rsplit(" ", 1)[-1])

    async def write(self) -> None:
        """Write the whole plan as one statement and number its events."""
        if self.is_empty:
            return
        row = await self.connection.fetchrow(text(shape_of(self)), *arguments_of(self))
        if row[0] is None:
            return
        self.number_events(zip(*row, strict=True))


class PostgresDatabase:
    """The scale-out engine."""

    engine = "postgres"

    def __init__(self, url: str, clock: Clock, follow: Follow, publish: Publish, connections: int = 4) -> None:
        self.url, self.clock, self.follow, self.publish = url, clock, follow, publish
        self.connections = connections

    async def start(self) -> None:
        """Open the pools: one bound to a tenant by row-level security, one for what serves all of them."""
        options: dict[str, Any] = {
            "statement_cache_size": 500,
            "reset": _keep_state,
            "max_inactive_connection_lifetime": 0,
        }
        self._tenants = await asyncpg.create_pool(
            self.url,
            min_size=1,
            max_size=self.connections,
            init=_prepare_tenant,
            connection_class=Connection,
            **options,
        )
        self._system = await asyncpg.create_pool(self.url, min_size=1, max_size=2, init=_prepare, **options)

    async def stop(self) -> None:
        """Wait for what runs, then close."""
        await self._tenants.close()
        await self._system.close()

    @asynccontextmanager
    async def _of(self, cafe_id: Id) -> AsyncIterator[Any]:
        async with _reached(), self._tenants.acquire() as connection:
            bare: Any = getattr(connection, "_con")  # noqa: B009  # the pool's proxy has no room for a note of ours
            if bare.cafe_id != cafe_id:
                bare.cafe_id = None
                await connection.fetchval("SELECT set_config('app.cafe_id', $1, false)", cafe_id)
                bare.cafe_id = cafe_id
            yield connection

    async def transaction(self, cafe_id: Id, work: Work[T], *, lock: bool = False) -> T:
        """First on plain reads; when a guard fails, again with row locks held (contract of Database)."""
        for attempt in range(_TRIES):
            try:
                async with self._of(cafe_id) as connection:
                    return await self._attempt(connection, cafe_id, work, lock or attempt > 0)
            except Stale:
                continue
            except asyncpg.PostgresError as error:
                # Reads may be of different moments, and what they add up to may break a rule: those without locks, and
                # with locks what was read before one had to be waited for. Broken every time, it is a fault of ours.
                may_be_torn = error.sqlstate == _CHECK_VIOLATION and attempt < _TRIES - 1
                if error.sqlstate not in _RETRIED_STATES and not may_be_torn:
                    raise
                await asyncio.sleep(0.001 * attempt)
        raise DatabaseAway("Too many people change the same thing at once; try again.", retry_after_seconds=1)

    async def _attempt(self, connection: Any, cafe_id: Id, work: Work[T], locked: bool) -> T:
        transaction = PostgresTransaction(connection, cafe_id, self.clock.now(), locked)
        if locked:
            async with connection.transaction():
                result = await self._decide(transaction, work)
        else:
            result = await self._decide(transaction, work)
        if transaction.events:
            self.publish(transaction.events)
        return result

    async def _decide(self, transaction: PostgresTransaction, work: Work[T]) -> T:
        result = await work(transaction)
        await transaction.settle(self.follow)
        try:
            await transaction.write()
        except asyncpg.UniqueViolationError as error:
            table = error.table_name or ""
            if table in transaction.retried_on_duplicate:
                raise Stale from error
            raise Duplicate(table) from error
        return result

    async def read(self, cafe_id: Id, look: Look[T], *, consistent: bool = False) -> T:
        """Reads only (contract of Database)."""
        async with self._of(cafe_id) as connection:
            reader = PostgresReader(connection, cafe_id, self.clock.now())
            if not consistent:
                return await look(reader)
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return await look(reader)

    async def across_cafes(self, look: Look[T]) -> T:
        """Reads that find or serve every tenant (contract of Database)."""
        async with _reached(), self._system.acquire() as connection:
            return await look(PostgresReader(connection, "", self.clock.now()))

    @property
    def system_pool(self) -> Any:
        """For the job engine and the migrations, which belong to no cafe."""
        return self._system
