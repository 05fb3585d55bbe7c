"""The sandbox in a process of its own, which a test can kill: `python -m tests.sandbox.alone STATE_FILE`."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tabletap.sandbox import RunningSandbox, serve
from tests.sandbox.conftest import QUICK
from tests.sandbox.merchant import ACCOUNT
from tests.support.programs import REPOSITORY


@asynccontextmanager
async def sandbox_alone(state_file: Path) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """Its address and its process, which is killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.sandbox.alone",
        str(state_file),
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        yield (await process.stdout.readline()).decode().strip(), process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _tell(running: RunningSandbox) -> None:
    sys.stdout.write(f"{running.url}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    serve(0, Path(sys.argv[1]), [ACCOUNT], timing=QUICK, on_ready=_tell)
