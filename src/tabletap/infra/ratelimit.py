"""Rate limits: how often somebody may try something in a while.

`RateLimits` counts for the HTTP edge, in memory or wherever `limits` keeps its counters. `TokenBuckets` are for the
live edge, where a message is handled in less time than a question to Redis takes: each process counts for itself.
"""

import heapq
import math
import time
from collections.abc import Callable, Hashable

import msgspec
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage, Storage
from limits.aio.strategies import MovingWindowRateLimiter, SlidingWindowCounterRateLimiter

from tabletap.kernel.errors import TooMany

_SECOND_NS = 1_000_000_000
_FIRST_SWEEP = 1_000


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
        return _none_left(seconds)


class TokenBuckets:
    """One token bucket for each of many: `times` at once, then one more every `seconds / times`.

    A bucket is one number, the moment at which it will be full again (the generic cell rate algorithm of ITU-T I.371,
    annex A). So a refusal costs nothing and puts nothing off, no window ever begins anew, and a bucket that is full
    again can be forgotten: memory is bounded by who was here within `seconds`, and by `most` in any case.
    """

    def __init__(self, limit: Limit, now_ns: Callable[[], int] = time.monotonic_ns, most: int = 100_000) -> None:
        self._now_ns, self._most = now_ns, most
        self._one_ns = limit.seconds * _SECOND_NS // limit.times
        self._all_but_one_ns = self._one_ns * (limit.times - 1)
        self._full_at: dict[Hashable, int] = {}
        self._sweep_at = min(_FIRST_SWEEP, most)

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, who: Hashable) -> None:
        """Take a token. Raises TooMany, with the seconds until there is one, when there is none."""
        now = self._now_ns()
        full_at = self._full_at.get(who, now)
        if full_at < now:
            full_at = now
        elif full_at - now > self._all_but_one_ns:
            raise _none_left(math.ceil((full_at - now - self._all_but_one_ns) / _SECOND_NS))
        self._full_at[who] = full_at + self._one_ns
        if len(self._full_at) > self._sweep_at:
            self._sweep(now)

    def _sweep(self, now: int) -> None:
        """Forget the buckets that are full again, and beyond the most that are kept, those that soon would be."""
        kept = {who: full_at for who, full_at in self._full_at.items() if full_at > now}
        if len(kept) > self._most // 2:
            kept = dict(heapq.nlargest(self._most // 2, kept.items(), key=lambda item: item[1]))
        self._full_at = kept
        self._sweep_at = min(max(_FIRST_SWEEP, 2 * len(kept)), self._most)


def _none_left(seconds: int) -> TooMany:
    return TooMany(f"Too many attempts; try again in {seconds} seconds.", retry_after_seconds=seconds)


def _item(limit: Limit) -> RateLimitItem:
    return RateLimitItemPerSecond(limit.times, limit.seconds, limit.name)
