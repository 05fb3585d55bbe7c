"""The durable job engine: handlers, schedules, a supervised worker, and what is on hold.

Jobs are enqueued by `Transaction.enqueue`. Delivery is at least once: a worker that dies has its jobs run by another
after the heartbeat time-out, so every handler is idempotent.
"""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from pgqueuer.core import tm
from pgqueuer.core.sm import SchedulerManager
from pgqueuer.domain import models, types
from pgqueuer.domain.errors import RetryRequested
from pgqueuer.ports.repository import EntrypointExecutionParameter

from tabletap.infra.db.job_request import JobRequest
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.sqlite import SqliteDatabase
from tabletap.infra.jobs.claimed import to_job
from tabletap.infra.jobs.model import HeldJob, RetryPolicy
from tabletap.infra.jobs.perform import Entry, Handler, perform
from tabletap.infra.jobs.worker import Pace, Worker, as_repository, open_queue

log = logging.getLogger(__name__)

_IN_FORCE = RetryPolicy()
_PACE = Pace()
_NO_LIMIT = EntrypointExecutionParameter(concurrency_limit=0)
_RESCUE = "upkeep:rescue_overdue_jobs"
_OVERDUE_AFTER = timedelta(minutes=1)
_LONG_LIFE_SECONDS = 60
"""A worker that lived so long was well: its successor starts after the shortest pause again."""


