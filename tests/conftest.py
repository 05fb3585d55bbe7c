"""What every test may ask for: the two engines, the servers and the programs of the system.

Something that cannot be found is an error with a plain sentence, never a skip: `make test` installs it.
"""

import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from coverage import Coverage
from hypothesis import settings

from tabletap.cli.running import keep_what_is_set_up
from tests.support import programs, services

# No example is too slow: several suites share two cores here, and no test asserts an absolute time.
settings.register_profile("tabletap", deadline=None)
settings.load_profile("tabletap")

ENGINES = ("sqlite", "postgres")
LONG = (
    "reconciliation/test_ten_thousand.py",
    "machine/",
    "cli/",
    "payments/test_crash",
    "realtime/chaos/",
    "realtime/test_processes.py",
    "realtime/test_subscriptions.py",
    "journeys/",
    "clients/",
    "screens/",
)
"""What takes long, much of it in waiting, is begun first: else the last of it runs alone in the end."""


@dataclass(frozen=True)
class Node:
    """Node.js and the environment in which a script finds the packages that set-up installed."""

    program: Path
    environment: dict[str, str]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engine", choices=ENGINES, action="append", help="only this database engine (may be repeated; default: both)"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine_name" in metafunc.fixturenames:
        metafunc.parametrize("engine_name", metafunc.config.getoption("--engine") or ENGINES, scope="session")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_turn)


def pytest_collection_finish() -> None:
    keep_what_is_set_up()  # every app that a test builds would have the collector look through all of pytest


def _turn(item: pytest.Item) -> int:
    """When a test's file has its turn: by its place in LONG, and after those in the order of their names."""
    path = item.path.relative_to(programs.REPOSITORY / "tests").as_posix()
    return next((turn for turn, long in enumerate(LONG) if path.startswith(long)), len(LONG))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure coverage on SQLite, and on both engines where they differ: tracing makes a test half as slow again."""
    coverage = Coverage.current()
    if coverage is None or not _repeats_on_postgres(item):
        return (yield)
    coverage.stop()
    try:
        return (yield)
    finally:
        coverage.start()


def _repeats_on_postgres(item: pytest.Item) -> bool:
    """Whether the test runs on SQLite as well, above the code that knows which engine it is."""
    if not isinstance(item, pytest.Function) or "engine_name" not in item.fixturenames:
        return False
    on_postgres = item.callspec.params["engine_name"] == "postgres"
    return on_postgres and not item.path.is_relative_to(programs.REPOSITORY / "tests" / "infra")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[services.Server]:
    """The session's PostgreSQL."""
    with services.postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres_server: services.Server) -> str:
    """The maintenance database of the session's PostgreSQL, as its owner; see services.create_database."""
    return postgres_server.url


@pytest.fixture(scope="session")
def redis_server() -> Iterator[services.Server]:
    """The session's Redis; a test that stops it starts it again."""
    with services.redis_server() as server:
        yield server


@pytest.fixture(scope="session")
def redis_url(redis_server: services.Server) -> str:
    """The address of the session's Redis."""
    return redis_server.url


@pytest.fixture
def mortal_redis(redis_server: services.Server) -> Iterator[services.Server]:
    """The session's Redis for a test that takes it away; it is there again for the next one."""
    yield redis_server
    if redis_server.process is None:
        redis_server.start()


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    """The browser for Playwright's `executable_path`; start it with services.chromium_arguments()."""
    return programs.chromium_program()


@pytest.fixture(scope="session")
def node() -> Node:
    """Node.js with the packages of package-lock.json."""
    modules = programs.REPOSITORY / "node_modules"
    if not modules.is_dir():
        raise programs.ProgramMissing("There is no node_modules folder: `make setup` installs it.")
    return Node(programs.node_program(), {**os.environ, "NODE_PATH": str(modules)})
