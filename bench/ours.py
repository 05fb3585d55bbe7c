"""TableTap as it is measured: one server process on either engine, filled with work beforehand."""

import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import msgspec
import uvloop

from bench import cpu
from bench.prepare import fill
from bench.serve import Serve
from bench.targets import Contender, CpuSeconds, Request, Target
from tabletap.infra.db.migrate import migrate
from tabletap.infra.settings import Settings
from tests.support.services import postgres_server

_STOP_SECONDS = 30
Prepared = tuple[str, dict[str, CpuSeconds]]
"""A database's URL, and the CPU that it uses apart from the server's."""


def contenders(engines: list[str], database_connections: int) -> list[Contender]:
    """TableTap on each of the engines."""
    return [Contender(engine, partial(_running, engine, database_connections)) for engine in engines]


@contextmanager
def _running(engine: str, database_connections: int, count: int) -> Iterator[Target]:
    secret = secrets.token_hex(32)
    with _DATABASES[engine]() as (url, database_cpu):
        requests = uvloop.run(_prepared(url, secret, count))
        with _served(Serve(url, database_connections, secret)) as (pid, port):
            cpu_by_part: dict[str, CpuSeconds] = {"server": partial(cpu.of_process, pid), **database_cpu}
            yield Target(engine, "127.0.0.1", port, "/api/v1/payments", iter(requests), cpu_by_part)


async def _prepared(url: str, secret: str, count: int) -> list[Request]:
    await migrate(url)
    return await fill(Settings(database_url=url), secret, count)


@contextmanager
def _sqlite() -> Iterator[Prepared]:
    with tempfile.TemporaryDirectory(prefix="tabletap-bench-") as folder:
        yield f"sqlite:///{Path(folder) / 'tabletap.db'}", {}


@contextmanager
def _postgres() -> Iterator[Prepared]:
    with postgres_server() as server:
        assert server.process is not None
        yield server.url, {"database": partial(cpu.of_family, server.process.pid)}


_DATABASES: dict[str, Callable[[], AbstractContextManager[Prepared]]] = {"sqlite": _sqlite, "postgres": _postgres}
ENGINES = tuple(_DATABASES)


@contextmanager
def _served(asked: Serve) -> Iterator[tuple[int, int]]:
    """A server in a process of its own: its pid and port."""
    process = subprocess.Popen([sys.executable, "-m", "bench.serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(asked))
        process.stdin.close()
        yield process.pid, int(process.stdout.readline())
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
