"""What happens to awaited transfers, in the past tense."""

from tabletap.kernel.events import Fact
from tabletap.kernel.ids import Id


class QrPaymentScanned(Fact, frozen=True, kw_only=True):
    """The payer opened the pay page for the first time."""

    qr_payment_id: Id
    payment_id: Id
    order_id: Id
