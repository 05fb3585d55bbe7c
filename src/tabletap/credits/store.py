"""The tables and statements of customer credit."""

import sqlalchemy as sa

from tabletap.credits.model import (
    Consumption,
    CreditAccount,
    CreditHold,
    CreditLot,
    CreditTransaction,
    HeldPart,
)
from tabletap.infra.db.schema import Id, Instant, Json, Minor, Text, Whole, column, columns_of, metadata, of_cafe, param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader
from tabletap.kernel.ids import Id as AnId

customer_credit = sa.Table(
    "customer_credit",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("customer_id", Id, primary_key=True),
    column("currency", Text),
    column("posted_minor", Minor),
    column("held_minor", Minor),
    column("total_earned_minor", Minor),
    column("total_spent_minor", Minor),
    column("status", Text),
    column("version", Whole),
    column("created_at", Instant),
    column("updated_at", Instant),
    column("total_expired_minor", Minor, server_default="0"),
    sa.CheckConstraint("posted_minor - held_minor >= 0", name="never_below_zero"),
    sa.CheckConstraint("held_minor >= 0", name="held"),
    sa.CheckConstraint("status IN ('active', 'suspended', 'closed')", name="status"),
    of_cafe("person", "customer_id"),
    postgresql_with={"fillfactor": 80},
)
_OF_ACCOUNT = (["cafe_id", "customer_id"], ["customer_credit.cafe_id", "customer_credit.customer_id"])
credit_transaction = sa.Table(
    "credit_transaction",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("customer_id", Id),
    column("type", Text),
    column("amount_minor", Minor),
    column("balance_before_minor", Minor),
    column("balance_after_minor", Minor),
    column("reason", Text),
    column("order_id", Id, null=True),
    column("payment_id", Id, null=True),
    column("staff_id", Id, null=True),
    column("metadata", Json, null=True),
    column("created_at", Instant),
    sa.CheckConstraint("amount_minor <> 0", name="amount"),
    sa.CheckConstraint("balance_after_minor = balance_before_minor + amount_minor", name="sums"),
    sa.CheckConstraint("type IN ('credit', 'debit', 'refund', 'expiry')", name="type"),
    sa.ForeignKeyConstraint(*_OF_ACCOUNT),
    sa.Index("ix_credit_transaction_customer", "cafe_id", "customer_id", "id"),
)
_OPEN = "remaining_minor > 0"
_BOUGHT = "kind = 'paid' AND payment_id IS NOT NULL"
credit_lot = sa.Table(
    "credit_lot",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("customer_id", Id),
    column("kind", Text),
    column("amount_minor", Minor),
    column("remaining_minor", Minor),
    column("held_minor", Minor),
    column("expires_at", Instant, null=True),
    column("payment_id", Id, null=True),
    column("transaction_id", Id, null=True),
    column("created_at", Instant),
    sa.CheckConstraint("kind IN ('paid', 'promotional', 'refund')", name="kind"),
    sa.CheckConstraint("amount_minor > 0", name="amount"),
    sa.CheckConstraint("remaining_minor >= 0 AND remaining_minor <= amount_minor", name="remaining"),
    sa.CheckConstraint("held_minor >= 0 AND held_minor <= remaining_minor", name="held"),
    sa.ForeignKeyConstraint(*_OF_ACCOUNT),
    sa.ForeignKeyConstraint(
        ["cafe_id", "transaction_id"], ["credit_transaction.cafe_id", "credit_transaction.id"],
        deferrable=True, initially="DEFERRED",
    ),
    sa.Index(
        "ix_credit_lot_open", "cafe_id", "customer_id", "remaining_minor",
        postgresql_where=sa.text(_OPEN), sqlite_where=sa.text(_OPEN),
    ),
    sa.Index("ix_credit_lot_expiry", "expires_at", postgresql_where=sa.text(_OPEN), sqlite_where=sa.text(_OPEN)),
    sa.Index("ix_credit_lot_customer", "cafe_id", "customer_id", "id"),
    sa.Index(
        "ix_credit_lot_bought", "cafe_id", "payment_id",
        postgresql_where=sa.text(_BOUGHT), sqlite_where=sa.text(_BOUGHT),
    ),
)  # fmt: skip
_OF_LOT = (["cafe_id", "lot_id"], ["credit_lot.cafe_id", "credit_lot.id"])
credit_consumption = sa.Table(
    "credit_consumption",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("transaction_id", Id, primary_key=True),
    column("n", Whole, primary_key=True),
    column("lot_id", Id),
    column("amount_minor", Minor),
    column("payment_id", Id, null=True),
    column("at", Instant),
    sa.CheckConstraint("amount_minor <> 0", name="amount"),
    sa.ForeignKeyConstraint(
        ["cafe_id", "transaction_id"], ["credit_transaction.cafe_id", "credit_transaction.id"],
        deferrable=True, initially="DEFERRED",
    ),
    sa.ForeignKeyConstraint(*_OF_LOT, deferrable=True, initially="DEFERRED"),
    sa.Index("ix_credit_consumption_lot", "cafe_id", "lot_id"),
    sa.Index("ix_credit_consumption_payment", "cafe_id", "payment_id"),
)  # fmt: skip
credit_hold = sa.Table(
    "credit_hold",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("payment_id", Id, primary_key=True),
    column("customer_id", Id),
    column("amount_minor", Minor),
    column("state", Text),
    column("created_at", Instant),
    column("ended_at", Instant, null=True),
    sa.CheckConstraint("amount_minor > 0", name="amount"),
    sa.CheckConstraint("state IN ('held', 'spent', 'released')", name="state"),
    sa.ForeignKeyConstraint(*_OF_ACCOUNT),
)
credit_hold_part = sa.Table(
    "credit_hold_part",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("payment_id", Id, primary_key=True),
    column("n", Whole, primary_key=True),
    column("lot_id", Id),
    column("amount_minor", Minor),
    sa.CheckConstraint("amount_minor > 0", name="amount"),
    sa.ForeignKeyConstraint(
        ["cafe_id", "payment_id"], ["credit_hold.cafe_id", "credit_hold.payment_id"],
        deferrable=True, initially="DEFERRED",
    ),
    sa.ForeignKeyConstraint(*_OF_LOT, deferrable=True, initially="DEFERRED"),
    sa.Index("ix_credit_hold_part_lot", "cafe_id", "lot_id"),
)  # fmt: skip
credit_account_change = sa.Table(
    "credit_account_change",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("customer_id", Id),
    column("from_status", Text),
    column("to_status", Text),
    column("reason", Text),
    column("staff_id", Id),
    column("at", Instant),
    sa.ForeignKeyConstraint(*_OF_ACCOUNT),
)

