"""Several workers on PostgreSQL and Redis: one is killed, and nobody misses anything."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tabletap.cafes.service import CafeService
from tabletap.identity.tokens import Tokens
from tabletap.infra.broker import MemoryBroker
from tabletap.infra.db.migrate import migrate
from tabletap.infra.db.open import open_database
from tabletap.kernel.clock import SystemClock
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Role
from tabletap.reactions import follow
from tests.cli.commands import PATIENCE_SECONDS, SECRET, begin, end_of
from tests.realtime.world import Screen
from tests.support.services import create_database, drop_database, free_port

MOST_SCREENS = 40
"""Among so many both workers have one, or the kernel does not share connections out."""


class Workers:
    """`tabletap serve --workers 2` and the screens of its cafe."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, cafe_id: Id, session: aiohttp.ClientSession):
        self.process, self.url, self.cafe_id, self.session = process, url, cafe_id, session
        self.stream = f"cafe:{cafe_id}:staff"
        self.screens: dict[Id, Screen] = {}
        self.said = 0

    def token(self, person_id: Id, role: Role) -> str:
        return Tokens(SECRET, SystemClock()).issue(cafe_id=self.cafe_id, person_id=person_id, roles=frozenset({role}))

    async def screen(self, person_id: Id, seq: int = 0) -> Screen:
        """A screen of somebody, who has everything up to a seq."""
        screen = self.screens[person_id] = Screen(self.url, "/counter")
        await screen.connect({"token": self.token(person_id, Role.COUNTER)}, transports=["websocket"])
        await screen.result("subscribe", {"stream": self.stream, "cursor": {"epoch": 1, "seq": seq}})
        return screen

    async def call(self, verb: str, path: str, body: Any = None) -> Any:
        """A request of a manager, on a connection of its own: any worker may take it."""
        headers = {"Authorization": f"Bearer {self.token(new_id(), Role.MANAGER)}"}
        async with self.session.request(verb, f"{self.url}{path}", json=body, headers=headers) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def announce(self) -> None:
        await self.call("POST", "/api/v1/announcements", {"message": "Kitchen closes at nine"})
        self.said += 1

    async def all_heard(self) -> None:
        """Every screen has everything, once and in order."""
        await asyncio.gather(*map(self._heard, self.screens.values()))

    async def _heard(self, screen: Screen) -> None:
        await screen.until(lambda: len(screen.seqs(self.stream)) >= self.said)
        assert screen.seqs(self.stream) == list(range(1, self.said + 1))

    async def roll(self) -> list[tuple[Id, Id]]:
        """Whose screens are connected to which process."""
        found = await self.call("GET", "/api/v1/presence")
        return [(each["personId"], each["processId"]) for each in found["screens"]]

    async def until(self, reached: Callable[[list[tuple[Id, Id]]], bool]) -> list[tuple[Id, Id]]:
        """The roll-call, once it is as it should be."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not reached(found := await self.roll()):  # noqa: ASYNC110 - it is asked
                await asyncio.sleep(0.05)
        return found

    def children(self) -> set[int]:
        """The workers' process ids."""
        pid = self.process.pid
        return {int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


@pytest.fixture
async def workers(tmp_path: Path, postgres_url: str, redis_url: str) -> AsyncIterator[Workers]:
    name, port = f"workers_{new_id().replace('-', '')}", free_port()
    url = await create_database(postgres_url, name)
    await migrate(url)
    db = open_database(url, SystemClock(), follow, MemoryBroker().publish, 1)
    await db.start()
    cafe = await CafeService(db, SystemClock(), dict).create("Corner Cafe", "AUD", "Australia/Sydney")
    await db.stop()
    settings = {"JWT_SECRET": SECRET, "DATABASE_URL": url, "REDIS_URL": redis_url}
    process = await begin(
        tmp_path,
        *("serve", "--workers", "2", "--no-jobs", "--port", str(port)),
        **{f"TABLETAP_{name}": value for name, value in settings.items()},
    )
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        found = Workers(process, f"http://127.0.0.1:{port}", cafe.cafe_id, session)
        try:
            await _answers(found)
            yield found
            await asyncio.gather(*(screen.leave() for screen in found.screens.values()), return_exceptions=True)
            process.send_signal(signal.SIGTERM)
            done = await end_of(process)
            assert (done.code, "Traceback" in done.err) == (0, False), done.err
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            await drop_database(postgres_url, name)


async def _answers(workers: Workers) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                async with workers.session.get(f"{workers.url}/health/ready") as answer:
                    if (await answer.json())["broker"] == "redis":
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.05)


async def test_a_worker_is_killed_and_nobody_misses_anything(workers: Workers) -> None:
    # given screens at both workers
    at: dict[Id, Id] = {}
    while len(set(at.values())) < 2 and len(workers.screens) < MOST_SCREENS:
        await workers.screen(new_id())
        at = dict(await workers.until(lambda roll: len(roll) == len(workers.screens)))
    assert len(set(at.values())) == 2
    await workers.announce()
    await workers.all_heard()

    # when one worker is killed
    before = workers.children()
    os.kill(min(before), signal.SIGKILL)
    await workers.announce()
    dropped = await _dropped(workers, at)

    # then its screens come back with their cursors and miss nothing
    for person_id in dropped:
        old = workers.screens[person_id]
        again = await workers.screen(person_id, seq=len(old.seqs(workers.stream)))
        again.heard[:0] = old.heard
    await workers.announce()
    await workers.all_heard()

    # and its people are connected elsewhere, nobody to the dead worker; another worker takes its place
    [dead] = {at[person_id] for person_id in dropped}
    now = await workers.until(lambda roll: dead not in {process_id for _, process_id in roll})
    assert sorted(person_id for person_id, _ in now) == sorted(workers.screens)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(after := workers.children()) < 2:  # noqa: ASYNC110 - it is another program
            await asyncio.sleep(0.05)
    assert after != before


async def _dropped(workers: Workers, at: dict[Id, Id]) -> list[Id]:
    """Whose screens went with the killed worker: all of one process, none of the other."""
    any_drop = [asyncio.create_task(screen.dropped.wait()) for screen in workers.screens.values()]
    await asyncio.wait(any_drop, timeout=PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    first = next(person_id for person_id, screen in workers.screens.items() if screen.dropped.is_set())
    found = [person_id for person_id in workers.screens if at[person_id] == at[first]]
    await asyncio.gather(*(workers.screens[person_id].dropped.wait() for person_id in found))
    for waiting in any_drop:
        waiting.cancel()
    await asyncio.gather(*any_drop, return_exceptions=True)
    assert [person_id for person_id, screen in workers.screens.items() if screen.dropped.is_set()] == found
    return found
