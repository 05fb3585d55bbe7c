"""What is refused about payments, refunds and splits."""

from tabletap.kernel.errors import Kind, Refusal


class PaymentNotFound(Refusal):
    """There is no payment with that id in this cafe."""

    code, kind = "payment_not_found", Kind.NOT_FOUND


class MethodNotOffered(Refusal):
    """This payment method is not offered here."""

    code = "method_not_offered"


class AmountExceedsOutstanding(Refusal):
    """That is more than is outstanding on this bill."""

    code = "amount_exceeds_outstanding"


class CreditPartNotPossible(Refusal):
    """Credit cannot pay this part of the bill."""

    code = "credit_part_not_possible"


class GatewayUnavailable(Refusal):
    """The payment provider cannot be reached right now; nothing was charged, try again shortly."""

    code, kind, retryable = "gateway_unavailable", Kind.UNAVAILABLE, True


class PaymentNotCancellable(Refusal):
    """This payment can no longer be cancelled."""

    code, kind = "payment_not_cancellable", Kind.REFUSED


class PaymentNotRefundable(Refusal):
    """Can only refund completed payments."""

    code = "payment_not_refundable"


class PaymentDisputed(Refusal):
    """The guest's bank disputes this payment: nothing of it goes back until the dispute is decided."""

    code = "payment_disputed"


class PaymentNotReleasable(Refusal):
    """Only a payment whose outcome is unknown can be taken off the bill; one that is pending can be cancelled."""

    code = "payment_not_releasable"


class PaymentNotUnderReview(Refusal):
    """This payment needs no review, or somebody has decided it already."""

    code = "payment_not_under_review"


class ReviewNotPossible(Refusal):
    """The payment cannot be settled in that way."""

    code = "review_not_possible"


class RefundTooLarge(Refusal):
    """More would go back than was paid, counting earlier and pending refunds."""

    code = "refund_too_large"


class RefundNeedsApproval(Refusal):
    """More would go back than a manager may decide alone: the owner (role admin) has to do it."""

    code, kind = "refund_needs_approval", Kind.FORBIDDEN


class RefundPlanChanged(Refusal):
    """The money would go back in another way now than the one that was shown; look at the preview again."""

    code, kind = "refund_plan_changed", Kind.CONFLICT


class RefundNotFound(Refusal):
    """There is no refund with that id in this cafe."""

    code, kind = "refund_not_found", Kind.NOT_FOUND


class RefundNotByHand(Refusal):
    """Only a refund that a person makes at the bank, and that is still awaited, can be confirmed."""

    code = "refund_not_by_hand"


class RefundToCreditNeedsAccount(Refusal):
    """Only a payment of a customer with an account can go back to credit."""

    code = "refund_to_credit_needs_account"


class PaymentNotCash(Refusal):
    """This is not an open cash payment."""

    code = "payment_not_open_cash"


class CashTooLittle(Refusal):
    """The cash received is less than what is due."""

    code = "cash_too_little"


class QrPaymentNotFound(Refusal):
    """There is no QR payment with that id in this cafe."""

    code, kind = "qr_payment_not_found", Kind.NOT_FOUND


class QrPaymentNotOpen(Refusal):
    """This bank transfer is not awaited any more."""

    code = "qr_payment_not_open"


class TransferAmountDiffers(Refusal):
    """The transfer's amount is not the one that is due."""

    code = "transfer_amount_differs"


class SplitNotPossible(Refusal):
    """The bill cannot be split like that."""

    code = "split_not_possible"


class BillIsSplit(Refusal):
    """This bill is split: pay one of its open shares, or undo the split first."""

    code = "bill_is_split"


class SplitNotFound(Refusal):
    """There is no open share with that id on this bill."""

    code, kind = "split_not_found", Kind.NOT_FOUND


class SplitClaimed(Refusal):
    """Somebody else is paying this share right now."""

    code, kind, retryable = "split_claimed", Kind.CONFLICT, True


class ReturnUrlNotAllowed(Refusal):
    """The returnUrl must lead back to this cafe's own pages."""

    code = "return_url_not_allowed"


class MetadataTooLarge(Refusal):
    """Metadata holds at most 20 keys and 4 KiB."""

    code = "metadata_too_large"


class WebhookSignatureInvalid(Refusal):
    """The notice is not signed as this account signs."""

    code, kind = "webhook_signature_invalid", Kind.NOT_SIGNED_IN
