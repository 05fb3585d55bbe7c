"""What the simulated provider turns down, beside the refusals everybody shares."""

from tabletap.kernel.errors import Kind, Refusal


class UnknownMerchant(Refusal):
    """The API key and the merchant id do not belong to an account here."""

    code, kind = "sandbox_unknown_merchant", Kind.NOT_SIGNED_IN


class UnknownPayment(Refusal):
    """There is no payment with that id."""

    code, kind = "sandbox_unknown_payment", Kind.NOT_FOUND


class IdempotencyConflict(Refusal):
    """This Idempotency-Key was used before with another body."""

    code, kind = "sandbox_idempotency_conflict", Kind.CONFLICT


class PaymentClosed(Refusal):
    """The payment can no longer change in this way."""

    code, kind = "sandbox_payment_closed", Kind.CONFLICT


class NotCharged(Refusal):
    """Nothing was charged, so nothing can be refunded."""

    code = "sandbox_not_charged"


class RefundExceedsCharge(Refusal):
    """The refunds together would be more than what was charged."""

    code = "sandbox_refund_exceeds_charge"


class DisputeExceedsCharge(Refusal):
    """More would be disputed than the merchant still has of the charge."""

    code = "sandbox_dispute_exceeds_charge"


class NoOpenDispute(Refusal):
    """No dispute of this payment is open."""

    code, kind = "sandbox_no_open_dispute", Kind.CONFLICT


class StateInUse(Refusal):
    """Another sandbox is using this state file."""

    code, kind = "sandbox_state_in_use", Kind.CONFLICT


class StateUnreadable(Refusal):
    """The state file cannot be opened as a sandbox's state."""

    code = "sandbox_state_unreadable"


class AddressInUse(Refusal):
    """The address cannot be listened on."""

    code, kind = "sandbox_address_in_use", Kind.CONFLICT
