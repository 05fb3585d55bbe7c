"""A TableTap that can die at any step, on one database for many examples, with a clock that the machine moves."""

import asyncio
import threading
import uuid
from collections import Counter
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from tabletap.app import App
from tabletap.infra.crash import CrashPoint
from tabletap.infra.db.postgres import PostgresDatabase
from tabletap.infra.settings import Settings
from tests.machine.provider import ACCOUNT, Provider
from tests.support import jobs
from tests.support.world import SECRET, CafeWorld, WorldClock, furnish

T = TypeVar("T")
EXAMPLES_PER_PROVIDER = 25


class Crashed(BaseException):
    """The process died here. Not an Exception, so that nothing which handles errors mistakes it for one."""


class Place:
    """The server's process, as far as one process can be another: it dies, and another one opens the same database."""

    def __init__(self, database_url: str, provider: Provider, clock: WorldClock) -> None:
        self.provider, self.clock = provider, clock
        self.settings = Settings(database_url=database_url, public_url=provider.address, payconic_timeout_seconds=20)
        self.loop = asyncio.new_event_loop()
        self.examples = self.deaths = 0
        self.crash_at: tuple[CrashPoint, int] | None = None
        """Where to die, at how manieth pass."""
        self._happened: Counter[str] = Counter()
        self._open()

    def _open(self) -> None:
        self.app = App(self.settings, SECRET, clock=self.clock)
        self.run(self.app.open())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something in the server's process to its end."""
        return self.loop.run_until_complete(work)

    def strike(self, name: CrashPoint) -> None:
        """Passing a place where the process may die."""
        if self.crash_at is None or self.crash_at[0] != name:
            return
        _, passes = self.crash_at
        self.crash_at = (name, passes - 1) if passes > 1 else None
        if passes == 1:
            raise Crashed(name)

    def die(self) -> None:
        """Everything the process was about to do is gone with it; another one starts on what it wrote."""
        self.deaths += 1
        self.crash_at = None
        self.run(self._drop())
        self._open()
        self.run(jobs.silence_workers(self.app.db))

    async def _drop(self) -> None:
        orphans = asyncio.all_tasks() - {asyncio.current_task()}
        for task in orphans:
            task.cancel()
        await asyncio.gather(*orphans, return_exceptions=True)
        # An operating system closes what a dead process held; the engine's own stop would be a farewell.
        await self.app.gateways.close()
        await self._release()

    async def _release(self) -> None:
        db = self.app.db
        await db.stop()
        if not isinstance(db, PostgresDatabase):
            assert not [thread for thread in threading.enumerate() if thread.name == "sqlite-writer"]

    def new_cafe(self) -> CafeWorld:
        """A cafe with people and a menu for one example; nothing that earlier examples left runs any more."""
        self.examples += 1
        if self.examples % EXAMPLES_PER_PROVIDER == 0:
            self.provider.renew()
        self.provider.control("DELETE", "/faults")
        self.run(self._forget_jobs())
        return self.run(furnish(self.app, "Machine Cafe", self.provider.url, ACCOUNT))

    async def _forget_jobs(self) -> None:
        db = self.app.db
        if isinstance(db, PostgresDatabase):
            await db.system_pool.execute("DELETE FROM pgqueuer")
        else:
            await db.on_writer(lambda execute: execute("DELETE FROM pgqueuer"))

    def wait(self, passed: timedelta) -> None:
        """Let time pass for our clock, the provider's and everything that is due at a time."""
        self.clock.ahead += passed
        self.run(jobs.hurry(self.app.db, passed))

    def rows(self, sql: str, *arguments: object) -> list[tuple[Any, ...]]:
        """What a plain query answers, ids as text; `$1` is its first argument."""
        db = self.app.db
        if isinstance(db, PostgresDatabase):
            found = self.run(db.system_pool.fetch(sql, *arguments))
            return [tuple(_as_text(value) for value in row) for row in found]
        return db.on_reader(lambda execute: execute(sql.replace("$", "?"), arguments).fetchall())

    def note(self, what: str) -> None:
        """Count something that happened, so that one sees afterwards whether the machine was anywhere."""
        self._happened[what] += 1

    def summary(self) -> str:
        """What happened how often, and how many examples and deaths there were."""
        lines = [f"{count:7} {what}" for what, count in sorted(self._happened.items())]
        return "\n".join([*lines, f"{self.examples} examples, {self.deaths} deaths"])

    def close(self) -> None:
        """The end of all examples."""
        self.run(self._drop())
        self.loop.close()


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, uuid.UUID) else value
