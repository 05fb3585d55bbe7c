"""Brokers of several processes in one, and what they hear."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from tabletap.infra.broker import Broker
from tabletap.infra.shared.broker import RedisBroker
from tabletap.infra.shared.link import name_of_installation
from tabletap.kernel.events import Event
from tabletap.kernel.ids import new_id

PATIENCE_SECONDS = 30
SECRET = "6f5a0c1d9e8b7a6f5e4d3c2b1a0f9e8d"
CAFE = new_id()


def event(seq: int, stream: str = "order:1") -> Event:
    """An event as it is committed."""
    now = datetime.now(UTC).replace(microsecond=123456)
    data = b'{"orderNumber":"7"}'
    return Event(
        cafe_id=CAFE, stream=stream, name="x", data=data, event_id=new_id(), cause_id=new_id(), at=now, seq=seq
    )


class Ear:
    """What a process hears."""

    def __init__(self, broker: Broker) -> None:
        self.events: list[Event] = []
        self.words: list[bytes] = []
        self._news = asyncio.Event()
        broker.listen(self._hear)
        broker.attend("revoked", self._attend)

    def _hear(self, events: list[Event]) -> None:
        self.events.extend(events)
        self._news.set()

    def _attend(self, word: bytes) -> None:
        self.words.append(word)
        self._news.set()

    @property
    def seqs(self) -> list[int]:
        """The numbers of the events, in the order in which they came."""
        return [each.seq for each in self.events]

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait until what was heard is as it should be."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not reached():
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def process(
    redis_url: str, secret: str = SECRET, *, database: str = "/cafe", connected: bool = True, max_waiting: int = 10_000
) -> AsyncIterator[tuple[RedisBroker, Ear]]:
    """The broker of one process."""
    name = name_of_installation(secret, f"postgresql://me@host{database}")
    broker = RedisBroker(redis_url, name, max_waiting=max_waiting)
    ear = Ear(broker)
    await broker.start()
    try:
        if connected:
            await connected_again(broker)
        yield broker, ear
    finally:
        await broker.stop()


async def connected_again(broker: RedisBroker) -> None:
    """Wait until others are reached."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        await broker.connected()


async def eventually(reached: Callable[[], bool]) -> None:
    """Wait until something is so, of which nobody tells us."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not reached():  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.01)
