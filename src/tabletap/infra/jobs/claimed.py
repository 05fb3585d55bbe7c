"""A job as the library hands it to its executors, with what we added to it."""

from collections.abc import Sequence
from typing import Any

from pgqueuer.domain import models

from tabletap.infra.jobs.model import HeldJob, Job


class ClaimedJob(models.Job):
    """The library's job with our count of its starts."""

    starts: int = 0


def to_job(claimed: models.Job) -> Job:
    """What the handler sees of it."""
    assert isinstance(claimed, ClaimedJob)
    correlation_id = (claimed.headers or {}).get("correlationId")
    return Job(
        id=claimed.id,
        entrypoint=claimed.entrypoint,
        payload=claimed.payload or b"",
        attempt=claimed.attempts + 1,
        starts=claimed.starts,
        correlation_id=correlation_id if isinstance(correlation_id, str) else None,
    )


def to_held(row: Sequence[Any]) -> HeldJob:
    """A row of the queue with the record that the log kept of its last error."""
    job_id, entrypoint, payload, attempts, starts, held_at, headers, record = row
    error = record or {}
    return HeldJob(
        id=job_id,
        entrypoint=entrypoint,
        payload=payload or b"",
        attempt=attempts + 1,
        starts=starts,
        held_at=held_at,
        reason=f"{error.get('exception_type', '')}: {error.get('exception_message', '')}",
        traceback=error.get("traceback", ""),
        correlation_id=(headers or {}).get("correlationId"),
    )
