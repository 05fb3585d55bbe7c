"""What an answer about a payment does, inside one transaction: the only place where a payment's state moves."""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.people import Actor
from tabletap.ledger.model import SUSPENSE, TIPS_PAYABLE
from tabletap.ledger.service import post
from tabletap.orders import service as orders
from tabletap.orders.model import Order, Taken
from tabletap.payments import flags, late_money, splits, store, top_ups
from tabletap.payments.disputes import service as disputes
from tabletap.payments.events import PaymentMoved
from tabletap.payments.gateways.gateway import Gateway
from tabletap.payments.model import (
    ANSWERED_IN_THE_END,
    LIVE,
    Answer,
    Evidence,
    Payment,
    ReviewReason,
    contradicts,
    disagreement,
    next_state,
)
from tabletap.qr import store as qr_store
from tabletap.qr.service import close_qr

_QR_STATUS = {"completed": "paid", "failed": "cancelled", "cancelled": "cancelled", "expired": "expired"}


async def settle(
    tx: Transaction,
    gateway: Gateway,
    payment: Payment,
    order: Order,
    answer: Answer,
    actor: str,
    adjustments: Mapping[str, int] = MappingProxyType({}),
    *,
    asked_of: Payment | None = None,
) -> Payment:
    """Apply an answer once: late, repeated or lesser news changes nothing.

    Another amount, currency, reference or mode than ours moves nothing either, and a success that is taken back is not
    unsaid: a person has to look (`needsReview`). `adjustments` are further lines of the capture's journal that sum to
    zero, such as the rounding of cash. `asked_of` is the payment as it was known when the question was asked.
    """
    before = payment
    payment = _learnt(payment, answer)
    reason = disagreement(payment, answer)
    if reason is None and asked_of is not None and contradicts(asked_of, answer):
        reason = "contradiction"
    if reason is not None:
        after = flags.flag(tx, _saved(tx, before, payment), reason, answer.evidence, actor)
    elif (state := next_state(payment, answer)) == payment.state:
        after = _saved(tx, before, payment)
    else:
        learnt = msgspec.structs.replace(payment, state=state)
        after = await _move(tx, gateway, before, learnt, order, answer.evidence, actor, adjustments=adjustments)
    if answer.disputes:
        after = await disputes.follow(tx, after, gateway.account(after), answer, actor)
    return after


async def take_in(
    tx: Transaction,
    gateway: Gateway,
    payment: Payment,
    order: Order,
    answer: Answer,
    by: Actor,
    why: str,
    *,
    to_bill: bool,
) -> Payment:
    """Book what the provider really captured instead of what was asked for: a manager decides on the provider's word.

    The bill takes no more of it than the payment had claimed, then comes the tip; what is beyond both, or all of it
    when the bill is to take nothing, waits in suspense. The payment's amounts become what was captured.
    """
    captured = answer.amount_minor or 0
    bill = min(captured, payment.amount_minor) if to_bill else 0
    tip = min(captured - bill, payment.tip_minor) if to_bill else 0
    taken = await orders.take_payment(
        tx, order, bill, payment.amount_minor if payment.holds_bill else 0, payment.customer_id
    )
    waiting = captured - tip - taken.applied_minor
    after = msgspec.structs.replace(
        _learnt(payment, answer),
        state="completed",
        amount_minor=captured - tip,
        tip_minor=tip,
        suspense_minor=waiting,
        needs_review=waiting > 0,
        review_reason=_why_waiting(payment, captured) if waiting > 0 else None,
        version=payment.version + 1,
        updated_at=tx.now,
        completed_at=tx.now,
    )
    await book_capture(tx, gateway.account(after), after, taken, {})
    store.save(tx, payment, after)
    note = f"{payment.total_minor} became {captured}: {why}"
    store.note_change(tx, after, payment.state, answer.evidence, by.person_id, note=note)
    await splits.follow(tx, taken.order, after)
    await splits.even_out(tx, taken.order)
    tx.emit(PaymentMoved(cafe_id=tx.cafe_id, at=tx.now, payment=after, previous_state=payment.state))
    return after


def _why_waiting(payment: Payment, captured_minor: int) -> ReviewReason:
    return "overpaid" if captured_minor > payment.total_minor else "late_money"


async def end_by_word(tx: Transaction, gateway: Gateway, payment: Payment, order: Order, by: Actor) -> Payment:
    """End a payment that nobody can learn the outcome of: a manager's word, where the provider has none."""
    after = msgspec.structs.replace(payment, state="failed")
    return await _move(tx, gateway, payment, after, order, "staff", by.person_id)


