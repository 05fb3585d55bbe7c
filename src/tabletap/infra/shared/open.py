"""Chooses what processes share by the address of Redis: without one, a process keeps to itself."""

import msgspec

from tabletap.infra.broker import Broker, MemoryBroker
from tabletap.infra.ratelimit import RateLimits
from tabletap.infra.shared.board import Board, MemoryBoard
from tabletap.infra.shared.broker import RedisBroker
from tabletap.infra.shared.limits import Counters, SharedRateLimits
from tabletap.infra.shared.link import name_of_installation
from tabletap.infra.shared.redis_board import RedisBoard


class Shared(msgspec.Struct, frozen=True):
    """What a process shares with the others."""

    broker: Broker
    board: Board
    counters: Counters | None = None

    def rate_limits(self, *, exact: bool = False) -> RateLimits:
        """Limits that hold over all processes."""
        return RateLimits(exact=exact) if self.counters is None else SharedRateLimits(self.counters, exact=exact)

    async def stop(self) -> None:
        """Part from the others. Safe to repeat."""
        await self.broker.stop()
        if self.counters is not None:
            await self.counters.stop()


def open_shared(redis_url: str | None, secret: str, database_url: str) -> Shared:
    """What the processes of this installation share; nothing is connected before it is used."""
    if redis_url is None:
        return Shared(MemoryBroker(), MemoryBoard())
    name = name_of_installation(secret, database_url)
    return Shared(RedisBroker(redis_url, name), RedisBoard(redis_url, name), Counters(redis_url, name))
