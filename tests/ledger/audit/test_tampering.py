"""Whoever owns the database's files can change them; `tabletap verify` says exactly what was changed."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tabletap.cli.books import audited
from tabletap.infra.db.schema import metadata
from tabletap.ledger.audit import store
from tabletap.ledger.audit.checking import check_chain
from tests.ledger.audit.damage import Refused, by_force
from tests.support.books import rows
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")
SEALED = (
    "journal",
    "payment_change",
    "dispute_change",
    "credit_transaction",
    "credit_consumption",
    "security_event",
    "drawer_move",
)


def other(value: Any) -> Any:
    """The same value with one digit, letter or bit changed."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, datetime):
        return value + timedelta(microseconds=1)
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:]
    text = str(value)
    return text[:-1] + ("0" if text[-1] != "0" else "1")


def written(value: Any, engine: str) -> str:
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'::bytea" if engine == "postgres" else f"X'{value.hex()}'"
    if isinstance(value, bool | int):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


async def faults_of(world: World) -> list[str]:
    return (await audited(world.app.db, world.home.id)).faults


async def test_untouched_books_are_in_order(traded: World) -> None:
    audit = await audited(traded.app.db, traded.home.id)

    assert audit.faults == []
    assert audit.chain.seals > 20
    assert (audit.chain.heads, audit.chain.unsealed) == (1, 0)


@pytest.mark.parametrize("table", SEALED)
async def test_one_change_in_any_column_of_a_sealed_row_names_the_row(traded: World, table: str) -> None:
    engine = traded.app.db.engine
    names = store.audited(table).names
    key = [column.name for column in metadata.tables[table].primary_key]
    found = await rows(traded, f"SELECT {', '.join(names)} FROM {table} WHERE cafe_id = '{traded.home.id}' LIMIT 1")  # noqa: S608 - our own names
    assert found, f"the day left nothing in {table}"
    row = dict(zip(names, found[0], strict=True))
    where = " AND ".join(f"{name} = {written(row[name], engine)}" for name in key)
    changed = 0
    for name, value in row.items():
        if name in key or value is None or isinstance(value, dict | list):
            continue
        try:
            await by_force(traded.app.db, f"UPDATE {table} SET {name} = {written(other(value), engine)} WHERE {where}")  # noqa: S608 - our own names
        except Refused:
            continue  # a constraint of the database holds even then
        report = await traded.app.db.read(traded.home.id, check_chain)
        await by_force(traded.app.db, f"UPDATE {table} SET {name} = {written(value, engine)} WHERE {where}")  # noqa: S608 - our own names

        assert len(report.faults) == 1, (name, report.faults)
        assert f"row {row[key[1]]}" in report.faults[0]
        assert f" of {table} was changed after it was sealed (seal " in report.faults[0]
        changed += 1
    assert changed >= 2
    assert await faults_of(traded) == []


async def test_a_changed_entry_names_its_journal(traded: World) -> None:
    (journal_id, n) = (await rows(traded, f"SELECT journal_id, n FROM entry WHERE cafe_id = '{traded.home.id}'"))[0]  # noqa: S608 - our own id
    where = f"WHERE journal_id = '{journal_id}' AND n = {n}"

    await by_force(traded.app.db, f"UPDATE entry SET amount_minor = amount_minor + 1 {where}")  # noqa: S608 - our own ids
    faults = await faults_of(traded)
    await by_force(traded.app.db, f"UPDATE entry SET amount_minor = amount_minor - 1 {where}")  # noqa: S608 - our own ids

    assert f"journal {journal_id} does not sum to zero" in faults
    assert any(f"row {journal_id} of journal was changed after it was sealed" in fault for fault in faults)
    assert await faults_of(traded) == []


@pytest.mark.parametrize("column", ["source", "row_n", "content_hash", "previous_hash", "hash", "sealed_at"])
async def test_a_changed_seal_is_named(traded: World, column: str) -> None:
    db, engine = traded.app.db, traded.app.db.engine
    (value,) = (await rows(traded, f"SELECT {column} FROM audit_seal WHERE seq = 3"))[0]  # noqa: S608 - our own names

    await by_force(db, f"UPDATE audit_seal SET {column} = {written(other(value), engine)} WHERE seq = 3")  # noqa: S608 - our own names
    report = await db.read(traded.home.id, check_chain)
    await by_force(db, f"UPDATE audit_seal SET {column} = {written(value, engine)} WHERE seq = 3")  # noqa: S608 - our own names

    assert report.faults[0].startswith("seal 3, of row ")
    assert report.faults[0].endswith(" was changed")
    assert await faults_of(traded) == []


@pytest.mark.parametrize("column", ["business_day", "n", "hash", "signature", "signed_at"])
async def test_a_changed_head_carries_no_valid_signature(traded: World, column: str) -> None:
    db, engine = traded.app.db, traded.app.db.engine
    (value,) = (await rows(traded, f"SELECT {column} FROM audit_head"))[0]  # noqa: S608 - our own names

    await by_force(db, f"UPDATE audit_head SET {column} = {written(other(value), engine)}")  # noqa: S608 - our own names
    report = await db.read(traded.home.id, check_chain)
    await by_force(db, f"UPDATE audit_head SET {column} = {written(value, engine)}")  # noqa: S608 - our own names

    assert len(report.faults) == 1
    assert report.faults[0].endswith("does not carry a valid signature")
    assert await faults_of(traded) == []


@pytest.mark.parametrize("column", ["public_key", "key_id"])
async def test_a_changed_key_is_named(traded: World, column: str) -> None:
    db, engine = traded.app.db, traded.app.db.engine
    (value,) = (await rows(traded, f"SELECT {column} FROM audit_key"))[0]  # noqa: S608 - our own names

    await by_force(db, f"UPDATE audit_key SET {column} = {written(other(value), engine)}")  # noqa: S608 - our own names
    report = await db.read(traded.home.id, check_chain)
    await by_force(db, f"UPDATE audit_key SET {column} = {written(value, engine)}")  # noqa: S608 - our own names

    assert any(fault.startswith("the public key ") and fault.endswith(" was changed") for fault in report.faults)
    assert any(fault.startswith("the head of ") for fault in report.faults)
    assert await faults_of(traded) == []


async def test_the_end_of_the_chain_cannot_be_moved(traded: World) -> None:
    await by_force(traded.app.db, "UPDATE audit_chain SET seq = seq - 1")
    faults = await faults_of(traded)
    await by_force(traded.app.db, "UPDATE audit_chain SET seq = seq + 1")

    assert len(faults) == 1
    assert faults[0].startswith("the chain is noted to end with seal ")
