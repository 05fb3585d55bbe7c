"""The tax in what was paid: payable with every payment, in proportion, and gone when the money is gone."""

import random
from typing import Any

import pytest

from tabletap.kernel.ids import new_id
from tabletap.ledger import service as ledger
from tabletap.orders import checking
from tests.support.books import assert_books_are_right, journal_lines
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def tax_payable(world: World) -> int:
    booked = await world.app.db.read(world.home.id, lambda reader: ledger.balances(reader, world.home.id))
    return -booked.get("tax_payable", 0)


async def faults(world: World) -> list[str]:
    return await world.app.db.read(world.home.id, checking.check)


async def paid(world: World, order: dict[str, Any], **more: Any) -> str:
    answer = await world.pay(order, "customer_credit", **more)
    assert answer.status == 201, answer
    payment_id: str = answer.body["paymentId"]
    return payment_id


async def test_sales_and_the_tax_in_them_are_booked_apart(world: World) -> None:
    order = await world.order()

    lines = await journal_lines(world, await paid(world, order), apart=True)

    assert order["taxAmount"] == 44
    assert (lines["sales"], lines["tax_payable"]) == (-436, -44)
    assert await faults(world) == []


async def test_parts_of_a_bill_bring_their_part_of_the_tax_and_together_all_of_it(world: World) -> None:
    before = await tax_payable(world)
    order = await world.order(items={"Flat white": 1, "Espresso": 1, "Banana bread": 1})

    for amount in (1, 333, 500, order["totalAmount"] - 834):
        await paid(world, order, amount=amount)

    assert await tax_payable(world) - before == order["taxAmount"]
    assert await faults(world) == []


@pytest.mark.parametrize("seed", range(4))
async def test_money_that_goes_back_in_any_parts_takes_its_tax_along(world: World, seed: int) -> None:
    dice, before = random.Random(seed), await tax_payable(world)  # noqa: S311 - the same sums every time
    order = await world.order(items={"Flat white": 2, "Banana bread": 1})
    first = dice.randint(100, 900)
    await paid(world, order, amount=first)
    given = dice.randint(1, first)
    path = f"/orders/{order['id']}/refunds"
    part = await world.call("POST", path, "manager", {"amount": given}, key=new_id())
    await paid(world, order, amount=order["totalAmount"] - first)
    between = await faults(world)

    for _ in range(3):
        await world.call("POST", path, "manager", {"amount": dice.randint(1, 200)}, key=new_id())
    rest = await world.call("POST", path, "manager", {}, key=new_id())

    assert (part.status, rest.status) == (201, 201)
    assert between == []
    assert await tax_payable(world) == before
    assert await faults(world) == []
    await assert_books_are_right(world)


async def test_lines_that_change_after_part_was_paid_change_the_tax_in_it(world: World) -> None:
    before = await tax_payable(world)
    order = await world.order(items={"Flat white": 1, "Banana bread": 2})
    await paid(world, order, amount=480)
    seen = (await world.call("GET", f"/orders/{order['id']}", "staff")).body
    void = [item["id"] for item in seen["items"] if item["name"] == "Banana bread"]

    changed = await world.call(
        "PATCH", f"/orders/{order['id']}", "staff", {"void": void, "expectedVersion": seen["version"]}
    )

    assert (changed.status, changed.body["outstandingAmount"]) == (200, 0)
    assert await tax_payable(world) - before == changed.body["taxAmount"]
    assert await faults(world) == []
