"""Servers to be killed: `python -m tests.support.mortal_servers` forks one for each line of JSON that it reads.

It has everything imported and built, and nothing started, so that a server is there in a moment, in a process of its
own.
"""

import asyncio
import os
import signal
import sys
import traceback
from contextlib import suppress

import msgspec

from tabletap.app import App
from tabletap.cli.serving import Server, bind
from tabletap.infra.crash import crash_at
from tabletap.infra.settings import Settings
from tests.support.world import SECRET

_FAILED = b"failed\n"


class Start(msgspec.Struct, tag=True):
    """Start a server; answers with `process id, address` when it is ready, or dead at its crash point."""

    database_url: str
    port: int
    crash_at: str | None
    with_jobs: bool


class Await(msgspec.Struct, tag=True):
    """Wait until a server has ended; answers with the signal that ended it."""

    process_id: int


def main() -> None:
    """Do as each line says until there are no more."""
    living: set[int] = set()
    apps: dict[tuple[str, int], App] = {}
    for line in sys.stdin.buffer:
        wanted = msgspec.json.decode(line, type=Start | Await)
        if isinstance(wanted, Await):
            _, status = os.waitpid(wanted.process_id, 0)
            living.discard(wanted.process_id)
            _say(str(os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0))
        else:
            built_for = (wanted.database_url, wanted.port)
            if built_for not in apps:
                apps[built_for] = _app(wanted)
            living.add(_forked(wanted, apps[built_for]))
    for process_id in living:
        with suppress(ProcessLookupError):
            os.kill(process_id, signal.SIGKILL)


def _app(wanted: Start) -> App:
    address = f"http://127.0.0.1:{wanted.port}"
    settings = Settings(database_url=wanted.database_url, public_url=address, payconic_timeout_seconds=30)
    return App(settings, SECRET)


def _forked(wanted: Start, app: App) -> int:
    hears, tells = os.pipe()
    process_id = os.fork()
    if process_id == 0:
        try:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            asyncio.run(_serve(wanted, app, tells))
        except BaseException:  # noqa: BLE001 - this is the end of a process of its own
            traceback.print_exc()
            os.write(tells, _FAILED)
        finally:
            os._exit(1)
    os.close(tells)
    with os.fdopen(hears, "rb") as pipe:
        # Nothing comes from one that its jobs killed before it was ready; it has been there all the same.
        failed = pipe.readline() == _FAILED
    _say("failed" if failed else f"{process_id} {app.public_url}")
    return process_id


async def _serve(wanted: Start, app: App, tells: int) -> None:
    listening = bind("127.0.0.1", wanted.port)
    crash_at(wanted.crash_at)
    await Server(app, listening).start(with_jobs=wanted.with_jobs)
    os.write(tells, b"ready\n")
    await asyncio.Event().wait()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
