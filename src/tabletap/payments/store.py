"""The tables and statements of payments, refunds and shares."""

from typing import Any

import sqlalchemy as sa

from tabletap.cafes.model import Cafe
from tabletap.cafes.store import cafe
from tabletap.identity.store import person
from tabletap.infra.db.schema import (
    Flag,
    Id,
    Instant,
    Json,
    Minor,
    Text,
    Whole,
    column,
    columns_of,
    metadata,
    of_cafe,
    param,
)
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.ledger.store import journal
from tabletap.payments.model import ChangeKind, Evidence, Payment, PaymentChange, ProviderCall, Refund, Share

_STATES = "('pending', 'processing', 'completed', 'failed', 'cancelled', 'expired')"


payment = sa.Table(
    "payment",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("order_id", Id),
    column("customer_id", Id, null=True),
    column("staff_id", Id, null=True),
    column("split_id", Id, null=True),
    column("amount_minor", Minor),
    column("tip_minor", Minor),
    column("currency", Text),
    column("method", Text),
    column("state", Text),
    column("needs_review", Flag),
    column("external_transaction_id", Text, null=True),
    column("gateway_payment_id", Text, null=True),
    column("redirect_url", Text, null=True),
    column("refunded_minor", Minor),
    column("refund_pending_minor", Minor),
    column("metadata", Json, null=True),
    column("mode", Text),
    column("initiated_by", Id),
    column("address", Text, null=True),
    column("user_agent", Text, null=True),
    column("check_count", Whole),
    column("version", Whole),
    column("initiated_at", Instant),
    column("expires_at", Instant, null=True),
    column("completed_at", Instant, null=True),
    column("failed_at", Instant, null=True),
    column("updated_at", Instant),
    column("provider_account_id", Id, null=True),
    column("rounding_minor", Minor),
    column("suspense_minor", Minor),
    column("priority", Whole),
    column("review_reason", Text, null=True),
    column("released", Flag),
    column("disputed_minor", Minor),
    column("charged_back_minor", Minor),
    column("credit_payment_id", Id, null=True),
    column("goes_with_id", Id, null=True),
    sa.CheckConstraint("disputed_minor >= 0", name="disputed_minor"),
    sa.CheckConstraint("charged_back_minor >= 0", name="charged_back_minor"),
    sa.CheckConstraint("amount_minor > 0", name="amount"),
    sa.CheckConstraint("tip_minor >= 0", name="tip"),
    sa.CheckConstraint(f"state IN {_STATES}", name="state"),
    sa.CheckConstraint("refunded_minor >= 0 AND refund_pending_minor >= 0", name="refunds"),
    sa.CheckConstraint(
        "refunded_minor + refund_pending_minor <= "
        "CASE WHEN state = 'completed' THEN amount_minor + tip_minor ELSE 0 END",
        name="never_refunded_beyond_captured",
    ),
    sa.CheckConstraint("mode IN ('live', 'test')", name="mode"),
    of_cafe("cafe_order", "order_id"),
    sa.Index("ix_payment_order", "cafe_id", "order_id"),
    sa.Index(
        "ix_payment_review",
        "cafe_id",
        "id",
        postgresql_where=sa.text("needs_review"),
        sqlite_where=sa.text("needs_review"),
    ),
    postgresql_with={"fillfactor": 80},
)
payment_change = sa.Table(
    "payment_change",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("payment_id", Id, primary_key=True),
    column("n", Whole, primary_key=True),
    column("from_state", Text, null=True),
    column("to_state", Text),
    column("evidence", Text),
    column("actor", Id),
    column("at", Instant),
    column("kind", Text),
    column("note", Text, null=True),
    sa.ForeignKeyConstraint(
        ["cafe_id", "payment_id"], ["payment.cafe_id", "payment.id"], deferrable=True, initially="DEFERRED"
    ),
)
provider_call = sa.Table(
    "provider_call",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("payment_id", Id),
    column("refund_id", Id, null=True),
    column("kind", Text),
    column("outcome", Text),
    column("error", Text, null=True),
    column("at", Instant),
    of_cafe("payment", "payment_id"),
    sa.Index("ix_provider_call_payment", "cafe_id", "payment_id", "id"),
)
refund = sa.Table(
    "refund",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("payment_id", Id),
    column("order_id", Id),
    column("amount_minor", Minor),
    column("original_minor", Minor),
    column("destination", Text),
    column("reason", Text),
    column("status", Text),
    column("staff_id", Id),
    column("external_refund_id", Text, null=True),
    column("check_count", Whole),
    column("version", Whole),
    column("created_at", Instant),
    column("processed_at", Instant, null=True),
    column("updated_at", Instant),
    column("order_minor", Minor),
    column("tip_minor", Minor),
    column("suspense_minor", Minor),
    column("rounding_minor", Minor),
    column("error", Text, null=True),
    column("needs_review", Flag),
    column("batch_id", Id, null=True),
    column("settled_by", Id, null=True),
    sa.CheckConstraint("amount_minor > 0 AND amount_minor <= original_minor", name="amount"),
    sa.CheckConstraint("destination IN ('original', 'credit')", name="destination"),
    sa.CheckConstraint("status IN ('pending', 'completed', 'failed')", name="status"),
    of_cafe("payment", "payment_id"),
    sa.Index("ix_refund_payment", "cafe_id", "payment_id", "id"),
    sa.Index("ix_refund_order", "cafe_id", "order_id", "id"),
)
split = sa.Table(
    "split",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("order_id", Id),
    column("method", Text),
    column("position", Whole),
    column("amount_minor", Minor),
    column("label", Text, null=True),
    column("status", Text),
    column("claimed_by", Id, null=True),
    column("leased_until", Instant, null=True),
    column("version", Whole),
    column("created_at", Instant),
    column("items", Json, null=True),
    column("weight", Whole, null=True),
    sa.CheckConstraint("amount_minor > 0", name="amount"),
    sa.CheckConstraint("status IN ('open', 'paying', 'paid', 'cancelled')", name="status"),
    of_cafe("cafe_order", "order_id"),
    sa.Index("ix_split_order", "cafe_id", "order_id", "position"),
)

