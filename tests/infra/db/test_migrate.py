"""Migrating is safe to repeat and from several processes at once."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tabletap.infra.db.migrate import migrate
from tabletap.infra.db.open import open_database
from tabletap.infra.db.revision import current_revision, newest_revision
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.clock import SystemClock
from tabletap.kernel.events import Event, Fact
from tabletap.kernel.ids import new_id
from tabletap.ledger.service import balances, post
from tests.support import services
from tests.support.programs import REPOSITORY

CAFE = new_id()
MIGRATE = "import asyncio, sys, tabletap.tables; from tabletap.infra.db.migrate import migrate; "
RUN = MIGRATE + "print(asyncio.run(migrate(sys.argv[1])))"


@pytest.fixture
async def url(engine_name: str, postgres_url: str, tmp_path: Path) -> AsyncIterator[str]:
    """A database that was never set up."""
    if engine_name == "sqlite":
        yield f"sqlite:///{tmp_path}/new/tabletap.db"
        return
    name = f"migrated_{new_id().replace('-', '')}"
    yield await services.create_database(postgres_url, name)
    await services.drop_database(postgres_url, name)


async def _no_reactions(_: Transaction, __: Fact) -> None:
    """The database alone is tested."""


def _nobody_listens(_: list[Event]) -> None:
    """The database alone is tested."""


async def _book(tx: Transaction) -> None:
    post(tx, "payment", "AUD", {"bank": 480, "sales": -480})


async def test_migrating_again_changes_nothing_and_loses_nothing(url: str) -> None:
    first = await migrate(url)
    db = open_database(url, SystemClock(), _no_reactions, _nobody_listens)
    await db.start()
    await db.transaction(CAFE, _book)

    again = await migrate(url)  # while somebody uses the database

    await db.transaction(CAFE, _book)
    assert await db.read(CAFE, lambda reader: balances(reader, CAFE)) == {"bank": 960, "sales": -960}
    await db.stop()
    assert first == again == newest_revision() == await current_revision(url)


async def _migrate_elsewhere(url: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", RUN, url),
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate()
    return process.returncode, said.decode().strip(), complained.decode()


async def test_several_processes_may_migrate_at_once(url: str) -> None:
    done = await asyncio.gather(*(_migrate_elsewhere(url) for _ in range(3)))

    assert [(code, said) for code, said, _ in done] == [(0, newest_revision())] * 3, done
    assert await current_revision(url) == newest_revision()
