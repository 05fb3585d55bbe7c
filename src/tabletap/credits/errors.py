"""What is refused about credit."""

from tabletap.kernel.errors import Kind, Refusal


class InsufficientCredit(Refusal):
    """There is not enough credit on this account."""

    code = "insufficient_credit"


class CreditAccountClosed(Refusal):
    """This credit account is suspended or closed."""

    code = "credit_account_closed"


class CreditLimitExceeded(Refusal):
    """A manager has to move this much credit."""

    code, kind = "credit_limit_exceeded", Kind.FORBIDDEN