_ACCOUNT = Statement(
    sa.select(*columns_of(customer_credit, CreditAccount)).where(
        customer_credit.c.cafe_id == param("cafe_id"), customer_credit.c.customer_id == param("customer_id")
    )
)
_HISTORY = Statement(
    sa.select(*columns_of(credit_transaction, CreditTransaction))
    .where(
        credit_transaction.c.cafe_id == param("cafe_id"),
        credit_transaction.c.customer_id == param("customer_id"),
        credit_transaction.c.id < param("before"),
    )
    .order_by(credit_transaction.c.id.desc())
    .limit(param("limit"))
)
_ACCOUNTS = Statement(
    sa.select(*columns_of(customer_credit, CreditAccount)).where(customer_credit.c.cafe_id == param("cafe_id"))
)
_HAS_ANY = Statement(sa.select(customer_credit.c.version).where(customer_credit.c.cafe_id == param("cafe_id")).limit(1))
_OPEN_LOTS = Statement(
    sa.select(*columns_of(credit_lot, CreditLot)).where(
        credit_lot.c.cafe_id == param("cafe_id"), credit_lot.c.customer_id == param("customer_id"), sa.text(_OPEN)
    )
)
"""Its condition is that of `ix_credit_lot_open`, word for word, so that both engines use the index."""
_LOT = Statement(
    sa.select(*columns_of(credit_lot, CreditLot)).where(
        credit_lot.c.cafe_id == param("cafe_id"), credit_lot.c.id == param("id")
    )
)
_LOTS = Statement(
    sa.select(*columns_of(credit_lot, CreditLot))
    .where(
        credit_lot.c.cafe_id == param("cafe_id"),
        credit_lot.c.customer_id == param("customer_id"),
        credit_lot.c.id < param("before"),
    )
    .order_by(credit_lot.c.id.desc())
    .limit(param("limit"))
)
_BUYER = Statement(
    sa.select(credit_lot.c.customer_id)
    .where(credit_lot.c.cafe_id == param("cafe_id"), credit_lot.c.payment_id == param("payment_id"), sa.text(_BOUGHT))
    .limit(1)
)
_CONSUMPTIONS = Statement(
    sa.select(*columns_of(credit_consumption, Consumption)).where(
        credit_consumption.c.cafe_id == param("cafe_id"), credit_consumption.c.payment_id == param("payment_id")
    )
)
_HOLD = Statement(
    sa.select(*columns_of(credit_hold, CreditHold)).where(
        credit_hold.c.cafe_id == param("cafe_id"), credit_hold.c.payment_id == param("payment_id")
    )
)
_HELD_PARTS = Statement(
    sa.select(*columns_of(credit_hold_part, HeldPart))
    .where(credit_hold_part.c.cafe_id == param("cafe_id"), credit_hold_part.c.payment_id == param("payment_id"))
    .order_by(credit_hold_part.c.n)
)
# Across cafes (infra/tenancy.py): whose credit has expired and is not booked so; what is held waits, and so does the
# credit of accounts that are not active.
_OVERDUE = Statement(
    sa.select(credit_lot.c.cafe_id, credit_lot.c.customer_id)
    .distinct()
    .join(
        customer_credit,
        sa.and_(
            customer_credit.c.cafe_id == credit_lot.c.cafe_id, customer_credit.c.customer_id == credit_lot.c.customer_id
        ),
    )
    .where(
        credit_lot.c.expires_at <= param("now"),
        sa.text(_OPEN),
        credit_lot.c.remaining_minor > credit_lot.c.held_minor,
        customer_credit.c.status == "active",
        sa.tuple_(credit_lot.c.cafe_id, credit_lot.c.customer_id)
        > sa.tuple_(param("after_cafe_id"), param("after_customer_id")),
    )
    .order_by(credit_lot.c.cafe_id, credit_lot.c.customer_id)
    .limit(param("limit"))
)


