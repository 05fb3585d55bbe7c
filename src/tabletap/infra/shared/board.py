"""The board: small notices of every process that all of them can read, each process writing its own.

Soft state: whoever hangs something up can hang it up again. `infra/shared/redis_board.py` is its twin for several
processes.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Protocol

import msgspec

from tabletap.kernel.ids import Id, new_id


class Page(msgspec.Struct, frozen=True):
    """What hangs there for a cafe."""

    by_process: Mapping[Id, Mapping[str, bytes]]
    is_complete: bool
    """False while other processes may have notices that cannot be read now."""


class Board(Protocol):
    """Where processes show each other what they have."""

    process_id: Id
    """Ours, among those that are running."""

    async def start(self) -> None:
        """Begin as a process of its own."""
        ...

    async def stop(self) -> None:
        """Take everything of ours down. Safe to repeat."""
        ...

    def put(self, cafe_id: Id, key: str, notice: bytes) -> None:
        """Hang up, or replace, a notice of ours. The others see it when `keep` was called next."""
        ...

    def take_down(self, cafe_id: Id, key: str) -> None:
        """Take a notice of ours down."""
        ...

    async def read(self, cafe_id: Id) -> Page:
        """Everybody's notices for a cafe. Never fails: what cannot be read is said to be missing."""
        ...

    async def keep(self) -> set[Id]:
        """Show the others what changed, and that we live; answers the cafes where a dead process had notices.

        Called every second. Never fails.
        """
        ...

    @property
    def processes(self) -> int:
        """How many are running, as far as we know."""
        ...


class MemoryBoard:
    """The board of a single process."""

    def __init__(self) -> None:
        self.process_id = new_id()
        self._own: defaultdict[Id, dict[str, bytes]] = defaultdict(dict)

    async def start(self) -> None:
        """Begin as a process of its own: a process that was forked is not its parent."""
        self.process_id = new_id()

    async def stop(self) -> None:
        """Take everything down."""
        self._own.clear()

    def put(self, cafe_id: Id, key: str, notice: bytes) -> None:
        """Hang up, or replace, a notice."""
        self._own[cafe_id][key] = notice

    def take_down(self, cafe_id: Id, key: str) -> None:
        """Take a notice down."""
        notices = self._own[cafe_id]
        notices.pop(key, None)
        if not notices:
            del self._own[cafe_id]

    async def read(self, cafe_id: Id) -> Page:
        """The notices for a cafe."""
        return Page(self._with_own({}, cafe_id), is_complete=True)

    def _with_own(self, others: dict[Id, Mapping[str, bytes]], cafe_id: Id) -> dict[Id, Mapping[str, bytes]]:
        return {**others, self.process_id: dict(self._own.get(cafe_id, {}))}

    async def keep(self) -> set[Id]:
        """Nobody else is there."""
        return set()

    @property
    def processes(self) -> int:
        """This one."""
        return 1
