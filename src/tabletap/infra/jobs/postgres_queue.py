"""The library's own queries on PostgreSQL, through our pool, with a LISTEN connection of their own."""

import asyncio
import logging
from datetime import timedelta
from typing import Any, Self, cast

import asyncpg
from pgqueuer.adapters.drivers.asyncpg import Relay
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.core.tm import TaskManager
from pgqueuer.domain import models, types
from pgqueuer.ports.driver import NotifyCallback
from pgqueuer.ports.repository import EntrypointExecutionParameter

from tabletap.infra.db.job_request import (
    OVERDUE_PRIORITY,
    POSTGRES_JOB_CASTS,
    JobRequest,
    postgres_arguments,
    postgres_enqueue,
)
from tabletap.infra.db.postgres import PostgresDatabase
from tabletap.infra.jobs.bell import Bell
from tabletap.infra.jobs.claimed import ClaimedJob, to_held
from tabletap.infra.jobs.model import HeldJob, JobAlreadyQueued, JobNotHeld

log = logging.getLogger(__name__)

_ANSWER_WITHIN_SECONDS = 30
"""A connection that says nothing for so long is as good as lost; the engine then starts its worker again."""

_UNREACHABLE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
_VALUES = "(" + ", ".join(f"${number}::{cast}" for number, cast in enumerate(POSTGRES_JOB_CASTS, start=1)) + ")"
_PUT = "WITH " + ", ".join(postgres_enqueue(_VALUES)) + " SELECT count(*) FROM job_new"
_HELD = """
SELECT id, entrypoint, payload, attempts, starts, updated, headers, last.traceback
FROM pgqueuer LEFT JOIN LATERAL (
  SELECT traceback FROM pgqueuer_log WHERE job_id = pgqueuer.id AND traceback IS NOT NULL
  ORDER BY created DESC, pgqueuer_log.id DESC LIMIT 1
) AS last ON true
WHERE status = 'failed' ORDER BY id LIMIT $1
"""
_PRUNE = """
DELETE FROM pgqueuer_log WHERE created < now() - $1::interval
AND NOT EXISTS (SELECT FROM pgqueuer WHERE pgqueuer.id = job_id)
"""
_OVERDUE = f"""
UPDATE pgqueuer SET priority = {OVERDUE_PRIORITY}
WHERE status = 'queued' AND execute_after <= now() - $1::interval AND priority < {OVERDUE_PRIORITY}
"""


class PostgresDriver:
    """What the library asks of a driver: queries on the system pool, notifications on a connection of its own."""

    def __init__(self, db: PostgresDatabase) -> None:
        self._db = db
        self._shutdown = asyncio.Event()
        self._tasks = TaskManager()
        self._listening: Any = None
        self.listens = asyncio.Event()
        self.bell = Bell()

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        """The rows."""
        async with asyncio.timeout(_ANSWER_WITHIN_SECONDS):
            return [dict(row) for row in await self._db.system_pool.fetch(query, *args)]

    async def execute(self, query: str, *args: object) -> str:
        """PostgreSQL's word for what was done, for instance `DELETE 3`."""
        async with asyncio.timeout(_ANSWER_WITHIN_SECONDS):
            return cast("str", await self._db.system_pool.execute(query, *args))

    async def notify(self, channel: str, payload: str) -> None:
        """Tell every worker."""
        await self.execute("SELECT pg_notify($1, $2)", channel, payload)

    async def add_listener(self, channel: str, callback: NotifyCallback) -> None:
        """Hear of notifications from now on."""
        if self._listening is None:
            self._listening = await asyncpg.connect(self._db.url, timeout=_ANSWER_WITHIN_SECONDS)
        await self._listening.add_listener(channel, Relay(callback))
        self.listens.set()
        self.bell.add(callback)

    async def close(self) -> None:
        """Hear of nothing any more; safe to repeat."""
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.terminate()

    @property
    def shutdown(self) -> asyncio.Event:
        """Part of the library's contract; nothing sets it."""
        return self._shutdown

    @property
    def tm(self) -> TaskManager:
        """The driver's background tasks: none."""
        return self._tasks

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """The library enters one driver from two places; whoever made it closes it."""


