"""The client of the guide in Python loses nothing when its server goes away and comes back, and moves an order once."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from tabletap.kernel.ids import new_id
from tests.screens.lines import served
from tests.support import programs
from tests.support.jobs import assert_eventually
from tests.support.world import World, running

GUIDE = programs.REPOSITORY / "docs" / "guides" / "live-client.md"


def written_in_the_guide() -> Any:
    """The class that the guide shows, as it stands there."""
    [code] = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(code, str(GUIDE), "exec"), names)  # noqa: S102 - our own page
    return names["Kitchen"]


async def paid(world: World) -> str:
    order = await world.order(items={"Espresso": 1})
    assert (await world.pay(order, "customer_credit")).status == 201
    return str(order["id"])


async def test_the_kitchen_of_the_guide_is_true_before_and_after_its_server_was_away(
    engine_name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    postgres_url = request.getfixturevalue("postgres_url") if engine_name == "postgres" else None
    async with running(tmp_path / "world", engine_name, postgres_url) as world, served(world) as process:
        # given a kitchen that has begun with one order
        first = await paid(world)
        kitchen = written_in_the_guide()(process.url, world.home.tokens["kitchen"], world.home.id)
        staying = asyncio.create_task(kitchen.run())

        async def is_true() -> bool:
            snapshot = await world.call("GET", f"/streams/{kitchen.stream}/snapshot", "kitchen")
            shown = {order_id: order["status"] for order_id, order in kitchen.orders.items()}
            at = {"epoch": snapshot.body["epoch"], "seq": snapshot.body["seq"]}
            told = {order["orderId"]: order["status"] for order in snapshot.body["state"]["orders"]}
            return bool(kitchen.cursor == at and shown == told)

        await assert_eventually(is_true)
        assert set(kitchen.orders) == {first}

        # when its server is away while another is paid and one is moved on
        await process.stop()
        second = await paid(world)
        command_id = new_id()
        moving = asyncio.create_task(kitchen.move(first, "preparing", command_id))
        await process.start()

        # then it has everything, and the move happened once
        assert (await moving)["ok"] is True
        await assert_eventually(is_true)
        assert set(kitchen.orders) == {first, second}
        again = await kitchen.move(first, "preparing", command_id)
        assert (again["ok"], again["result"]["status"]) == (True, "preparing")

        await kitchen.client.disconnect()
        staying.cancel()
