"""Bring a database to the current schema: safe to repeat and to run from two places at once."""

import sqlite3
from pathlib import Path
from typing import Any

import asyncpg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine

from tabletap.infra.db.guards import postgres_guards, sqlite_guards
from tabletap.infra.db.job_schema import install_postgres, install_sqlite
from tabletap.infra.db.open import sqlite_path
from tabletap.infra.db.sqlite import connect

_ADVISORY_LOCK = 7_463_862_021
"""An arbitrary number that only our migrations use."""


async def migrate(url: str) -> str:
    """Migrate the database and answer the revision it is at now. Every table's store must have been imported."""
    path = sqlite_path(url)
    return _migrate_sqlite(path) if path is not None else await _migrate_postgres(url)


def _config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: sa.Connection) -> str:
    command.upgrade(_config(connection), "head")
    revision: Any = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()
    return str(revision)


def _migrate_sqlite(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine("sqlite://", creator=lambda: connect(path), poolclass=sa.NullPool)
    with engine.connect() as connection:
        # The write lock keeps a second migration out until this one has committed.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        revision = _upgrade(connection)
        for statement in sqlite_guards():
            connection.exec_driver_sql(statement)
        bare = connection.connection.driver_connection
        assert isinstance(bare, sqlite3.Connection)
        install_sqlite(bare)
        connection.exec_driver_sql("COMMIT")
    engine.dispose()
    return revision


async def _migrate_postgres(url: str) -> str:
    lock = await asyncpg.connect(url)
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=sa.NullPool
    )
    try:
        await lock.execute(f"SELECT pg_advisory_lock({_ADVISORY_LOCK})")
        async with engine.begin() as connection:
            revision = await connection.run_sync(_upgrade)
        for statement in postgres_guards():
            await lock.execute(statement)
        await install_postgres(lock)
    finally:
        await engine.dispose()
        await lock.close()
    return revision
