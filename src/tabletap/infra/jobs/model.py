"""What handlers of jobs see and say, and what is on hold."""

import random
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from tabletap.kernel.errors import Kind, Refusal

T = TypeVar("T")

_MAX_EXPONENT = 60
"""Far beyond every cap, yet small enough for the arithmetic."""


class Job(msgspec.Struct, frozen=True):
    """One run of one job. A job may run more than once, so its handler is idempotent."""

    id: int
    entrypoint: str
    """`queue:name`."""
    payload: bytes
    attempt: int
    """1 at first; one more after every run that asked for another, failed, or was handed back."""
    starts: int
    """1 at first; one more for every start since it last ended in order. Above 1, a process died under it."""
    correlation_id: str | None

    @property
    def queue(self) -> str:
        """The queue that the entrypoint belongs to."""
        return self.entrypoint.partition(":")[0]

    def read(self, into: type[T]) -> T:
        """The payload as the struct that was enqueued."""
        return msgspec.json.decode(self.payload, type=into)


class Retry(Exception):
    """Raised by a handler that wants to run again: after the given time, else when its retry policy says."""

    def __init__(self, after: timedelta | None = None, reason: str = "") -> None:
        self.after = after
        super().__init__(reason or "the handler asked to run again")


class StartedTooOften(Exception):
    """The job was started again and again without ever coming to an end: it seems to kill its process."""


class RetryPolicy(msgspec.Struct, frozen=True):
    """How long to wait before another attempt: exponential with jitter. After the last attempt the job is held."""

    base: timedelta = timedelta(seconds=2)
    factor: float = 2.0
    cap: timedelta = timedelta(minutes=10)
    max_attempts: int = 10
    jitter: float = 0.2
    """Each wait is longer or shorter by up to this share, so that jobs which failed together do not return together."""

    def wait(self, attempt: int) -> timedelta:
        """The wait after the given attempt failed; the first attempt is 1."""
        exponent = min(attempt - 1, _MAX_EXPONENT)
        seconds = min(self.base.total_seconds() * self.factor**exponent, self.cap.total_seconds())
        share = random.uniform(1 - self.jitter, 1 + self.jitter)  # noqa: S311 - spreads load, keeps no secret
        return timedelta(seconds=seconds * share)


class HeldJob(msgspec.Struct, frozen=True):
    """A job that gave up and waits for somebody to release it."""

    id: int
    entrypoint: str
    payload: bytes
    attempt: int
    """The one at which it gave up."""
    starts: int
    held_at: datetime
    reason: str
    """The last error in one line."""
    traceback: str
    correlation_id: str | None


class JobNotHeld(Refusal):
    """There is no job on hold with this number."""

    code, kind = "job_not_held", Kind.NOT_FOUND


class JobAlreadyQueued(Refusal):
    """Another job with the same key is waiting or running already; let it finish first."""

    code, kind = "job_already_queued", Kind.CONFLICT
