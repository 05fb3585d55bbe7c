"""How much a payment is: what is outstanding, a part of it, and a tip on top."""

import pytest

from tests.support.books import journal_lines
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_without_an_amount_a_payment_is_all_that_is_outstanding(world: World) -> None:
    order = await world.order(items={"Flat white": 2})
    await world.pay(order, "customer_credit", amount=300)

    rest = await world.pay(order, "customer_credit")

    assert rest.body["amount"] == 660
    assert (await world.call("GET", f"/orders/{order['id']}", "customer")).body["paymentStatus"] == "paid"


async def test_a_part_paid_leaves_the_order_partly_paid_and_out_of_the_kitchen(world: World) -> None:
    order = await world.order()

    await world.pay(order, "customer_credit", amount=479)

    shown = (await world.call("GET", f"/orders/{order['id']}", "customer")).body
    assert (shown["status"], shown["paymentStatus"], shown["outstandingAmount"]) == ("pending", "partly_paid", 1)


async def test_nobody_pays_more_than_is_outstanding(world: World) -> None:
    order = await world.order()
    above = await world.pay(order, "customer_credit", amount=481)
    await world.pay(order, "customer_credit")

    once_more = await world.pay(order, "customer_credit")

    assert (above.status, above.body["code"]) == (422, "amount_exceeds_outstanding")
    assert (once_more.status, once_more.body["code"]) == (422, "amount_exceeds_outstanding")


async def test_a_live_attempt_keeps_others_from_paying_the_same_coffee(world: World) -> None:
    order = await world.order()
    first = await world.pay(order, "payconic_card", amount=400)

    by_another = await world.pay(order, "cash", "counter", amount=400)
    the_rest = await world.pay(order, "customer_credit", amount=80)
    cancelled = await world.call("POST", f"/payments/{first.body['paymentId']}/cancel", "customer")
    after_it = await world.pay(order, "customer_credit", amount=400)

    assert (by_another.status, by_another.body["code"]) == (422, "amount_exceeds_outstanding")
    assert "400 of it is being paid right now" in by_another.body["detail"]
    assert the_rest.status == 201
    assert cancelled.body["status"] == "cancelled"
    assert (after_it.status, after_it.body["status"]) == (201, "completed")


async def test_a_cancelled_order_cannot_be_paid(world: World) -> None:
    order = await world.order()
    await world.call("POST", f"/orders/{order['id']}/status", "customer", {"status": "cancelled"})

    refused = await world.pay(order, "cash")

    assert (refused.status, refused.body["code"]) == (422, "order_not_payable")


@pytest.mark.parametrize("tip", [48, 72, 96, 50, 240, 0])
async def test_a_tip_that_the_cafe_takes_comes_on_top_of_the_amount(world: World, tip: int) -> None:
    order = await world.order()

    paid = await world.pay(order, "customer_credit", tipAmount=tip)

    assert (paid.status, paid.body["amount"], paid.body["tipAmount"]) == (201, 480, tip)
    assert paid.body["totalAmount"] == 480 + tip


@pytest.mark.parametrize(("tip", "why"), [(49, "below the least"), (241, "above half of the amount"), (10_001, "most")])
async def test_a_tip_outside_the_configuration_is_refused(world: World, tip: int, why: str) -> None:
    order = await world.order()

    refused = await world.pay(order, "customer_credit", tipAmount=tip)

    assert (refused.status, refused.body["code"]) == (422, "tip_not_allowed"), why
    assert (await world.call("GET", f"/orders/{order['id']}", "customer")).body["outstandingAmount"] == 480


async def test_a_cafe_that_takes_no_tips_still_takes_payments(still_world: World) -> None:
    world = still_world
    configuration = (await world.call("GET", "/tip-configuration", "manager")).body
    await world.call("PUT", "/tip-configuration", "manager", {**configuration, "tipEnabled": False})
    order = await world.order()

    with_tip = await world.pay(order, "customer_credit", tipAmount=48)
    without = await world.pay(order, "customer_credit")

    assert (with_tip.status, with_tip.body["code"]) == (422, "tip_not_allowed")
    assert without.status == 201


async def test_where_only_offered_tips_are_taken_others_are_refused(still_world: World) -> None:
    world = still_world
    configuration = (await world.call("GET", "/tip-configuration", "manager")).body
    changed = {
        **configuration,
        "tipEnabled": True,
        "tipType": "both",
        "fixedAmounts": [200],
        "customTipEnabled": False,
    }
    await world.call("PUT", "/tip-configuration", "manager", changed)
    order = await world.order()

    other = await world.pay(order, "customer_credit", amount=100, tipAmount=12)
    by_percentage = await world.pay(order, "customer_credit", amount=100, tipAmount=10)
    fixed = await world.pay(order, "customer_credit", tipAmount=200)

    assert (other.status, other.body["code"]) == (422, "tip_not_allowed")
    assert (by_percentage.status, fixed.status) == (201, 201)


async def test_a_tip_is_owed_to_the_staff_and_is_no_sale(world: World) -> None:
    order = await world.order()

    paid = await world.pay(order, "customer_credit", tipAmount=72)

    booked = await journal_lines(world, paid.body["paymentId"])
    credit = f"customer_credit:{world.home.people['customer'].person_id}"
    assert booked == {credit: 552, "sales": -480, "tips_payable": -72}
