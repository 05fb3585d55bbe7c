"""Buying credit: an order of its own kind; money taken is credit given, in one transaction."""

import asyncio
from typing import Any

import pytest

from tabletap.kernel.ids import new_id
from tests.support.books import assert_books_are_right, journal_lines
from tests.support.world import WEBHOOK_SECRET, Answer, World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def buy(world: World, amount: int = 2_000, who: str = "friend", **more: Any) -> dict[str, Any]:
    ordered = await world.call("POST", "/credits/top-ups", who, {"amount": amount, **more})
    assert ordered.status == 201, ordered
    order: dict[str, Any] = ordered.body
    return order


async def balance_of(world: World, who: str = "friend") -> int:
    balance: int = (await world.call("GET", "/credits/balance", who)).body["balance"]
    return balance


async def paid_by_card(world: World, order: dict[str, Any], who: str = "friend") -> dict[str, Any]:
    started = await world.pay(order, "payconic_card", who)
    assert started.status == 201, started
    await world.control("POST", f"/payments/{started.body['gatewayPaymentId']}/approve")
    return await world.until(started.body["paymentId"], "completed")


async def give_back(world: World, payment: dict[str, Any], **body: Any) -> Answer:
    return await world.call("POST", f"/payments/{payment['paymentId']}/refunds", "manager", body, key=new_id())


async def test_bought_credit_is_there_when_its_money_is(world: World) -> None:
    had = await balance_of(world)
    order = await buy(world)
    before_it_is_paid = await balance_of(world)

    payment = await paid_by_card(world, order)

    handed_over = (await world.call("GET", f"/orders/{order['id']}", "friend")).body
    lines = await journal_lines(world, payment["paymentId"])
    customer = world.home.people["friend"].person_id
    assert (order["kind"], order["items"], order["totalAmount"], order["taxAmount"]) == ("top_up", [], 2_000, 0)
    assert before_it_is_paid == had
    assert await balance_of(world) == had + 2_000
    assert handed_over["status"] == "collected"
    assert lines[f"customer_credit:{customer}"] == -2_000
    assert "sales" not in lines
    await assert_books_are_right(world)


async def test_credit_that_is_paid_is_given_once_however_often_its_provider_says_so(world: World) -> None:
    had = await balance_of(world)
    await world.control("POST", "/faults", {"fault": "duplicate_webhook"})
    payment = await paid_by_card(world, await buy(world))

    asking = world.app.services.payments.asking
    await world.control("POST", "/webhooks/redeliver", {"paymentId": payment["gatewayPaymentId"]})
    await asyncio.gather(*(asking.check(world.home.id, payment["paymentId"]) for _ in range(4)))

    assert await balance_of(world) == had + 2_000
    await assert_books_are_right(world)


async def test_the_kitchen_hears_nothing_of_bought_credit(world: World) -> None:
    order = await buy(world, 300)
    await paid_by_card(world, order)

    asked = await world.call("GET", f"/events?stream=cafe:{world.home.id}:kitchen&after=0&limit=200", "kitchen")

    tickets = [event for event in asked.body["items"] if event["name"] == "new_paid_order"]
    assert asked.status == 200
    assert [ticket for ticket in tickets if ticket["orderId"] == order["id"]] == []


async def test_staff_sell_credit_for_cash(world: World) -> None:
    had = await balance_of(world)
    friend = world.home.people["friend"].person_id
    order = await buy(world, 1_000, "counter", customerId=friend)

    started = await world.pay(order, "cash", "counter")
    path = f"/payments/{started.body['paymentId']}/cash"
    taken = await world.call("POST", path, "counter", {"received": 1_000}, key=new_id())

    assert taken.status == 200, taken
    assert await balance_of(world) == had + 1_000
    await assert_books_are_right(world)


async def test_a_repeated_order_for_credit_is_the_first_one(world: World) -> None:
    key = new_id()

    first = await buy(world, clientOrderId=key)
    again = await buy(world, clientOrderId=key)

    assert first["id"] == again["id"]


