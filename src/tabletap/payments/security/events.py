"""What the rules against misuse have to tell."""

from tabletap.kernel.events import Fact
from tabletap.payments.security.model import SecurityEvent


class RefusalNoticed(Fact, frozen=True, kw_only=True):
    """Something was refused that a manager wants to know of."""

    event: SecurityEvent
