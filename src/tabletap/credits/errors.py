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


class CreditBalanceLimit(Refusal):
    """That would be more credit than one customer may hold at this cafe."""

    code = "credit_balance_limit"


class CreditAlreadySpent(Refusal):
    """Too little is left of this credit: what is spent, set aside or expired cannot be taken back."""

    code = "credit_already_spent"


class CreditNotHeld(Refusal):
    """No credit is set aside for this payment."""

    code = "credit_not_held"


class CreditIsBought(Refusal):
    """Credit that somebody pays for is ordered with POST /credits/top-ups: then its money is in the books, too."""

    code = "credit_is_bought"


class ExpiryNotPossible(Refusal):
    """Credit expires at a moment to come, within a hundred years, or never."""

    code = "credit_expiry_not_possible"


class CreditLeft(Refusal):
    """There is credit left on this account: it is spent, taken back or expires before the account is closed."""

    code = "credit_left"


class CreditAccountNotOpen(Refusal):
    """A closed account is reactivated before it is suspended."""

    code = "credit_account_not_open"
