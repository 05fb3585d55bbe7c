"""What a dispute is, and where its money stands in the books (money.md, "Disputes and modes"). Pure."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from tabletap.kernel.ids import Id
from tabletap.ledger.model import DISPUTES, SALES, SUSPENSE, TIPS_PAYABLE
from tabletap.payments.model import DisputeStatus, Evidence, Payment, ProviderDispute, Refund


class Dispute(msgspec.Struct, frozen=True):
    """A dispute of a payment: a row of `dispute`. `external_id` is the provider's, `version` guards every change."""

    cafe_id: Id
    id: Id
    payment_id: Id
    order_id: Id
    external_id: str
    amount_minor: int
    currency: str
    mode: str
    status: DisputeStatus
    reason: str
    order_minor: int
    """Of a lost dispute, the part that is taken from the order's money."""
    tip_minor: int
    """Of a lost dispute, the part that is taken from the tip."""
    suspense_minor: int
    """Of a lost dispute, the part that is taken from money that had found no bill."""
    version: int
    opened_at: datetime
    closed_at: datetime | None

    @property
    def held_minor(self) -> int:
        """What it holds while it is open."""
        return self.amount_minor if self.status == "open" else 0

    @property
    def taken_minor(self) -> int:
        """What it took for good of what the payment still had."""
        return self.order_minor + self.tip_minor + self.suspense_minor


class DisputeChange(msgspec.Struct, frozen=True):
    """One step of a dispute with its evidence: a row of `dispute_change`, never changed."""

    cafe_id: Id
    dispute_id: Id
    n: int
    from_status: DisputeStatus | None
    to_status: DisputeStatus
    amount_minor: int
    evidence: Evidence
    actor: Id
    at: datetime


def is_news(known: Dispute | None, told: ProviderDispute) -> bool:
    """Whether the provider tells something that we do not know yet.

    What is decided is not open again: an open one would be older news, and a new round is a new dispute at the
    provider. A decision is overruled only by one that is dated later.
    """
    if known is None:
        return True
    if told.status == "open":
        return known.status == "open" and told.amount_minor != known.amount_minor
    if known.status == "open":
        return True
    later = told.closed_at is not None and (known.closed_at is None or told.closed_at > known.closed_at)
    return told.status != known.status and later


def position(dispute: Dispute | None, provider_account: str) -> dict[str, int]:
    """Where a dispute's money stands in the books, debits positive; nowhere before it and after it was won.

    Open: the provider has taken it back, `disputes` holds it. Lost: it is taken from what the payment had been booked
    to, first from money that had found no bill, then from sales, from the tip last. What the payment no longer had,
    because it went back in a refund before, stays on `disputes`: the guest got it twice, and a person claims it.
    """
    if dispute is None or dispute.status == "won":
        return {}
    if dispute.status == "open":
        return {DISPUTES: dispute.amount_minor, provider_account: -dispute.amount_minor}
    return {
        SUSPENSE: dispute.suspense_minor,
        SALES: dispute.order_minor,
        TIPS_PAYABLE: dispute.tip_minor,
        DISPUTES: dispute.amount_minor - dispute.taken_minor,
        provider_account: -dispute.amount_minor,
    }


def difference(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """The lines that lead from one position to the other."""
    return {account: after.get(account, 0) - before.get(account, 0) for account in {**before, **after}}


def parts_left(payment: Payment, refunds: Sequence[Refund], others: Sequence[Dispute]) -> tuple[int, int, int]:
    """What neither a refund nor another lost dispute has claimed: of the order, of the tip, without a bill."""
    live = [refund for refund in refunds if refund.is_live]
    order = payment.amount_minor - payment.suspense_minor
    order -= sum(refund.order_minor for refund in live) + sum(other.order_minor for other in others)
    tip = payment.tip_minor - sum(refund.tip_minor for refund in live) - sum(other.tip_minor for other in others)
    suspense = payment.suspense_minor
    suspense -= sum(refund.suspense_minor for refund in live) + sum(other.suspense_minor for other in others)
    return max(0, order), max(0, tip), max(0, suspense)


def as_lost(dispute: Dispute, left: tuple[int, int, int]) -> Dispute:
    """The dispute with the parts that losing it takes."""
    order_left, tip_left, suspense_left = left
    suspense = min(dispute.amount_minor, suspense_left)
    order = min(dispute.amount_minor - suspense, order_left)
    tip = min(dispute.amount_minor - suspense - order, tip_left)
    return msgspec.structs.replace(dispute, order_minor=order, tip_minor=tip, suspense_minor=suspense)


class DisputeView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """A dispute as managers see it."""

    dispute_id: Id
    payment_id: Id
    order_id: Id
    amount: int
    currency: str
    status: DisputeStatus
    reason: str
    mode: str
    opened_at: datetime
    closed_at: datetime | None = None
    external_dispute_id: str | None = None


def dispute_view(dispute: Dispute) -> DisputeView:
    """The dispute as managers see it."""
    return DisputeView(
        dispute_id=dispute.id,
        payment_id=dispute.payment_id,
        order_id=dispute.order_id,
        amount=dispute.amount_minor,
        currency=dispute.currency,
        status=dispute.status,
        reason=dispute.reason,
        mode=dispute.mode,
        opened_at=dispute.opened_at,
        closed_at=dispute.closed_at,
        external_dispute_id=dispute.external_id,
    )
