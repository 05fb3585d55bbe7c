"""What is said to people that is no consequence of an order or a payment."""

from tabletap.kernel.events import Fact
from tabletap.kernel.ids import Id


class AnnouncementMade(Fact, frozen=True, kw_only=True):
    """A manager said something to the cafe: to these streams, each of which hears it once."""

    announcement_id: Id
    """The `eventId` in all of them."""
    message: str
    announced_by: Id
    streams: tuple[str, ...]
