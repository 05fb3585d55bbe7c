"""A fresh database on each engine, with a table of its own for plain rows: the order counter."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tabletap.infra.db.open import AnyDatabase
from tests.support.rows import MovedClock, fresh_database


@pytest.fixture
async def db(engine_name: str, postgres_url: str, tmp_path: Path) -> AsyncIterator[AnyDatabase]:
    """An empty, started database."""
    url = postgres_url if engine_name == "postgres" else None
    async with fresh_database(tmp_path, url, MovedClock()) as database:
        yield database
