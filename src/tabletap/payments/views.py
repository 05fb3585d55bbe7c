"""Payments, refunds and shares as callers see them (contract 2.2)."""

from datetime import datetime
from typing import Any

import msgspec

from tabletap.kernel.ids import Id
from tabletap.payments.disputes.model import DisputeView
from tabletap.payments.model import (
    LIVE,
    ChangeKind,
    Evidence,
    Payment,
    PaymentChange,
    ProviderCall,
    Refund,
    RefundStatus,
    ReviewReason,
    Share,
    ShownState,
)
from tabletap.payments.refund_plan import Planned
from tabletap.payments.split_items import Part
from tabletap.qr.service import QrView


class ChangeView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """One step of a payment's history."""

    at: datetime
    to: ShownState
    evidence: Evidence
    actor: Id
    from_: ShownState | None = msgspec.field(name="from", default=None)
    kind: ChangeKind = "moved"
    note: str | None = None


class AttemptView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """One call to the provider."""

    at: datetime
    kind: str
    outcome: str
    error: str | None = None


class PaymentView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """A payment."""

    payment_id: Id
    order_id: Id
    cafe_id: Id
    status: ShownState
    amount: int
    tip_amount: int
    total_amount: int
    currency: str
    payment_method: str
    initiated_at: datetime
    refunded_amount: int
    refundable_amount: int
    needs_review: bool
    expires_at: datetime | None
    metadata: dict[str, Any]
    mode: str
    customer_id: Id | None = None
    staff_id: Id | None = None
    split_id: Id | None = None
    external_transaction_id: str | None = None
    gateway_payment_id: str | None = None
    redirect_url: str | None = None
    qr_code_data: str | None = None
    qr: QrView | None = None
    completed_at: datetime | None = None
    failed_at: datetime | None = None
    rounding_amount: int = 0
    """Cash: what was handed over beyond the total, or below it."""
    review_reason: ReviewReason | None = None
    released: bool = False
    disputed_amount: int = 0
    charged_back_amount: int = 0
    credit_payment_id: Id | None = None
    """The payment by credit beside this one: it completes or ends with it."""
    goes_with_payment_id: Id | None = None
    disputes: list[DisputeView] | None = None
    history: list[ChangeView] | None = None
    attempts: list[AttemptView] | None = None


class PaymentStatusView(msgspec.Struct, rename="camel", frozen=True):
    """The short status of a payment; amounts mean what they mean in the payment."""

    payment_id: Id
    status: ShownState
    amount: int
    tip_amount: int
    total_amount: int
    needs_review: bool


class VerificationView(msgspec.Struct, rename="camel", frozen=True):
    """What asking the gateway now came to; amounts mean what they mean in the payment."""

    payment_id: Id
    status: ShownState
    amount: int
    tip_amount: int
    total_amount: int
    verified_at: datetime


class PartsView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """What a refund is made of. `order`, `tip` and `suspense` sum to the refund's amount.

    `rounding` is what is handed over beyond that, in cash; `suspense` is money that had found no bill to go to.
    """

    order: int
    tip: int
    rounding: int
    suspense: int = 0


class RefundView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """A refund. The guest gets `paidOutAmount`, which differs from `refundAmount` where cash is rounded."""

    refund_id: Id
    payment_id: Id
    status: RefundStatus
    refund_amount: int
    original_amount: int
    destination: str
    reason: str
    external_refund_id: str | None = None
    processed_at: datetime | None = None
    order_id: Id | None = None
    created_at: datetime | None = None
    staff_id: Id | None = None
    """Who gave it back."""
    settled_by: Id | None = None
    """Who said that a transfer by hand was sent, or that it will not be."""
    parts: PartsView | None = None
    paid_out_amount: int | None = None
    error: str | None = None
    needs_review: bool = False
    batch_id: Id | None = None


class RefundListView(msgspec.Struct, rename="camel", frozen=True):
    """The refunds of a payment."""

    items: list[RefundView]


class PlannedRefundView(msgspec.Struct, rename="camel", frozen=True):
    """One refund as it would be made. `how`: by the provider, in our ledger, in cash, or by hand at the bank."""

    payment_id: Id
    payment_method: str
    refund_amount: int
    paid_out_amount: int
    parts: PartsView
    how: str


class RefundPlanView(msgspec.Struct, rename="camel", frozen=True):
    """How an amount would go back: the refunds sum to it."""

    order_id: Id
    destination: str
    currency: str
    refund_amount: int
    paid_out_amount: int
    refunds: list[PlannedRefundView]


class OrderRefundView(msgspec.Struct, rename="camel", frozen=True):
    """What was given back of an order, payment by payment."""

    order_id: Id
    batch_id: Id
    currency: str
    refund_amount: int
    refunds: list[RefundView]


class CashView(msgspec.Struct, rename="camel", frozen=True):
    """A cash payment that was taken: what was rounded and what goes back over the counter."""

    payment: PaymentView
    rounding_amount: int
    change_amount: int


class ShareView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """One share of a bill."""

    split_id: Id
    amount: int
    status: str
    label: str | None = None
    claimed_by: Id | None = None
    leased_until: datetime | None = None
    items: list[Part] | None = None
    """Of a split by items, what it covers."""


