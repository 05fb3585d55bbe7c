"""A row of two cafes in every table there is, put there around all rules: what walls and guards are tested with."""

import sqlite3
from datetime import UTC, datetime
from typing import Any

import asyncpg
import sqlalchemy as sa

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.postgres import PostgresDatabase
from tabletap.infra.db.schema import IdType, InstantType, JsonType, metadata
from tabletap.infra.db.sqlite import connect
from tabletap.infra.db.statement import POSTGRES, to_sqlite

_TABLES = [metadata.tables[name] for name in sorted(metadata.tables)]
"""By name, which puts entries before the journal that seals them."""


async def fill(db: AnyDatabase, *cafe_ids: str) -> None:
    """Give each cafe one row in every table; checks and foreign keys are lifted while that is done."""
    if isinstance(db, PostgresDatabase):
        await _fill_postgres(db.url, cafe_ids)
    else:
        _fill_sqlite(connect(db.path), cafe_ids)


async def _fill_postgres(url: str, cafe_ids: tuple[str, ...]) -> None:
    connection = await asyncpg.connect(url)
    try:
        for table, check in await connection.fetch(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0"
        ):
            await connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{check}"')
        await connection.execute("SET session_replication_role = replica")
        for table in _TABLES:
            casts = [str(column.type.compile(dialect=POSTGRES)) for column in table.columns]
            names = ", ".join(column.name for column in table.columns)
            marks = ", ".join(f"${n}::text::{cast}" for n, cast in enumerate(casts, 1))
            for cafe_id in cafe_ids:
                values = [_as_text(value) for value in _row(table, cafe_id)]
                await connection.execute(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", *values)  # noqa: S608 - our own names
    finally:
        await connection.close()


def _as_text(value: Any) -> str:
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    return value.isoformat() if isinstance(value, datetime) else "{}" if value == {} else str(value)


def _fill_sqlite(connection: sqlite3.Connection, cafe_ids: tuple[str, ...]) -> None:
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("PRAGMA ignore_check_constraints = ON")
    for table in _TABLES:
        converts = [to_sqlite(column.type) for column in table.columns]
        names = ", ".join(column.name for column in table.columns)
        marks = ", ".join("?" * len(converts))
        for cafe_id in cafe_ids:
            row = zip(_row(table, cafe_id), converts, strict=True)
            connection.execute(
                f"INSERT INTO {table.name} ({names}) VALUES ({marks})",  # noqa: S608 - our own names
                [convert(value) if convert else value for value, convert in row],
            )
    connection.close()


def _row(table: sa.Table, cafe_id: str) -> list[Any]:
    """Something of every column's type: every number is zero and every id the same, so that journals balance."""
    return [_something(column.type, cafe_id) for column in table.columns]


def _something(type_: sa.types.TypeEngine[Any], cafe_id: str) -> Any:
    if isinstance(type_, IdType):
        return cafe_id
    if isinstance(type_, InstantType):
        return datetime(2026, 11, 23, tzinfo=UTC)
    if isinstance(type_, JsonType):
        return {}
    if isinstance(type_, sa.LargeBinary):
        return cafe_id.encode()
    return False if isinstance(type_, sa.Boolean) else 0 if isinstance(type_, sa.Integer) else f"of {cafe_id}"
