"""In which order transactions lock rows, on either engine: SQLite needs no locks, yet it is asked for the same ones."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from tabletap.infra.db.plan import LOCK_ORDER
from tabletap.infra.db.postgres import PostgresTransaction
from tabletap.infra.db.sqlite import SqliteTransaction
from tabletap.infra.db.statement import Statement

Row = tuple[int, str]
"""The rank of its table in LOCK_ORDER, and its key."""


@contextmanager
def noting_locks(*tables: str) -> Iterator[dict[str, list[Row]]]:
    """The rows of some tables that each transaction (by its cause) locked by reading, in order, without repetitions."""
    noted: dict[str, list[Row]] = defaultdict(list)
    with pytest.MonkeyPatch.context() as patch:
        for engine in (PostgresTransaction, SqliteTransaction):
            patch.setattr(engine, "rows", _noting(engine.rows, tables, noted))
        yield noted


def _noting(read: Callable[..., Any], tables: tuple[str, ...], noted: dict[str, list[Row]]) -> Callable[..., Any]:
    async def rows(tx: Any, statement: Statement, params: dict[str, Any], lock: bool) -> list[Any]:
        found: list[Any] = await read(tx, statement, params, lock)
        if lock and isinstance(statement.source, sa.Select):
            table = statement.source.get_final_froms()[0]
            if isinstance(table, sa.Table) and table.name in tables:
                names = [column.name for column in statement.source.selected_columns]
                key = names.index(next(each.name for each in table.primary_key if each.name != "cafe_id"))
                held = noted[tx.cause_id]
                rows = [(LOCK_ORDER.index(table.name), str(row[key])) for row in found]
                held += [row for row in rows if row not in held]
        return found

    return rows