class PostgresQueue(Queries):
    """The library's queries where they suit us, and ours where they do not."""

    def __init__(self, db: PostgresDatabase) -> None:
        self._driver = PostgresDriver(db)
        super().__init__(self._driver)

    async def close(self) -> None:
        """Give back the LISTEN connection; safe to repeat."""
        await self._driver.close()

    def changed(self) -> None:
        """Wake the worker of this process. The table's trigger tells all of them, but of new and ended jobs alone."""
        self._driver.bell.ring_for_work()

    async def notify_health_check(self, health_check_event_id: types.HealthCheckId) -> None:
        """Ask ourselves whether we hear: once we listen, for the library asks before that and would wait in vain."""
        await self._driver.listens.wait()
        await super().notify_health_check(health_check_event_id)

    async def put(self, job: JobRequest) -> None:
        """Enqueue outside a transaction of ours, unless one with its key waits or runs."""
        await self.driver.execute(_PUT, *postgres_arguments(job))

    async def dequeue(
        self,
        batch_size: int,
        entrypoints: dict[types.QueueEntrypoint, EntrypointExecutionParameter],
        queue_manager_id: types.QueueManagerId,
        global_concurrency_limit: int | None,
        heartbeat_timeout: timedelta,
    ) -> list[models.Job]:
        """Claim jobs that are due, or whose worker is silent, and count their start in the same statement."""
        query = self.qbq.build_dequeue_query(
            batch_size=batch_size,
            entrypoints=list(entrypoints),
            concurrency_limits=[limits.concurrency_limit for limits in entrypoints.values()],
            queue_manager_id=queue_manager_id,
            global_concurrency_limit=global_concurrency_limit,
            heartbeat_timeout=heartbeat_timeout,
        )
        return [ClaimedJob.model_validate(row) for row in await self.driver.fetch(query.sql, *query.args)]

    async def log_jobs(
        self, job_status: list[tuple[models.Job, types.JOB_STATUS, models.TracebackRecord | None]]
    ) -> None:
        """Take ended jobs off the queue, or put them on hold. Our pool turns JSON itself, the library's does not."""
        await self.driver.execute(
            self.qbq.build_log_job_query(),
            [job.id for job, _, _ in job_status],
            [status for _, status, _ in job_status],
            [record.model_dump(mode="json") if record else None for _, _, record in job_status],
        )

    async def retry_job(
        self, job: models.Job, delay: timedelta, traceback_record: models.TracebackRecord | None
    ) -> None:
        """Put the job back. When that fails it stays claimed, and is run again once its heartbeat is old.

        The library would put it on hold instead, and a database that restarts would fill the hold with sound jobs.
        """
        record = traceback_record.model_dump(mode="json") if traceback_record else None
        try:
            await self.driver.execute(self.qbq.build_retry_job_query(), job.id, delay, record)
        except _UNREACHABLE as error:
            log.warning("job %s of %s could not be put back yet: %s", job.id, job.entrypoint, error)
        self.changed()

    async def held(self, limit: int) -> list[HeldJob]:
        """Jobs on hold, the oldest first."""
        return [to_held([*row.values()]) for row in await self.driver.fetch(_HELD, limit)]

    async def release(self, job_id: int) -> None:
        """Let a held job run again from its first attempt. Raises JobNotHeld, JobAlreadyQueued."""
        try:
            done = await self.driver.execute(self.qbq.build_requeue_jobs_query(), [job_id])
        except asyncpg.UniqueViolationError as error:
            raise JobAlreadyQueued from error
        if done.endswith(" 0"):
            raise JobNotHeld

    async def raise_overdue(self, waited: timedelta) -> int:
        """Put jobs that have been due for so long before all fresh ones; safe to repeat."""
        done = await self.driver.execute(_OVERDUE, waited)
        return int(done.rpartition(" ")[2])

    async def prune_log(self, older_than: timedelta) -> int:
        """Forget the log of jobs that are long gone; safe to repeat."""
        done = await self.driver.execute(_PRUNE, older_than)
        return int(done.rpartition(" ")[2])
