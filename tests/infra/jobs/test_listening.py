"""The worker on PostgreSQL hears the database from its first moment on and does not start again without need."""

import asyncio
import logging
from pathlib import Path

import pytest

from tabletap.infra.jobs.engine import JobEngine
from tabletap.infra.jobs.model import Job
from tests.support.jobs import assert_eventually, enqueue
from tests.support.rows import MovedClock, fresh_database

ENTRYPOINT = "payment-queue:listened"


async def test_the_worker_is_not_replaced_while_nothing_is_wrong(
    postgres_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runs: list[Job] = []
    async with fresh_database(tmp_path, postgres_url, MovedClock()) as db:
        engine = JobEngine(db)

        @engine.handler(ENTRYPOINT)
        async def note(job: Job) -> None:
            runs.append(job)

        with caplog.at_level(logging.WARNING):
            await engine.start()
            await asyncio.sleep(12)  # the library's probe for a deaf listener gives up after ten seconds
            await enqueue(db, ENTRYPOINT)
            await assert_eventually(lambda: len(runs) == 1)
            await engine.stop()

    assert [record.getMessage() for record in caplog.records if "starts again" in record.getMessage()] == []