_PAYMENT = Statement(
    sa.select(*columns_of(payment, Payment)).where(payment.c.cafe_id == param("cafe_id"), payment.c.id == param("id"))
)
_OF_ORDER = Statement(
    sa.select(*columns_of(payment, Payment))
    .where(payment.c.cafe_id == param("cafe_id"), payment.c.order_id == param("order_id"))
    .order_by(payment.c.id)
)
_PAGE = Statement(
    sa.select(*columns_of(payment, Payment))
    .where(
        payment.c.cafe_id == param("cafe_id"),
        payment.c.id < param("before"),
        sa.or_(param("any_order") == sa.true(), payment.c.order_id == param("order_id")),
    )
    .order_by(payment.c.id.desc())
    .limit(param("limit"))
)
_REVIEW_PAGE = Statement(
    sa.select(*columns_of(payment, Payment))
    .where(
        payment.c.cafe_id == param("cafe_id"),
        payment.c.id < param("before"),
        sa.text("needs_review"),
        sa.or_(param("any_order") == sa.true(), payment.c.order_id == param("order_id")),
    )
    .order_by(payment.c.id.desc())
    .limit(param("limit"))
)
"""Its condition is that of `ix_payment_review`, word for word, so that both engines use the index."""
_CHANGES = Statement(
    sa.select(*columns_of(payment_change, PaymentChange))
    .where(payment_change.c.cafe_id == param("cafe_id"), payment_change.c.payment_id == param("payment_id"))
    .order_by(payment_change.c.n)
)
_CALLS = Statement(
    sa.select(*columns_of(provider_call, ProviderCall))
    .where(provider_call.c.cafe_id == param("cafe_id"), provider_call.c.payment_id == param("payment_id"))
    .order_by(provider_call.c.id)
)
_REFUND = Statement(
    sa.select(*columns_of(refund, Refund)).where(refund.c.cafe_id == param("cafe_id"), refund.c.id == param("id"))
)
# The payer's tier comes with the cafe: a read of its own would cost every start a round trip.
_TERMS = Statement(
    sa.select(*columns_of(cafe, Cafe), person.c.tier)
    .select_from(
        cafe.outerjoin(person, sa.and_(person.c.cafe_id == cafe.c.cafe_id, person.c.id == param("customer_id")))
    )
    .where(cafe.c.cafe_id == param("cafe_id"))
)
_REFUNDS = Statement(
    sa.select(*columns_of(refund, Refund))
    .where(refund.c.cafe_id == param("cafe_id"), refund.c.payment_id == param("payment_id"))
    .order_by(refund.c.id)
)
_REFUNDS_OF_ORDER = Statement(
    sa.select(*columns_of(refund, Refund))
    .where(refund.c.cafe_id == param("cafe_id"), refund.c.order_id == param("order_id"))
    .order_by(refund.c.id)
)
_REFUND_PAGE = Statement(
    sa.select(*columns_of(refund, Refund))
    .where(
        refund.c.cafe_id == param("cafe_id"),
        refund.c.id < param("before"),
        sa.or_(param("any_status") == sa.true(), refund.c.status == param("status")),
    )
    .order_by(refund.c.id.desc())
    .limit(param("limit"))
)
_SHARES = Statement(
    sa.select(*columns_of(split, Share))
    .where(split.c.cafe_id == param("cafe_id"), split.c.order_id == param("order_id"), split.c.status != "cancelled")
    .order_by(split.c.position)
)
REFUNDED_BEYOND = Statement(
    sa.select(payment.c.id).where(
        payment.c.cafe_id == param("cafe_id"),
        payment.c.refunded_minor + payment.c.refund_pending_minor > payment.c.amount_minor + payment.c.tip_minor,
    )
)


