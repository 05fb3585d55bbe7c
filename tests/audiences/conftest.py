"""Two cafes on each engine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.audiences.place import Place, Services, open_place, running_services
from tests.support.rows import MovedClock


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
async def services(
    engine_name: str, tmp_path: Path, clock: MovedClock, request: pytest.FixtureRequest
) -> AsyncIterator[Services]:
    postgres_url = request.getfixturevalue("postgres_url") if engine_name == "postgres" else None
    async with running_services(tmp_path, postgres_url, clock) as running:
        yield running


@pytest.fixture
async def place(services: Services) -> Place:
    return await open_place(services, "Blue Door")


@pytest.fixture
async def other_place(services: Services) -> Place:
    return await open_place(services, "Red Door")
