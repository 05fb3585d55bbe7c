"""A world that the tests of a package share, and one that a module has to itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.support.books import assert_books_are_right
from tests.support.world import World, running


@asynccontextmanager
async def opened(
    request: pytest.FixtureRequest, folders: pytest.TempPathFactory, engine_name: str, *, with_jobs: bool = True
) -> AsyncIterator[World]:
    """A fresh world on an engine, whose books have to be right when it ends."""
    postgres_url = request.getfixturevalue("postgres_url") if engine_name == "postgres" else None
    async with running(folders.mktemp("world"), engine_name, postgres_url, with_jobs=with_jobs) as world:
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
