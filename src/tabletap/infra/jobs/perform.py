"""One run of one job: its handler, and what becomes of the job when the handler fails.

A run ends in one of four ways. It returns: the job is done. It raises the library's RetryRequested: the job goes back
into the queue. It is cancelled: the job is handed back. It raises anything else: the job is put on hold.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

import msgspec
from pgqueuer.core.executors import AbstractEntrypointExecutor, EntrypointExecutorParameters
from pgqueuer.domain import models
from pgqueuer.domain.errors import RetryRequested

from tabletap.infra.crash import crash_point
from tabletap.infra.db.transaction import correlation_id
from tabletap.infra.jobs.claimed import to_job
from tabletap.infra.jobs.model import Job, Retry, RetryPolicy, StartedTooOften

log = logging.getLogger(__name__)

Handler = Callable[[Job], Awaitable[None]]


class Entry(msgspec.Struct, frozen=True):
    """A handler and its terms."""

    handle: Handler
    retry: RetryPolicy
    max_starts: int
    timeout: timedelta


async def perform(entry: Entry, job: Job) -> None:
    """Run the handler once. Raises RetryRequested for another attempt, and whatever else for a hold."""
    if job.starts > entry.max_starts:
        log.error("job %s of %s is held: it started %s times without an end", job.id, job.entrypoint, entry.max_starts)
        raise StartedTooOften(f"started {entry.max_starts} times without coming to an end")
    token = correlation_id.set(job.correlation_id)
    try:
        crash_point("job.begun")
        async with asyncio.timeout(entry.timeout.total_seconds()):
            await entry.handle(job)
        crash_point("job.done")
    except Exception as error:
        if job.attempt >= entry.retry.max_attempts:
            log.error("job %s of %s is held: %r", job.id, job.entrypoint, error)  # noqa: TRY400 - the hold keeps its trace
            raise
        raise _another_attempt(entry, job, error) from error
    finally:
        correlation_id.reset(token)


def _another_attempt(entry: Entry, job: Job, error: Exception) -> RetryRequested:
    asked = isinstance(error, Retry)
    wait = error.after if isinstance(error, Retry) and error.after is not None else entry.retry.wait(job.attempt)
    # A failure nobody foresaw is logged with its trace; a handler that asks to run again is business as usual.
    log.log(
        logging.INFO if asked else logging.WARNING,
        "job %s of %s runs again in %.1f s after attempt %s: %s",
        job.id,
        job.entrypoint,
        wait.total_seconds(),
        job.attempt,
        error,
        exc_info=None if asked else error,
    )
    return RetryRequested(wait, f"{type(error).__name__}: {error}")


class Executor(AbstractEntrypointExecutor):
    """What the library calls for each job that it claimed."""

    def __init__(self, entry: Entry, running: set[asyncio.Task[object]], stopping: asyncio.Event) -> None:
        super().__init__(EntrypointExecutorParameters(concurrency_limit=0, func=_performed_here, on_failure="hold"))
        self._entry, self._running, self._stopping = entry, running, stopping

    async def execute(self, job: models.Job, context: models.Context) -> None:
        """Run it. A cancelled run hands the job back: the library itself would strike it off the queue.

        So does one that has not begun when the worker is told to stop: its claim was under way just then.
        """
        if self._stopping.is_set():
            raise _handed_back(job)
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            await perform(self._entry, to_job(job))
        except asyncio.CancelledError:
            task.uncancel()
            raise _handed_back(job) from None
        finally:
            self._running.discard(task)


def _handed_back(job: models.Job) -> RetryRequested:
    log.info("job %s of %s is handed back", job.id, job.entrypoint)
    return RetryRequested(reason="handed back by a worker that stopped")


async def _performed_here(job: models.Job) -> None:
    """Stands where the library wants a function; Executor.execute does the work."""
    raise AssertionError("the executor performs its job itself")
