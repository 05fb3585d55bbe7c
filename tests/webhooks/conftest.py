"""A world whose provider calls back, shared by the tests of this package, and one that a test has to itself."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.shared_world import heal, opened
from tests.support.world import World


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def shared_world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, engine_name: str
) -> AsyncIterator[World]:
    """The package's world on this engine."""
    async with opened(request, tmp_path_factory, engine_name) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="package")
async def world(shared_world: World) -> AsyncIterator[World]:
    """The same world; each test leaves its provider healthy."""
    yield shared_world
    await heal(shared_world)


@pytest_asyncio.fixture(loop_scope="package")
async def own_world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, engine_name: str
) -> AsyncIterator[World]:
    """A world for one test alone: its clock may be moved and its inbox counted."""
    async with opened(request, tmp_path_factory, engine_name) as world:
        yield world
