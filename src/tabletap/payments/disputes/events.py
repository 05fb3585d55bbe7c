"""What happens to disputes, in the past tense."""

from tabletap.kernel.events import Fact
from tabletap.payments.disputes.model import Dispute
from tabletap.payments.model import DisputeStatus, Payment


class DisputeMoved(Fact, frozen=True, kw_only=True):
    """A payment is disputed, or a dispute of it was decided; `dispute.status` says which."""

    payment: Payment
    dispute: Dispute
    previous_status: DisputeStatus | None
