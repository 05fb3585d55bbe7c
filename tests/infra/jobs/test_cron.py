"""Jobs that are enqueued by the clock."""

from datetime import timedelta

import pytest

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.jobs.engine import JobEngine
from tabletap.infra.jobs.model import Job, RetryPolicy
from tests.infra.jobs.conftest import NEVER_POLLS
from tests.support.jobs import assert_eventually, enqueue, hurry, jobs_in

RECONCILE = "upkeep:reconcile"
EVERY_NIGHT = "30 3 * * *"


def count_runs(engine: JobEngine) -> list[Job]:
    runs: list[Job] = []

    @engine.cron(EVERY_NIGHT, RECONCILE)
    async def reconcile(job: Job) -> None:
        runs.append(job)

    return runs


async def test_a_schedule_runs_when_its_time_has_come(db: AnyDatabase, engine: JobEngine) -> None:
    runs = count_runs(engine)
    assert await engine.run_due() == 0

    await hurry(db, timedelta(days=1))

    assert await engine.run_due() == 1
    assert await engine.run_due() == 0
    assert [job.payload for job in runs] == [b"{}"]


async def test_missed_times_are_made_up_for_once(db: AnyDatabase, engine: JobEngine) -> None:
    count_runs(engine)
    await engine.run_due()

    await hurry(db, timedelta(days=5))

    assert await engine.run_due() == 1


async def test_two_processes_run_a_schedule_once(db: AnyDatabase, engine: JobEngine) -> None:
    other = JobEngine(db, NEVER_POLLS)
    count_runs(engine)
    count_runs(other)
    await engine.run_due()
    await other.run_due()

    await hurry(db, timedelta(days=1))

    assert await engine.run_due() + await other.run_due() == 1


async def test_a_scheduled_job_is_tried_again_and_held_like_any_other(db: AnyDatabase, engine: JobEngine) -> None:
    @engine.cron(EVERY_NIGHT, RECONCILE, retry=RetryPolicy(max_attempts=1))
    async def reconcile(_: Job) -> None:
        raise ConnectionError("no bank statement yet")

    await engine.run_due()
    await hurry(db, timedelta(days=1))
    await engine.run_due()

    [held] = await engine.held()
    assert held.reason == "ConnectionError: no bank statement yet"


async def test_a_scheduled_job_that_still_waits_is_not_doubled(db: AnyDatabase, engine: JobEngine) -> None:
    runs = count_runs(engine)
    await engine.run_due()
    await enqueue(db, RECONCILE, dedupe_key=f"cron:{RECONCILE}")

    await hurry(db, timedelta(days=1))

    assert await engine.run_due() == 1
    assert len(runs) == 1
    assert await jobs_in(db) == []


async def test_a_started_engine_follows_its_schedules(engine: JobEngine) -> None:
    runs: list[Job] = []

    @engine.cron("* * * * * *", "upkeep:every_second")
    async def every_second(job: Job) -> None:
        runs.append(job)

    await engine.start()

    await assert_eventually(lambda: len(runs) >= 2)


async def test_a_schedule_needs_an_expression_that_means_something(engine: JobEngine) -> None:
    with pytest.raises(ValueError, match="every now and then"):
        engine.cron("every now and then", RECONCILE)


async def test_an_entrypoint_has_one_handler(engine: JobEngine) -> None:
    count_runs(engine)

    with pytest.raises(AssertionError, match="has a handler already"):
        engine.handler(RECONCILE)(lambda _: assert_eventually(lambda: True))