async def account(reader: Reader, customer_id: str, *, lock: bool = False) -> CreditAccount | None:
    """A customer's credit account at the reader's cafe."""
    return await reader.one(_ACCOUNT, CreditAccount, lock=lock, cafe_id=reader.cafe_id, customer_id=customer_id)


async def history(reader: Reader, customer_id: str, before: str, limit: int) -> list[CreditTransaction]:
    """Movements older than an id, newest first."""
    return await reader.all(
        _HISTORY, CreditTransaction, cafe_id=reader.cafe_id, customer_id=customer_id, before=before, limit=limit
    )


async def accounts(reader: Reader) -> list[CreditAccount]:
    """Every credit account of the cafe."""
    return await reader.all(_ACCOUNTS, CreditAccount, cafe_id=reader.cafe_id)


async def has_any(reader: Reader) -> bool:
    """Whether anybody has, or had, credit at the cafe."""
    return await reader.value(_HAS_ANY, cafe_id=reader.cafe_id) is not None


async def open_lots(reader: Reader, customer_id: str) -> list[CreditLot]:
    """What a customer has, in no order. Read the account before: it is the lock on its lots."""
    return await reader.all(_OPEN_LOTS, CreditLot, cafe_id=reader.cafe_id, customer_id=customer_id)


async def lot(reader: Reader, id_: str) -> CreditLot | None:
    """One lot."""
    return await reader.one(_LOT, CreditLot, cafe_id=reader.cafe_id, id=id_)


async def lots(reader: Reader, customer_id: str, before: str, limit: int) -> list[CreditLot]:
    """Lots older than an id, newest first."""
    return await reader.all(
        _LOTS, CreditLot, cafe_id=reader.cafe_id, customer_id=customer_id, before=before, limit=limit
    )


async def buyer(reader: Reader, payment_id: str) -> str | None:
    """Whose credit a payment bought."""
    found: str | None = await reader.value(_BUYER, cafe_id=reader.cafe_id, payment_id=payment_id)
    return found


async def consumptions(reader: Reader, payment_id: str) -> list[Consumption]:
    """What was taken from lots and given back to them for a payment."""
    return await reader.all(_CONSUMPTIONS, Consumption, cafe_id=reader.cafe_id, payment_id=payment_id)


async def hold(reader: Reader, payment_id: str) -> CreditHold | None:
    """What was set aside for a payment."""
    return await reader.one(_HOLD, CreditHold, cafe_id=reader.cafe_id, payment_id=payment_id)


async def held_parts(reader: Reader, payment_id: str) -> list[HeldPart]:
    """The lots of it."""
    return await reader.all(_HELD_PARTS, HeldPart, cafe_id=reader.cafe_id, payment_id=payment_id)


async def overdue(reader: Reader, after: tuple[AnId, AnId], limit: int) -> list[tuple[AnId, AnId]]:
    """Cafes and customers with credit that has expired, after those."""
    given = {"now": reader.now, "after_cafe_id": after[0], "after_customer_id": after[1], "limit": limit}
    return [(cafe_id, customer_id) for cafe_id, customer_id in await reader.rows(_OVERDUE, given, False)]
