"""What happens to days, in the past tense."""

from tabletap.kernel.events import Fact
from tabletap.till.days.model import DayClose


class DayClosed(Fact, frozen=True, kw_only=True):
    """A business day was closed."""

    closed: DayClose
