"""The broker: passes committed events to whoever listens in this process.

It carries hints only: a listener that misses one finds the events in the database (live.md, "Streams").
"""

from collections.abc import Callable
from typing import Protocol

from tabletap.kernel.events import Event

Listener = Callable[[list[Event]], None]


class Broker(Protocol):
    """Tells listeners of committed events, in every process it reaches."""

    def publish(self, events: list[Event]) -> None:
        """Pass on events that were just committed."""
        ...

    def listen(self, listener: Listener) -> None:
        """Hear of events from now on."""
        ...


class MemoryBroker:
    """The broker of a single process."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def publish(self, events: list[Event]) -> None:
        """Pass the events to every listener at once."""
        for listener in self._listeners:
            listener(events)

    def listen(self, listener: Listener) -> None:
        """Hear of events from now on."""
        self._listeners.append(listener)
