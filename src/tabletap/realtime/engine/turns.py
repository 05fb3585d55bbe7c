"""Turns: a crowd is served a few at a time, so that a health check or a payment does not wait for all of it.

An event loop does everything that is ready before it looks at the network again. When two thousand screens come back at
once, that would be seconds (decision 0016).
"""

import asyncio
from collections import deque
from collections.abc import Callable

A_TURN = 2
"""Pieces of work begun in one round of the loop; each takes well below a millisecond before it waits for something."""


class Turns:
    """Begins work at once while there is little, and in the order of asking when there is much."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], object]] = deque()
        self._begun = 0

    def begin(self, work: Callable[[], object]) -> None:
        """Do this in this round of the loop, or in one of the next."""
        if self._begun == 0:
            asyncio.get_running_loop().call_soon(self._next)
        if self._begun < A_TURN:
            self._begun += 1
            work()
        else:
            self._waiting.append(work)

    def _next(self) -> None:
        """A new round."""
        self._begun = min(A_TURN, len(self._waiting))
        if self._begun:
            asyncio.get_running_loop().call_soon(self._next)
            for _ in range(self._begun):
                self._waiting.popleft()()
