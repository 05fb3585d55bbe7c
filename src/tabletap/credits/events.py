"""What happens to credit, in the past tense."""

from tabletap.credits.model import AccountChange, CreditTransaction
from tabletap.kernel.events import Fact


class CreditMoved(Fact, frozen=True, kw_only=True):
    """Credit was added (positive amount) or deducted (negative)."""

    transaction: CreditTransaction


class CreditAccountChanged(Fact, frozen=True, kw_only=True):
    """An account was suspended, reactivated or closed."""

    change: AccountChange
