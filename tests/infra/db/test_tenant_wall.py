"""The wall between cafes in the database itself, in every table there is (PostgreSQL: SQLite has one user)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import pytest
import pytest_asyncio

from tabletap.infra.db.guards import APPEND_ONLY
from tabletap.infra.db.postgres import TENANT_ROLE, PostgresDatabase
from tabletap.infra.db.schema import metadata
from tabletap.kernel.ids import new_id
from tests.infra.db.filled import fill
from tests.support.rows import MovedClock, fresh_database

pytestmark = pytest.mark.asyncio(loop_scope="module")

OURS, THEIRS = new_id(), new_id()
TABLES = sorted(metadata.tables)
Connection: TypeAlias = "asyncpg.Connection[Any]"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A database in which two cafes have a row in every table."""
    folder: Path = tmp_path_factory.mktemp("wall")
    async with fresh_database(folder, postgres_url, MovedClock()) as db:
        assert isinstance(db, PostgresDatabase)
        await fill(db, OURS, THEIRS)
        yield db.url


@pytest_asyncio.fixture(loop_scope="module")
async def tenant(url: str) -> AsyncIterator[Connection]:
    """A connection as our cafe has it; whatever a test writes is undone."""
    async for connection in _as_tenant(url, OURS):
        yield connection


async def _as_tenant(url: str, cafe_id: str | None) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(url)
    await connection.execute(f"SET ROLE {TENANT_ROLE}")
    if cafe_id is not None:
        await connection.execute("SELECT set_config('app.cafe_id', $1, false)", cafe_id)
    transaction = connection.transaction()
    await transaction.start()
    try:
        yield connection
    finally:
        await transaction.rollback()
        await connection.close()


async def test_there_are_rows_of_both_cafes_to_be_seen(url: str) -> None:
    owner = await asyncpg.connect(url)
    counts = {name: await owner.fetchval(f"SELECT count(*) FROM {name}") for name in TABLES}  # noqa: S608 - our own names
    await owner.close()

    assert set(counts.values()) == {2}, counts


@pytest.mark.parametrize("table", TABLES)
async def test_a_cafe_sees_its_own_rows_alone(tenant: Connection, table: str) -> None:
    rows = await tenant.fetch(f"SELECT cafe_id::text FROM {table}")  # noqa: S608 - our own names

    assert [row[0] for row in rows] == [OURS]


@pytest.mark.parametrize("cafe_id", [None, ""])
async def test_a_connection_without_a_cafe_sees_nothing(url: str, cafe_id: str | None) -> None:
    async for connection in _as_tenant(url, cafe_id):
        seen = [name for name in TABLES if await connection.fetch(f"SELECT 1 FROM {name}")]  # noqa: S608 - our own names

        assert seen == []


@pytest.mark.parametrize("table", TABLES)
async def test_a_cafe_cannot_write_a_row_of_another(url: str, tenant: Connection, table: str) -> None:
    owner = await asyncpg.connect(url)
    theirs = await owner.fetchval(f"SELECT to_jsonb(t)::text FROM {table} t WHERE cafe_id = $1", THEIRS)  # noqa: S608 - our own names
    await owner.close()

    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await tenant.execute(
            f"INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, $1::text::jsonb)",  # noqa: S608 - our own names
            theirs,
        )


@pytest.mark.parametrize("table", [name for name in TABLES if name not in APPEND_ONLY])
async def test_a_cafe_can_neither_change_nor_remove_nor_adopt_rows_of_another(tenant: Connection, table: str) -> None:
    changed = await tenant.execute(f"UPDATE {table} SET cafe_id = cafe_id WHERE cafe_id = $1", THEIRS)  # noqa: S608 - our own names
    removed = await tenant.execute(f"DELETE FROM {table} WHERE cafe_id = $1", THEIRS)  # noqa: S608 - our own names

    assert (changed, removed) == ("UPDATE 0", "DELETE 0")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await tenant.execute(f"UPDATE {table} SET cafe_id = $1", THEIRS)  # noqa: S608 - our own names


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("verb", ["UPDATE {} SET cafe_id = cafe_id", "DELETE FROM {}", "TRUNCATE {}"])
async def test_a_cafe_may_not_even_try_to_change_what_is_only_added_to(
    tenant: Connection, table: str, verb: str
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
        await tenant.execute(verb.format(table))


async def test_what_the_jobs_of_other_cafes_carry_cannot_be_read(tenant: Connection) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
        await tenant.fetch("SELECT payload FROM pgqueuer")
