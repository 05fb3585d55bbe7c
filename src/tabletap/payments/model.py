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
ENDED: frozenset[str] = frozenset({"failed", "cancelled", "expired"})
"""Over, and no money came of it, as far as anybody knows."""
ReviewReason = Literal[
    "wrong_amount",
    "wrong_currency",
    "wrong_reference",
    "wrong_mode",
    "late_money",
    "overpaid",
    "outcome_unknown",
    "contradiction",
    "dispute",
    "refund_unknown",
]
"""Why a person has to look at a payment; stable words."""
ANSWERED_IN_THE_END: frozenset[str] = frozenset(
    {"wrong_amount", "wrong_currency", "wrong_reference", "wrong_mode", "outcome_unknown"}
)
"""Reasons that are gone once the provider says something that can be believed and booked."""
ChangeKind = Literal["moved", "flagged", "resolved", "released", "corrected", "disputed", "confirmed"]


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
    rounding_minor: int = 0
    """Cash: what was handed over beyond the total (below zero: less), because coins end at 5 cents somewhere."""
    suspense_minor: int = 0
    """The part of `amount_minor` that the bill could not take: it waits in suspense, not in sales."""
    review_reason: ReviewReason | None = None
    """Why `needs_review`; None while it is not."""
    released: bool = False
    """A manager took its claim off the bill although its outcome is unknown; it is still asked after."""
    disputed_minor: int = 0
    """What open disputes hold."""
    charged_back_minor: int = 0
    """What lost disputes took for good."""
    priority: int = 0
    """How urgent its background work is, 0 to 10 (priority.py)."""
    credit_payment_id: Id | None = None
    """The payment by credit that pays the other part of the same bill, and stands or falls with this one."""
    goes_with_id: Id | None = None
    """Of such a payment by credit: the payment it goes with."""

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
        """What could still go back, counting refunds under way; nothing while a dispute is open over it."""
        if self.disputed_minor:
            return 0
        gone = self.refunded_minor + self.refund_pending_minor + self.charged_back_minor
        return max(0, self.captured_minor - gone)

    @property
    def holds_bill(self) -> bool:
        """Whether its amount is reserved on the bill, so that nobody pays the same coffee meanwhile."""
        return self.state in LIVE and not self.released

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
    order_minor: int = 0
    """Of `amount_minor`, the part that had paid the bill. The parts are claimed when the refund is reserved."""
    tip_minor: int = 0
    suspense_minor: int = 0
    """Of `amount_minor`, the part that had found no bill to go to."""
    rounding_minor: int = 0
    """Cash: what is handed over beyond `amount_minor` (below zero: less)."""
    error: str | None = None
    """Why it failed, or why it is not known yet what became of it."""
    needs_review: bool = False
    """Asking for a week was in vain: a person has to look."""
    batch_id: Id | None = None
    """What the refunds of one request for a whole order have in common."""
    settled_by: Id | None = None
    """Who said that a refund made by hand was sent, or that it was not."""

    @property
    def paid_out_minor(self) -> int:
        """What the guest gets."""
        return self.amount_minor + self.rounding_minor

    @property
    def is_live(self) -> bool:
        """It has gone back or is on its way: what it claims is claimed."""
        return self.status != "failed"


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
    items: list[dict[str, Any]] | None = None
    """Of a split by items, what it covers: JSON of `Part`."""
    weight: int | None = None
    """What it weighs against the others when what is outstanding changes; None: its amount."""


class PaymentChange(msgspec.Struct, frozen=True):
    """One move of a payment, or one word about it, with its evidence: a row of `payment_change`, never changed."""

    cafe_id: Id
    payment_id: Id
    n: int
    from_state: PaymentState | None
    to_state: PaymentState
    evidence: Evidence
    actor: Id
    at: datetime
    kind: ChangeKind = "moved"
    """What else than a move it is: put under review, resolved, released, corrected, disputed, confirmed."""
    note: str | None = None
    """The reason of a review, or what a person gave as theirs."""


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


DisputeStatus = Literal["open", "won", "lost"]


class ProviderDispute(msgspec.Struct, frozen=True, kw_only=True):
    """A dispute of a payment as the provider tells of it. `id` is the provider's."""

    id: str
    amount_minor: int
    status: DisputeStatus
    reason: str = ""
    opened_at: datetime | None = None
    closed_at: datetime | None = None


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
    disputes: tuple[ProviderDispute, ...] = ()
    """Every dispute of the payment the provider knows of, open or closed."""
    live_mode: bool | None = None
    """Whether the provider calls it real money; None: it does not say."""
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


_RANK: dict[Evidence, int] = {
    "guest": 0, "clock": 0, "staff": 1, "api_response": 2, "query": 2, "ledger": 3, "cash": 3, "statement": 3,
}  # fmt: skip
"""What weighs more: a wish or a clock, somebody's word, the provider's word, the money itself."""
_PROVIDERS_WORD = 2
_SOMEBODYS_WORD = 1


def disagreement(payment: Payment, answer: Answer) -> ReviewReason | None:
    """What the provider says differently from us about a payment: then nothing moves and a person has to look.

    Of a payment that came to nothing, the amount does not matter.
    """
    if answer.reference is not None and answer.reference != payment.id:
        return "wrong_reference"
    if answer.state in ENDED:
        return None
    if answer.live_mode is not None and answer.live_mode != (payment.mode == "live"):
        return "wrong_mode"
    if answer.currency is not None and answer.currency != payment.currency:
        return "wrong_currency"
    if answer.amount_minor is not None and answer.amount_minor != payment.total_minor:
        return "wrong_amount"
    return None


def contradicts(asked_of: Payment, answer: Answer) -> bool:
    """Whether the provider takes back a success that we knew of before we asked.

    An answer to a question that was asked before the success was known is older news and no contradiction.
    """
    if asked_of.state != "completed" or asked_of.provider_account_id is None:
        return False
    return answer.unknown_there or answer.state == "pending" or answer.state in ENDED


def next_state(payment: Payment, answer: Answer) -> PaymentState:
    """The state after an answer. Late, repeated or lesser news changes nothing; an unknown outcome is `processing`.

    Lesser is what does not weigh enough: a clock or a guest never completes a payment, and one that is at a provider
    ends, well or not, by the provider's word or by a bank statement alone.
    """
    wanted: PaymentState = answer.state or "processing"
    if wanted not in _MOVES[payment.state] or _RANK[answer.evidence] < _rank_needed(payment, wanted):
        return payment.state
    return wanted


def _rank_needed(payment: Payment, state: PaymentState) -> int:
    if state in LIVE:
        return 0
    if payment.provider_account_id is not None:
        return _PROVIDERS_WORD
    return _SOMEBODYS_WORD if state == "completed" else 0
