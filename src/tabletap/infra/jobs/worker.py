"""One life of the library's two loops: the queue's and the schedule's. The engine starts another when it ends badly."""

import asyncio
from datetime import timedelta
from typing import cast

import msgspec
from pgqueuer.core.qm import QueueManager
from pgqueuer.core.sm import SchedulerManager
from pgqueuer.ports import RepositoryPort

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.postgres import PostgresDatabase
from tabletap.infra.jobs.perform import Entry, Executor
from tabletap.infra.jobs.postgres_queue import PostgresQueue
from tabletap.infra.jobs.sqlite_queue import SqliteQueue

AnyQueue = PostgresQueue | SqliteQueue


class Pace(msgspec.Struct, frozen=True):
    """How a worker works; the times were measured (see the benchmarks) and tests shorten them."""

    heartbeat_timeout: timedelta = timedelta(seconds=15)
    """A job whose worker was silent for so long is run by another."""
    poll_every: timedelta = timedelta(seconds=1)
    """Notifications wake a worker within milliseconds; this is for the one that gets lost."""
    at_once: int = 20
    """Most jobs that run at the same time in one worker."""
    first_pause: timedelta = timedelta(seconds=0.2)
    longest_pause: timedelta = timedelta(seconds=10)
    """The pause before a worker that ended badly starts again doubles from the first to the longest."""

    @property
    def batch(self) -> int:
        """How many jobs one claim takes; the library wants room for two batches."""
        return max(1, min(10, self.at_once // 2))


def open_queue(db: AnyDatabase) -> AnyQueue:
    """The queue of the engine."""
    return PostgresQueue(db) if isinstance(db, PostgresDatabase) else SqliteQueue(db)


def as_repository(queue: AnyQueue) -> RepositoryPort:
    """The library's name for it. Ours on SQLite has what its loops call, not what its dashboards do."""
    return cast("RepositoryPort", queue)


class Worker:
    """Runs jobs until it is told to stop or the database goes away."""

    def __init__(self, db: AnyDatabase, entries: dict[str, Entry], crons: SchedulerManager, pace: Pace) -> None:
        self.queue = open_queue(db)
        self._pace = pace
        self._running: set[asyncio.Task[object]] = set()
        self._jobs = QueueManager(as_repository(self.queue))
        for entrypoint, entry in entries.items():
            self._jobs.register_executor(entrypoint, Executor(entry, self._running, self._jobs.shutdown))
        self._schedules = SchedulerManager(as_repository(self.queue))
        self._schedules.registry = crons.registry
        self._schedules.shutdown = self._jobs.shutdown

    async def run(self) -> None:
        """Work until `stop`. When one loop fails, the other and the jobs end in order; then its error is raised."""
        loops = [asyncio.create_task(self._run_jobs())]
        if self._schedules.registry:
            loops.append(asyncio.create_task(self._schedules.run()))
        try:
            await asyncio.wait(loops, return_when=asyncio.FIRST_COMPLETED)
            self.stop()
            ends = await asyncio.gather(*loops, return_exceptions=True)
        finally:
            await self.queue.close()
        for end in ends:
            if isinstance(end, BaseException):
                raise end

    async def _run_jobs(self) -> None:
        await self._jobs.run(
            dequeue_timeout=self._pace.poll_every,
            batch_size=self._pace.batch,
            max_concurrent_tasks=max(self._pace.at_once, 2 * self._pace.batch),
            shutdown_on_listener_failure=True,
            heartbeat_timeout=self._pace.heartbeat_timeout,
            log_aggregation_interval=timedelta(),
        )

    def stop(self) -> None:
        """Take no more jobs; `run` returns when those that run have ended."""
        self._jobs.shutdown.set()

    def hand_back(self) -> None:
        """Interrupt the jobs that run and put them back into the queue."""
        for task in self._running:
            task.cancel()
