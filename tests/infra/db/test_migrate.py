"""Migrating is safe to repeat and from several processes at once."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine

from tabletap.infra.db.migrate import migrate
from tabletap.infra.db.open import open_database, sqlite_path
from tabletap.infra.db.revision import current_revision, newest_revision
from tabletap.infra.db.sqlite import connect
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.clock import SystemClock
from tabletap.kernel.events import Event, Fact
from tabletap.kernel.ids import new_id
from tabletap.ledger.service import balances, post
from tabletap.payments import store as payments
from tabletap.payments.accounts import store as accounts
from tests.support import services
from tests.support.programs import REPOSITORY

CAFE = new_id()
MIGRATE = "import asyncio, sys, tabletap.tables; from tabletap.infra.db.migrate import migrate; "
RUN = MIGRATE + "print(asyncio.run(migrate(sys.argv[1])))"


@pytest.fixture
async def url(engine_name: str, postgres_url: str, tmp_path: Path) -> AsyncIterator[str]:
    """A database that was never set up."""
    if engine_name == "sqlite":
        yield f"sqlite:///{tmp_path}/new/tabletap.db"
        return
    name = f"migrated_{new_id().replace('-', '')}"
    yield await services.create_database(postgres_url, name)
    await services.drop_database(postgres_url, name)


async def _no_reactions(_: Transaction, __: Fact) -> None:
    """The database alone is tested."""


def _nobody_listens(_: list[Event]) -> None:
    """The database alone is tested."""


async def _book(tx: Transaction) -> None:
    post(tx, "payment", "AUD", {"bank": 480, "sales": -480})


async def test_migrating_again_changes_nothing_and_loses_nothing(url: str) -> None:
    first = await migrate(url)
    db = open_database(url, SystemClock(), _no_reactions, _nobody_listens)
    await db.start()
    await db.transaction(CAFE, _book)

    again = await migrate(url)  # while somebody uses the database

    await db.transaction(CAFE, _book)
    assert await db.read(CAFE, lambda reader: balances(reader, CAFE)) == {"bank": 960, "sales": -960}
    await db.stop()
    assert first == again == newest_revision() == await current_revision(url)


async def _migrate_elsewhere(url: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", RUN, url),
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate()
    return process.returncode, said.decode().strip(), complained.decode()


async def test_several_processes_may_migrate_at_once(url: str) -> None:
    done = await asyncio.gather(*(_migrate_elsewhere(url) for _ in range(3)))

    assert [(code, said) for code, said, _ in done] == [(0, newest_revision())] * 3, done
    assert await current_revision(url) == newest_revision()


OLD = "0002"
ORDER, CARD, CASH, REFUND = new_id(), new_id(), new_id(), new_id()
ACCOUNT, JOURNALS, PERSON = new_id(), [new_id() for _ in range(3)], new_id()


def _rows_of_revision_2(now: str) -> list[tuple[str, dict[str, str]]]:
    """A cafe with an order that was paid by card and cash, too much of it, and partly given back."""
    mine = {"cafe_id": f"'{CAFE}'"}
    paid = {
        **mine, "order_id": f"'{ORDER}'", "currency": "'AUD'", "state": "'completed'", "needs_review": "false",
        "refunded_minor": "0", "refund_pending_minor": "0", "initiated_by": f"'{PERSON}'", "check_count": "0",
        "version": "2", "initiated_at": now, "updated_at": now, "tip_minor": "0",
    }  # fmt: skip
    cafe = {
        **mine, "name": "'Corner'", "currency": "'AUD'", "time_zone": "'Australia/Sydney'",
        "payment_policy": "'pay_first'", "expiry_minutes": "'{}'", "cash_rounding_minor": "5",
        "late_money_policy": "'credit'", "counter_credit_limit_minor": "5000", "version": "1", "created_at": now,
    }  # fmt: skip
    account = {
        **mine, "id": f"'{ACCOUNT}'", "provider": "'payconic'", "token": "'t'", "api_url": "'http://127.0.0.1:1'",
        "merchant_id": "'m'", "api_key": "'k'", "webhook_secret": "'s'", "mode": "'test'",
    }  # fmt: skip
    order = {
        **mine, "id": f"'{ORDER}'", "order_number": "1", "business_day": "'2026-11-22'", "placed_by": f"'{PERSON}'",
        "status": "'paid'", "currency": "'AUD'", "subtotal_minor": "480", "tax_minor": "0", "total_minor": "480",
        "paid_minor": "480", "refunded_minor": "80", "reserved_minor": "0", "version": "3", "created_at": now,
        "updated_at": now,
    }  # fmt: skip
    card = {
        **paid, "id": f"'{CARD}'", "amount_minor": "480", "tip_minor": "20", "method": "'payconic_card'",
        "mode": "'test'", "provider_account_id": f"'{ACCOUNT}'", "refunded_minor": "80",
    }  # fmt: skip
    cash = {
        **paid, "id": f"'{CASH}'", "amount_minor": "480", "method": "'cash'", "mode": "'live'", "needs_review": "true",
    }  # fmt: skip
    refund = {
        **mine, "id": f"'{REFUND}'", "payment_id": f"'{CARD}'", "order_id": f"'{ORDER}'", "amount_minor": "80",
        "original_minor": "500", "destination": "'original'", "reason": "'cold'", "status": "'completed'",
        "staff_id": f"'{PERSON}'", "check_count": "0", "version": "2", "created_at": now, "updated_at": now,
    }  # fmt: skip
    changes = [
        {**mine, "payment_id": f"'{each}'", "n": str(n), "to_state": f"'{state}'", "evidence": "'query'",
         "actor": f"'{PERSON}'", "at": now}
        for each in (CARD, CASH) for n, state in ((1, "pending"), (2, "completed"))
    ]  # fmt: skip
    booked = [
        (CARD, None, {"provider:payconic": 500, "sales": -480, "tips_payable": -20}),
        (CASH, None, {"cash_drawer": 480, "suspense": -480}),
        (CARD, REFUND, {"provider:payconic": -80, "sales": 80}),
    ]
    books: list[tuple[str, dict[str, str]]] = []
    for journal_id, (payment_id, refund_id, lines) in zip(JOURNALS, booked, strict=True):
        for n, (name, amount) in enumerate(lines.items(), 1):
            line = {**mine, "journal_id": f"'{journal_id}'", "n": str(n), "account": f"'{name}'"}
            books.append(("entry", {**line, "amount_minor": str(amount)}))
        journal = {**mine, "id": f"'{journal_id}'", "kind": "'payment'", "currency": "'AUD'", "mode": "'test'"}
        about = {"payment_id": f"'{payment_id}'", "refund_id": f"'{refund_id}'" if refund_id else "NULL", "at": now}
        books.append(("journal", {**journal, **about}))
    return [
        ("cafe", cafe), ("provider_account", account), ("cafe_order", order), ("payment", card), ("payment", cash),
        *(("payment_change", change) for change in changes), ("refund", refund), *books,
    ]  # fmt: skip


def _inserts(now: str) -> list[str]:
    return [
        f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(row.values())})"  # noqa: S608 - our own rows
        for table, row in _rows_of_revision_2(now)
    ]


def _to_revision_2(connection: sa.Connection) -> None:
    """The tables as they were, with the rows of a cafe that was at work."""
    config = Config()
    config.set_main_option("script_location", str(REPOSITORY / "src/tabletap/infra/db/migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, OLD)
    on_sqlite = connection.dialect.name == "sqlite"
    if on_sqlite:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = on")
    for statement in _inserts("1700000000000000" if on_sqlite else "now()"):
        connection.exec_driver_sql(statement)
    if on_sqlite:
        for table in ("entry", "journal", "payment_change"):
            forbidden = f"BEGIN SELECT RAISE(ABORT, '{table} is never changed'); END"
            connection.exec_driver_sql(f"CREATE TRIGGER {table}_kept BEFORE UPDATE ON {table} {forbidden}")


async def _made_at_revision_2(url: str) -> None:
    path = sqlite_path(url)
    if path is None:
        engine = create_async_engine(
            "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=sa.NullPool
        )
        async with engine.begin() as connection:
            await connection.run_sync(_to_revision_2)
        await engine.dispose()
        return
    path.parent.mkdir(parents=True)
    sqlite = sa.create_engine("sqlite://", creator=lambda: connect(path), poolclass=sa.NullPool)
    with sqlite.connect() as plain:
        plain.exec_driver_sql("BEGIN IMMEDIATE")
        _to_revision_2(plain)
        plain.exec_driver_sql("COMMIT")
    sqlite.dispose()


async def test_a_database_of_revision_2_is_brought_up_with_its_rows_as_they_were(url: str) -> None:
    await _made_at_revision_2(url)

    revision = await migrate(url)

    db = open_database(url, SystemClock(), _no_reactions, _nobody_listens)
    await db.start()
    card = await db.read(CAFE, lambda reader: payments.get(reader, CARD))
    cash = await db.read(CAFE, lambda reader: payments.get(reader, CASH))
    (refund,) = await db.read(CAFE, lambda reader: payments.refunds(reader, CARD))
    history = await db.read(CAFE, lambda reader: payments.changes(reader, CARD))
    books = await db.read(CAFE, lambda reader: balances(reader, CAFE))
    account = await db.read(CAFE, lambda reader: accounts.account(reader, "payconic"))
    await db.stop()
    assert revision == newest_revision()
    assert card is not None
    assert cash is not None
    assert account is not None
    assert (card.total_minor, card.refunded_minor, card.refundable_minor, card.review_reason) == (500, 80, 420, None)
    assert (cash.needs_review, cash.review_reason, cash.suspense_minor) == (True, "late_money", 480)
    assert (refund.order_minor, refund.tip_minor, refund.status) == (80, 0, "completed")
    assert [(step.n, step.to_state, step.kind) for step in history] == [
        (1, "pending", "moved"),
        (2, "completed", "moved"),
    ]
    assert books == {"cash_drawer": 480, "provider:payconic": 420, "sales": -400, "suspense": -480, "tips_payable": -20}
    assert (account.id, account.mode) == (ACCOUNT, "test")
