"""Killed workers, jobs that kill, and a database that goes away: no job is lost, none loops for ever."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import asyncpg

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.postgres import PostgresDatabase
from tabletap.infra.db.transaction import DatabaseAway
from tabletap.infra.jobs.engine import JobEngine
from tabletap.infra.jobs.model import Job
from tabletap.infra.jobs.worker import Pace
from tests.infra.jobs.dying import ENTRYPOINT
from tests.support import services
from tests.support.jobs import assert_eventually, enqueue, jobs_in, silence_workers
from tests.support.programs import REPOSITORY
from tests.support.rows import MovedClock, fresh_database

IMPATIENT = Pace(
    heartbeat_timeout=timedelta(seconds=0.5),
    poll_every=timedelta(seconds=0.1),
    first_pause=timedelta(seconds=0.05),
    longest_pause=timedelta(seconds=0.2),
)
LOST = (DatabaseAway, OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


def address(db: AnyDatabase) -> str:
    return db.url if isinstance(db, PostgresDatabase) else f"sqlite:///{db.path}"


@asynccontextmanager
async def other_process(db: AnyDatabase, way: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.infra.jobs.dying", address(db), way),
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_the_job_of_a_killed_worker_is_run_by_another(db: AnyDatabase) -> None:
    await enqueue(db, ENTRYPOINT)
    async with other_process(db, "waits") as process:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"running\n"
        process.send_signal(signal.SIGKILL)
    runs: list[Job] = []
    survivor = JobEngine(db, IMPATIENT)

    @survivor.handler(ENTRYPOINT)
    async def survive(job: Job) -> None:
        runs.append(job)

    await survivor.start()
    await assert_eventually(lambda: len(runs) == 1)
    await survivor.stop()

    assert [(job.attempt, job.starts) for job in runs] == [(1, 2)]
    assert await jobs_in(db) == []


async def test_a_job_that_kills_its_process_is_held_after_its_starts(db: AnyDatabase) -> None:
    await enqueue(db, ENTRYPOINT)
    for _ in range(2):
        async with other_process(db, "itself") as process:
            assert await process.wait() == -signal.SIGKILL
        await silence_workers(db)
    engine = JobEngine(db, IMPATIENT)
    runs: list[Job] = []

    @engine.handler(ENTRYPOINT, max_starts=2)
    async def never_called(job: Job) -> None:
        runs.append(job)

    await engine.start()

    async def is_held() -> bool:
        return [job.starts for job in await engine.held()] == [3]

    await assert_eventually(is_held)
    await engine.stop()
    assert runs == []
    assert (await engine.held())[0].reason.startswith("StartedTooOften")


async def test_a_restart_of_the_database_does_not_end_the_jobs(tmp_path: Path) -> None:
    with services.postgres_server() as server:
        async with _working_engine(tmp_path, server.url) as (db, runs):
            server.stop()
            await asyncio.sleep(0.5)
            server.start()

            await _enqueue_when_it_answers(db)
            await assert_eventually(lambda: len({job.id for job in runs}) == 2)
            await assert_eventually(lambda: is_empty(db))

    assert {job.entrypoint for job in runs} == {ENTRYPOINT}


async def test_lost_connections_do_not_end_the_jobs(tmp_path: Path, postgres_url: str) -> None:
    async with _working_engine(tmp_path, postgres_url) as (db, runs):
        await _end_connections(address(db))

        await _enqueue_when_it_answers(db)
        await assert_eventually(lambda: len({job.id for job in runs}) == 2)
        await assert_eventually(lambda: is_empty(db))

    assert {job.entrypoint for job in runs} == {ENTRYPOINT}


@asynccontextmanager
async def _working_engine(folder: Path, url: str) -> AsyncIterator[tuple[AnyDatabase, list[Job]]]:
    """A started engine that has run one job, and all the runs there are."""
    runs: list[Job] = []
    async with fresh_database(folder, url, MovedClock()) as db:
        engine = JobEngine(db, IMPATIENT)

        @engine.handler(ENTRYPOINT)
        async def survive(job: Job) -> None:
            runs.append(job)

        await engine.start()
        try:
            await enqueue(db, ENTRYPOINT)
            await assert_eventually(lambda: len(runs) == 1)
            await assert_eventually(lambda: is_empty(db))
            yield db, runs
        finally:
            await engine.stop()


async def is_empty(db: AnyDatabase) -> bool:
    return await jobs_in(db) == []


async def _end_connections(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await connection.close()


async def _enqueue_when_it_answers(db: AnyDatabase) -> None:
    async def is_enqueued() -> bool:
        try:
            await enqueue(db, ENTRYPOINT)
        except LOST:
            return False
        return True

    await assert_eventually(is_enqueued)