async def _move(
    tx: Transaction,
    gateway: Gateway,
    before: Payment,
    after: Payment,
    order: Order,
    evidence: Evidence,
    actor: str,
    *,
    adjustments: Mapping[str, int] = MappingProxyType({}),
) -> Payment:
    """What follows from a payment's new state: the bill, the share, the books, and who hears of it."""
    state = after.state
    after = msgspec.structs.replace(
        after,
        version=before.version + 1,
        updated_at=tx.now,
        completed_at=tx.now if state == "completed" else after.completed_at,
        failed_at=tx.now if state == "failed" else after.failed_at,
    )
    if state not in LIVE and after.review_reason in ANSWERED_IN_THE_END:
        after = msgspec.structs.replace(after, needs_review=False, review_reason=None)
    if state == "completed":
        after, order = await _complete(tx, gateway, before, after, order, adjustments)
    elif before.holds_bill and state not in LIVE:
        orders.reserve(tx, order, -after.amount_minor)
    store.save(tx, before, after)
    store.note_change(tx, after, before.state, evidence, actor, note=_noteworthy(before, after))
    if state not in LIVE:
        await _close_qr(tx, after)
        if before.holds_bill or state == "completed":
            await splits.follow(tx, order, after)
    tx.emit(PaymentMoved(cafe_id=tx.cafe_id, at=tx.now, payment=after, previous_state=before.state))
    return await late_money.place(tx, gateway, after, order) if after.review_reason == "late_money" else after


def _noteworthy(before: Payment, after: Payment) -> str | None:
    """Beside the move itself: that it put the payment under review, or that it answered what was asked."""
    if after.needs_review and not before.needs_review:
        return after.review_reason
    return f"resolved: {before.review_reason}" if before.needs_review and not after.needs_review else None


def _learnt(payment: Payment, answer: Answer) -> Payment:
    if answer.reference is not None and answer.reference != payment.id:
        return payment  # it speaks of another payment: nothing of it is ours
    return msgspec.structs.replace(
        payment,
        gateway_payment_id=answer.gateway_payment_id or payment.gateway_payment_id,
        external_transaction_id=answer.external_transaction_id or payment.external_transaction_id,
        redirect_url=answer.redirect_url or payment.redirect_url,
    )


def _saved(tx: Transaction, before: Payment, after: Payment) -> Payment:
    if before == after:
        return before
    after = msgspec.structs.replace(after, version=before.version + 1, updated_at=tx.now)
    store.save(tx, before, after)
    return after


async def _complete(
    tx: Transaction,
    gateway: Gateway,
    before: Payment,
    payment: Payment,
    order: Order,
    adjustments: Mapping[str, int],
) -> tuple[Payment, Order]:
    """The money is here: the bill takes what it can, the books say where everything went.

    Money that nobody held the bill for any more is late, and so is what the bill cannot take (paid otherwise meanwhile,
    or cancelled): that part waits in suspense. Late money is always under review, whatever the policy does with it.
    """
    taken = await orders.take_payment(
        tx, order, payment.amount_minor, payment.amount_minor if before.holds_bill else 0, payment.customer_id
    )
    await book_capture(tx, gateway.account(payment), payment, taken, adjustments)
    applied = taken.applied_minor
    if applied < payment.amount_minor or not before.holds_bill:
        payment = msgspec.structs.replace(
            payment, needs_review=True, review_reason="late_money", suspense_minor=payment.amount_minor - applied
        )
    return payment, taken.order


async def book_capture(
    tx: Transaction, account: str, payment: Payment, taken: Taken, adjustments: Mapping[str, int]
) -> None:
    """The journal of captured money, and what it bought if that was credit."""
    amounts = {
        account: payment.total_minor,
        **top_ups.income(taken),
        TIPS_PAYABLE: -payment.tip_minor,
        SUSPENSE: taken.applied_minor - payment.amount_minor,
    }
    for name, amount in adjustments.items():
        amounts[name] = amounts.get(name, 0) + amount
    post(tx, "payment", payment.currency, amounts, mode=payment.mode, order_id=payment.order_id, payment_id=payment.id)
    await top_ups.give(tx, taken, payment)


async def _close_qr(tx: Transaction, payment: Payment) -> None:
    if payment.method != "qr_bank_transfer":
        return
    row = tx.recall(("qr", payment.id)) or await qr_store.of_payment(tx, payment.id, lock=True)
    if row is not None and row.status in ("generated", "scanned"):
        close_qr(tx, row, _QR_STATUS[payment.state])
