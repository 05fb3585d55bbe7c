"""What becomes of jobs that fail: another attempt after a while, and a hold in the end. Nothing is lost silently."""

import asyncio
from datetime import timedelta

import pytest

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.jobs.engine import JobEngine
from tabletap.infra.jobs.model import Job, JobAlreadyQueued, JobNotHeld, Retry, RetryPolicy
from tests.support.jobs import Note, enqueue, hurry, jobs_in, log_length, silence_workers

CHARGE = "payment-queue:charge"
STEADY = RetryPolicy(base=timedelta(seconds=10), factor=3, cap=timedelta(seconds=60), max_attempts=3, jitter=0)


@pytest.fixture
def attempts(engine: JobEngine) -> list[int]:
    """The attempts of a job that always fails."""
    seen: list[int] = []

    @engine.handler(CHARGE, retry=STEADY)
    async def charge(job: Job) -> None:
        seen.append(job.attempt)
        raise ConnectionError("the bank hung up")

    return seen


def test_waits_grow_up_to_the_cap() -> None:
    waits = [STEADY.wait(attempt).total_seconds() for attempt in (1, 2, 3, 1000)]

    assert waits == [10, 30, 60, 60]


def test_waits_are_spread_so_that_jobs_do_not_return_together() -> None:
    policy = RetryPolicy(base=timedelta(seconds=10), jitter=0.2)

    waits = {policy.wait(1).total_seconds() for _ in range(50)}

    assert len(waits) > 1
    assert all(8 <= wait <= 12 for wait in waits)


async def test_a_failed_job_is_tried_again_after_its_wait(
    db: AnyDatabase, engine: JobEngine, attempts: list[int]
) -> None:
    await enqueue(db, CHARGE)
    assert await engine.run_due() == 1
    assert await engine.run_due() == 0

    await hurry(db, timedelta(seconds=10))
    assert await engine.run_due() == 1

    await hurry(db, timedelta(seconds=15))
    assert await engine.run_due() == 0
    assert attempts == [1, 2]
    assert await engine.held() == []


async def test_after_the_last_attempt_the_job_is_held_with_its_trace(
    db: AnyDatabase, engine: JobEngine, attempts: list[int]
) -> None:
    await enqueue(db, CHARGE, Note("flat white"), priority=4)
    for _ in range(5):
        await engine.run_due()
        await hurry(db, timedelta(minutes=1))

    [held] = await engine.held()
    assert attempts == [1, 2, 3]
    assert (held.entrypoint, held.attempt) == (CHARGE, 3)
    assert Note("flat white") == Job(held.id, held.entrypoint, held.payload, 1, 1, None).read(Note)
    assert held.reason == "ConnectionError: the bank hung up"
    assert 'raise ConnectionError("the bank hung up")' in held.traceback
    assert await jobs_in(db) == [(CHARGE, "failed")]


async def test_a_released_job_starts_over(db: AnyDatabase, engine: JobEngine, attempts: list[int]) -> None:
    await enqueue(db, CHARGE)
    for _ in range(3):
        await engine.run_due()
        await hurry(db, timedelta(minutes=1))
    [held] = await engine.held()

    await engine.release(held.id)

    assert await engine.held() == []
    assert await engine.run_due() == 1
    assert attempts == [1, 2, 3, 1]


async def test_only_a_held_job_can_be_released(db: AnyDatabase, engine: JobEngine, attempts: list[int]) -> None:
    await enqueue(db, CHARGE)

    with pytest.raises(JobNotHeld):
        await engine.release(1)
    with pytest.raises(JobNotHeld):
        await engine.release(987_654)


async def test_a_held_job_is_not_released_beside_another_with_its_key(db: AnyDatabase, engine: JobEngine) -> None:
    once = RetryPolicy(max_attempts=1)

    @engine.handler("payment-queue:refund", retry=once)
    async def refund(_: Job) -> None:
        raise ConnectionError("no")

    await enqueue(db, "payment-queue:refund", dedupe_key="refund:1")
    await engine.run_due()
    [held] = await engine.held()
    await enqueue(db, "payment-queue:refund", dedupe_key="refund:1", after=timedelta(hours=1))

    with pytest.raises(JobAlreadyQueued):
        await engine.release(held.id)

    assert await jobs_in(db) == [("payment-queue:refund", "failed"), ("payment-queue:refund", "queued")]


