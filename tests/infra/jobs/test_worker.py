"""The engine at work: woken, busy, stopped and started again."""

import asyncio
import time
from datetime import timedelta

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.jobs.engine import JobEngine
from tabletap.infra.jobs.model import Job, Retry, RetryPolicy
from tabletap.infra.jobs.worker import Pace
from tests.support.jobs import Note, assert_eventually, enqueue, jobs_in

TELL = "websocket-events:tell"


def remember_runs(engine: JobEngine) -> list[Job]:
    runs: list[Job] = []

    @engine.handler(TELL)
    async def tell(job: Job) -> None:
        runs.append(job)

    return runs


async def is_empty(db: AnyDatabase) -> bool:
    return await jobs_in(db) == []


async def test_a_commit_wakes_the_idle_engine(db: AnyDatabase, engine: JobEngine) -> None:
    runs = remember_runs(engine)
    await engine.start()

    await enqueue(db, TELL)
    await assert_eventually(lambda: len(runs) == 1)
    await assert_eventually(lambda: is_empty(db))
    await enqueue(db, TELL)
    await assert_eventually(lambda: len(runs) == 2)

    await assert_eventually(lambda: is_empty(db))


async def test_jobs_that_waited_before_the_start_are_run(db: AnyDatabase, engine: JobEngine) -> None:
    runs = remember_runs(engine)
    for _ in range(25):
        await enqueue(db, TELL)

    await engine.start()

    await assert_eventually(lambda: len(runs) == 25)
    await assert_eventually(lambda: is_empty(db))


async def test_an_idle_engine_runs_a_delayed_job_in_time(db: AnyDatabase, engine: JobEngine) -> None:
    runs = remember_runs(engine)
    await engine.start()

    await enqueue(db, TELL, Note("later"), after=timedelta(seconds=0.5))
    await enqueue(db, TELL, Note("now"))

    await assert_eventually(lambda: len(runs) == 2)
    assert [job.read(Note).text for job in runs] == ["now", "later"]


async def test_a_failing_job_comes_back_by_itself_and_is_held_in_the_end(db: AnyDatabase, engine: JobEngine) -> None:
    attempts: list[int] = []

    @engine.handler("payment-queue:charge", retry=RetryPolicy(base=timedelta(seconds=0.05), max_attempts=3))
    async def charge(job: Job) -> None:
        attempts.append(job.attempt)
        raise ConnectionError("the bank hung up")

    runs = remember_runs(engine)
    await engine.start()
    await enqueue(db, "payment-queue:charge")

    async def is_held() -> bool:
        return [job.reason for job in await engine.held()] == ["ConnectionError: the bank hung up"]

    await assert_eventually(is_held)
    assert attempts == [1, 2, 3]
    assert "the bank hung up" in (await engine.held())[0].traceback

    await enqueue(db, TELL)
    await assert_eventually(lambda: len(runs) == 1)
    await engine.release((await engine.held())[0].id)
    await assert_eventually(lambda: attempts[3:4] == [1])


async def test_a_handler_of_the_running_engine_may_ask_to_run_again(db: AnyDatabase, engine: JobEngine) -> None:
    attempts: list[int] = []

    @engine.handler("payment-queue:poll")
    async def poll(job: Job) -> None:
        attempts.append(job.attempt)
        if job.attempt < 4:
            raise Retry(timedelta())

    await engine.start()
    await enqueue(db, "payment-queue:poll")

    await assert_eventually(lambda: attempts == [1, 2, 3, 4])
    await assert_eventually(lambda: is_empty(db))


async def test_jobs_run_side_by_side(db: AnyDatabase, engine: JobEngine) -> None:
    both = asyncio.Barrier(2)
    met: list[int] = []

    @engine.handler("payment-queue:meet")
    async def meet(job: Job) -> None:
        async with both:
            met.append(job.id)

    await engine.start()
    await enqueue(db, "payment-queue:meet")
    await enqueue(db, "payment-queue:meet")

    await assert_eventually(lambda: len(met) == 2)


async def test_no_more_jobs_run_at_once_than_allowed(db: AnyDatabase) -> None:
    engine = JobEngine(db, Pace(at_once=2))
    running, most, ended = 0, 0, 0

    @engine.handler("payment-queue:heavy")
    async def heavy(_: Job) -> None:
        nonlocal running, most, ended
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1
        ended += 1

    for _ in range(8):
        await enqueue(db, "payment-queue:heavy")
    await engine.start()

    await assert_eventually(lambda: ended == 8)
    await engine.stop()
    assert most <= 2


