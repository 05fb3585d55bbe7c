"""The broker: passes committed events, and words, to whoever listens, here and in other processes.

It carries hints only: it may lose, double and reorder, and a listener that misses one finds it in the database
(live.md, "Streams"). `infra/shared/broker.py` reaches other processes, too.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Literal, Protocol

from tabletap.kernel.events import Event

Listener = Callable[[list[Event]], None]
Hear = Callable[[bytes], None]
"""Hears a word. What it raises is its own fault, so it does not."""
Reach = Literal["memory", "redis", "redis away"]
"""How far hints go at this moment; while Redis is away they stay in this process."""


class Broker(Protocol):
    """Tells listeners of committed events, in every process it reaches."""

    @property
    def reach(self) -> Reach:
        """How far hints go at this moment."""
        ...

    async def start(self) -> None:
        """Begin to reach other processes; it does not wait until it does."""
        ...

    async def stop(self) -> None:
        """Reach nobody any more. Safe to repeat."""
        ...

    def publish(self, events: list[Event]) -> None:
        """Pass on events that were just committed. It never waits."""
        ...

    def listen(self, listener: Listener) -> None:
        """Hear of events from now on."""
        ...

    def say(self, topic: str, word: bytes) -> None:
        """Pass on something else than events to whoever attends to the topic. It never waits."""
        ...

    def attend(self, topic: str, hear: Hear) -> None:
        """Hear what is said about a topic from now on, here and elsewhere."""
        ...


class MemoryBroker:
    """The broker of a single process."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._attending: defaultdict[str, list[Hear]] = defaultdict(list)

    @property
    def reach(self) -> Reach:
        """This process."""
        return "memory"

    async def start(self) -> None:
        """Nothing to begin."""

    async def stop(self) -> None:
        """Nothing to end."""

    def publish(self, events: list[Event]) -> None:
        """Pass the events to every listener at once."""
        for listener in self._listeners:
            listener(events)

    def listen(self, listener: Listener) -> None:
        """Hear of events from now on."""
        self._listeners.append(listener)

    def say(self, topic: str, word: bytes) -> None:
        """Pass a word to whoever attends to the topic, at once."""
        for hear in self._attending.get(topic, ()):
            hear(word)

    def attend(self, topic: str, hear: Hear) -> None:
        """Hear what is said about a topic from now on."""
        self._attending[topic].append(hear)
