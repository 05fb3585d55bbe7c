"""Money that comes when nobody waits for it any more (money.md, "Late money").

The bill takes of it what is still open: the goods are paid for, and whoever else was about to pay the same loses the
bill and is stopped. What the bill cannot take follows the cafe's policy: the customer's credit, back to its source, or
a person's decision. Always it is visible: the payment is under review, its history says why, and screens hear of it.
"""

import msgspec

from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import Id
from tabletap.kernel.people import SYSTEM_ID, Actor, system
from tabletap.orders import service as orders
from tabletap.orders.model import Order
from tabletap.payments import splits, store
from tabletap.payments.errors import PaymentDisputed, PaymentNotRefundable, RefundToCreditNeedsAccount
from tabletap.payments.gateways.gateway import Gateway, Gateways
from tabletap.payments.model import Evidence, Payment
from tabletap.payments.refund_plan import Destination
from tabletap.payments.refunding import give_all_back
from tabletap.payments.schedule import SUPERSEDED, PaymentJob

REASON = "Paid after the bill was settled otherwise"


async def place(tx: Transaction, gateway: Gateway, payment: Payment, order: Order) -> Payment:
    """Let the cafe's policy decide over what the bill could not take, and stop others from paying what is paid now.

    Give the payment and the order as this transaction leaves them. Money that cannot become credit, because there is no
    customer's account, waits in suspense for a person.
    """
    for other in reversed(await store.of_order(tx, order.id)):
        if order.paid_minor + order.reserved_minor <= order.total_minor:
            break
        if other.holds_bill and other.id != payment.id:
            order = await _overtake(tx, other.id, order)
    if not payment.suspense_minor:
        return payment
    policy = (await orders.cafe_of(tx)).late_money_policy
    if policy == "review":
        return payment
    try:
        return await send_on(
            tx, gateway, payment, "credit" if policy == "credit" else "original", REASON, system(tx.cafe_id)
        )
    except (RefundToCreditNeedsAccount, PaymentNotRefundable):
        return payment


async def _overtake(tx: Transaction, payment_id: Id, order: Order) -> Order:
    """The bill is not this attempt's any more (money.md, invariant 4), and its provider is told to give it up.

    What it was about to pay is paid. If its money comes after all, that is late money, too.
    """
    other = await store.get(tx, payment_id, lock=True)
    if other is None or not other.holds_bill:
        return order
    order = await release(tx, other, order, "clock", SYSTEM_ID, REASON)
    tx.enqueue(SUPERSEDED, PaymentJob(tx.cafe_id, other.id), priority=other.priority)
    return order


async def release(tx: Transaction, payment: Payment, order: Order, evidence: Evidence, actor: Id, reason: str) -> Order:
    """Take a live attempt off its bill; it is asked after as before. Answers the order without its claim."""
    after = msgspec.structs.replace(payment, released=True, version=payment.version + 1, updated_at=tx.now)
    store.save(tx, payment, after)
    store.note_change(tx, after, after.state, evidence, actor, "released", reason)
    order = orders.reserve(tx, order, -payment.amount_minor)
    await splits.follow(tx, order, after)
    return order


async def send_on(
    tx: Transaction, gateway: Gateway, payment: Payment, destination: Destination, reason: str, by: Actor
) -> Payment:
    """Give what waits in suspense to the customer's credit or back to its source.

    A payment of which the bill took nothing goes back whole, with its tip: that belongs to the party that paid.
    Raises RefundToCreditNeedsAccount, PaymentNotRefundable and PaymentDisputed.
    """
    if payment.disputed_minor:
        raise PaymentDisputed
    in_part = payment.suspense_minor < payment.amount_minor
    gateways = Gateways((gateway,))
    await give_all_back(tx, gateways, payment, reason, destination, by, only_suspense=in_part)
    return await store.get(tx, payment.id) or payment
