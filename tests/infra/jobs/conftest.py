"""A database with an empty queue on each engine, and a job engine over it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.jobs.engine import JobEngine
from tabletap.infra.jobs.worker import Pace
from tests.support.rows import MovedClock, fresh_database

NEVER_POLLS = Pace(poll_every=timedelta(hours=1))
"""A worker that must be woken: nothing happens by chance."""


@pytest.fixture
async def db(engine_name: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[AnyDatabase]:
    postgres_url = request.getfixturevalue("postgres_url") if engine_name == "postgres" else None
    async with fresh_database(tmp_path, postgres_url, MovedClock()) as database:
        yield database


@pytest.fixture
async def engine(db: AnyDatabase) -> AsyncIterator[JobEngine]:
    """Not started: tests that only `run_due` are quicker and decide themselves what happens when."""
    engine = JobEngine(db, NEVER_POLLS)
    yield engine
    await engine.stop(timedelta())
