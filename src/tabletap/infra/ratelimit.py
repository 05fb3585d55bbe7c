"""Rate limits: how often somebody may try something in a while, in memory or wherever `limits` keeps its counters."""

import math
import time

import msgspec
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage, Storage
from limits.aio.strategies import MovingWindowRateLimiter, SlidingWindowCounterRateLimiter

from tabletap.kernel.errors import TooMany


class Limit(msgspec.Struct, frozen=True):
    """So many times in so many seconds. The name keeps the counters of different things apart."""

    name: str
    times: int
    seconds: int


class RateLimits:
    """Counts attempts per whoever makes them, over a window that slides.

    `exact` keeps the time of every attempt: none is refused before its limit, at the price of more memory.
    """

    def __init__(self, storage: Storage | None = None, *, exact: bool = False) -> None:
        strategy = MovingWindowRateLimiter if exact else SlidingWindowCounterRateLimiter
        self._strategy = strategy(storage or MemoryStorage())

    async def hit(self, limit: Limit, *who: str) -> None:
        """Count an attempt. Raises TooMany, with the seconds to wait, when there is none left."""
        item = _item(limit)
        if not await self._strategy.hit(item, *who):
            raise await self._too_many(item, who)

    async def require(self, limit: Limit, *who: str) -> None:
        """Raise TooMany when there is no attempt left; count none."""
        item = _item(limit)
        if not await self._strategy.test(item, *who):
            raise await self._too_many(item, who)

    async def count(self, limit: Limit, *who: str) -> None:
        """Count an attempt without refusing it."""
        await self._strategy.hit(_item(limit), *who)

    async def forget(self, limit: Limit, *who: str) -> None:
        """Begin at zero again: what was tried succeeded."""
        await self._strategy.clear(_item(limit), *who)

    async def _too_many(self, item: RateLimitItem, who: tuple[str, ...]) -> TooMany:
        stats = await self._strategy.get_window_stats(item, *who)
        seconds = min(max(1, math.ceil(stats.reset_time - time.time())), item.get_expiry())
        return TooMany(f"Too many attempts; try again in {seconds} seconds.", retry_after_seconds=seconds)


def _item(limit: Limit) -> RateLimitItem:
    return RateLimitItemPerSecond(limit.times, limit.seconds, limit.name)
