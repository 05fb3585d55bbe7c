"""A live server with two cafes, on each engine."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.audiences.place import open_place, running_services
from tests.realtime.world import WildBroker, World, served
from tests.support.rows import MovedClock


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
async def world(
    engine_name: str, tmp_path: Path, clock: MovedClock, request: pytest.FixtureRequest
) -> AsyncIterator[World]:
    postgres_url = request.getfixturevalue("postgres_url") if engine_name == "postgres" else None
    broker = WildBroker()
    async with running_services(tmp_path, postgres_url, clock, broker) as services:
        place, other = await open_place(services, "Blue Door"), await open_place(services, "Red Door")
        world = World(services, place, other, broker)
        async with served(world.live) as world.url:
            yield world
            await asyncio.gather(*(screen.leave() for screen in world.screens), return_exceptions=True)
