"""What happened → what follows: one page. Every reaction belongs to the transaction of its fact."""

from tabletap.audiences.tell import events_of
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.events import Fact


async def follow(tx: Transaction, fact: Fact) -> None:
    """Tell everybody concerned: each fact is appended to the streams of its audiences.

    A paid order reaches the kitchen through OrderStatusChanged, which `orders.take_payment` emits in the transaction of
    the payment; a completed payment closes its QR code and its share in `payments.settling`.
    """
    tx.tell(*events_of(fact, tx.cause_id))
