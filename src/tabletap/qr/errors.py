"""What is refused around bank transfers."""

from tabletap.kernel.errors import Kind, Refusal


class BankDetailsMissing(Refusal):
    """The cafe has not entered the bank details that a transfer in its currency needs."""

    code, kind = "bank_details_missing", Kind.REFUSED


class BankDetailsInvalid(Refusal):
    """The bank details cannot be right; `errors` names each field and what is wrong with it."""

    code, kind = "bank_details_invalid", Kind.REFUSED
