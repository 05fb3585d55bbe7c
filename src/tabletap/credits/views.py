"""Credit as callers see it (contract 2, `/credits`)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from tabletap.credits.lots import order_of_use, spendable
from tabletap.credits.model import (
    AccountStatus,
    CreditAccount,
    CreditKind,
    CreditLot,
    CreditTransaction,
    CreditType,
)
from tabletap.kernel.ids import Id


class CreditBalanceView(msgspec.Struct, rename="camel", frozen=True, kw_only=True, omit_defaults=True):
    """`GET /credits/balance`."""

    customer_id: Id
    balance: int
    held: int
    """Set aside for payments that are under way."""
    total_earned: int
    total_spent: int
    currency: str
    status: AccountStatus
    available: int
    """What can be spent now: not held, not expired, and nothing while the account is not active."""
    total_expired: int
    next_expiry_at: datetime | None = None
    next_expiry_amount: int | None = None
    """What is spendable now and expires at that moment unless it is spent before."""


class CreditTransactionView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """A credit transaction as callers see it (contract 2). `amount` is negative for a debit."""

    id: Id
    type: CreditType
    customer_id: Id
    amount: int
    balance_before: int
    balance_after: int
    reason: str
    created_at: datetime
    order_id: Id | None = None
    payment_id: Id | None = None
    staff_id: Id | None = None
    metadata: dict[str, Any] | None = None


class CreditLotView(msgspec.Struct, rename="camel", frozen=True, kw_only=True, omit_defaults=True):
    """Credit that came at one time: `amount` then, `remaining` now."""

    id: Id
    customer_id: Id
    kind: CreditKind
    amount: int
    remaining: int
    held: int
    expired: bool
    """Its time is over. What remains is not spent any more; held parts still are, by the payments they are held for."""
    created_at: datetime
    expires_at: datetime | None = None
    payment_id: Id | None = None
    transaction_id: Id | None = None


def view_of(transaction: CreditTransaction) -> CreditTransactionView:
    """The transaction as callers see it."""
    return CreditTransactionView(
        id=transaction.id,
        type=transaction.type,
        customer_id=transaction.customer_id,
        amount=transaction.amount_minor,
        balance_before=transaction.balance_before_minor,
        balance_after=transaction.balance_after_minor,
        reason=transaction.reason,
        created_at=transaction.created_at,
        order_id=transaction.order_id,
        payment_id=transaction.payment_id,
        staff_id=transaction.staff_id,
        metadata=transaction.metadata,
    )


def lot_view(lot: CreditLot, now: datetime) -> CreditLotView:
    """The lot as callers see it."""
    return CreditLotView(
        id=lot.id,
        customer_id=lot.customer_id,
        kind=lot.kind,
        amount=lot.amount_minor,
        remaining=lot.remaining_minor,
        held=lot.held_minor,
        expired=lot.is_over(now),
        created_at=lot.created_at,
        expires_at=lot.expires_at,
        payment_id=lot.payment_id,
        transaction_id=lot.transaction_id,
    )


def no_credit(customer_id: Id, currency: str) -> CreditBalanceView:
    """The balance of somebody who never had any."""
    return CreditBalanceView(
        customer_id=customer_id, balance=0, held=0, total_earned=0, total_spent=0, currency=currency, status="active",
        available=0, total_expired=0,
    )  # fmt: skip


def balance_view(account: CreditAccount, lots: Sequence[CreditLot], now: datetime) -> CreditBalanceView:
    """The balance of an account with these lots."""
    free = [lot for lot in lots if lot.free_minor and not lot.is_over(now)]
    ends = sorted((lot for lot in free if lot.expires_at is not None), key=order_of_use)
    next_at = ends[0].expires_at if ends else None
    return CreditBalanceView(
        customer_id=account.customer_id,
        balance=account.posted_minor,
        held=account.held_minor,
        total_earned=account.total_earned_minor,
        total_spent=account.total_spent_minor,
        currency=account.currency,
        status=account.status,
        available=spendable(free, now) if account.status == "active" else 0,
        total_expired=account.total_expired_minor,
        next_expiry_at=next_at,
        next_expiry_amount=sum(lot.free_minor for lot in ends if lot.expires_at == next_at) if ends else None,
    )
