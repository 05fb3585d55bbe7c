"""Time travel and other liberties with the job queue, on either engine."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import msgspec

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.postgres import PostgresDatabase
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import new_id

PATIENCE_SECONDS = 30


class Note(msgspec.Struct):
    """A payload for jobs whose work is not the point."""

    text: str = ""


async def enqueue(
    db: AnyDatabase, entrypoint: str, payload: msgspec.Struct | None = None, fail: bool = False, **terms: Any
) -> None:
    """Enqueue one job in a transaction of its own; `fail` makes that transaction raise ValueError at its end."""

    async def decide(tx: Transaction) -> None:
        tx.enqueue(entrypoint, payload or Note(), **terms)
        if fail:
            raise ValueError("decided otherwise")

    await db.transaction(new_id(), decide)


async def hurry(db: AnyDatabase, by: timedelta) -> None:
    """Let time pass for everything that waits: queued jobs and schedules are due that much earlier."""
    if isinstance(db, PostgresDatabase):
        await db.system_pool.execute(
            "UPDATE pgqueuer SET execute_after = execute_after - $1::interval WHERE status = 'queued'", by
        )
        await db.system_pool.execute(
            "UPDATE pgqueuer_schedules SET next_run = next_run - $1::interval WHERE status = 'queued'", by
        )
        return
    seconds = (by.total_seconds(),)
    await db.on_writer(
        lambda execute: (
            execute("UPDATE pgqueuer SET execute_after = execute_after - ? WHERE status = 'queued'", seconds),
            execute("UPDATE pgqueuer_schedules SET next_run = next_run - ? WHERE status = 'queued'", seconds),
        )
    )
    if db.on_enqueued is not None:
        db.on_enqueued()


async def silence_workers(db: AnyDatabase) -> None:
    """Let whoever claimed a job seem to be dead for a day."""
    if isinstance(db, PostgresDatabase):
        await db.system_pool.execute("UPDATE pgqueuer SET heartbeat = heartbeat - interval '1 day'")
    else:
        await db.on_writer(lambda execute: execute("UPDATE pgqueuer SET heartbeat = heartbeat - 86400"))


async def jobs_in(db: AnyDatabase) -> list[tuple[str, str]]:
    """Entrypoint and status of every job there is, in the order in which they were added."""
    sql = "SELECT entrypoint, status FROM pgqueuer ORDER BY id"
    if isinstance(db, PostgresDatabase):
        return [(row[0], row[1]) for row in await db.system_pool.fetch(sql)]
    return db.on_reader(lambda execute: execute(sql).fetchall())


async def nothing_due(db: AnyDatabase) -> bool:
    """Whether no job runs and none should: what is left waits for its time or for somebody to release it."""
    if isinstance(db, PostgresDatabase):
        sql = "SELECT count(*) FROM pgqueuer WHERE status = 'picked' OR (status = 'queued' AND execute_after <= now())"
        return int(await db.system_pool.fetchval(sql)) == 0
    sql = "SELECT count(*) FROM pgqueuer WHERE status = 'picked' OR (status = 'queued' AND execute_after <= ?)"
    return int(db.on_reader(lambda execute: execute(sql, (time.time(),)).fetchone()[0])) == 0


async def log_length(db: AnyDatabase) -> int:
    """How many lines the log of jobs has."""
    sql = "SELECT count(*) FROM pgqueuer_log"
    if isinstance(db, PostgresDatabase):
        return int(await db.system_pool.fetchval(sql))
    return int(db.on_reader(lambda execute: execute(sql).fetchone()[0]))


async def assert_eventually(holds: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait until something holds; fail after long patience."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            answer = holds()
            if await answer if inspect.isawaitable(answer) else answer:
                return
            await asyncio.sleep(0.01)
