"""Time that passes when it is told to."""

from datetime import datetime, timedelta


class SimulatedClock:
    """A clock for simulated days: it stands still in between, and never goes back."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        """The present moment of the simulation, aware, in UTC."""
        return self._at

    def move_on(self, **how_long: float) -> None:
        """Let time pass, in words of `timedelta`."""
        self._at += timedelta(**how_long)

    def move_to(self, at: datetime) -> None:
        """Let time pass until a moment; one that is over stays over."""
        self._at = max(self._at, at)
