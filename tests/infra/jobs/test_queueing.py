"""What is enqueued, when it runs and in which order."""

from datetime import timedelta

import pytest

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import correlation_id
from tabletap.infra.jobs.engine import JobEngine
from tabletap.infra.jobs.model import Job
from tests.support.jobs import Note, enqueue, hurry, jobs_in

VERIFY = "payment-queue:verify_payment"


@pytest.fixture
def runs(engine: JobEngine) -> list[Job]:
    """Every run of the one handler."""
    seen: list[Job] = []

    @engine.handler(VERIFY)
    async def verify(job: Job) -> None:
        seen.append(job)

    return seen


async def test_a_job_runs_once_with_what_was_enqueued(db: AnyDatabase, engine: JobEngine, runs: list[Job]) -> None:
    await enqueue(db, VERIFY, Note("card was tapped"))

    assert await engine.run_due() == 1
    assert await engine.run_due() == 0

    [job] = runs
    assert (job.queue, job.entrypoint, job.attempt, job.starts) == ("payment-queue", VERIFY, 1, 1)
    assert job.read(Note) == Note("card was tapped")
    assert await jobs_in(db) == []


async def test_a_transaction_that_fails_enqueues_nothing(db: AnyDatabase, engine: JobEngine, runs: list[Job]) -> None:
    with pytest.raises(ValueError, match="decided otherwise"):
        await enqueue(db, VERIFY, fail=True)

    assert await engine.run_due() == 0
    assert runs == []


async def test_a_job_waits_for_its_time(db: AnyDatabase, engine: JobEngine, runs: list[Job]) -> None:
    await enqueue(db, VERIFY, after=timedelta(minutes=15))
    assert await engine.run_due() == 0

    await hurry(db, timedelta(minutes=14))
    assert await engine.run_due() == 0

    await hurry(db, timedelta(minutes=1))
    assert await engine.run_due() == 1


async def test_a_job_can_be_enqueued_for_a_moment(db: AnyDatabase, engine: JobEngine, runs: list[Job]) -> None:
    await enqueue(db, VERIFY, at=db.clock.now() + timedelta(hours=2))
    assert await engine.run_due() == 0

    await hurry(db, timedelta(hours=2))
    assert await engine.run_due() == 1


async def test_higher_priority_runs_first_and_equals_in_their_order(
    db: AnyDatabase, engine: JobEngine, runs: list[Job]
) -> None:
    for priority in (0, 10, 3, 7, 5, 3):
        await enqueue(db, VERIFY, Note(str(priority)), priority=priority)

    await engine.run_due()

    assert [job.read(Note).text for job in runs] == ["10", "7", "5", "3", "3", "0"]
    assert runs[3].id < runs[4].id


async def test_a_job_with_a_key_is_not_doubled_while_it_waits_or_runs(db: AnyDatabase, engine: JobEngine) -> None:
    seen: list[str] = []

    @engine.handler("payment-queue:settle")
    async def settle(job: Job) -> None:
        seen.append(job.read(Note).text)
        await enqueue(db, "payment-queue:settle", Note("while it runs"), dedupe_key="settle:1")

    await enqueue(db, "payment-queue:settle", Note("first"), dedupe_key="settle:1")
    await enqueue(db, "payment-queue:settle", Note("while it waits"), dedupe_key="settle:1")
    await enqueue(db, "payment-queue:settle", Note("another"), dedupe_key="settle:2")
    await engine.run_due()
    assert seen == ["first", "another", "while it runs"]

    await enqueue(db, "payment-queue:settle", Note("afterwards"), dedupe_key="settle:1")
    assert await engine.run_due() == 1


async def test_a_job_that_nobody_handles_stays_queued(db: AnyDatabase, engine: JobEngine, runs: list[Job]) -> None:
    await enqueue(db, "websocket-events:of_tomorrow")

    assert await engine.run_due() == 0

    assert await jobs_in(db) == [("websocket-events:of_tomorrow", "queued")]


async def test_what_a_job_enqueues_runs_in_the_same_go(db: AnyDatabase, engine: JobEngine, runs: list[Job]) -> None:
    @engine.handler("webhook-processing:receive")
    async def receive(_: Job) -> None:
        await enqueue(db, VERIFY)

    await enqueue(db, "webhook-processing:receive")

    assert await engine.run_due() == 2
    assert len(runs) == 1


async def test_a_job_and_what_it_enqueues_belong_to_the_request(db: AnyDatabase, engine: JobEngine) -> None:
    seen: list[str | None] = []

    @engine.handler("payment-queue:first")
    async def first(job: Job) -> None:
        seen.extend([job.correlation_id, correlation_id.get()])
        await enqueue(db, "payment-queue:second")

    @engine.handler("payment-queue:second")
    async def second(_: Job) -> None:
        seen.append(correlation_id.get())

    token = correlation_id.set("request-7")
    await enqueue(db, "payment-queue:first")
    correlation_id.reset(token)
    await enqueue(db, "payment-queue:second")
    await engine.run_due()

    assert seen == ["request-7", "request-7", None, "request-7"]
    assert correlation_id.get() is None


async def test_many_jobs_of_one_transaction_all_run(db: AnyDatabase, engine: JobEngine, runs: list[Job]) -> None:
    for number in range(30):
        await enqueue(db, VERIFY, Note(str(number)))

    assert await engine.run_due() == 30
    assert [job.read(Note).text for job in runs] == [str(number) for number in range(30)]
