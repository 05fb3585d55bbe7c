"""What a customer's credit is (contract 2, `/credits`). Pure."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from tabletap.kernel.ids import Id

CreditType = Literal["credit", "debit", "refund", "expiry"]


class CreditAccount(msgspec.Struct, frozen=True):
    """A customer's credit at one cafe: a row of `customer_credit`. `posted - held` is never below zero."""

    cafe_id: Id
    customer_id: Id
    currency: str
    posted_minor: int
    held_minor: int
    total_earned_minor: int
    total_spent_minor: int
    status: Literal["active", "suspended", "closed"]
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def available_minor(self) -> int:
        """What can be spent now."""
        return self.posted_minor - self.held_minor


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
