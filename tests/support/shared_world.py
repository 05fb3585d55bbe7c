"""A world that the tests of a package share, and one that a module has to itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from tests.support.books import assert_books_are_right
from tests.support.world import World, running


@asynccontextmanager
async def opened(
    request: pytest.FixtureRequest, folders: pytest.TempPathFactory, engine_name: str, **how: Any
) -> AsyncIterator[World]:
    """A fresh world on an engine, whose books have to be right when it ends."""
    postgres_url = request.getfixturevalue("postgres_url") if engine_name == "postgres" else None
    async with running(folders.mktemp("world"), engine_name, postgres_url, **how) as world:
        yield world
        await heal(world)
        await assert_books_are_right(world)


async def heal(world: World) -> None:
    """A provider without faults that waits for its guests and calls back."""
    await world.control("DELETE", "/faults")
    await world.control("POST", "/mode", {"autoApprove": False, "webhooks": True})


def sign_in_again(world: World) -> None:
    """Fresh tokens for everybody at home: they are good for an hour, and a test may let more time pass."""
    for name, person in world.home.people.items():
        world.home.tokens[name] = world.app.services.tokens.issue(
            cafe_id=person.cafe_id, person_id=person.person_id, roles=person.roles
        )


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def shared_world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, engine_name: str
) -> AsyncIterator[World]:
    """One world for a package on each engine, whose books have to be right in the end. Leave its clock alone."""
    async with opened(request, tmp_path_factory, engine_name) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="package")
async def world(shared_world: World) -> AsyncIterator[World]:
    """The package's world; each test leaves its provider healthy. Use fresh orders and customers."""
    yield shared_world
    await heal(shared_world)


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def module_world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, engine_name: str
) -> AsyncIterator[World]:
    """A world for one module."""
    async with opened(request, tmp_path_factory, engine_name) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="package")
async def moving_world(module_world: World) -> AsyncIterator[World]:
    """The module's world: time may pass in it, for everybody alike, and its menu may change."""
    sign_in_again(module_world)
    yield module_world
    await heal(module_world)


@pytest_asyncio.fixture(loop_scope="package")
async def own_world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, engine_name: str
) -> AsyncIterator[World]:
    """A world for one test alone: its clock may be moved, its provider taken away and its inbox counted."""
    async with opened(request, tmp_path_factory, engine_name) as world:
        yield world
