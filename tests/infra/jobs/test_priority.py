"""Which of the jobs that wait goes first, with one worker and a backlog; and that none waits for ever."""

import random
from datetime import timedelta

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.jobs.engine import JobEngine
from tabletap.infra.jobs.model import Job
from tabletap.infra.jobs.worker import Pace
from tests.support.jobs import Note, assert_eventually, enqueue, hurry

VERIFY, EXPIRE = "payment-queue:verify_payment", "payment-queue:expire_payment"
ONE_AT_A_TIME = Pace(at_once=1, poll_every=timedelta(hours=1))


def remember_runs(engine: JobEngine) -> list[str]:
    seen: list[str] = []

    async def note(job: Job) -> None:
        seen.append(job.read(Note).text)

    engine.handler(VERIFY)(note)
    engine.handler(EXPIRE)(note)
    return seen


async def backlog(db: AnyDatabase) -> list[int]:
    """Sixty jobs of every priority in a random order, two kinds of them; answers the priorities."""
    priorities = [*range(11)] * 5 + [0, 0, 0, 10, 10]
    random.Random(3).shuffle(priorities)  # noqa: S311 - any order will do, the same each time
    for index, priority in enumerate(priorities):
        await enqueue(db, (VERIFY, EXPIRE)[index % 2], Note(f"{priority}:{index}"), priority=priority)
    return priorities


def in_order(seen: list[str]) -> list[tuple[int, int]]:
    """What ran: priority and place in the queue."""
    return [(int(priority), int(index)) for priority, _, index in (text.partition(":") for text in seen)]


async def test_of_what_is_due_the_most_urgent_runs_first_and_equals_in_turn(db: AnyDatabase, engine: JobEngine) -> None:
    seen = remember_runs(engine)
    priorities = await backlog(db)

    assert await engine.run_due() == len(priorities)

    expected = sorted(((priority, index) for index, priority in enumerate(priorities)), key=lambda x: (-x[0], x[1]))
    assert in_order(seen) == expected


async def test_a_running_worker_with_a_backlog_takes_the_most_urgent_first(db: AnyDatabase) -> None:
    engine = JobEngine(db, ONE_AT_A_TIME)
    seen = remember_runs(engine)
    priorities = await backlog(db)

    await engine.start()
    await assert_eventually(lambda: len(seen) == len(priorities))
    await engine.stop()

    assert [priority for priority, _ in in_order(seen)] == sorted(priorities, reverse=True)


async def test_urgency_makes_nothing_run_before_its_time(db: AnyDatabase, engine: JobEngine) -> None:
    seen = remember_runs(engine)
    await enqueue(db, VERIFY, Note("10:0"), priority=10, after=timedelta(minutes=1))
    await enqueue(db, VERIFY, Note("0:1"))

    await engine.run_due()

    assert seen == ["0:1"]


async def test_what_has_been_due_for_a_minute_is_overtaken_by_nobody(db: AnyDatabase, engine: JobEngine) -> None:
    engine.let_nobody_starve()
    seen = remember_runs(engine)
    await engine.run_due()  # notes when the first rescue is due
    await enqueue(db, VERIFY, Note("0:0"), priority=0)
    await enqueue(db, VERIFY, Note("2:1"), priority=2)
    await hurry(db, timedelta(minutes=2))
    await enqueue(db, VERIFY, Note("10:2"), priority=10)
    await enqueue(db, VERIFY, Note("5:3"), priority=5)

    await engine.run_due()

    assert seen == ["0:0", "2:1", "10:2", "5:3"]


async def test_jobs_that_wait_for_their_time_are_not_overdue(db: AnyDatabase, engine: JobEngine) -> None:
    engine.let_nobody_starve()
    seen = remember_runs(engine)
    await engine.run_due()
    await enqueue(db, VERIFY, Note("0:0"), after=timedelta(minutes=2))
    await hurry(db, timedelta(minutes=2))
    await enqueue(db, VERIFY, Note("10:1"), priority=10)

    await engine.run_due()

    assert seen == ["10:1", "0:0"]
