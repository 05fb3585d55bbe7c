"""What a transaction asks of the job engine, and the SQL that puts it into the queue of either engine."""

import sqlite3
import time
from collections.abc import Callable
from datetime import timedelta

import msgspec

MAX_PRIORITY = 10
OVERDUE_PRIORITY = MAX_PRIORITY + 1
"""What a job gets that has been due for too long: it goes before all fresh ones, the oldest first."""


class JobRequest(msgspec.Struct, frozen=True):
    """One job to be run after the transaction commits; it may run more than once, so its handler is idempotent."""

    entrypoint: str
    """`queue:name`, for instance `payment-queue:verify_payment`."""
    payload: bytes
    after: timedelta = timedelta()
    priority: int = 0
    """0 to 10; higher runs first (the seed's calculateJobPriority)."""
    dedupe_key: str | None = None
    """While a job with this key waits or runs, another one is not added."""
    correlation_id: str | None = None


_SQLITE_JOB = """
INSERT INTO pgqueuer
  (priority, created, updated, heartbeat, execute_after, status, entrypoint, dedupe_key, payload, headers)
VALUES (?1, ?2, ?2, ?2, ?3, 'queued', ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING RETURNING id
"""
_SQLITE_LOG = (
    "INSERT INTO pgqueuer_log (created, job_id, status, priority, entrypoint) VALUES (?1, ?2, 'queued', ?3, ?4)"
)


def headers_of(job: JobRequest) -> dict[str, str]:
    """The job's headers: where its log lines belong."""
    return {"correlationId": job.correlation_id} if job.correlation_id else {}


def enqueue_on_sqlite(execute: Callable[..., sqlite3.Cursor], job: JobRequest) -> None:
    """Add the job in the running transaction, unless one with its key waits or runs."""
    now = time.time()
    place = (job.priority, now, now + job.after.total_seconds(), job.entrypoint, job.dedupe_key)
    added = execute(_SQLITE_JOB, (*place, job.payload, msgspec.json.encode(headers_of(job)).decode())).fetchall()
    for (job_id,) in added:
        execute(_SQLITE_LOG, (now, job_id, job.priority, job.entrypoint))


POSTGRES_JOB_CASTS = ("int", "text", "bytea", "interval", "text", "jsonb")


def postgres_enqueue(values: str) -> list[str]:
    """Table expressions that enqueue VALUES rows of `(priority, entrypoint, payload, after, key, headers)`."""
    return [
        "job_new AS (INSERT INTO pgqueuer (priority, entrypoint, payload, execute_after, dedupe_key, headers, status) "
        "SELECT v.priority, v.entrypoint, v.payload, now() + v.after, v.dedupe_key, v.headers, 'queued' "
        f"FROM (VALUES {values}) AS v(priority, entrypoint, payload, after, dedupe_key, headers) "
        "ON CONFLICT DO NOTHING RETURNING id, entrypoint, priority)",
        "job_log AS (INSERT INTO pgqueuer_log (job_id, status, entrypoint, priority) "
        "SELECT id, 'queued', entrypoint, priority FROM job_new)",
    ]


def postgres_arguments(job: JobRequest) -> tuple[object, ...]:
    """The job as one row of those VALUES."""
    return (job.priority, job.entrypoint, job.payload, job.after, job.dedupe_key, headers_of(job))
