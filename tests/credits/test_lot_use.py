"""Credit as lots: what is used first, and where money goes back to."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tabletap.kernel.ids import new_id
from tests.credits.asking import (
    Desk,
    assert_refused,
    balance,
    customer,
    history,
    journal_of,
    lasts_for,
    left,
    listed,
    move,
    pay,
    refund,
)
from tests.support.books import assert_books_are_right, rows
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")


def in_days(world: World, days: int) -> str:
    return (world.clock.now() + timedelta(days=days)).isoformat()


async def test_credit_that_expires_first_is_spent_first_and_gifts_before_bought_credit(world: World) -> None:
    customer_id = await customer(world)
    await Desk(world, customer_id).top_up(300)
    await move(world, "add", customer_id, 200, expiresAt=None)
    await move(world, "add", customer_id, 100, expiresAt=in_days(world, 10))

    after = []
    for amount in (150, 100, 200):
        await pay(world, customer_id, amount)
        after.append(await left(world, customer_id))

    assert after == [[300, 150, 0], [300, 50, 0], [150, 0, 0]]
    assert (await balance(world, customer_id))["balance"] == 150


async def test_a_refund_goes_back_to_the_lots_it_was_taken_from_the_last_one_first(world: World) -> None:
    customer_id = await customer(world)
    await Desk(world, customer_id).top_up(300)
    await move(world, "add", customer_id, 200, expiresAt=in_days(world, 10))
    payment_id = await pay(world, customer_id, 400)
    spent = await left(world, customer_id)

    first = await refund(world, payment_id, 250)
    then = await left(world, customer_id)
    second = await refund(world, payment_id, 150)

    assert (first.status, second.status) == (201, 201)
    assert spent == [100, 0]
    assert then == [300, 50], "the bought credit was taken last"
    assert await left(world, customer_id) == [300, 200]
    kinds = {lot["kind"] for lot in await listed(world, "lots", customer_id)}
    assert kinds == {"paid", "promotional"}, "no new lot"


async def test_a_refund_reaches_its_lots_though_others_were_spent_in_between(world: World) -> None:
    customer_id = await customer(world, 200, expiresAt=in_days(world, 5))
    await Desk(world, customer_id).top_up(300)
    first = await pay(world, customer_id, 150)
    await pay(world, customer_id, 250)

    assert (await refund(world, first, 150)).status == 201

    assert await left(world, customer_id) == [150, 100]


async def test_a_card_payment_refunded_to_credit_is_a_lot_of_its_own_that_never_expires(world: World) -> None:
    customer_id = await customer(world)
    order = await world.order("counter")
    started = await world.pay(order, "payconic_card", "counter", customerId=customer_id)
    await world.control("POST", f"/payments/{started.body['gatewayPaymentId']}/approve")
    payment_id = (await world.until(started.body["paymentId"], "completed"))["paymentId"]

    given = await refund(world, payment_id, 200, destination="credit")

    assert given.status == 201
    (lot,) = await listed(world, "lots", customer_id)
    assert (lot["kind"], lot["amount"], lot["remaining"], lot["paymentId"]) == ("refund", 200, 200, payment_id)
    assert "expiresAt" not in lot
    assert lot["transactionId"] == (await history(world, customer_id))[0]["id"]


async def test_given_credit_lasts_as_long_as_the_cafe_says_unless_somebody_says_otherwise(world: World) -> None:
    settings = {"creditSettings": {"promotionalDays": 90, "paidDays": 1_095}}
    assert (await world.call("PUT", f"/cafes/{world.home.id}", "manager", settings)).status == 200
    customer_id = await customer(world, 100)
    await move(world, "add", customer_id, 100, expiresAt=None)
    chosen = in_days(world, 7)
    await move(world, "add", customer_id, 100, expiresAt=chosen)
    await Desk(world, customer_id).top_up(100)
    await world.call("PUT", f"/cafes/{world.home.id}", "manager", {"creditSettings": {}})

    lots = list(reversed(await listed(world, "lots", customer_id)))

    found = await balance(world, customer_id)
    assert lasts_for(world, 90, lots[0]["expiresAt"])
    assert "expiresAt" not in lots[1]
    assert datetime.fromisoformat(lots[2]["expiresAt"]) == datetime.fromisoformat(chosen)
    assert lasts_for(world, 1_095, lots[3]["expiresAt"])
    assert (found["nextExpiryAt"], found["nextExpiryAmount"]) == (lots[2]["expiresAt"], 100)


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"kind": "paid"}, 422, "credit_is_bought"),
        ({"kind": "refund"}, 422, "credit_is_bought"),
        ({"kind": "golden"}, 400, "invalid_request"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, 422, "credit_expiry_not_possible"),
        ({"expiresAt": "9020-01-01T00:00:00Z"}, 422, "credit_expiry_not_possible"),
        ({"expiresAt": "2090-01-01T00:00:00"}, 400, "invalid_request"),
        ({"expiresAt": "tomorrow"}, 400, "invalid_request"),
    ],
    ids=["paid", "refund", "unknown_kind", "past", "too_far", "no_zone", "no_moment"],
)
async def test_credit_by_hand_is_a_gift_with_a_sensible_end(
    world: World, more: dict[str, Any], status: int, code: str
) -> None:
    customer_id = await customer(world)

    assert_refused(await move(world, "add", customer_id, 100, **more), status, code)
    assert await listed(world, "lots", customer_id) == []
    assert (await move(world, "add", customer_id, 100, kind="promotional")).status == 201


async def test_taking_credit_back_is_booked_by_what_it_was(world: World) -> None:
    customer_id = await customer(world, 100)
    await Desk(world, customer_id).top_up(100)

    taken = await move(world, "deduct", customer_id, 150)

    assert taken.status == 201
    assert await journal_of(world, "credit_credit", customer_id) == [{"customer": -100, "credit_promotion": 100}]
    assert await journal_of(world, "credit_debit", customer_id) == [
        {"customer": 150, "credit_promotion": -100, "credit_breakage": -50}
    ]


async def test_a_customer_sees_the_own_lots_and_nobody_elses(world: World) -> None:
    mine = world.home.people["customer"].person_id

    own = await world.call("GET", "/credits/lots", "customer")

    assert own.status == 200
    assert {lot["customerId"] for lot in own.body["items"]} == {mine}
    for who in ("friend", "kitchen"):
        assert_refused(await world.call("GET", f"/credits/lots?customerId={mine}", who), 403, "not_allowed")
    assert_refused(await world.call("GET", "/credits/lots", "staff"), 400, "invalid_request")
    theirs = await world.call("GET", f"/credits/lots?customerId={mine}", "other:manager")
    assert_refused(theirs, 404, "customer_not_found")
    page = await world.call("GET", f"/credits/lots?customerId={mine}&limit=201", "staff")
    assert_refused(page, 400, "invalid_request")


async def test_credit_of_one_cafe_is_never_spent_at_another(world: World) -> None:
    mine = world.home.people["customer"].person_id
    before = await left(world, mine)
    items = [{"menuItemId": world.other.menu["Flat white"].id, "quantity": 1}]
    order = (await world.call("POST", "/orders", "other:counter", {"items": items})).body
    body = {"orderId": order["id"], "paymentMethod": "customer_credit", "customerId": mine}
    theirs = await rows(world, "SELECT count(*) FROM credit_consumption")

    by_their_staff = await world.call("POST", "/payments", "other:counter", body, key=new_id())
    by_the_customer = await world.call("POST", "/payments", "customer", body, key=new_id())
    taken = await world.call(
        "POST", "/credits/deduct", "other:manager", {"customerId": mine, "amount": 1, "reason": "no"}, key=new_id()
    )

    assert by_their_staff.status in (403, 404), by_their_staff
    assert_refused(by_the_customer, 404, "order_not_found")
    assert_refused(taken, 404, "customer_not_found")
    assert await left(world, mine) == before
    assert await rows(world, "SELECT count(*) FROM credit_consumption") == theirs
    await assert_books_are_right(world)
