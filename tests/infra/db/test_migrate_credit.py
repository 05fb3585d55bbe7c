"""Credit from before lots were kept: nobody loses any of it, and it is spent and refunded as ever."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine

from tabletap.credits import service as credits_
from tabletap.credits import store
from tabletap.credits.sums.checking import check
from tabletap.infra.db.migrate import migrate
from tabletap.infra.db.open import AnyDatabase, open_database, sqlite_path
from tabletap.infra.db.sqlite import connect
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.clock import SystemClock
from tabletap.kernel.events import Event, Fact
from tabletap.kernel.ids import new_id
from tabletap.ledger.service import post
from tests.support import services
from tests.support.programs import REPOSITORY

BEFORE_LOTS = "0010"
CAFE, RICH, POOR, OLD_PAYMENT, SPENT = new_id(), new_id(), new_id(), new_id(), new_id()


@pytest.fixture
async def url(engine_name: str, postgres_url: str, tmp_path: Path) -> AsyncIterator[str]:
    """A database of the time before lots, with a customer who has credit and one who has spent it."""
    if engine_name == "sqlite":
        url = f"sqlite:///{tmp_path}/old/tabletap.db"
        _made_on_sqlite(url)
        yield url
        return
    name = f"credited_{new_id().replace('-', '')}"
    url = await services.create_database(postgres_url, name)
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=sa.NullPool
    )
    async with engine.begin() as connection:
        await connection.run_sync(_to_the_time_before)
    await engine.dispose()
    yield url
    await services.drop_database(postgres_url, name)


def _made_on_sqlite(url: str) -> None:
    path = sqlite_path(url)
    assert path is not None
    path.parent.mkdir(parents=True)
    engine = sa.create_engine("sqlite://", creator=lambda: connect(path), poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        _to_the_time_before(connection)
        connection.exec_driver_sql("COMMIT")
    engine.dispose()


def _to_the_time_before(connection: sa.Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(REPOSITORY / "src/tabletap/infra/db/migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, BEFORE_LOTS)
    now = "1700000000000000" if connection.dialect.name == "sqlite" else "to_timestamp(1700000000)"
    for table, row in _rows(now):
        connection.exec_driver_sql(
            f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(row.values())})"  # noqa: S608 - our own rows
        )


def _rows(now: str) -> list[tuple[str, dict[str, str]]]:
    mine = {"cafe_id": f"'{CAFE}'", "created_at": now}
    cafe = {
        **mine, "name": "'Corner'", "currency": "'AUD'", "time_zone": "'Australia/Sydney'", "version": "1",
        "payment_policy": "'pay_first'", "expiry_minutes": "'{}'", "cash_rounding_minor": "5",
        "late_money_policy": "'credit'", "counter_credit_limit_minor": "5000",
    }  # fmt: skip
    found: list[tuple[str, dict[str, str]]] = [("cafe", cafe)]
    for customer_id, posted, held, spent in ((RICH, 700, 0, 300), (POOR, 0, 0, 1_000)):
        person = {**mine, "id": f"'{customer_id}'", "kind": "'customer'", "roles": "'[]'", "tier": "'standard'"}
        account = {
            **mine, "customer_id": f"'{customer_id}'", "currency": "'AUD'", "posted_minor": str(posted),
            "held_minor": str(held), "total_earned_minor": "1000", "total_spent_minor": str(spent),
            "status": "'active'", "version": "2", "updated_at": now,
        }  # fmt: skip
        found += [("person", person), ("customer_credit", account)]
        moves = ((new_id(), "credit", 1_000, 0, None), (new_id(), "debit", -spent, 1_000, OLD_PAYMENT))
        for id_, type_, amount, before, payment_id in moves:
            moved = {
                **mine, "id": f"'{id_}'", "customer_id": f"'{customer_id}'", "type": f"'{type_}'",
                "amount_minor": str(amount), "balance_before_minor": str(before),
                "balance_after_minor": str(before + amount), "reason": "'as it was'",
                "payment_id": f"'{payment_id}'" if payment_id else "NULL",
            }  # fmt: skip
            found.append(("credit_transaction", moved))
    return found


async def _no_reactions(_: Transaction, __: Fact) -> None:
    """The database alone is tested."""


def _nobody_listens(_: list[Event]) -> None:
    """The database alone is tested."""


async def _brought_up(url: str) -> AnyDatabase:
    await migrate(url)
    await migrate(url)  # safe to repeat
    db = open_database(url, SystemClock(), _no_reactions, _nobody_listens)
    await db.start()
    return db


async def test_a_balance_becomes_one_lot_that_never_expires(url: str) -> None:
    db = await _brought_up(url)

    (lot,) = await db.read(CAFE, lambda reader: store.open_lots(reader, RICH))
    of_the_other = await db.read(CAFE, lambda reader: store.open_lots(reader, POOR))
    faults = await db.read(CAFE, check)

    await db.stop()
    assert (lot.kind, lot.amount_minor, lot.remaining_minor, lot.held_minor) == ("paid", 700, 700, 0)
    assert (lot.expires_at, lot.payment_id, lot.transaction_id) == (None, None, None)
    assert int(lot.created_at.timestamp()) == 1_700_000_000, "as old as the account"
    assert of_the_other == []
    assert faults == []


async def test_it_is_spent_and_refunded_as_ever(url: str) -> None:
    db = await _brought_up(url)

    async def spend_and_refund(tx: Transaction) -> None:
        more: dict[str, Any] = {"payment_id": SPENT}
        await credits_.move(tx, RICH, -500, "debit", "Order payment", "AUD", **more)
        await credits_.move(tx, RICH, 100, "refund", "cold", "AUD", **more)
        await credits_.move(tx, RICH, 250, "refund", "cold", "AUD", payment_id=OLD_PAYMENT)
        post(tx, "payment", "AUD", {"sales": -150, f"customer_credit:{RICH}": 150})

    await db.transaction(CAFE, spend_and_refund)

    account = await db.read(CAFE, lambda reader: store.account(reader, RICH))
    lots = await db.read(CAFE, lambda reader: store.open_lots(reader, RICH))
    faults = await db.read(CAFE, check)
    await db.stop()
    assert account is not None
    assert account.posted_minor == 700 - 500 + 100 + 250
    assert sorted((lot.kind, lot.remaining_minor) for lot in lots) == [("paid", 300), ("refund", 250)]
    assert faults == []
