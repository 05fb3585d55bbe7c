"""The same queue on SQLite: what the library's core calls, written through the one writer's group commit.

Times are seconds since 1970. Statements behave as the library's do on PostgreSQL (one contract suite runs on both).
"""

import json
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from pgqueuer.adapters.inmemory.driver import InMemoryDriver
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment
from pgqueuer.domain import models, types
from pgqueuer.ports.repository import EntrypointExecutionParameter

from tabletap.infra.db.job_request import OVERDUE_PRIORITY, JobRequest, enqueue_on_sqlite
from tabletap.infra.db.sqlite import Execute, SqliteDatabase
from tabletap.infra.jobs.bell import Bell
from tabletap.infra.jobs.claimed import ClaimedJob, to_held
from tabletap.infra.jobs.model import HeldJob, JobAlreadyQueued, JobNotHeld

_FIELDS = tuple(name for name in ClaimedJob.model_fields if name != "slot")
_AMONG = "entrypoint IN (SELECT value FROM json_each(?1))"
_DUE = f"status = 'queued' AND execute_after <= ?2 AND {_AMONG}"
_SILENT = f"status = 'picked' AND heartbeat < ?3 AND {_AMONG}"
_IS_DUE = f"SELECT EXISTS (SELECT 1 FROM pgqueuer WHERE {_DUE})"
_IS_CLAIMABLE = f"{_IS_DUE} OR EXISTS (SELECT 1 FROM pgqueuer WHERE {_SILENT})"
_CLAIM = f"""
UPDATE pgqueuer SET status = 'picked', updated = ?2, heartbeat = ?2, queue_manager_id = ?4, starts = starts + 1
WHERE id IN (
  SELECT id FROM (
    SELECT id, priority FROM pgqueuer WHERE {_DUE} UNION ALL SELECT id, priority FROM pgqueuer WHERE {_SILENT}
  ) ORDER BY priority DESC, id LIMIT ?5
) RETURNING {", ".join(_FIELDS)}
"""
_CLAIMED = "SELECT count(*) FROM pgqueuer WHERE status = 'picked' AND queue_manager_id = ?1"
_LOG = """
INSERT INTO pgqueuer_log (created, job_id, status, priority, entrypoint, traceback)
SELECT ?1, id, ?2, priority, entrypoint, ?3 FROM pgqueuer WHERE id = ?4
"""
_HOLD = "UPDATE pgqueuer SET status = 'failed', updated = ?1, queue_manager_id = NULL WHERE id = ?2"
_PUT_BACK = """
UPDATE pgqueuer SET status = 'queued', execute_after = ?1 + ?2, updated = ?1, queue_manager_id = NULL, starts = 0,
  attempts = attempts + 1
WHERE id = ?3
"""
_RELEASE = """
UPDATE pgqueuer SET status = 'queued', execute_after = ?1, updated = ?1, queue_manager_id = NULL, starts = 0,
  attempts = 0
WHERE id = ?2 AND status = 'failed'
"""
_BEAT = "UPDATE pgqueuer SET heartbeat = ?1 WHERE id IN (SELECT value FROM json_each(?2))"
_WAITING = f"SELECT EXISTS (SELECT 1 FROM pgqueuer WHERE status = 'queued' AND {_AMONG})"
_NEXT = f"SELECT min(execute_after) FROM pgqueuer WHERE status = 'queued' AND execute_after > ?2 AND {_AMONG}"
_HELD = """
SELECT id, entrypoint, payload, attempts, starts, updated, headers, (
  SELECT traceback FROM pgqueuer_log WHERE job_id = pgqueuer.id AND traceback IS NOT NULL ORDER BY id DESC LIMIT 1
) FROM pgqueuer WHERE status = 'failed' ORDER BY id LIMIT ?1
"""
_PRUNE = "DELETE FROM pgqueuer_log WHERE created < ?1 AND job_id NOT IN (SELECT id FROM pgqueuer)"

_OVERDUE = f"""
UPDATE pgqueuer SET priority = {OVERDUE_PRIORITY}
WHERE status = 'queued' AND execute_after <= ?1 AND priority < {OVERDUE_PRIORITY}
"""

