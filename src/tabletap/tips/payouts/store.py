"""The tables and statements of workers' accounts and payouts."""

from datetime import datetime

import sqlalchemy as sa

from tabletap.infra.db.schema import Id, Instant, Minor, Text, Whole, column, columns_of, metadata, param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.tips.payouts.model import TipAccount, TipPayout

AnId = str

tip_account = sa.Table(
    "tip_account",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("staff_id", Id, primary_key=True),
    column("posted_minor", Minor),
    column("version", Whole),
    sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"]),
)
tip_payout = sa.Table(
    "tip_payout",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("staff_id", Id),
    column("amount_minor", Minor),
    column("method", Text),
    column("paid_by", Id),
    column("at", Instant),
    sa.CheckConstraint("amount_minor > 0", name="amount"),
    sa.CheckConstraint("method IN ('cash', 'payroll')", name="method"),
    sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"]),
    sa.Index("ix_tip_payout_staff", "cafe_id", "staff_id", "id"),
)


def _of(table: sa.Table) -> sa.ColumnElement[bool]:
    return table.c.cafe_id == param("cafe_id")


_PAYOUTS = Statement(
    sa.select(*columns_of(tip_payout, TipPayout))
    .where(_of(tip_payout), tip_payout.c.staff_id == param("staff_id"), tip_payout.c.at < param("ends_at"))
    .order_by(tip_payout.c.at, tip_payout.c.id)
)
_ACCOUNT = Statement(
    sa.select(*columns_of(tip_account, TipAccount)).where(_of(tip_account), tip_account.c.staff_id == param("staff_id"))
)
_ACCOUNTS = Statement(
    sa.select(*columns_of(tip_account, TipAccount)).where(_of(tip_account)).order_by(tip_account.c.staff_id)
)
_PAID = Statement(
    sa.select(tip_payout.c.staff_id, sa.func.sum(tip_payout.c.amount_minor))
    .where(_of(tip_payout))
    .group_by(tip_payout.c.staff_id)
)


async def payouts(reader: Reader, staff_id: AnId, ends_at: datetime) -> list[TipPayout]:
    """What a worker was paid before a moment, oldest first."""
    return await reader.all(_PAYOUTS, TipPayout, cafe_id=reader.cafe_id, staff_id=staff_id, ends_at=ends_at)


async def account(tx: Reader, staff_id: AnId, *, lock: bool = False) -> TipAccount | None:
    """What a worker is still to get; within a transaction, as that transaction will leave it."""
    known: TipAccount | None = tx.recall(("tip_account", staff_id)) if isinstance(tx, Transaction) else None
    found = known or await tx.one(_ACCOUNT, TipAccount, lock=lock, cafe_id=tx.cafe_id, staff_id=staff_id)
    if found is not None and isinstance(tx, Transaction):
        know_account(tx, found)  # what was judged is what is changed: a second read may see more
    return found


async def hold_accounts(tx: Transaction) -> None:
    """Hold every worker's account in one order: for who shares out more than one pool, each among its own workers."""
    await tx.all(_ACCOUNTS, TipAccount, lock=True, cafe_id=tx.cafe_id)


def know_account(tx: Transaction, account: TipAccount) -> None:
    """Keep an account as this transaction will leave it."""
    tx.remember(("tip_account", account.staff_id), account)


async def accounts(reader: Reader) -> list[TipAccount]:
    """What every worker is still to get."""
    return await reader.all(_ACCOUNTS, TipAccount, cafe_id=reader.cafe_id)


async def paid(reader: Reader) -> dict[AnId, int]:
    """What every worker was paid altogether."""
    rows = await reader.rows(_PAID, {"cafe_id": reader.cafe_id}, False)
    return {row[0]: int(row[1]) for row in rows}