async def test_a_handler_says_itself_when_to_run_again(db: AnyDatabase, engine: JobEngine) -> None:
    seen: list[int] = []

    @engine.handler("payment-queue:poll", retry=STEADY)
    async def poll(job: Job) -> None:
        seen.append(job.attempt)
        if job.attempt == 1:
            raise Retry(timedelta(minutes=5))
        if job.attempt == 2:
            raise Retry

    await enqueue(db, "payment-queue:poll")
    await engine.run_due()
    await hurry(db, timedelta(minutes=4))
    assert await engine.run_due() == 0

    await hurry(db, timedelta(minutes=1))
    assert await engine.run_due() == 1
    await hurry(db, timedelta(seconds=30))
    assert await engine.run_due() == 1

    assert seen == [1, 2, 3]
    assert await jobs_in(db) == []


async def test_a_handler_that_never_stops_asking_is_held_too(db: AnyDatabase, engine: JobEngine) -> None:
    @engine.handler("payment-queue:poll", retry=STEADY)
    async def poll(_: Job) -> None:
        raise Retry(timedelta(), "not yet")

    await enqueue(db, "payment-queue:poll")

    assert await engine.run_due() == 3
    [held] = await engine.held()
    assert held.reason == "Retry: not yet"


async def test_a_handler_that_takes_too_long_is_stopped_and_tried_again(db: AnyDatabase, engine: JobEngine) -> None:
    ended: list[str] = []

    @engine.handler("payment-queue:slow", timeout=timedelta(seconds=0.05))
    async def slow(job: Job) -> None:
        if job.attempt == 1:
            await never()
        ended.append("at last")

    await enqueue(db, "payment-queue:slow")
    await engine.run_due()
    await hurry(db, timedelta(minutes=1))
    await engine.run_due()

    assert ended == ["at last"]


async def test_a_job_that_is_started_without_end_is_held(db: AnyDatabase, engine: JobEngine) -> None:
    starts: list[int] = []

    @engine.handler("payment-queue:killer", max_starts=3)
    async def killer(job: Job) -> None:
        starts.append(job.starts)
        raise SystemExit("takes the process with it")

    await enqueue(db, "payment-queue:killer")
    for _ in range(3):
        with pytest.raises(SystemExit):
            await engine.run_due()
        await silence_workers(db)
    await engine.run_due()

    [held] = await engine.held()
    assert starts == [1, 2, 3]
    assert held.reason == "StartedTooOften: started 3 times without coming to an end"


async def test_an_end_in_order_sets_the_count_of_starts_back(db: AnyDatabase, engine: JobEngine) -> None:
    seen: list[tuple[int, int]] = []

    @engine.handler("payment-queue:patient", max_starts=2)
    async def patient(job: Job) -> None:
        seen.append((job.attempt, job.starts))
        if job.attempt < 5:
            raise Retry(timedelta())

    await enqueue(db, "payment-queue:patient")
    await engine.run_due()

    assert seen == [(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)]


async def test_the_log_of_old_jobs_is_forgotten_but_never_why_a_job_is_held(
    db: AnyDatabase, engine: JobEngine, attempts: list[int]
) -> None:
    @engine.handler("payment-queue:fine")
    async def fine(_: Job) -> None:
        attempts.append(0)

    await enqueue(db, "payment-queue:fine")
    await enqueue(db, CHARGE)
    for _ in range(3):
        await engine.run_due()
        await hurry(db, timedelta(minutes=1))
    before = await log_length(db)

    assert await engine.prune_log(timedelta(days=1)) == 0
    assert await engine.prune_log(timedelta()) == 3

    assert await log_length(db) == before - 3
    [held] = await engine.held()
    assert "the bank hung up" in held.traceback


async def never() -> None:
    """Waits for ever."""
    await asyncio.Event().wait()
