"""A migrated database of its own for a test, on either engine, with a clock that the test moves."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import tabletap.tables  # noqa: F401  # fills the metadata
from tabletap.infra.db.migrate import migrate
from tabletap.infra.db.open import AnyDatabase, open_database
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.events import Event, Fact
from tests.support import services


class MovedClock:
    """Stands still until the test lets time pass."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def now(self) -> datetime:
        return self.at

    def let_time_pass(self, **duration: float) -> None:
        self.at += timedelta(**duration)


_templates: dict[str, str] = {}
"""Migrated databases by server: each test gets a copy, which is far quicker than migrating again."""


@asynccontextmanager
async def fresh_database(folder: Path, postgres_url: str | None, clock: MovedClock) -> AsyncIterator[AnyDatabase]:
    """An empty database, started, and gone afterwards: on PostgreSQL where a server is given, else in a file."""
    name = f"rows_{uuid.uuid4().hex}"
    if postgres_url is None:
        url = f"sqlite:///{folder / name}.db"
        await migrate(url)
    else:
        if postgres_url not in _templates:
            await migrate(await services.create_database(postgres_url, f"template_{name}"))
            _templates[postgres_url] = f"template_{name}"
        url = await services.create_database(postgres_url, name, _templates[postgres_url])
    database = open_database(url, clock, _follow, _publish)
    await database.start()
    try:
        yield database
    finally:
        await database.stop()
        if postgres_url is not None:
            await services.drop_database(postgres_url, name)


async def _follow(_: Transaction, __: Fact) -> None:
    """No reactions: the domain alone is tested."""


def _publish(_: list[Event]) -> None:
    """Nobody listens."""
