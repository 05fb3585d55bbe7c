"""The migrations make exactly the tables that the stores describe."""

from pathlib import Path
from typing import Any

import asyncpg
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import create_async_engine

from tabletap import tables
from tabletap.infra.db.migrate import migrate
from tabletap.infra.db.schema import metadata
from tabletap.infra.db.sqlite import connect
from tabletap.kernel.ids import new_id
from tests.support import services

assert tables.__all__, "importing it fills the metadata"


def _differences(connection: sa.Connection) -> list[Any]:
    """What alembic would still change; the job engine's tables are the library's own."""
    options = {
        "include_object": lambda _, name, type_, *__: not (type_ == "table" and str(name).startswith("pgqueuer"))
    }
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


async def test_sqlite_is_migrated_to_the_described_schema(tmp_path: Path) -> None:
    path = tmp_path / "tabletap.db"
    await migrate(f"sqlite:///{path}")

    engine = sa.create_engine("sqlite://", creator=lambda: connect(path), poolclass=sa.StaticPool)
    with engine.connect() as connection:
        assert _differences(connection) == []
    engine.dispose()


async def test_postgres_is_migrated_to_the_described_schema(postgres_url: str) -> None:
    name = f"schema_{new_id().replace('-', '')}"
    url = await services.create_database(postgres_url, name)
    await migrate(url)

    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=sa.NullPool
    )
    async with engine.connect() as connection:
        assert await connection.run_sync(_differences) == []
    await engine.dispose()
    await services.drop_database(postgres_url, name)
