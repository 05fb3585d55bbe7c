"""Worlds to pay in: one shared by the tests that only add orders of their own, and others for tests that do more."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tabletap.kernel.ids import new_id
from tests.payments.guests import PROXIES, set_limits
from tests.support.books import assert_books_are_right
from tests.support.shared_world import heal, module_world, moving_world, opened, own_world, shared_world
from tests.support.world import World

__all__ = ["module_world", "moving_world", "own_world", "shared_world"]


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def audited_world(shared_world: World) -> AsyncIterator[World]:
    """The same world; after each module its books have to be right."""
    yield shared_world
    await heal(shared_world)
    await assert_books_are_right(shared_world)


@pytest_asyncio.fixture(loop_scope="package")
async def world(audited_world: World) -> AsyncIterator[World]:
    """The same world; each test leaves its provider healthy. Use fresh orders, and leave the clock alone."""
    yield audited_world
    await heal(audited_world)


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def refunded_world(module_world: World) -> World:
    """A module's world with a payment, part of which went back, and an open drawer."""
    order = await module_world.order()
    paid = (await module_world.pay(order, "customer_credit")).body
    path = f"/payments/{paid['paymentId']}/refunds"
    returned = await module_world.call("POST", path, "manager", {"amount": 100}, key=new_id())
    drawer = await module_world.call("POST", "/drawers/sessions", "counter", {"floatAmount": 100}, key=new_id())
    assert (returned.status, drawer.status) == (201, 201), (returned, drawer)
    return module_world


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def still_world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, engine_name: str
) -> AsyncIterator[World]:
    """A world for one module in which nothing happens by itself: no job runs unless a test runs it."""
    async with opened(request, tmp_path_factory, engine_name, with_jobs=False) as world:
        yield world


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def guarded_module(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, engine_name: str
) -> AsyncIterator[World]:
    """A world for one module whose guests have addresses of their own."""
    async with opened(request, tmp_path_factory, engine_name, trusted_proxies=PROXIES) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="package")
async def guarded_world(guarded_module: World) -> AsyncIterator[World]:
    """The same world; each test leaves it without limits. Use fresh guests."""
    yield guarded_module
    await set_limits(guarded_module)
    await heal(guarded_module)