class SplitView(msgspec.Struct, rename="camel", frozen=True):
    """A bill split into shares."""

    order_id: Id
    method: str
    shares: list[ShareView]
    outstanding_amount: int


def payment_view(payment: Payment, qr: QrView | None = None, qr_code_data: str | None = None) -> PaymentView:
    """The payment without its history."""
    return PaymentView(
        payment_id=payment.id,
        order_id=payment.order_id,
        cafe_id=payment.cafe_id,
        status=payment.shown_state,
        amount=payment.amount_minor,
        tip_amount=payment.tip_minor,
        total_amount=payment.total_minor,
        currency=payment.currency,
        payment_method=payment.method,
        initiated_at=payment.initiated_at,
        refunded_amount=payment.refunded_minor,
        refundable_amount=payment.refundable_minor,
        needs_review=payment.needs_review,
        expires_at=payment.expires_at,
        metadata=payment.metadata or {},
        mode=payment.mode,
        customer_id=payment.customer_id,
        staff_id=payment.staff_id,
        split_id=payment.split_id,
        external_transaction_id=payment.external_transaction_id,
        gateway_payment_id=payment.gateway_payment_id,
        redirect_url=payment.redirect_url if payment.state in LIVE else None,
        qr_code_data=qr_code_data,
        qr=qr,
        completed_at=payment.completed_at,
        failed_at=payment.failed_at,
        review_reason=payment.review_reason,
        released=payment.released,
        disputed_amount=payment.disputed_minor,
        charged_back_amount=payment.charged_back_minor,
        rounding_amount=payment.rounding_minor,
        credit_payment_id=payment.credit_payment_id,
        goes_with_payment_id=payment.goes_with_id,
    )


def with_history(view: PaymentView, changes: list[PaymentChange], calls: list[ProviderCall]) -> PaymentView:
    """The payment with every step and every call that led here."""
    history = [
        ChangeView(
            change.at, change.to_state, change.evidence, change.actor, change.from_state, change.kind, change.note
        )
        for change in changes
    ]
    attempts = [AttemptView(call.at, call.kind, call.outcome, call.error) for call in calls]
    return msgspec.structs.replace(view, history=history, attempts=attempts)


def refund_view(refund: Refund) -> RefundView:
    """The refund as callers see it."""
    return RefundView(
        refund_id=refund.id,
        payment_id=refund.payment_id,
        status=refund.status,
        refund_amount=refund.amount_minor,
        original_amount=refund.original_minor,
        destination=refund.destination,
        reason=refund.reason,
        external_refund_id=refund.external_refund_id,
        processed_at=refund.processed_at,
        order_id=refund.order_id,
        created_at=refund.created_at,
        staff_id=refund.staff_id,
        settled_by=refund.settled_by,
        parts=PartsView(refund.order_minor, refund.tip_minor, refund.rounding_minor, refund.suspense_minor),
        paid_out_amount=refund.paid_out_minor,
        error=refund.error,
        needs_review=refund.needs_review,
        batch_id=refund.batch_id,
    )


def plan_view(order_id: Id, currency: str, destination: str, planned: list[Planned]) -> RefundPlanView:
    """A plan as callers see it."""
    refunds = [
        PlannedRefundView(
            payment_id=each.payment.id,
            payment_method=each.payment.method,
            refund_amount=each.amount_minor,
            paid_out_amount=each.paid_out_minor,
            parts=PartsView(
                each.parts.order_minor, each.parts.tip_minor, each.rounding_minor, each.parts.suspense_minor
            ),
            how=each.how,
        )
        for each in planned
    ]
    return RefundPlanView(
        order_id=order_id,
        destination=destination,
        currency=currency,
        refund_amount=sum(each.refund_amount for each in refunds),
        paid_out_amount=sum(each.paid_out_amount for each in refunds),
        refunds=refunds,
    )


def order_refund_view(order_id: Id, currency: str, batch_id: Id, refunds: list[Refund]) -> OrderRefundView:
    """The refunds of one request for an order as callers see them."""
    amount = sum(refund.amount_minor for refund in refunds)
    return OrderRefundView(order_id, batch_id, currency, amount, [refund_view(refund) for refund in refunds])


def split_view(order_id: Id, outstanding_minor: int, shares: list[Share], now: datetime) -> SplitView:
    """The shares as callers see them; a lease that ran out is none."""
    return SplitView(
        order_id=order_id,
        # Of a bill that was split again, the paid shares come first and are of the earlier split.
        method=shares[-1].method if shares else "equal",
        shares=[_share_view(share, now) for share in shares],
        outstanding_amount=outstanding_minor,
    )


def _share_view(share: Share, now: datetime) -> ShareView:
    leased = share.leased_until is not None and share.leased_until > now
    return ShareView(
        split_id=share.id,
        amount=share.amount_minor,
        status="claimed" if leased and share.status == "open" else share.status,
        label=share.label,
        claimed_by=share.claimed_by if leased else None,
        leased_until=share.leased_until if leased else None,
        items=[msgspec.convert(part, Part) for part in share.items] if share.items else None,
    )