_SCHEDULE_FIELDS = tuple(models.Schedule.model_fields)
_PLAN = """
INSERT INTO pgqueuer_schedules (expression, entrypoint, heartbeat, created, updated, next_run)
VALUES (?1, ?2, ?3, ?3, ?3, ?3 + ?4) ON CONFLICT DO NOTHING
"""
_SCHEDULE_SILENT_SECONDS = 30
"""As the library has it: a schedule that was picked so long ago without a heartbeat is picked again."""
_IS_TIME = f"""
expression = ?1 AND entrypoint = ?2 AND ((status = 'queued' AND next_run <= ?3)
  OR (status = 'picked' AND heartbeat < ?3 - {_SCHEDULE_SILENT_SECONDS}))
"""
_PICK_SCHEDULE = f"""
UPDATE pgqueuer_schedules SET status = 'picked', updated = ?3, heartbeat = ?3, next_run = ?3 + ?4
WHERE {_IS_TIME} RETURNING {", ".join(_SCHEDULE_FIELDS)}
"""
_SCHEDULES = "SELECT 1 FROM pgqueuer_schedules WHERE status = 'picked' OR next_run <= ?1 LIMIT 1"
_SCHEDULE_DONE = """
UPDATE pgqueuer_schedules SET status = 'queued', last_run = ?1, updated = ?1
WHERE id IN (SELECT value FROM json_each(?2))
"""
_SCHEDULE_BEAT = """
UPDATE pgqueuer_schedules SET heartbeat = ?1, updated = ?1 WHERE id IN (SELECT value FROM json_each(?2))
"""


def _loaded(text: str | None) -> Any:
    return json.loads(text) if text else None


class _Driver(InMemoryDriver):
    """What the library asks of a driver beside the queries: notifications, here within this process."""

    def __init__(self) -> None:
        super().__init__()
        self.bell = Bell()

    async def add_listener(self, channel: str, callback: Callable[[str], None]) -> None:
        """Hear of notifications from now on."""
        self.bell.add(callback)


