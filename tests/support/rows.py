"""A migrated database of its own for a test, on either engine, with a clock that the test moves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import tabletap.tables  # noqa: F401  # fills the metadata
from tabletap.infra.db.open import AnyDatabase, open_database
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.events import Event, Fact
from tests.support.databases import migrated_database


class MovedClock:
    """Stands still until the test lets time pass."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def now(self) -> datetime:
        return self.at

    def let_time_pass(self, **duration: float) -> None:
        self.at += timedelta(**duration)


@asynccontextmanager
async def fresh_database(folder: Path, postgres_url: str | None, clock: MovedClock) -> AsyncIterator[AnyDatabase]:
    """An empty database, started, and gone afterwards: on PostgreSQL where a server is given, else in a file."""
    async with migrated_database(folder, postgres_url) as url:
        database = open_database(url, clock, _follow, _publish)
        await database.start()
        try:
            yield database
        finally:
            await database.stop()


async def _follow(_: Transaction, __: Fact) -> None:
    """No reactions: the domain alone is tested."""


def _publish(_: list[Event]) -> None:
    """Nobody listens."""
