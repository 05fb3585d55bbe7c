"""What the database itself refuses, whoever asks: the second wall between cafes, and books that never change."""

from typing import Any

import asyncpg
import msgspec
import pytest

from tabletap.infra.db.guards import APPEND_ONLY
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.postgres import TENANT_ROLE, PostgresDatabase
from tabletap.infra.db.schema import metadata
from tabletap.infra.db.sqlite import SqliteDatabase
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import new_id
from tabletap.ledger import store
from tabletap.ledger.model import Entry, Journal, entries_of
from tabletap.ledger.service import balances, post, unbalanced

CAFE, OTHER = new_id(), new_id()
REFUSED = "sum to zero|sealed|never changed|no entries|row-level security|permission denied"


async def by_hand(db: AnyDatabase, sql: str) -> Any:
    """Plain SQL by the owner of the tables, around all of our code."""
    if isinstance(db, SqliteDatabase):
        return await db.on_writer(lambda execute: execute(sql).fetchall())
    connection = await asyncpg.connect(db.url)
    try:
        return await connection.fetch(sql)
    finally:
        await connection.close()


async def booked(db: AnyDatabase, cafe_id: str = CAFE) -> Journal:
    async def book(tx: Transaction) -> Journal:
        return post(tx, "payment", "AUD", {"bank": 480, "sales": -480})

    return await db.transaction(cafe_id, book)


async def test_an_unbalanced_journal_is_refused_by_the_database_itself(db: AnyDatabase) -> None:
    async def book(tx: Transaction) -> None:
        journal = Journal(CAFE, new_id(), "payment", "AUD", "live", None, None, None, tx.now)
        tx.add(store.entry, Entry(CAFE, journal.id, 1, "bank", 480), Entry(CAFE, journal.id, 2, "sales", -479))
        tx.add(store.journal, journal)

    with pytest.raises(Exception, match=REFUSED):
        await db.transaction(CAFE, book)
    assert await db.read(CAFE, lambda reader: balances(reader, CAFE)) == {}


async def test_a_journal_without_entries_is_refused(db: AnyDatabase) -> None:
    async def book(tx: Transaction) -> None:
        tx.add(store.journal, Journal(CAFE, new_id(), "payment", "AUD", "live", None, None, None, tx.now))

    with pytest.raises(Exception, match=REFUSED):
        await db.transaction(CAFE, book)


async def test_nothing_is_added_to_a_journal_later(db: AnyDatabase) -> None:
    journal = await booked(db)

    async def add(tx: Transaction) -> None:
        tx.add(store.entry, Entry(CAFE, journal.id, 3, "bank", 1), Entry(CAFE, journal.id, 4, "sales", -1))

    with pytest.raises(Exception, match="sealed"):
        await db.transaction(CAFE, add)
    assert await db.read(CAFE, lambda reader: unbalanced(reader, CAFE)) == []


@pytest.mark.parametrize("table", [name for name in APPEND_ONLY if name in ("entry", "journal")])
@pytest.mark.parametrize("verb", ["UPDATE {} SET cafe_id = cafe_id", "DELETE FROM {}"])
async def test_the_books_are_never_changed_not_even_by_hand(db: AnyDatabase, table: str, verb: str) -> None:
    await booked(db)

    with pytest.raises(Exception, match=REFUSED):
        await by_hand(db, verb.format(table))
    assert await db.read(CAFE, lambda reader: balances(reader, CAFE)) == {"bank": 480, "sales": -480}


def test_amounts_that_do_not_sum_to_zero_are_a_bug_that_is_found_where_it_is() -> None:
    journal = msgspec.convert(
        {"cafe_id": CAFE, "id": new_id(), "kind": "payment", "currency": "AUD", "mode": "live", "order_id": None,
         "payment_id": None, "refund_id": None, "at": "2026-11-23T00:00:00Z"}, Journal,
    )  # fmt: skip
    with pytest.raises(ValueError, match="does not sum to zero"):
        entries_of(journal, {"bank": 1, "sales": -2})


async def _as_tenant(db: PostgresDatabase, cafe_id: str, sql: str) -> Any:
    """Plain SQL by the role that serves a cafe: row-level security alone stands between it and the others."""
    connection = await asyncpg.connect(db.url)
    try:
        await connection.execute(f"SET ROLE {TENANT_ROLE}")
        await connection.execute("SELECT set_config('app.cafe_id', $1, false)", cafe_id)
        return await connection.fetch(sql)
    finally:
        await connection.close()


@pytest.fixture
def postgres(db: AnyDatabase) -> PostgresDatabase | None:
    return db if isinstance(db, PostgresDatabase) else None


async def test_every_table_hides_the_rows_of_other_cafes(postgres: PostgresDatabase | None, db: AnyDatabase) -> None:
    await booked(db, OTHER)
    if postgres is None:
        assert await db.read(CAFE, lambda reader: balances(reader, CAFE)) == {}
        return

    tables = metadata.tables
    seen = {name: await _as_tenant(postgres, CAFE, f"SELECT 1 FROM {name}") for name in tables}  # noqa: S608 - our own
    assert {name for name, rows in seen.items() if rows} == set()
    assert len(await _as_tenant(postgres, OTHER, "SELECT 1 FROM entry")) == 2
    guarded = await by_hand(db, "SELECT relname FROM pg_class WHERE relrowsecurity")
    assert {row["relname"] for row in guarded} >= set(metadata.tables)


async def test_a_tenant_cannot_write_into_another_cafe(postgres: PostgresDatabase | None, db: AnyDatabase) -> None:
    async def add(tx: Transaction) -> None:
        tx.add(store.entry, *entries_of(_journal(tx, OTHER), {"bank": 1, "sales": -1}))
        tx.add(store.journal, _journal(tx, OTHER))

    if postgres is None:
        assert db.engine == "sqlite"  # one file, one process: there is no second role to be
        return
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match=REFUSED):
        await db.transaction(CAFE, add)


def _journal(tx: Transaction, cafe_id: str) -> Journal:
    return Journal(cafe_id, new_id(), "payment", "AUD", "live", None, None, None, tx.now)


async def test_the_role_that_serves_cafes_owns_nothing_and_is_no_superuser(postgres: PostgresDatabase | None) -> None:
    if postgres is None:
        assert TENANT_ROLE
        return
    role = f"FROM pg_roles WHERE rolname = '{TENANT_ROLE}'"
    ((superuser, bypasses),) = await by_hand(postgres, f"SELECT rolsuper, rolbypassrls {role}")
    owned = await by_hand(postgres, f"SELECT 1 FROM pg_class WHERE relowner = (SELECT oid {role})")  # noqa: S608 - ours

    assert (superuser, bypasses, owned) == (False, False, [])
    for sql in ("UPDATE entry SET n = n", "DELETE FROM journal", "UPDATE payment_change SET n = n"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await _as_tenant(postgres, CAFE, sql)
