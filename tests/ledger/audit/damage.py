"""Changing what cannot be changed: by whoever owns the database's files, around every guard."""

import sqlite3
from contextlib import closing
from typing import Any

import asyncpg

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.postgres import PostgresDatabase
from tabletap.infra.db.sqlite import connect


class Refused(Exception):
    """The database itself holds this to be impossible."""


async def by_force(db: AnyDatabase, sql: str) -> list[tuple[Any, ...]]:
    """Run plain SQL with every trigger and foreign key lifted. Raises Refused where a constraint still holds."""
    if isinstance(db, PostgresDatabase):
        return await _on_server(db.url, sql)
    return _on_file(db, sql)


async def _on_server(url: str, sql: str) -> list[tuple[Any, ...]]:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET session_replication_role = replica")
        return [tuple(row) for row in await connection.fetch(sql)]
    except asyncpg.IntegrityConstraintViolationError as error:
        raise Refused from error
    finally:
        await connection.close()


def _on_file(db: Any, sql: str) -> list[tuple[Any, ...]]:
    with closing(connect(db.path)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("BEGIN IMMEDIATE")
        guards = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        try:
            for name, _ in guards:
                connection.execute(f"DROP TRIGGER {name}")
            rows = connection.execute(sql).fetchall()
            for _, guard in guards:
                connection.execute(guard)
            connection.execute("COMMIT")
        except sqlite3.IntegrityError as error:
            connection.execute("ROLLBACK")
            raise Refused from error
    return rows


def literal(value: Any) -> str:
    """A value as SQL writes it, on both engines where they agree."""
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    if isinstance(value, int):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"
