"""What is refused about receipts."""

from tabletap.kernel.errors import Kind, Refusal


class ReceiptNotPaid(Refusal):
    """There is no receipt by mail before the bill is paid."""

    code = "receipt_not_paid"


class TooManyReceipts(Refusal):
    """This receipt was sent often enough; it can be shown and printed as often as wished."""

    code, kind = "too_many_receipts", Kind.TOO_MANY


class MailNotSetUp(Refusal):
    """This installation sends no mail: set TABLETAP_SMTP_URL and TABLETAP_MAIL_FROM."""

    code = "mail_not_set_up"
