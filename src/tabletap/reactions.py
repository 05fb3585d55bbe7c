"""What happened → what follows: one page. Every reaction belongs to the transaction of its fact."""

from tabletap.audiences.tell import events_of
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.events import Fact
from tabletap.payments import cash, companions, tipping
from tabletap.payments.disputes.events import DisputeMoved
from tabletap.payments.events import PaymentMoved, PaymentRefunded
from tabletap.tips.sharing.events import TipsPaidOut


async def follow(tx: Transaction, fact: Fact) -> None:
    """Let what depends on a fact follow, then tell everybody concerned: the streams of its audiences.

    A paid order reaches the kitchen through OrderStatusChanged, which `orders.take_payment` emits in the transaction of
    the payment; a completed payment closes its QR code and its share in `payments.settling`.
    """
    if isinstance(fact, PaymentMoved):
        await companions.follow(tx, fact)
        await tipping.taken(tx, fact)  # before the drawer: rows are locked in the order of infra.db.plan.LOCK_ORDER
        await cash.taken(tx, fact)
    elif isinstance(fact, PaymentRefunded):
        await tipping.given_back(tx, fact)
        await cash.given_back(tx, fact)
    elif isinstance(fact, DisputeMoved):
        await tipping.disputed(tx, fact)
    elif isinstance(fact, TipsPaidOut):
        await cash.tips_paid(tx, fact)
    tx.tell(*events_of(fact, tx.cause_id))
