"""The board of several processes, in Redis: a hash for each process and cafe, and a sign of life that runs out.

`{installation}:alive:{process}` lasts some seconds and is renewed; whose is gone is dead, and the others take its
notices down. Notices also run out by themselves, should nobody be left to do that. When Redis lost everything, or the
others took us for dead, our name is missing among `{installation}:processes`: then we hang everything up again.
"""

import logging
from collections.abc import Mapping
from contextlib import suppress
from itertools import chain
from typing import Any

from tabletap.infra.shared.board import MemoryBoard, Page
from tabletap.infra.shared.link import FAULTS, connect_to, reason_of
from tabletap.kernel.ids import Id

Client = Any
"""The library's types say of a pipeline that each of its commands is awaited."""
_log = logging.getLogger(__name__)
ALIVE_SECONDS = 6
"""After its last sign of life a process is taken for dead."""
SIGN_EVERY = 2
"""Rounds, of a second each, between two signs of life."""
RENEW_EVERY = 20
"""Rounds between two renewals of what we hung up."""
KEPT_SECONDS = 120
"""So long notices stay when nobody is left to take them down."""


class RedisBoard(MemoryBoard):
    """What every process has, as far as Redis can say."""

    def __init__(self, url: str, installation: str) -> None:
        super().__init__()
        self._url, self._name = url, installation
        self._client: Client | None = None
        self._changed: set[tuple[Id, str]] = set()
        self._round = 0
        self._is_away = False
        self._processes = 1

    @property
    def processes(self) -> int:
        """How many gave a sign of life lately."""
        return self._processes

    async def start(self) -> None:
        """Begin as a process of its own; the first round connects."""
        await super().start()
        self._client = connect_to(self._url)
        self._round = 0

    async def stop(self) -> None:
        """Take everything of ours down, so that nobody has to wait until we are missed."""
        cafes = list(self._own)
        await super().stop()
        self._changed.clear()
        client, self._client = self._client, None
        if client is None:
            return
        with suppress(*FAULTS):
            if not self._is_away:
                await self._clear(client, self.process_id, cafes)
        with suppress(*FAULTS):
            await client.aclose()

    def put(self, cafe_id: Id, key: str, notice: bytes) -> None:
        """Hang up, or replace, a notice; the others see it after the next round."""
        if self._own.get(cafe_id, {}).get(key) != notice:
            super().put(cafe_id, key, notice)
            self._changed.add((cafe_id, key))

    def take_down(self, cafe_id: Id, key: str) -> None:
        """Take a notice down; the others see it after the next round."""
        super().take_down(cafe_id, key)
        self._changed.add((cafe_id, key))

    async def read(self, cafe_id: Id) -> Page:
        """Everybody's notices, or ours alone while Redis is away."""
        if self._client is None or self._is_away:
            return Page(self._with_own({}, cafe_id), is_complete=False)
        try:
            others = await self._read(self._client, cafe_id)
        except FAULTS as error:
            self._went_away(error)
            return Page(self._with_own({}, cafe_id), is_complete=False)
        return Page(self._with_own(others, cafe_id), is_complete=True)

    async def keep(self) -> set[Id]:
        """One round: write what changed, say that we live, clear up after the dead."""
        if self._client is None:
            return set()
        changed, self._changed = self._changed, set()
        try:
            await self._write(self._client, changed)
            swept = await self._live(self._client) if self._round % SIGN_EVERY == 0 else set()
        except FAULTS as error:
            self._changed |= changed
            self._went_away(error)
            return set()
        self._round += 1
        self._is_away = False
        return swept

    def _went_away(self, error: BaseException) -> None:
        self._round = 0  # the first thing to say when it is back
        if not self._is_away:
            _log.warning("Redis is away: who is connected elsewhere is not known (%s)", reason_of(error))
        self._is_away = True

    # --- in Redis ---------------------------------------------------------------------

    async def _write(self, client: Client, changed: set[tuple[Id, str]]) -> None:
        if not changed:
            return
        async with client.pipeline(transaction=False) as line:
            for cafe_id, key in changed:
                notice = self._own.get(cafe_id, {}).get(key)
                place = self._notices(self.process_id, cafe_id)
                if notice is None:
                    line.hdel(place, key)
                else:
                    line.hset(place, key, notice)
            self._renew(line, {cafe_id for cafe_id, _ in changed})
            await line.execute()

    def _renew(self, line: Client, cafes: set[Id]) -> None:
        """Have what hangs for these cafes last on, and be found when we are dead."""
        ours = self._key("cafes", self.process_id)
        for cafe_id in cafes:
            line.sadd(ours, cafe_id)
            line.expire(self._notices(self.process_id, cafe_id), KEPT_SECONDS)
        line.expire(ours, KEPT_SECONDS)

    async def _live(self, client: Client) -> set[Id]:
        """Say that we live; answers the cafes where somebody who does not had notices."""
        async with client.pipeline(transaction=False) as line:
            line.set(self._key("alive", self.process_id), b"", ex=ALIVE_SECONDS)
            line.sadd(self._key("processes"), self.process_id)
            line.smembers(self._key("processes"))
            if self._round % RENEW_EVERY == 0:
                self._renew(line, set(self._own))
            _, is_new, names, *_ = await line.execute()
        if is_new:
            await self._write(client, {(cafe_id, key) for cafe_id, notices in self._own.items() for key in notices})
        dead = await self._dead(client, {name.decode() for name in names} - {self.process_id})
        self._processes = len(names) - len(dead)
        return set(chain.from_iterable([await self._sweep(client, process_id) for process_id in sorted(dead)]))

    async def _dead(self, client: Client, others: set[Id]) -> set[Id]:
        async with client.pipeline(transaction=False) as line:
            for process_id in sorted(others):
                line.exists(self._key("alive", process_id))
            signs = await line.execute()
        return {process_id for process_id, sign in zip(sorted(others), signs, strict=True) if not sign}

    async def _sweep(self, client: Client, process_id: Id) -> list[Id]:
        """Take down what a dead process left. Two may do it at the same time."""
        found = await client.smembers(self._key("cafes", process_id))
        cafes = [name.decode() for name in found]
        await self._clear(client, process_id, cafes)
        return cafes

    async def _clear(self, client: Client, process_id: Id, cafes: list[Id]) -> None:
        places = [self._notices(process_id, cafe_id) for cafe_id in cafes]
        async with client.pipeline(transaction=False) as line:
            line.delete(self._key("alive", process_id), self._key("cafes", process_id), *places)
            line.srem(self._key("processes"), process_id)
            await line.execute()

    async def _read(self, client: Client, cafe_id: Id) -> dict[Id, Mapping[str, bytes]]:
        names = await client.smembers(self._key("processes"))
        others = sorted({name.decode() for name in names} - {self.process_id})
        async with client.pipeline(transaction=False) as line:
            for process_id in others:
                line.exists(self._key("alive", process_id))
                line.hgetall(self._notices(process_id, cafe_id))
            found = await line.execute()
        signs, notices = found[0::2], found[1::2]
        return {
            process_id: {key.decode(): notice for key, notice in hung.items()}
            for process_id, sign, hung in zip(others, signs, notices, strict=True)
            if sign and hung
        }

    def _key(self, *parts: str) -> str:
        return ":".join((self._name, *parts))

    def _notices(self, process_id: Id, cafe_id: Id) -> str:
        return self._key("notices", process_id, cafe_id)
