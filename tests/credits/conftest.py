"""One world for the package on each engine: every test adds orders and customers of its own."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.shared_world import opened
from tests.support.world import World


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, engine_name: str
) -> AsyncIterator[World]:
    """The package's world; its books have to be right in the end. Leave its clock alone."""
    async with opened(request, tmp_path_factory, engine_name) as opened_world:
        yield opened_world