class Terms(Cafe, frozen=True):
    """The cafe's settings, and beside them the payer's tier as we keep it; None for somebody without an account."""

    payer_tier: str | None = None


async def terms(reader: Reader, customer_id: str | None) -> Terms | None:
    """What a new payment of a customer's has to know of the cafe and of them."""
    return await reader.one(_TERMS, Terms, cafe_id=reader.cafe_id, customer_id=customer_id)


OF_ANOTHER_MODE = Statement(
    sa.select(journal.c.id)
    .join(payment, sa.and_(payment.c.cafe_id == journal.c.cafe_id, payment.c.id == journal.c.payment_id))
    .where(journal.c.cafe_id == param("cafe_id"), journal.c.mode != payment.c.mode)
)


async def get(reader: Reader, payment_id: str, *, lock: bool = False) -> Payment | None:
    """A payment of the reader's cafe; within a transaction, as that transaction will leave it."""
    if isinstance(reader, Transaction):
        known: Payment | None = reader.recall(("payment", payment_id))
        if known is not None:
            return known
    return await reader.one(_PAYMENT, Payment, lock=lock, cafe_id=reader.cafe_id, id=payment_id)


async def of_order(reader: Reader, order_id: str, *, lock: bool = False) -> list[Payment]:
    """Every attempt to pay an order, oldest first."""
    return await reader.all(_OF_ORDER, Payment, lock=lock, cafe_id=reader.cafe_id, order_id=order_id)


async def page(
    reader: Reader, before: str, limit: int, order_id: str | None, *, needs_review: bool = False
) -> list[Payment]:
    """Payments older than an id, newest first; all, or those that a person has to look at."""
    return await reader.all(
        _REVIEW_PAGE if needs_review else _PAGE,
        Payment,
        cafe_id=reader.cafe_id,
        before=before,
        limit=limit,
        any_order=order_id is None,
        order_id=order_id,
    )


async def changes(reader: Reader, payment_id: str) -> list[PaymentChange]:
    """The moves of a payment, oldest first."""
    return await reader.all(_CHANGES, PaymentChange, cafe_id=reader.cafe_id, payment_id=payment_id)


async def calls(reader: Reader, payment_id: str) -> list[ProviderCall]:
    """The calls to a provider about a payment, oldest first."""
    return await reader.all(_CALLS, ProviderCall, cafe_id=reader.cafe_id, payment_id=payment_id)


async def get_refund(reader: Reader, refund_id: str, *, lock: bool = False) -> Refund | None:
    """A refund of the reader's cafe."""
    return await reader.one(_REFUND, Refund, lock=lock, cafe_id=reader.cafe_id, id=refund_id)


async def refunds(reader: Reader, payment_id: str) -> list[Refund]:
    """The refunds of a payment, oldest first."""
    return await reader.all(_REFUNDS, Refund, cafe_id=reader.cafe_id, payment_id=payment_id)


async def refunds_of_order(reader: Reader, order_id: str) -> list[Refund]:
    """The refunds of every payment of an order, oldest first."""
    return await reader.all(_REFUNDS_OF_ORDER, Refund, cafe_id=reader.cafe_id, order_id=order_id)


async def refund_page(reader: Reader, before: str, limit: int, status: str | None) -> list[Refund]:
    """Refunds older than an id, newest first."""
    return await reader.all(
        _REFUND_PAGE,
        Refund,
        cafe_id=reader.cafe_id,
        before=before,
        limit=limit,
        any_status=status is None,
        status=status or "",
    )


async def shares(reader: Reader, order_id: str, *, lock: bool = False) -> list[Share]:
    """The shares an order is split into, none while it is not; within a transaction, as that will leave them."""
    if isinstance(reader, Transaction):
        known: list[Share] | None = reader.recall(("shares", order_id))
        if known is not None:
            return known
    return await reader.all(_SHARES, Share, lock=lock, cafe_id=reader.cafe_id, order_id=order_id)


def save(tx: Transaction, before: Payment, after: Payment) -> None:
    """A changed payment, guarded by its version."""
    tx.save(payment, before, after, ("cafe_id", "id"), ("version",))
    tx.remember(("payment", after.id), after)


def add(tx: Transaction, row: Payment) -> None:
    """A new payment."""
    tx.add(payment, row)
    tx.remember(("payment", row.id), row)


def note_change(
    tx: Transaction,
    row: Payment,
    before: str | None,
    evidence: Evidence,
    actor: str,
    kind: ChangeKind = "moved",
    note: str | None = None,
) -> None:
    """Append a move of a payment, or a word about it, to its history: one line for each version that has something."""
    values: dict[str, Any] = {"from_state": before, "to_state": row.state, "evidence": evidence}
    values |= {"kind": kind, "note": note}
    tx.add(payment_change, PaymentChange(row.cafe_id, row.id, row.version, actor=actor, at=tx.now, **values))
