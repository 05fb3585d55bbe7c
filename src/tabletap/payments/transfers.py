"""Money that came by bank transfer, however much of it came: what was asked for, less, more, late, or once more.

One place for both who sees it first: a person at the counter (counter.py) and a bank statement (reconciliation).

- exactly what was asked for: the payment is completed
- less: the payment is completed over what came, the bill first and the tip last; the rest of the bill is outstanding
  again, and a new code asks for it
- more: the bill and the tip take theirs, the rest waits in suspense and the payment is under review (`overpaid`)
- when nobody waited for it any more: late money (late_money.py)
"""

from collections.abc import Iterable

import msgspec

from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import Id
from tabletap.kernel.people import Actor
from tabletap.ledger.model import SUSPENSE
from tabletap.ledger.service import post
from tabletap.orders import store as orders_store
from tabletap.orders.model import Order
from tabletap.payments import flags, late_money, store
from tabletap.payments.errors import PaymentNotFound
from tabletap.payments.gateways.gateway import Gateway
from tabletap.payments.model import Answer, Evidence, Payment
from tabletap.payments.settling import settle, take_in
from tabletap.qr import store as qr_store
from tabletap.qr.service import close_qr

METHOD = "qr_bank_transfer"


async def locked(tx: Transaction, payment_id: Id) -> tuple[Payment, Order]:
    """A payment and its order, held in the order in which everybody locks them. Raises PaymentNotFound."""
    found = await store.get(tx, payment_id)
    if found is None:
        raise PaymentNotFound
    order = await orders_store.get(tx, found.order_id, lock=True)
    payment = await store.get(tx, payment_id, lock=True)
    if order is None or payment is None:
        raise PaymentNotFound
    return payment, order


async def hold_all(tx: Transaction, payment_ids: Iterable[Id]) -> None:
    """Hold several payments at once, all their orders first, so that nobody who names them otherwise waits in a circle.

    What there is none of is left out: `locked` says so.
    """
    found = [await store.get(tx, payment_id) for payment_id in payment_ids]
    for order_id in sorted({payment.order_id for payment in found if payment is not None}):
        await orders_store.get(tx, order_id, lock=True)
    for payment_id in sorted(payment.id for payment in found if payment is not None):
        await store.get(tx, payment_id, lock=True)


async def receive(
    tx: Transaction,
    gateway: Gateway,
    payment: Payment,
    order: Order,
    amount_minor: int,
    *,
    evidence: Evidence,
    by: Actor,
    bank_reference: str | None,
) -> Payment:
    """Take what came for a payment that has no money yet, once. Answers the payment as it is then."""
    row = await qr_store.of_payment(tx, payment.id, lock=True)
    if row is not None and row.status != "paid":
        close_qr(tx, row, "paid", bank_reference)
    answer = Answer(
        state="completed", evidence=evidence, external_transaction_id=bank_reference, amount_minor=amount_minor,
        currency=payment.currency,
    )  # fmt: skip
    if amount_minor == payment.total_minor:
        return await settle(tx, gateway, payment, order, answer, by.person_id)
    why = "less was transferred" if amount_minor < payment.total_minor else "more was transferred"
    after = await take_in(tx, gateway, payment, order, answer, by, why, to_bill=True)
    if payment.holds_bill:
        return after
    after = flags.flag(tx, after, "late_money", evidence, by.person_id)
    order = await orders_store.get(tx, order.id) or order
    return await late_money.place(tx, gateway, after, order)


async def receive_more(
    tx: Transaction, gateway: Gateway, payment: Payment, amount_minor: int, evidence: Evidence, by: Actor, why: str
) -> Payment:
    """Take more money for a payment that has all it asked for: it waits in suspense, under review."""
    after = msgspec.structs.replace(
        payment,
        amount_minor=payment.amount_minor + amount_minor,
        suspense_minor=payment.suspense_minor + amount_minor,
        version=payment.version + 1,
        updated_at=tx.now,
    )
    post(
        tx, "payment", payment.currency, {gateway.account(payment): amount_minor, SUSPENSE: -amount_minor},
        mode=payment.mode, order_id=payment.order_id, payment_id=payment.id,
    )  # fmt: skip
    store.save(tx, payment, after)
    note = f"{payment.total_minor} became {after.total_minor}: {why}"
    store.note_change(tx, after, after.state, evidence, by.person_id, "corrected", note)
    return flags.flag(tx, after, "overpaid", evidence, by.person_id)


async def confirm(tx: Transaction, payment: Payment, by: Actor, note: str) -> Payment:
    """Note that a statement shows what somebody had said before; its version keeps two lines from doing so at once."""
    after = msgspec.structs.replace(payment, version=payment.version + 1, updated_at=tx.now)
    store.save(tx, payment, after)
    store.note_change(tx, after, after.state, "statement", by.person_id, "confirmed", note)
    return after
