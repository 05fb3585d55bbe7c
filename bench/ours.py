"""TableTap as it is measured: one server process on either engine, filled with work beforehand."""

import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import asyncpg
import msgspec
import uvloop

from bench import cpu
from bench.prepare import fill
from bench.serve import Serve
from bench.targets import BenchFailed, Contender, CpuSeconds, Request, Target
from tabletap.infra.db.migrate import migrate
from tabletap.infra.settings import Settings
from tests.support.services import postgres_server

_STOP_SECONDS = 30


class Database(msgspec.Struct, frozen=True):
    """An empty database of one engine."""

    url: str
    cpu: dict[str, CpuSeconds] = {}
    """What it uses apart from the server's process."""
    settle: Callable[[], None] = lambda: None


def contenders(engines: list[str], database_connections: int) -> list[Contender]:
    """TableTap on each of the engines."""
    return [Contender(engine, partial(_running, engine, database_connections)) for engine in engines]


@contextmanager
def _running(engine: str, database_connections: int, count: int) -> Iterator[Target]:
    secret = secrets.token_hex(32)
    with _DATABASES[engine]() as database:
        requests = uvloop.run(_prepared(database.url, secret, count))
        with _served(Serve(database.url, database_connections, secret)) as (pid, port):
            yield Target(
                name=engine,
                host="127.0.0.1",
                port=port,
                path="/api/v1/payments",
                work=iter(requests),
                cpu={"server": partial(cpu.of_process, pid), **database.cpu},
                settle=database.settle,
            )


async def _prepared(url: str, secret: str, count: int) -> list[Request]:
    await migrate(url)
    return await fill(Settings(database_url=url), secret, count)


@contextmanager
def _sqlite() -> Iterator[Database]:
    with tempfile.TemporaryDirectory(prefix="tabletap-bench-") as folder:
        yield Database(f"sqlite:///{Path(folder) / 'tabletap.db'}")


@contextmanager
def _postgres() -> Iterator[Database]:
    with postgres_server() as server:
        assert server.process is not None
        cpu_of_all = partial(cpu.of_family, server.process.pid)
        yield Database(server.url, {"database": cpu_of_all}, lambda: uvloop.run(_analyze(server.url)))


async def _analyze(url: str) -> None:
    """What the autovacuum does within a minute; until then PostgreSQL plans for tables with next to nothing in them."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


_DATABASES: dict[str, Callable[[], AbstractContextManager[Database]]] = {"sqlite": _sqlite, "postgres": _postgres}
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
        port = process.stdout.readline()
        if not port:
            raise BenchFailed("the server did not start; its words are above")
        yield process.pid, int(port)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
