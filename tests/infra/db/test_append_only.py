"""What is only ever added to: no statement changes or removes it, not even one of the tables' owner."""

from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tabletap.infra.db.guards import APPEND_ONLY
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.postgres import PostgresDatabase
from tabletap.infra.db.sqlite import connect
from tabletap.kernel.ids import new_id
from tests.infra.db.filled import fill

KEPT_FOR_EVER = [name for name in APPEND_ONLY if name != "stream_event"]
"""Old stream events are pruned; the others are the books."""


async def by_hand(db: AnyDatabase, sql: str) -> list[Any]:
    """Plain SQL by the owner of the tables, around all of our code."""
    if isinstance(db, PostgresDatabase):
        connection = await asyncpg.connect(db.url)
        try:
            return list(await connection.fetch(sql))
        finally:
            await connection.close()
    return _on_file(db.path, sql)


def _on_file(path: Path, sql: str) -> list[Any]:
    connection = connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def test_the_books_are_among_them() -> None:
    assert set(KEPT_FOR_EVER) == {
        "entry",
        "journal",
        "payment_change",
        "dispute_change",
        "credit_transaction",
        "credit_consumption",
        "credit_hold_part",
        "credit_account_change",
        "security_event",
        "drawer_move",
        "drawer_count",
        "day_close",
        "bank_line",
        "bank_match",
        "payout_line",
        "tip_rule",
        "tip_income",
        "tip_distribution",
        "tip_share",
        "tip_payout",
        "audit_seal",
        "audit_head",
    }


@pytest.mark.parametrize("verb", ["UPDATE {} SET cafe_id = cafe_id", "DELETE FROM {}"])
async def test_the_owner_of_the_tables_cannot_change_the_books(db: AnyDatabase, verb: str) -> None:
    await fill(db, new_id())

    for table in KEPT_FOR_EVER:
        with pytest.raises(Exception, match=f"{table} is never changed"):
            await by_hand(db, verb.format(table))
        assert len(await by_hand(db, f"SELECT * FROM {table}")) == 1, table  # noqa: S608 - our own names
