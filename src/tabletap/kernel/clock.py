"""The one source of "now". Services take a Clock so that tests can let time pass."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        return datetime.now(UTC)


def milliseconds(at: datetime) -> int:
    """Whole milliseconds since 1970, as live events carry them."""
    return int(at.timestamp() * 1000)
