"""The place of each engine: SQLite has one process, PostgreSQL two."""

import asyncio
from collections.abc import Iterator

import pytest

import tabletap.tables  # noqa: F401  # fills the metadata
from tabletap.infra.db.migrate import migrate
from tabletap.kernel.ids import new_id
from tests.realtime.chaos.place import Place
from tests.support import services


@pytest.fixture(scope="module")
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, engine_name: str
) -> Iterator[Place]:
    """A database for all lives, and who serves it."""
    url, processes = f"sqlite:///{tmp_path_factory.mktemp('chaos') / 'tabletap.db'}", 1
    if engine_name == "postgres":
        maintenance_url = request.getfixturevalue("postgres_url")
        url = asyncio.run(services.create_database(maintenance_url, f"chaos_{new_id().replace('-', '')}"))
        processes = 2
    asyncio.run(migrate(url))
    place = Place(url, processes)
    yield place
    place.close()
