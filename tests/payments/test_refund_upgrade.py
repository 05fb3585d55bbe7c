"""What was refunded before refunds knew their parts gets them when the database is upgraded."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine

from tabletap import tables
from tabletap.infra.db import migrate as migrating
from tabletap.infra.db.schema import metadata
from tabletap.infra.db.sqlite import connect
from tabletap.kernel.ids import new_id
from tests.support import services

assert tables.__all__, "importing it fills the metadata"

AT = datetime(2026, 11, 1, tzinfo=UTC)
CAFE, ORDER = new_id(), new_id()
CASH, LATE = sorted((new_id(), new_id()))
REFUNDS = sorted(new_id() for _ in range(4))


def _to(connection: sa.Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrating.__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _insert(connection: sa.Connection, table: str, **values: Any) -> None:
    """A row with the columns that the table had before the upgrade."""
    described = metadata.tables[table]
    there = {found["name"]: found for found in sa.inspect(connection).get_columns(table)}
    filled = {name: _filler(described.c[name].type) for name, found in there.items() if not found["nullable"]} | values
    old = sa.table(table, *(sa.column(name, described.c[name].type) for name in filled))
    connection.execute(old.insert().values(filled))


def _filler(type_: Any) -> Any:
    if isinstance(type_, sa.Boolean):
        return False
    if isinstance(type_, sa.BigInteger | sa.Integer):
        return 1
    return {"IdType": ORDER, "InstantType": AT, "JsonType": "null"}.get(type(type_).__name__, "live")


def _fill(connection: sa.Connection) -> None:
    """Before the upgrade: cash of 483 with a tip of 70 given back in four goes, and late money kept apart."""
    off = "PRAGMA foreign_keys=OFF" if connection.dialect.name == "sqlite" else "SET session_replication_role = replica"
    connection.exec_driver_sql(off)
    for payment, amount, tip in ((CASH, 483, 70), (LATE, 480, 0)):
        _insert(
            connection, "payment", cafe_id=CAFE, id=payment, order_id=ORDER, amount_minor=amount, tip_minor=tip,
            state="completed", refunded_minor=0, refund_pending_minor=0, mode="live",
        )  # fmt: skip
    for payment, account, amount in ((CASH, "cash_rounding", -2), (LATE, "suspense", -480)):
        journal = new_id()
        _insert(connection, "journal", cafe_id=CAFE, id=journal, payment_id=payment, mode="live")
        _insert(connection, "entry", cafe_id=CAFE, journal_id=journal, n=1, account=account, amount_minor=amount)
    for refund, amount, status in zip(
        REFUNDS, (300, 90, 200, 53), ("completed", "failed", "completed", "pending"), strict=True
    ):
        _insert(
            connection, "refund", cafe_id=CAFE, id=refund, payment_id=CASH, amount_minor=amount, original_minor=553,
            destination="original", status=status,
        )  # fmt: skip


def _upgraded(connection: sa.Connection) -> tuple[list[Any], list[Any]]:
    _to(connection, "0002")
    _fill(connection)
    _to(connection, "0003")
    payments = connection.exec_driver_sql("SELECT rounding_minor, suspense_minor FROM payment ORDER BY id").all()
    refunds = connection.exec_driver_sql("SELECT order_minor, tip_minor FROM refund ORDER BY id").all()
    return [tuple(row) for row in payments], [tuple(row) for row in refunds]


async def test_earlier_refunds_get_their_parts_and_earlier_payments_their_rounding(
    engine_name: str, postgres_url: str, tmp_path: Path
) -> None:
    if engine_name == "sqlite":
        engine = sa.create_engine("sqlite://", creator=lambda: connect(tmp_path / "old.db"), poolclass=sa.StaticPool)
        with engine.connect() as connection:
            found = _upgraded(connection)
        engine.dispose()
    else:
        name = f"old_{new_id().replace('-', '')}"
        url = await services.create_database(postgres_url, name)
        away = create_async_engine(
            "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=sa.NullPool
        )
        async with away.begin() as connecting:
            found = await connecting.run_sync(_upgraded)
        await away.dispose()
        await services.drop_database(postgres_url, name)

    assert found == ([(2, 0), (0, 480)], [(300, 0), (90, 0), (183, 17), (0, 53)])