class SqliteQueue:
    """The part of the library's RepositoryPort that its two loops call, on the embedded engine."""

    def __init__(self, db: SqliteDatabase) -> None:
        self._db = db
        self.driver = _Driver()
        self.qbe = QueryBuilderEnvironment()

    async def close(self) -> None:
        """Nothing to give back."""

    def changed(self) -> None:
        """Wake the worker: something may be due."""
        self.driver.bell.ring_for_work()

    async def put(self, job: JobRequest) -> None:
        """Enqueue outside a transaction of ours, unless one with its key waits or runs."""
        await self._db.on_writer(lambda execute: enqueue_on_sqlite(execute, job))

    def _first(self, sql: str, *arguments: object) -> Any:
        return self._db.on_reader(lambda execute: execute(sql, arguments).fetchone()[0])

    async def dequeue(
        self,
        batch_size: int,
        entrypoints: dict[types.QueueEntrypoint, EntrypointExecutionParameter],
        queue_manager_id: types.QueueManagerId,
        global_concurrency_limit: int | None,
        heartbeat_timeout: timedelta,
    ) -> list[models.Job]:
        """Claim jobs that are due, or whose worker is silent, and count their start in the same statement."""
        names, silence, worker = json.dumps([*entrypoints]), heartbeat_timeout.total_seconds(), str(queue_manager_id)
        if not self._first(_IS_CLAIMABLE, names, time.time(), time.time() - silence):
            return []

        def claim(execute: Execute) -> list[ClaimedJob]:
            room = batch_size
            if global_concurrency_limit is not None:
                room = min(room, global_concurrency_limit - execute(_CLAIMED, (worker,)).fetchone()[0])
            now = time.time()
            rows = execute(_CLAIM, (names, now, now - silence, worker, max(room, 0))).fetchall()
            jobs = [ClaimedJob.model_validate(dict(zip(_FIELDS, row, strict=True))) for row in rows]
            for job in jobs:
                execute(_LOG, (now, "picked", None, job.id))
            return jobs

        claimed = await self._db.on_writer(claim)
        return sorted(claimed, key=lambda job: (-job.priority, job.id))

    async def log_jobs(
        self, job_status: list[tuple[models.Job, types.JOB_STATUS, models.TracebackRecord | None]]
    ) -> None:
        """Take ended jobs off the queue, or put them on hold."""

        def record(execute: Execute) -> None:
            now = time.time()
            for job, status, trace in job_status:
                execute(_LOG, (now, status, trace.model_dump_json() if trace else None, job.id))
                if status == "failed":
                    execute(_HOLD, (now, job.id))
                else:
                    execute("DELETE FROM pgqueuer WHERE id = ?1", (job.id,))

        await self._db.on_writer(record)
        self.changed()

    async def retry_job(
        self, job: models.Job, delay: timedelta, traceback_record: models.TracebackRecord | None
    ) -> None:
        """Put the job back for another attempt."""
        trace = traceback_record.model_dump_json() if traceback_record else None

        def put_back(execute: Execute) -> None:
            now = time.time()
            execute(_LOG, (now, "queued", trace, job.id))
            execute(_PUT_BACK, (now, delay.total_seconds(), job.id))

        await self._db.on_writer(put_back)
        self.changed()

    async def update_heartbeat(self, job_ids: list[types.JobId]) -> None:
        """These jobs are alive."""
        await self._db.on_writer(lambda execute: execute(_BEAT, (time.time(), json.dumps(job_ids))))

    async def queued_work(self, entrypoints: list[types.QueueEntrypoint]) -> int:
        """1 if any job waits, due or not."""
        return int(self._first(_WAITING, json.dumps(entrypoints)))

    async def eligible_queued_work(self, entrypoints: list[types.QueueEntrypoint]) -> int:
        """1 if any job is due."""
        return int(self._first(_IS_DUE, json.dumps(entrypoints), time.time()))

    async def next_deferred_eta(self, entrypoints: list[types.QueueEntrypoint]) -> timedelta | None:
        """How long until the next job that is not due yet, None if there is none."""
        now = time.time()
        found = self._first(_NEXT, json.dumps(entrypoints), now)
        return None if found is None else timedelta(seconds=found - now)

    async def notify_health_check(self, health_check_event_id: types.HealthCheckId) -> None:
        """The library's round trip to see whether notifications arrive."""
        channel = self.qbe.settings.channel
        self.driver.bell.ring(
            models.HealthCheckEvent(
                channel=channel, sent_at=models.utc_now(), type="health_check_event", id=health_check_event_id
            )
        )

    async def insert_schedule(self, schedules: dict[models.CronExpressionEntrypoint, timedelta]) -> None:
        """Note when each first runs; safe to repeat."""

        def plan(execute: Execute) -> None:
            for key, delay in schedules.items():
                execute(_PLAN, (key.expression, key.entrypoint, time.time(), delay.total_seconds()))

        await self._db.on_writer(plan)

    async def fetch_schedule(
        self, entrypoints: dict[models.CronExpressionEntrypoint, timedelta]
    ) -> list[models.Schedule]:
        """Pick the schedules whose time has come and note when they run next."""
        if not self._db.on_reader(lambda execute: execute(_SCHEDULES, (time.time(),)).fetchone()):
            return []

        def pick(execute: Execute) -> list[tuple[Any, ...]]:
            rows: list[tuple[Any, ...]] = []
            for key, delay in entrypoints.items():
                arguments = (key.expression, key.entrypoint, time.time(), delay.total_seconds())
                rows += execute(_PICK_SCHEDULE, arguments).fetchall()
            return rows

        picked = await self._db.on_writer(pick)
        return [models.Schedule.model_validate(dict(zip(_SCHEDULE_FIELDS, row, strict=True))) for row in picked]

    async def set_schedule_queued(self, ids: set[types.ScheduleId]) -> None:
        """These schedules ran."""
        await self._db.on_writer(lambda execute: execute(_SCHEDULE_DONE, (time.time(), json.dumps([*ids]))))

    async def update_schedule_heartbeat(self, ids: set[types.ScheduleId]) -> None:
        """These schedules are running."""
        await self._db.on_writer(lambda execute: execute(_SCHEDULE_BEAT, (time.time(), json.dumps([*ids]))))

    async def _is_installed(self, *_: str) -> bool:
        """Our migrations make the whole schema, in one transaction."""
        return True

    has_table = table_has_column = table_has_index = has_user_defined_enum = _is_installed

    async def held(self, limit: int) -> list[HeldJob]:
        """Jobs on hold, the oldest first."""
        rows = self._db.on_reader(lambda execute: execute(_HELD, (limit,)).fetchall())
        return [
            to_held((*row[:5], datetime.fromtimestamp(row[5], UTC), _loaded(row[6]), _loaded(row[7]))) for row in rows
        ]

    async def release(self, job_id: int) -> None:
        """Let a held job run again from its first attempt. Raises JobNotHeld, JobAlreadyQueued."""

        def release(execute: Execute) -> int:
            now = time.time()
            released = execute(_RELEASE, (now, job_id)).rowcount
            if released:
                execute(_LOG, (now, "queued", None, job_id))
            return released

        try:
            released = await self._db.on_writer(release)
        except sqlite3.IntegrityError as error:
            raise JobAlreadyQueued from error
        if not released:
            raise JobNotHeld
        self.changed()

    async def raise_overdue(self, waited: timedelta) -> int:
        """Put jobs that have been due for so long before all fresh ones; safe to repeat."""
        before = time.time() - waited.total_seconds()
        return await self._db.on_writer(lambda execute: execute(_OVERDUE, (before,)).rowcount)

    async def prune_log(self, older_than: timedelta) -> int:
        """Forget the log of jobs that are long gone; safe to repeat."""
        before = time.time() - older_than.total_seconds()
        return await self._db.on_writer(lambda execute: execute(_PRUNE, (before,)).rowcount)
