"""The place where the machine plays: one database for all examples of an engine."""

import asyncio
from collections.abc import Iterator

import pytest

from tabletap.infra.crash import struck_by
from tabletap.infra.db.migrate import migrate
from tabletap.kernel.ids import new_id
from tests.machine.place import Place
from tests.machine.provider import Provider
from tests.support import services
from tests.support.world import WorldClock


@pytest.fixture(scope="module")
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, engine_name: str
) -> Iterator[Place]:
    """A server that dies where it is told to, a provider that lives on, and a clock for both."""
    folder = tmp_path_factory.mktemp("machine")
    url = f"sqlite:///{folder / 'tabletap.db'}"
    if engine_name == "postgres":
        maintenance_url = request.getfixturevalue("postgres_url")
        url = asyncio.run(services.create_database(maintenance_url, f"machine_{new_id().replace('-', '')}"))
    asyncio.run(migrate(url))
    clock = WorldClock()
    provider = Provider(folder, clock)
    place = Place(url, provider, clock)
    with struck_by(place.strike):
        yield place
    place.close()
    provider.close()
