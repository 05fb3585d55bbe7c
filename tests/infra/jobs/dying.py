"""A worker process that is killed while it runs a job: started by test_crashes with a database and a way to die.

Ways: `itself` kills the process from within the job; `waits` says so on standard output and lets the test kill it.
"""

import asyncio
import os
import signal
import sys

import tabletap.tables  # noqa: F401  # fills the metadata
from tabletap.infra.db.open import open_database
from tabletap.infra.db.transaction import Transaction
from tabletap.infra.jobs.engine import JobEngine
from tabletap.infra.jobs.model import Job
from tabletap.kernel.clock import SystemClock
from tabletap.kernel.events import Event, Fact

ENTRYPOINT = "payment-queue:deadly"


async def work(url: str, way: str) -> None:
    db = open_database(url, SystemClock(), _follow, _publish)
    await db.start()
    engine = JobEngine(db)

    @engine.handler(ENTRYPOINT)
    async def deadly(_: Job) -> None:
        if way == "itself":
            os.kill(os.getpid(), signal.SIGKILL)
        sys.stdout.write("running\n")
        sys.stdout.flush()
        await asyncio.Event().wait()

    await engine.start()
    await asyncio.Event().wait()


async def _follow(_: Transaction, __: Fact) -> None:
    """No reactions."""


def _publish(_: list[Event]) -> None:
    """Nobody listens."""


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], sys.argv[2]))
