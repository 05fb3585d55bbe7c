"""Credit beside another method on one bill: held, then spent or given free with the payment it goes with (money.md).

Two payments are started together: one by the chosen method and one by credit, whose money is held. When the first
completes, the credit is spent in the same transaction; when it comes to nothing, the credit is free again. So nobody's
credit is gone for a coffee that was not paid (seed fault 72). Money that comes late, when the credit was free again,
pays its own part alone.
"""

import msgspec

from tabletap.credits import service as credits
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import SYSTEM_ID
from tabletap.orders import service as orders
from tabletap.orders import store as orders_store
from tabletap.orders.model import Order
from tabletap.payments import store
from tabletap.payments.errors import CreditPartNotPossible, PaymentNotCancellable
from tabletap.payments.events import PaymentInitiated, PaymentMoved
from tabletap.payments.gateways.local import CustomerCreditGateway
from tabletap.payments.model import ENDED, LIVE, Answer, Evidence, Payment
from tabletap.payments.settling import settle

CREDIT = "customer_credit"
REASON = "Part of an order payment"
_GATEWAY = CustomerCreditGateway()


def part_of(amount_minor: int, credit_minor: int | None, method: str, split_id: Id | None) -> int:
    """What the chosen method pays of an amount when credit pays a part of it. Raises CreditPartNotPossible."""
    if credit_minor is None:
        return amount_minor
    if method == CREDIT:
        raise CreditPartNotPossible("Name another method for the part that credit does not pay.")
    if split_id is not None:
        raise CreditPartNotPossible("A share of a split bill is paid in one way: by credit or by another method.")
    if not 0 < credit_minor < amount_minor:
        raise CreditPartNotPossible(f"Credit can pay part of {amount_minor}: more than nothing, less than all.")
    return amount_minor - credit_minor


async def begin(tx: Transaction, order: Order, payment: Payment, credit_minor: int) -> Payment:
    """Hold the credit beside a payment that is about to be started, and its part of the bill; answers that payment.

    Give the order as this transaction leaves it. Raises InsufficientCredit and CreditAccountClosed.
    """
    if payment.customer_id is None:
        raise CreditPartNotPossible("Credit needs a customer account; guests pay in another way.")
    beside = msgspec.structs.replace(
        payment,
        id=payment.credit_payment_id or new_id(),
        amount_minor=credit_minor,
        tip_minor=0,
        method=CREDIT,
        mode="live",
        provider_account_id=None,
        credit_payment_id=None,
        goes_with_id=payment.id,
    )
    await credits.hold(tx, payment.customer_id, credit_minor, payment.currency, beside.id)
    store.add(tx, beside)
    store.note_change(tx, beside, None, "ledger", beside.initiated_by)
    orders.reserve(tx, order, credit_minor)
    tx.emit(PaymentInitiated(cafe_id=tx.cafe_id, at=tx.now, payment=beside))
    return beside


async def follow(tx: Transaction, moved: PaymentMoved) -> None:
    """A payment moved: the credit beside it follows. Safe to repeat: what has ended or is spent stays so."""
    payment = moved.payment
    if payment.goes_with_id is not None and payment.state in ENDED:
        await credits.release(tx, payment.id)
    elif payment.credit_payment_id is not None and payment.state not in LIVE:
        await _end(tx, payment, spend=payment.state == "completed" and payment.suspense_minor < payment.amount_minor)


async def give_up(tx: Transaction, payment: Payment, evidence: Evidence, actor: Id) -> None:
    """Free the credit beside a payment that does not hold the bill any more; it may still complete for itself."""
    if payment.credit_payment_id is not None:
        await _end(tx, payment, spend=False, evidence=evidence, actor=actor)


async def _end(
    tx: Transaction, payment: Payment, *, spend: bool, evidence: Evidence = "ledger", actor: Id = SYSTEM_ID
) -> None:
    order = await orders_store.get(tx, payment.order_id, lock=True)
    beside = await store.get(tx, payment.credit_payment_id or "", lock=True)
    if order is None or beside is None or beside.state not in LIVE:
        return
    if spend and beside.holds_bill:
        await credits.spend_held(tx, beside.id, REASON, order_id=order.id, staff_id=beside.staff_id)
        await settle(tx, _GATEWAY, beside, order, Answer(state="completed", evidence="ledger"), actor)
    else:
        await settle(tx, _GATEWAY, beside, order, Answer(state="cancelled", evidence=evidence), actor)


def require_cancellable(payment: Payment, main: Payment | None) -> None:
    """The credit beside a payment that is under way is freed by cancelling that one. Raises PaymentNotCancellable."""
    if main is not None and main.holds_bill and payment.state in LIVE:
        raise PaymentNotCancellable(f"This credit goes with payment {main.id}: cancel that one, and it is free again.")
