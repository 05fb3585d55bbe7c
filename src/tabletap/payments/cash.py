"""Cash of payments, refunds and paid tips, as the drawers hear of it."""

from tabletap.infra.db.transaction import Transaction
from tabletap.payments.events import PaymentMoved, PaymentRefunded
from tabletap.payments.gateways.local import CashGateway
from tabletap.till.service import note_cash
from tabletap.tips.sharing.events import TipsPaidOut

METHODS = frozenset(CashGateway.methods)


async def taken(tx: Transaction, moved: PaymentMoved) -> None:
    """A payment in cash was taken: it is in the drawer of whoever took it."""
    payment = moved.payment
    if payment.method in METHODS and payment.state == "completed" and moved.previous_state != "completed":
        amount = payment.total_minor + payment.rounding_minor
        await note_cash(tx, "payment", amount, payment.staff_id or payment.initiated_by, payment_id=payment.id)


async def given_back(tx: Transaction, refunded: PaymentRefunded) -> None:
    """A refund in cash was handed over."""
    payment, refund = refunded.payment, refunded.refund
    if payment.method in METHODS and refund.destination == "original" and refund.status == "completed":
        await note_cash(
            tx, "refund", -refund.paid_out_minor, refund.staff_id, payment_id=payment.id, refund_id=refund.id
        )


async def tips_paid(tx: Transaction, paid: TipsPaidOut) -> None:
    """A worker got tips out of a drawer."""
    if paid.payout.method == "cash":
        await note_cash(tx, "tips", -paid.payout.amount_minor, paid.paid_by)
