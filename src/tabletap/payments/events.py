"""What happens to payments, in the past tense."""

from tabletap.kernel.events import Fact
from tabletap.orders.model import Order
from tabletap.payments.model import Payment, PaymentState, Refund, Share


class PaymentInitiated(Fact, frozen=True, kw_only=True):
    """Somebody started to pay."""

    payment: Payment


class PaymentMoved(Fact, frozen=True, kw_only=True):
    """A payment's state changed (or was completed at once: then there is no previous state).

    Where the previous state is the present one, it was put under review, or a person took it out again.
    """

    payment: Payment
    previous_state: PaymentState | None


class PaymentRefunded(Fact, frozen=True, kw_only=True):
    """A refund was reserved, settled or failed; `refund.status` says which."""

    payment: Payment
    refund: Refund


class SplitChanged(Fact, frozen=True, kw_only=True):
    """The shares of an order changed: made, claimed, paid or taken back."""

    order: Order
    shares: list[Share]