async def test_stopping_lets_a_job_in_flight_end(db: AnyDatabase, engine: JobEngine) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()
    ended: list[int] = []

    @engine.handler("payment-queue:charge")
    async def charge(job: Job) -> None:
        begun.set()
        await may_end.wait()
        ended.append(job.id)

    await engine.start()
    await enqueue(db, "payment-queue:charge")
    await begun.wait()

    stopping = asyncio.create_task(engine.stop())
    await enqueue(db, "payment-queue:charge", Note("too late"))
    may_end.set()
    await stopping

    assert len(ended) == 1
    assert await jobs_in(db) == [("payment-queue:charge", "queued")]


async def test_stopping_hands_back_a_job_that_does_not_end(db: AnyDatabase, engine: JobEngine) -> None:
    begun = asyncio.Event()

    @engine.handler("payment-queue:charge")
    async def charge(_: Job) -> None:
        begun.set()
        await asyncio.Event().wait()

    await engine.start()
    await enqueue(db, "payment-queue:charge")
    await begun.wait()
    await engine.stop(timedelta())

    runs: list[Job] = []
    successor = JobEngine(db)

    @successor.handler("payment-queue:charge")
    async def charge_again(job: Job) -> None:
        runs.append(job)

    assert await successor.run_due() == 1
    assert [(job.attempt, job.starts) for job in runs] == [(2, 1)]


async def test_an_engine_can_be_stopped_twice_and_started_again(db: AnyDatabase, engine: JobEngine) -> None:
    runs = remember_runs(engine)
    await engine.stop()
    await engine.start()
    await engine.stop()
    await engine.stop()
    await enqueue(db, TELL)
    assert runs == []

    await engine.start()

    await assert_eventually(lambda: len(runs) == 1)


async def test_a_long_job_is_left_to_its_worker(db: AnyDatabase) -> None:
    pace = Pace(heartbeat_timeout=timedelta(seconds=0.4), poll_every=timedelta(seconds=0.05))
    engines = [JobEngine(db, pace), JobEngine(db, pace)]
    starts: list[int] = []
    ended: list[int] = []

    for each in engines:

        @each.handler("payment-queue:long")
        async def long(job: Job) -> None:
            starts.append(job.starts)
            await asyncio.sleep(1.5)
            ended.append(job.id)

        await each.start()

    await enqueue(db, "payment-queue:long")
    await assert_eventually(lambda: len(ended) == 1)
    for each in engines:
        await each.stop()

    assert starts == [1]


async def test_a_long_job_of_one_go_is_left_to_it_too(db: AnyDatabase) -> None:
    pace = Pace(heartbeat_timeout=timedelta(seconds=0.4))
    engine, other = JobEngine(db, pace), JobEngine(db, pace)

    for each in (engine, other):

        @each.handler("payment-queue:long")
        async def long(_: Job) -> None:
            await asyncio.sleep(1)

    await enqueue(db, "payment-queue:long")
    going = asyncio.create_task(engine.run_due())
    await asyncio.sleep(0.8)

    assert await other.run_due() == 0
    assert await going == 1


async def test_one_go_that_is_cancelled_puts_its_job_back(db: AnyDatabase, engine: JobEngine) -> None:
    begun = asyncio.Event()

    @engine.handler("payment-queue:charge")
    async def charge(_: Job) -> None:
        begun.set()
        await asyncio.Event().wait()

    await enqueue(db, "payment-queue:charge")
    going = asyncio.create_task(engine.run_due())
    await begun.wait()
    going.cancel()
    await asyncio.wait({going})

    assert going.cancelled()
    assert await jobs_in(db) == [("payment-queue:charge", "queued")]


async def test_an_idle_engine_leaves_the_processor_alone(db: AnyDatabase) -> None:
    engine = JobEngine(db)
    runs = remember_runs(engine)
    await engine.start()
    await enqueue(db, TELL)
    await assert_eventually(lambda: len(runs) == 1)
    await assert_eventually(lambda: is_empty(db))

    processor, clock = time.process_time(), time.monotonic()
    await asyncio.sleep(3)
    share = (time.process_time() - processor) / (time.monotonic() - clock)
    await engine.stop()

    assert share < 0.05
