"""Money that comes when nobody waits for it any more (money.md, "Late money").

The bill takes of it what is still open: the goods are paid for, and whoever else was about to pay the same is stopped.
What the bill cannot take follows the cafe's policy: the customer's credit, back to its source, or a person's decision.
Always it is visible: the payment is under review, its history says why, and screens hear of it.
"""

from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.people import Actor, system
from tabletap.orders import service as orders
from tabletap.orders.model import Order
from tabletap.payments import store
from tabletap.payments.errors import PaymentDisputed, PaymentNotRefundable, RefundToCreditNeedsAccount
from tabletap.payments.gateways.gateway import Gateway, Gateways
from tabletap.payments.model import Payment
from tabletap.payments.refund_plan import Destination
from tabletap.payments.refunding import give_all_back
from tabletap.payments.schedule import SUPERSEDED, PaymentJob

REASON = "Paid after the bill was settled otherwise"


async def place(tx: Transaction, gateway: Gateway, payment: Payment, order: Order) -> Payment:
    """Let the cafe's policy decide over what the bill could not take, and stop others from paying what is paid now.

    Give the payment and the order as this transaction leaves them. Money that cannot become credit, because there is no
    customer's account, waits in suspense for a person.
    """
    if order.paid_minor + order.reserved_minor > order.total_minor:
        for other in await store.of_order(tx, order.id):
            if other.holds_bill and other.id != payment.id:
                tx.enqueue(SUPERSEDED, PaymentJob(tx.cafe_id, other.id), priority=other.priority)
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
