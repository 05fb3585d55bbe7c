"""Putting a payment under review and taking it out again: both are lines of its history, and screens hear of both."""

import msgspec

from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import Id
from tabletap.payments import store
from tabletap.payments.events import PaymentMoved
from tabletap.payments.model import Evidence, Payment, ReviewReason


def flag(tx: Transaction, payment: Payment, reason: ReviewReason, evidence: Evidence, actor: Id) -> Payment:
    """Say that a person has to look, and why. One that is under review already stays so for its first reason."""
    if payment.needs_review:
        return payment
    after = msgspec.structs.replace(
        payment, needs_review=True, review_reason=reason, version=payment.version + 1, updated_at=tx.now
    )
    store.save(tx, payment, after)
    store.note_change(tx, after, after.state, evidence, actor, "flagged", reason)
    tx.emit(PaymentMoved(cafe_id=tx.cafe_id, at=tx.now, payment=after, previous_state=after.state))
    return after


def resolve(tx: Transaction, payment: Payment, evidence: Evidence, actor: Id, note: str) -> Payment:
    """Say that nobody has to look any more. Safe to repeat."""
    if not payment.needs_review:
        return payment
    after = msgspec.structs.replace(
        payment, needs_review=False, review_reason=None, version=payment.version + 1, updated_at=tx.now
    )
    store.save(tx, payment, after)
    store.note_change(tx, after, after.state, evidence, actor, "resolved", note)
    tx.emit(PaymentMoved(cafe_id=tx.cafe_id, at=tx.now, payment=after, previous_state=after.state))
    return after
