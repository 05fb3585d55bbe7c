"""A cafe with a day behind it, sealed and signed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date

import pytest
import pytest_asyncio

from tabletap.kernel.ids import new_id
from tests.support.books import rows
from tests.support.shared_world import opened
from tests.support.world import World

DAY = date(2026, 11, 23)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def traded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, engine_name: str
) -> AsyncIterator[World]:
    """Orders paid in several ways, a refund, a dispute, something refused; all of it sealed, and the day signed."""
    async with opened(request, tmp_path_factory, engine_name, with_jobs=False) as world:
        await trade(world)
        await world.app.audit.close_day(world.home.id, DAY)
        yield world


async def trade(world: World) -> None:
    """A little of everything that leaves a row in the books."""
    for _ in range(2):
        cash = await world.pay(await world.order("staff"), "cash", "counter")
        await moved(world, f"/payments/{cash.body['paymentId']}/cash", "counter", received=1000)
    credit = await world.pay(await world.order(), "customer_credit", tipAmount=50)
    await moved(world, f"/payments/{credit.body['paymentId']}/refunds", "manager", amount=100)
    await world.control("POST", "/mode", {"autoApprove": True, "webhooks": False})
    card = (await world.pay(await world.order(), "payconic_card")).body["paymentId"]
    await world.call("POST", f"/payments/{card}/verify", "manager")
    (charge,) = [each for each in await world.charges() if each["reference"] == card]
    await world.control("POST", f"/payments/{charge['id']}/dispute", {})
    await world.call("POST", f"/payments/{card}/verify", "manager")
    refused = await world.pay(await world.order(), "cash", amount=481)
    assert refused.status == 422, refused
    while not await rows(world, "SELECT id FROM security_event"):  # noqa: ASYNC110 - it is written in the background
        await asyncio.sleep(0.02)


async def moved(world: World, path: str, who: str, **body: object) -> None:
    answer = await world.call("POST", path, who, body, key=new_id())
    assert answer.status in (200, 201), answer
