"""The world that the tests of this package share on each engine."""

import pytest_asyncio

from tabletap.kernel.people import Role
from tests.support.shared_world import own_world, shared_world, world
from tests.support.world import World
from tests.tips.steps import hired, in_the_sixth_hour

__all__ = ["own_world", "shared_world", "staffed", "world"]
Staffed = tuple[World, dict[str, str]]


@pytest_asyncio.fixture(loop_scope="package")
async def staffed(own_world: World) -> Staffed:
    """Two waiters and a cook are at work since an hour."""
    world = await in_the_sixth_hour(own_world)
    people = {
        name: await hired(world, name, role)
        for name, role in (("waiter", Role.STAFF), ("other", Role.STAFF), ("cook", Role.KITCHEN))
    }
    for name in people:
        answer = await world.call("POST", "/shifts/clock-in", name, {})
        assert answer.status == 201, answer
    await world.let_time_pass(minutes=50)
    return world, people
