"""What happens to drawers, in the past tense."""

from tabletap.kernel.events import Fact
from tabletap.till.model import DrawerSession


class DrawerChanged(Fact, frozen=True, kw_only=True):
    """A drawer was opened, counted or closed."""

    session: DrawerSession
