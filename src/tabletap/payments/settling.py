"""What an answer about a payment does, inside one transaction: the only place where a payment's state moves."""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from tabletap.infra.db.transaction import Transaction
from tabletap.ledger.model import SALES, SUSPENSE, TIPS_PAYABLE
from tabletap.ledger.service import post
from tabletap.orders import service as orders
from tabletap.orders.model import Order
from tabletap.payments import splits, store
from tabletap.payments.events import PaymentMoved
from tabletap.payments.gateways.gateway import Gateway
from tabletap.payments.model import LIVE, Answer, Payment, disagrees, next_state
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
) -> Payment:
    """Apply an answer once: late, repeated or lesser news changes nothing.

    Another amount, currency or reference than ours moves nothing either: a person has to look (`needsReview`).
    `adjustments` are further lines of the capture's journal that sum to zero, such as the rounding of cash.
    """
    before = payment
    payment = _learnt(payment, answer)
    if disagrees(payment, answer):
        after = msgspec.structs.replace(payment, needs_review=True)
        return _saved(tx, before, after)
    state = next_state(payment, answer)
    if state == payment.state:
        return _saved(tx, before, payment)
    was_live = payment.state in LIVE
    after = msgspec.structs.replace(
        payment,
        state=state,
        version=before.version + 1,
        updated_at=tx.now,
        completed_at=tx.now if state == "completed" else payment.completed_at,
        failed_at=tx.now if state == "failed" else payment.failed_at,
    )
    if state == "completed":
        after = await _complete(tx, gateway, after, order, was_live, adjustments)
    elif was_live and state not in LIVE:
        orders.reserve(tx, order, -payment.amount_minor)
    store.save(tx, before, after)
    store.note_change(tx, after, before.state, answer.evidence, actor)
    if state not in LIVE:
        await _close_qr(tx, after)
        await splits.follow(tx, order, after)
    tx.emit(PaymentMoved(cafe_id=tx.cafe_id, at=tx.now, payment=after, previous_state=before.state))
    return after


def _learnt(payment: Payment, answer: Answer) -> Payment:
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
    tx: Transaction, gateway: Gateway, payment: Payment, order: Order, was_live: bool, adjustments: Mapping[str, int]
) -> Payment:
    """The money is here: the bill takes what it can, the books say where everything went.

    What the bill cannot take (paid otherwise meanwhile, or cancelled) goes to suspense and a person decides.
    """
    _, applied = await orders.take_payment(
        tx, order, payment.amount_minor, payment.amount_minor if was_live else 0, payment.customer_id
    )
    book_capture(tx, gateway.account(payment), payment, applied, adjustments)
    if applied < payment.amount_minor:
        return msgspec.structs.replace(payment, needs_review=True)
    return payment


def book_capture(
    tx: Transaction, account: str, payment: Payment, applied_minor: int, adjustments: Mapping[str, int]
) -> None:
    """The journal of captured money."""
    amounts = {
        account: payment.total_minor,
        SALES: -applied_minor,
        TIPS_PAYABLE: -payment.tip_minor,
        SUSPENSE: applied_minor - payment.amount_minor,
    }
    for name, amount in adjustments.items():
        amounts[name] = amounts.get(name, 0) + amount
    post(tx, "payment", payment.currency, amounts, mode=payment.mode, order_id=payment.order_id, payment_id=payment.id)


async def _close_qr(tx: Transaction, payment: Payment) -> None:
    if payment.method != "qr_bank_transfer":
        return
    row = tx.recall(("qr", payment.id)) or await qr_store.of_payment(tx, payment.id, lock=True)
    if row is not None and row.status in ("generated", "scanned"):
        close_qr(tx, row, _QR_STATUS[payment.state])
