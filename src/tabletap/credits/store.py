"""The tables and statements of customer credit."""

import sqlalchemy as sa

from tabletap.credits.model import CreditAccount, CreditTransaction
from tabletap.infra.db.schema import Id, Instant, Json, Minor, Text, Whole, column, columns_of, metadata, of_cafe, param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader

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
    sa.CheckConstraint("posted_minor - held_minor >= 0", name="never_below_zero"),
    sa.CheckConstraint("held_minor >= 0", name="held"),
    sa.CheckConstraint("status IN ('active', 'suspended', 'closed')", name="status"),
    of_cafe("person", "customer_id"),
    postgresql_with={"fillfactor": 80},
)
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
    sa.ForeignKeyConstraint(["cafe_id", "customer_id"], ["customer_credit.cafe_id", "customer_credit.customer_id"]),
    sa.Index("ix_credit_transaction_customer", "cafe_id", "customer_id", "id"),
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
