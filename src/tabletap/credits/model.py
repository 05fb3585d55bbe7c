"""What a customer's credit is (contract 2, `/credits`). Pure."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from tabletap.kernel.ids import Id
from tabletap.ledger.model import CREDIT_BREAKAGE, CREDIT_PROMOTION

CreditType = Literal["credit", "debit", "refund", "expiry"]
CreditKind = Literal["paid", "promotional", "refund"]
"""Bought, given away, or money of a payment that came back as credit."""
AccountStatus = Literal["active", "suspended", "closed"]
KINDS: tuple[CreditKind, ...] = ("paid", "promotional", "refund")

GRACE_DAYS = 30
"""What comes back to credit whose time is over, can be used for so long: nobody loses it over a refund."""


class CreditAccount(msgspec.Struct, frozen=True):
    """A customer's credit at one cafe: a row of `customer_credit`. `posted - held` is never below zero.

    It is the sum of its lots, and the lock on them: whoever changes a lot raises its account's version.
    """

    cafe_id: Id
    customer_id: Id
    currency: str
    posted_minor: int
    held_minor: int
    total_earned_minor: int
    total_spent_minor: int
    status: AccountStatus
    version: int
    created_at: datetime
    updated_at: datetime
    total_expired_minor: int = 0

    @property
    def available_minor(self) -> int:
        """What is not set aside. It can be spent, but for what has expired since."""
        return self.posted_minor - self.held_minor


class CreditLot(msgspec.Struct, frozen=True):
    """Credit that came at one time and goes at one time: a row of `credit_lot`."""

    cafe_id: Id
    id: Id
    customer_id: Id
    kind: CreditKind
    amount_minor: int
    remaining_minor: int
    held_minor: int
    """Of what remains, set aside for payments that are under way."""
    expires_at: datetime | None
    payment_id: Id | None
    """The payment that bought it, or whose money came back as it."""
    transaction_id: Id | None
    """The movement that brought it; None for what was there before lots were kept."""
    created_at: datetime

    @property
    def free_minor(self) -> int:
        """What remains and is not set aside."""
        return self.remaining_minor - self.held_minor

    def is_over(self, now: datetime) -> bool:
        """Whether its time is over: from then on it is not spent, whether or not that was booked yet."""
        return self.expires_at is not None and self.expires_at <= now

    @property
    def counter_account(self) -> str:
        """Where it goes when nobody spends it: what was given away was no cost then; what was paid is earned."""
        return CREDIT_PROMOTION if self.kind == "promotional" else CREDIT_BREAKAGE


class Consumption(msgspec.Struct, frozen=True):
    """How much a movement took from a lot, or gave back to it (below zero): a row of `credit_consumption`."""

    cafe_id: Id
    transaction_id: Id
    n: int
    lot_id: Id
    amount_minor: int
    payment_id: Id | None
    at: datetime


class CreditHold(msgspec.Struct, frozen=True):
    """Credit set aside for a payment: a row of `credit_hold`."""

    cafe_id: Id
    payment_id: Id
    customer_id: Id
    amount_minor: int
    state: Literal["held", "spent", "released"]
    created_at: datetime
    ended_at: datetime | None


class HeldPart(msgspec.Struct, frozen=True):
    """How much of a lot is set aside for a payment: a row of `credit_hold_part`."""

    cafe_id: Id
    payment_id: Id
    n: int
    lot_id: Id
    amount_minor: int


class PartOfLots(msgspec.Struct, frozen=True):
    """What lots of one kind and age amount to, and how much of it expires soon."""

    kind: CreditKind
    age: int
    amount_minor: int
    soon_minor: int


class AccountChange(msgspec.Struct, frozen=True):
    """Somebody suspended, reactivated or closed an account: a row of `credit_account_change`, never changed."""

    cafe_id: Id
    id: Id
    customer_id: Id
    from_status: AccountStatus
    to_status: AccountStatus
    reason: str
    staff_id: Id
    at: datetime


class CreditTransaction(msgspec.Struct, frozen=True):
    """One movement of credit: a row of `credit_transaction`, never changed. `amount_minor` is negative for a debit."""

    cafe_id: Id
    id: Id
    customer_id: Id
    type: CreditType
    amount_minor: int
    balance_before_minor: int
    balance_after_minor: int
    reason: str
    order_id: Id | None
    payment_id: Id | None
    staff_id: Id | None
    metadata: dict[str, Any] | None
    created_at: datetime
