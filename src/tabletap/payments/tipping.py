"""Tips of payments, as those who get them hear of them."""

from tabletap.infra.db.transaction import Transaction
from tabletap.payments.disputes.events import DisputeMoved
from tabletap.payments.events import PaymentMoved, PaymentRefunded
from tabletap.tips.sharing import following as tips


async def taken(tx: Transaction, moved: PaymentMoved) -> None:
    """A payment with a tip completed."""
    payment = moved.payment
    if payment.tip_minor and payment.state == "completed" and moved.previous_state != "completed":
        await tips.take_in(tx, payment.id, payment.tip_minor)


async def given_back(tx: Transaction, refunded: PaymentRefunded) -> None:
    """A refund gave part of a tip back."""
    refund = refunded.refund
    if refund.tip_minor and refund.status == "completed":
        await tips.give_back(tx, refund.payment_id, refund.tip_minor, refund.id)


async def disputed(tx: Transaction, moved: DisputeMoved) -> None:
    """A dispute took part of a tip, or was won after it had."""
    dispute = moved.dispute
    if dispute.status == "lost" and dispute.tip_minor:
        await tips.give_back(tx, dispute.payment_id, dispute.tip_minor, dispute.id)
    elif moved.previous_status == "lost" and dispute.status == "won":
        await tips.restore(tx, dispute.payment_id, dispute.id)
