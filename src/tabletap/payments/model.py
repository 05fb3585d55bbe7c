"""What payments, refunds and shares are, and how they may move (money.md, "Payment states"). Pure."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from tabletap.kernel.ids import Id

PaymentState = Literal["pending", "processing", "completed", "failed", "cancelled", "expired"]
"""The stored state; `partial_refund` and `refunded` are derived from refunds."""
ShownState = Literal[
    "pending", "processing", "completed", "failed", "cancelled", "expired", "partial_refund", "refunded"
]
ShareStatus = Literal["open", "paying", "paid", "cancelled"]
RefundStatus = Literal["pending", "completed", "failed"]
Evidence = Literal["api_response", "query", "statement", "cash", "ledger", "guest", "staff", "clock"]
LIVE: frozenset[str] = frozenset({"pending", "processing"})


class Payment(msgspec.Struct, frozen=True):
    """One attempt to pay (part of) an order: a row of `payment`. `version` guards every change."""

    cafe_id: Id
    id: Id
    order_id: Id
    customer_id: Id | None
    staff_id: Id | None
    split_id: Id | None
    amount_minor: int
    tip_minor: int
    currency: str
    method: str
    state: PaymentState
    needs_review: bool
    external_transaction_id: str | None
    gateway_payment_id: str | None
    redirect_url: str | None
    refunded_minor: int
    refund_pending_minor: int
    metadata: dict[str, Any] | None
    mode: str
    initiated_by: Id
    address: str | None
    user_agent: str | None
    check_count: int
    version: int
    initiated_at: datetime
    expires_at: datetime | None
    completed_at: datetime | None
    failed_at: datetime | None
    updated_at: datetime
    provider_account_id: Id | None = None

    @property
    def total_minor(self) -> int:
        """What the guest pays: the amount for the order and the tip on top."""
        return self.amount_minor + self.tip_minor

    @property
    def captured_minor(self) -> int:
        """What we hold of it."""
        return self.total_minor if self.state == "completed" else 0

    @property
    def refundable_minor(self) -> int:
        """What could still go back, counting refunds under way."""
        return max(0, self.captured_minor - self.refunded_minor - self.refund_pending_minor)

    @property
    def shown_state(self) -> ShownState:
        """The state callers see."""
        if self.state == "completed" and self.refunded_minor:
            return "refunded" if self.refunded_minor >= self.total_minor else "partial_refund"
        return self.state


class Refund(msgspec.Struct, frozen=True):
    """Money going back: a row of `refund`. Reserved before the provider is asked."""

    cafe_id: Id
    id: Id
    payment_id: Id
    order_id: Id
    amount_minor: int
    original_minor: int
    destination: Literal["original", "credit"]
    reason: str
    status: RefundStatus
    staff_id: Id
    external_refund_id: str | None
    check_count: int
    version: int
    created_at: datetime
    processed_at: datetime | None
    updated_at: datetime


class Share(msgspec.Struct, frozen=True):
    """One share of a split bill: a row of `split`."""

    cafe_id: Id
    id: Id
    order_id: Id
    method: str
    position: int
    amount_minor: int
    label: str | None
    status: ShareStatus
    claimed_by: Id | None
    leased_until: datetime | None
    version: int
    created_at: datetime


class PaymentChange(msgspec.Struct, frozen=True):
    """One move of a payment with its evidence: a row of `payment_change`, never changed."""

    cafe_id: Id
    payment_id: Id
    n: int
    from_state: PaymentState | None
    to_state: PaymentState
    evidence: Evidence
    actor: Id
    at: datetime


class ProviderCall(msgspec.Struct, frozen=True):
    """One call to a provider and what became of it: a row of `provider_call`."""

    cafe_id: Id
    id: Id
    payment_id: Id
    refund_id: Id | None
    kind: Literal["start", "check", "refund", "check_refund", "cancel"]
    outcome: str
    error: str | None
    at: datetime


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a gateway says of a payment. `state` None: it could not be learnt, the outcome is unknown."""

    state: PaymentState | None
    evidence: Evidence
    gateway_payment_id: str | None = None
    external_transaction_id: str | None = None
    redirect_url: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    reference: str | None = None
    not_sent: bool = False
    """Nothing reached the provider: proven not attempted, it may be tried again."""
    unknown_there: bool = False
    """The provider answered that it knows no such payment."""
    error: str | None = None


class RefundAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a gateway says of a refund. `status` None: it could not be learnt."""

    status: RefundStatus | None
    external_refund_id: str | None = None
    not_sent: bool = False
    unknown_there: bool = False
    error: str | None = None


_MOVES: dict[str, frozenset[str]] = {
    "pending": frozenset({"processing", "completed", "failed", "cancelled", "expired"}),
    "processing": frozenset({"completed", "failed", "cancelled", "expired"}),
    "failed": frozenset({"completed"}),
    "cancelled": frozenset({"completed"}),
    "expired": frozenset({"completed"}),
    "completed": frozenset(),
}
"""money.md, "Payment states". What follows `failed`, `cancelled` and `expired` is late success."""


def disagrees(payment: Payment, answer: Answer) -> bool:
    """Whether the provider speaks of another amount, currency or reference than ours: a person has to look."""
    return (
        (answer.amount_minor is not None and answer.amount_minor != payment.total_minor)
        or (answer.currency is not None and answer.currency != payment.currency)
        or (answer.reference is not None and answer.reference != payment.id)
    )


def next_state(payment: Payment, answer: Answer) -> PaymentState:
    """The state after an answer. Late, repeated or lesser news changes nothing; an unknown outcome is `processing`."""
    wanted: PaymentState = answer.state or "processing"
    return wanted if wanted in _MOVES[payment.state] else payment.state


def refund_parts(payment: Payment, amount_minor: int) -> tuple[int, int]:
    """How a refund divides into order money and tip: the order's part goes back first, the tip last."""
    earlier = payment.refunded_minor
    order_left = max(0, payment.amount_minor - earlier)
    order_part = min(order_left, amount_minor)
    return order_part, amount_minor - order_part