async def test_what_cannot_be_bought_is_refused_and_changes_nothing(world: World) -> None:
    guest_table = world.home.tables[0].code
    guest = (await world.call("POST", "/auth/guest", None, {"tableCode": guest_table})).body["accessToken"]
    friend, customer = (world.home.people[name].person_id for name in ("friend", "customer"))
    order = await buy(world)

    nothing = await world.call("POST", "/credits/top-ups", "friend", {"amount": 0})
    by_guest = await world.call("POST", "/credits/top-ups", guest, {"amount": 500})
    for_another = await world.call("POST", "/credits/top-ups", "friend", {"amount": 500, "customerId": customer})
    for_nobody = await world.call("POST", "/credits/top-ups", "counter", {"amount": 500, "customerId": new_id()})
    by_the_other_cafe = await world.call(
        "POST", "/credits/top-ups", "other:counter", {"amount": 500, "customerId": friend}
    )
    with_credit = await world.pay(order, "customer_credit", "friend")
    with_a_tip = await world.pay(order, "payconic_card", "friend", tipAmount=100)
    in_part = await world.pay(order, "payconic_card", "friend", creditAmount=100)

    assert (nothing.status, nothing.body["code"]) == (422, "invalid_amount")
    assert by_guest.status == 403
    assert for_another.status == 403
    assert (for_nobody.status, by_the_other_cafe.status) == (404, 404)
    assert (with_credit.status, with_credit.body["code"]) == (422, "method_not_offered")
    assert (with_a_tip.status, with_a_tip.body["code"]) == (422, "invalid_amount")
    assert (in_part.status, in_part.body["code"]) == (422, "method_not_offered")


async def test_the_cafes_limit_holds_for_bought_credit(own_world: World) -> None:
    world = own_world
    path = f"/cafes/{world.home.id}"
    changed = await world.call("PUT", path, "manager", {"creditSettings": {"maxBalanceAmount": 1_500}})

    too_much = await world.call("POST", "/credits/top-ups", "friend", {"amount": 1_501})
    enough = await world.call("POST", "/credits/top-ups", "friend", {"amount": 1_500})

    assert changed.status == 200, changed
    assert too_much.status == 422, too_much
    assert enough.status == 201


async def test_a_refund_takes_the_credit_back(world: World) -> None:
    had = await balance_of(world)
    payment = await paid_by_card(world, await buy(world))

    returned = await give_back(world, payment, amount=500)

    assert returned.status == 201, returned
    assert await balance_of(world) == had + 1_500
    await assert_books_are_right(world)


async def test_spent_credit_does_not_go_back(own_world: World) -> None:
    world = own_world
    payment = await paid_by_card(world, await buy(world, 500))
    coffee = await world.order("friend")
    spent = await world.pay(coffee, "customer_credit", "friend")

    too_much = await give_back(world, payment)
    what_is_left = await give_back(world, payment, amount=20)

    assert spent.status == 201
    assert too_much.status == 422, too_much
    assert what_is_left.status == 201, what_is_left
    assert await balance_of(world) == 0
    await assert_books_are_right(world)


async def test_bought_credit_is_not_refunded_to_credit(world: World) -> None:
    payment = await paid_by_card(world, await buy(world, 500))

    refused = await give_back(world, payment, destination="credit")

    assert (refused.status, refused.body["code"]) == (422, "payment_not_refundable")


async def test_a_refund_that_the_provider_refuses_gives_the_credit_again(own_world: World) -> None:
    world = own_world
    payment = await paid_by_card(world, await buy(world, 500))
    account = {"merchantId": "cafe-merchant", "apiKey": "another-key", "webhookSecret": WEBHOOK_SECRET}
    await world.control("POST", "/accounts", account)

    refused_there = await give_back(world, payment)

    assert (refused_there.status, refused_there.body["status"]) == (201, "failed")
    assert await balance_of(world) == 500
    await assert_books_are_right(world)


async def test_an_order_for_credit_has_no_kitchen_and_no_lines(world: World) -> None:
    order = await buy(world)
    item = next(iter(world.home.menu.values())).id

    started = await world.call("POST", f"/orders/{order['id']}/status", "manager", {"status": "preparing"})
    changed = await world.call(
        "PATCH", f"/orders/{order['id']}", "staff", {"add": [{"menuItemId": item, "quantity": 1}], "expectedVersion": 1}
    )
    cancelled = await world.call("POST", f"/orders/{order['id']}/status", "friend", {"status": "cancelled"})

    assert (started.status, started.body["code"]) == (422, "transition_not_allowed")
    assert (changed.status, changed.body["code"]) == (422, "order_not_changeable")
    assert (cancelled.status, cancelled.body["status"]) == (200, "cancelled")