class JobEngine:
    """Runs the jobs of one process. Register handlers first, then start."""

    def __init__(self, db: AnyDatabase, pace: Pace = _PACE) -> None:
        self._db, self._pace = db, pace
        self._queue = open_queue(db)
        self._id = types.QueueManagerId(uuid.uuid4())
        self._entries: dict[str, Entry] = {}
        self._crons = SchedulerManager(as_repository(self._queue))
        self._stopping = asyncio.Event()
        self._worker: Worker | None = None
        self._supervisor: asyncio.Task[None] | None = None

    def handler(
        self,
        entrypoint: str,
        *,
        retry: RetryPolicy = _IN_FORCE,
        max_starts: int = 10,
        timeout: timedelta = timedelta(seconds=60),
    ) -> Callable[[Handler], Handler]:
        """Decorate the coroutine that runs the jobs of an entrypoint.

        It ends a job by returning, asks for another attempt with Retry, and any other exception is tried again, too.
        After `retry.max_attempts` attempts, or `max_starts` starts without an end, the job is put on hold.
        """

        def register(handle: Handler) -> Handler:
            assert entrypoint not in self._entries, f"{entrypoint} has a handler already"
            self._entries[entrypoint] = Entry(handle, retry, max_starts, timeout)
            return handle

        return register

    def cron(
        self,
        expression: str,
        entrypoint: str,
        *,
        retry: RetryPolicy = _IN_FORCE,
        max_starts: int = 10,
        timeout: timedelta = timedelta(seconds=60),
    ) -> Callable[[Handler], Handler]:
        """Decorate a handler whose job (payload `{}`) is enqueued at its times (UTC), once for all workers.

        A time that passed while no worker ran is made up for once. A job that still waits or runs is not doubled.
        """

        async def enqueue(_: models.Schedule) -> None:
            await self._queue.put(JobRequest(entrypoint, b"{}", dedupe_key=f"cron:{entrypoint}"))
            self.wake()

        self._crons.schedule(entrypoint, expression, accepts_context=False)(enqueue)
        return self.handler(entrypoint, retry=retry, max_starts=max_starts, timeout=timeout)

    def let_nobody_starve(self, waited: timedelta = _OVERDUE_AFTER) -> None:
        """Every minute, put what has been due for so long before all fresh jobs, whatever their priority.

        It runs beside the queue and not as a job of it: there it would wait behind those it is to overtake.
        """

        async def rescue(_: models.Schedule) -> None:
            await self._queue.raise_overdue(waited)

        self._crons.schedule(_RESCUE, "* * * * *", accepts_context=False)(rescue)

    async def start(self) -> None:
        """Take jobs from now on. The database is started already, and is stopped after this engine."""
        assert self._supervisor is None, "the engine runs already"
        self._stopping.clear()
        if isinstance(self._db, SqliteDatabase):
            self._db.on_enqueued = self.wake
        self._supervisor = asyncio.create_task(self._supervise(), name="job-engine")

    async def stop(self, grace: timedelta = timedelta(seconds=20)) -> None:
        """Take no more jobs, let those that run end within the grace, hand back the others. Safe to repeat."""
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is None:
            return
        self._stopping.set()
        if isinstance(self._db, SqliteDatabase):
            self._db.on_enqueued = None
        if self._worker is not None:
            self._worker.stop()
        await asyncio.wait({supervisor}, timeout=grace.total_seconds())
        while not supervisor.done():
            if self._worker is not None:
                self._worker.hand_back()
            await asyncio.wait({supervisor}, timeout=1)
        supervisor.result()

    def wake(self) -> None:
        """Look for due jobs at once: SQLite's database tells us after a commit, PostgreSQL notifies by itself."""
        if self._worker is not None:
            self._worker.queue.changed()

    async def _supervise(self) -> None:
        """Start the worker again whenever it ends badly: a database restart must not end the jobs for good."""
        pause = self._pace.first_pause
        while not self._stopping.is_set():
            began = asyncio.get_running_loop().time()
            try:
                self._worker = Worker(self._db, self._entries, self._crons, self._pace)
                await self._worker.run()
            except Exception as error:  # noqa: BLE001 - whatever ended it, jobs go on
                if asyncio.get_running_loop().time() - began > _LONG_LIFE_SECONDS:
                    pause = self._pace.first_pause
                log.warning("the job worker ended and starts again in %s s: %r", pause.total_seconds(), error)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), pause.total_seconds())
                pause = min(pause * 2, self._pace.longest_pause)
            finally:
                self._worker = None

    async def run_due(self) -> int:
        """Run, one after another, every job that is due now and those they lead to at once; answer how many ran."""
        await self._run_due_schedules()
        entrypoints = dict.fromkeys((types.QueueEntrypoint(name) for name in self._entries), _NO_LIMIT)
        ran = 0
        while claimed := await self._queue.dequeue(1, entrypoints, self._id, None, self._pace.heartbeat_timeout):
            for job in claimed:
                await self._run(job)
                ran += 1
        return ran

    async def _run_due_schedules(self) -> None:
        next_runs = {key: executor.next_in() for key, executor in self._crons.registry.items()}
        if not next_runs:
            return
        await self._queue.insert_schedule(next_runs)
        for schedule in await self._queue.fetch_schedule(next_runs):
            key = models.CronExpressionEntrypoint(schedule.entrypoint, schedule.expression)
            await self._crons.dispatch(self._crons.registry[key], schedule)

    async def _run(self, job: models.Job) -> None:
        async with self._beating(job.id):
            try:
                await perform(self._entries[job.entrypoint], to_job(job))
            except RetryRequested as again:
                await self._queue.retry_job(job, again.delay, models.TracebackRecord.from_exception(again, job.id))
            except asyncio.CancelledError:
                await asyncio.shield(self._queue.retry_job(job, timedelta(), None))
                raise
            except Exception as error:  # noqa: BLE001 - the hold keeps it, with its trace
                trace = models.TracebackRecord.from_exception(error, job.id)
                await self._queue.log_jobs([(job, "failed", trace)])
            else:
                await self._queue.log_jobs([(job, "successful", None)])

    @asynccontextmanager
    async def _beating(self, job_id: types.JobId) -> AsyncIterator[None]:
        """While inside, other workers know that this job is alive."""

        async def beat() -> None:
            while True:
                await asyncio.sleep(self._pace.heartbeat_timeout.total_seconds() / 3)
                await self._queue.update_heartbeat([job_id])

        async with tm.cancel_on_exit(asyncio.create_task(beat())):
            yield

    async def held(self, limit: int = 100) -> list[HeldJob]:
        """Jobs that gave up and wait for somebody to look at them, the oldest first."""
        return await self._queue.held(limit)

    async def release(self, job_id: int) -> None:
        """Let a held job run again from its first attempt. Raises JobNotHeld, JobAlreadyQueued."""
        await self._queue.release(job_id)
        self.wake()

    async def prune_log(self, older_than: timedelta = timedelta(days=7)) -> int:
        """Forget the log of jobs that are long gone, answer how many lines that were; for upkeep, safe to repeat."""
        return await self._queue.prune_log(older_than)
