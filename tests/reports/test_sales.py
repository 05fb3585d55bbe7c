"""What was sold: every cent of every paid bill, by item, category and tax rate."""

from typing import Any

import pytest

from tabletap.kernel.ids import new_id
from tests.support.shared_world import sign_in_again
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def sales(world: World, query: str = "", who: str = "manager") -> dict[str, Any]:
    answer = await world.call("GET", f"/reports/sales{query}", who)
    assert answer.status == 200, answer
    found: dict[str, Any] = answer.body
    return found


async def bought(world: World, items: dict[str, int], method: str = "customer_credit") -> dict[str, Any]:
    order = await world.order(items=items)
    started = await world.pay(order, method)
    assert started.status == 201, started
    return order


async def test_items_categories_and_tax_rates_are_the_same_money(own_world: World) -> None:
    world = own_world
    orders = [
        await bought(world, {"Flat white": 2, "Banana bread": 1}),
        await bought(world, {"Flat white": 1}),
    ]
    await world.order(items={"Flat white": 7})
    refunded = await world.call("POST", f"/orders/{orders[0]['id']}/refunds", "manager", {"amount": 480}, key=new_id())
    assert refunded.status == 201, refunded

    found = await sales(world)

    assert {item["name"]: item["quantity"] for item in found["items"]} == {"Flat white": 3, "Banana bread": 1}
    assert found["grossAmount"] == sum(order["totalAmount"] for order in orders)
    assert found["taxAmount"] == sum(order["taxAmount"] for order in orders)
    assert found["refundedAmount"] == 480
    for part in ("items", "byCategory", "byTaxRate"):
        assert sum(each["grossAmount"] for each in found[part]) == found["grossAmount"], part
        assert sum(each["taxAmount"] for each in found[part]) == found["taxAmount"], part
    assert all(each["baseAmount"] + each["taxAmount"] == each["grossAmount"] for each in found["byTaxRate"])
    assert found["quantity"] == 4


async def test_a_line_that_was_taken_off_was_not_sold(own_world: World) -> None:
    world = own_world
    order = await world.order(items={"Flat white": 1, "Banana bread": 1})
    bread = next(item["id"] for item in order["items"] if item["name"] == "Banana bread")
    path = f"/orders/{order['id']}"
    changed = await world.call("PATCH", path, "staff", {"void": [bread], "expectedVersion": order["version"]})
    assert changed.status == 200, changed
    await world.pay(order, "customer_credit")

    assert [(item["name"], item["quantity"]) for item in (await sales(world))["items"]] == [("Flat white", 1)]


async def test_bought_credit_is_nothing_sold_and_play_money_is_told_apart(own_world: World) -> None:
    world = own_world
    await world.control("POST", "/mode", {"autoApprove": True})
    top_up = await world.call("POST", "/credits/top-ups", "customer", {"amount": 2_000}, key=new_id())
    assert top_up.status == 201, top_up
    await world.pay(top_up.body.get("order", top_up.body), "payconic_card")
    order = await bought(world, {"Flat white": 1}, "payconic_card")
    payment = (await world.call("GET", f"/payments?orderId={order['id']}", "manager")).body["items"][0]
    await world.call("POST", f"/payments/{payment['paymentId']}/verify", "manager")
    await world.until(payment["paymentId"], "completed")
    await bought(world, {"Banana bread": 1})
    shared = await world.order(items={"Flat white": 1})
    for amount in (100, 100, 280):
        part = (await world.pay(shared, "payconic_card", amount=amount)).body
        await world.call("POST", f"/payments/{part['paymentId']}/verify", "manager")
        await world.until(part["paymentId"], "completed")

    found = {mode: await sales(world, f"?mode={mode}") for mode in ("all", "live", "test")}

    names = {mode: sorted(item["name"] for item in view["items"]) for mode, view in found.items()}
    assert names == {"all": ["Banana bread", "Flat white"], "live": ["Banana bread"], "test": ["Flat white"]}
    assert {mode: view["quantity"] for mode, view in found.items()} == {"all": 3, "live": 1, "test": 2}


async def test_a_day_has_what_was_paid_on_it(own_world: World) -> None:
    world = own_world
    await bought(world, {"Flat white": 1})
    first = (await sales(world))["from"]
    await world.let_time_pass(hours=24)
    sign_in_again(world)
    await bought(world, {"Banana bread": 1})
    second = (await sales(world))["from"]

    days = {day: (await sales(world, f"?from={day}&to={day}"))["items"] for day in (first, second)}
    both = await sales(world, f"?from={first}&to={second}")

    assert [[item["name"] for item in items] for items in days.values()] == [["Flat white"], ["Banana bread"]]
    assert both["quantity"] == 2


async def test_the_table_says_the_same_and_is_the_managers_alone(world: World) -> None:
    await bought(world, {"Flat white": 1})
    headers = {"Authorization": f"Bearer {world.home.tokens['manager']}"}
    async with world.session.get(f"{world.url}/api/v1/reports/sales?format=csv", headers=headers) as answer:
        lines = (await answer.text()).splitlines()
        media_type = answer.content_type

    found = await sales(world)
    refused = await world.call("GET", "/reports/sales", "counter")
    elsewhere = await sales(world, "", "other:manager")

    assert media_type == "text/csv"
    assert lines[0] == "category,item,tax rate %,quantity,gross,tax,currency"
    assert len(lines) - 1 == len(found["items"])
    assert all(line.endswith(",AUD") for line in lines[1:])
    assert refused.status == 403
    assert elsewhere["items"] == []
