"""The world that the tests of this package share on each engine, and one whose time tests may move."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.credits.asking import pass_days
from tests.support.shared_world import opened, shared_world, world
from tests.support.world import World

__all__ = ["shared_world", "world"]


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def _still_world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, engine_name: str
) -> AsyncIterator[World]:
    async with opened(request, tmp_path_factory, engine_name, with_jobs=False) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="package")
async def still_world(_still_world: World) -> World:
    """A world for the module in which no job runs by itself: credit expires when a test says so."""
    pass_days(_still_world, 0)
    return _still_world
