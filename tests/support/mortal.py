"""A world whose requests go to a server that can be killed, and started again on the same data."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from tabletap.infra.db.sqlite import SqliteDatabase
from tabletap.sandbox import SandboxAccount, Timing, start_sandbox
from tests.support import jobs
from tests.support.books import rows
from tests.support.mortal_servers import Await, Start
from tests.support.services import free_port
from tests.support.shared_world import opened
from tests.support.world import WEBHOOK_SECRET, World

REPOSITORY = Path(__file__).parents[2]
PATIENCE_SECONDS = 60
LONG_MS = 60_000


class Mortal:
    """The world, and the server that is to die. The provider lives on."""

    def __init__(self, world: World, forker: asyncio.subprocess.Process) -> None:
        self.world, self.own_url = world, world.url
        db = world.app.db
        self._database_url = f"sqlite:///{db.path}" if isinstance(db, SqliteDatabase) else db.url
        self._forker = forker
        self._process_id: int | None = None
        self._port = free_port()

    async def _told(self, command: Start | Await) -> str:
        assert self._forker.stdin is not None
        assert self._forker.stdout is not None
        self._forker.stdin.write(msgspec.json.encode(command) + b"\n")
        async with asyncio.timeout(PATIENCE_SECONDS):
            return (await self._forker.stdout.readline()).decode().strip()

    async def start(self, crash_at: str | None = None, *, with_jobs: bool = True) -> None:
        """Start a server where the last one was; requests go to it from now on."""
        answer = await self._told(Start(self._database_url, self._port, crash_at, with_jobs))
        assert " " in answer, f"the server did not start: {answer}"
        process_id, self.world.url = answer.split()
        self._process_id = int(process_id)

    async def died(self) -> bool:
        """Wait for the server's end; whether it was SIGKILL."""
        assert self._process_id is not None
        ended_by = await self._told(Await(self._process_id))
        self._process_id = None
        return ended_by == str(int(signal.SIGKILL))

    async def kill(self) -> None:
        """`kill -9`, if it lives. Requests go to the world's own server until another one is started."""
        if self._process_id is not None:
            os.kill(self._process_id, signal.SIGKILL)
            await self.died()
        self.world.url = self.own_url

    async def let_jobs_wait_less(self, seconds: int) -> None:
        """While nobody works: as if the time had passed while the server was down."""
        await jobs.hurry(self.world.app.db, timedelta(seconds=seconds))

    async def end_lease(self, key: str) -> None:
        """A running request belongs to a dead process when it is older than a minute."""
        assert (key, "running") in await self._aged()

    async def end_leases(self) -> None:
        """The same for whatever request still runs."""
        await self._aged()

    async def _aged(self) -> list[tuple[str, str]]:
        sqlite = isinstance(self.world.app.db, SqliteDatabase)
        earlier = "at - 61000000" if sqlite else "at - interval '61 seconds'"
        return [
            (key, state)
            for key, state in await rows(self.world, f"UPDATE idempotency SET at = {earlier} RETURNING key, state")  # noqa: S608 - ours
        ]


@asynccontextmanager
async def mortal_world(
    request: pytest.FixtureRequest, folders: pytest.TempPathFactory, engine_name: str
) -> AsyncIterator[Mortal]:
    """A world with a provider that lives on, holds its answers as long as it is asked to, and never calls back."""
    async with opened(request, folders, engine_name, with_jobs=False) as world:
        port = int(world.sandbox.url.rsplit(":", 1)[1])
        await world.sandbox.stop()
        accounts = [SandboxAccount("cafe-merchant", "cafe-api-key", WEBHOOK_SECRET)]
        timing = Timing(slow_ms=LONG_MS, hold_ms=LONG_MS, first_retry_ms=50, longest_retry_ms=50)
        world.sandbox = await start_sandbox(folders.mktemp("provider") / "p.db", accounts, port, timing=timing)
        await world.control("POST", "/mode", {"autoApprove": True, "webhooks": False})
        forker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.support.mortal_servers"),
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        mortal = Mortal(world, forker)
        try:
            yield mortal
        finally:
            await mortal.kill()
            assert forker.stdin is not None
            forker.stdin.close()
            await forker.wait()
