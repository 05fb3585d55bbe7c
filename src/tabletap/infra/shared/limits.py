"""Attempts counted by all processes together in Redis; each for itself while Redis is away, and the log says so."""

import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

from limits.aio.storage import RedisStorage

from tabletap.infra.ratelimit import Limit, RateLimits
from tabletap.infra.shared.link import FAULTS, connect_to, reason_of

_log = logging.getLogger(__name__)
PATIENCE_SECONDS = 0.5
"""For one question: somebody waits for the answer."""
PAUSE_SECONDS = 2.0
"""After a failure nobody asks for so long: one waits in vain, not everybody."""


class Counters:
    """The counters in Redis, and whether they can be asked now."""

    def __init__(self, url: str, installation: str) -> None:
        self._client = connect_to(url, PATIENCE_SECONDS)
        options: dict[str, Any] = {"connection_pool": self._client.connection_pool}
        self.storage = RedisStorage(url, implementation="redispy", key_prefix=f"{installation}:limits", **options)
        self._ask_again_at = 0.0
        self._is_away = False

    async def answer(self, ask: Callable[[], Awaitable[None]]) -> bool:
        """Ask, and answer whether Redis did. What it refuses is raised: TooMany."""
        if time.monotonic() < self._ask_again_at:
            return False
        try:
            await ask()
        except FAULTS as error:
            self._ask_again_at = time.monotonic() + PAUSE_SECONDS
            if not self._is_away:
                _log.warning("Redis is away: each process counts attempts for itself (%s)", reason_of(error))
            self._is_away = True
            return False
        if self._is_away:
            _log.warning("Redis is back: attempts are counted together again")
        self._is_away = False
        return True

    async def stop(self) -> None:
        """Close the connections. Safe to repeat."""
        with suppress(*FAULTS):
            await self._client.aclose()


class SharedRateLimits(RateLimits):
    """Limits that hold over all processes."""

    def __init__(self, counters: Counters, *, exact: bool = False) -> None:
        super().__init__(exact=exact)
        self._counters, self._shared = counters, RateLimits(counters.storage, exact=exact)

    async def hit(self, limit: Limit, *who: str) -> None:
        """Count an attempt. Raises TooMany, with the seconds to wait, when there is none left."""
        if not await self._counters.answer(partial(self._shared.hit, limit, *who)):
            await super().hit(limit, *who)

    async def require(self, limit: Limit, *who: str) -> None:
        """Raise TooMany when there is no attempt left; count none."""
        if not await self._counters.answer(partial(self._shared.require, limit, *who)):
            await super().require(limit, *who)

    async def count(self, limit: Limit, *who: str) -> None:
        """Count an attempt without refusing it."""
        if not await self._counters.answer(partial(self._shared.count, limit, *who)):
            await super().count(limit, *who)

    async def forget(self, limit: Limit, *who: str) -> None:
        """Begin at zero again, here as well: Redis may have been away for a while."""
        await super().forget(limit, *who)
        await self._counters.answer(partial(self._shared.forget, limit, *who))
