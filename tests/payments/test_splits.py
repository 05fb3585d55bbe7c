"""Friends at one table split a bill."""

import asyncio
from typing import Any

import pytest

from tests.support.world import Answer, World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def split(world: World, order: dict[str, Any], who: str = "customer", **how: Any) -> Answer:
    return await world.call("POST", f"/orders/{order['id']}/splits", who, how)


def amounts(answer: Answer) -> list[int]:
    return [share["amount"] for share in answer.body["shares"]]


async def statuses(world: World, order: dict[str, Any]) -> list[str]:
    shares = (await world.call("GET", f"/orders/{order['id']}/splits", "customer")).body["shares"]
    return [share["status"] for share in shares]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"method": "equal", "count": 3}, [367, 367, 366]),
        ({"method": "equal", "count": 1}, [1_100]),
        ({"method": "equal", "count": 7}, [158, 157, 157, 157, 157, 157, 157]),
        ({"method": "percentage", "shares": [{"basisPoints": 3_333}, {"basisPoints": 6_667}]}, [367, 733]),
        ({"method": "percentage", "shares": [{"basisPoints": 1, "label": "A"}, {"basisPoints": 9_999}]}, None),
        ({"method": "custom", "shares": [{"amount": 1_000, "label": "Ann"}, {"amount": 100}]}, [1_000, 100]),
    ],
)
async def test_shares_sum_to_the_bill_exactly(world: World, how: dict[str, Any], expected: list[int] | None) -> None:
    order = await world.order(items={"Flat white": 1, "Banana bread": 1})

    answer = await split(world, order, **how)

    if expected is None:
        assert (answer.status, answer.body["code"]) == (422, "split_not_possible")
    else:
        assert (answer.status, amounts(answer)) == (201, expected)
        assert sum(amounts(answer)) == answer.body["outstandingAmount"] == 1_100
        assert {share["status"] for share in answer.body["shares"]} == {"open"}


@pytest.mark.parametrize(
    "how",
    [
        {"method": "equal", "count": 0},
        {"method": "equal", "count": 51},
        {"method": "percentage", "shares": [{"basisPoints": 5_000}, {"basisPoints": 4_999}]},
        {"method": "percentage", "shares": [{"basisPoints": 11_000}, {"basisPoints": -1_000}]},
        {"method": "percentage", "shares": []},
        {"method": "custom", "shares": [{"amount": 400}, {"amount": 79}]},
        {"method": "custom", "shares": [{"amount": 480}, {"amount": 0}]},
    ],
)
async def test_a_split_that_does_not_sum_to_the_bill_is_refused(world: World, how: dict[str, Any]) -> None:
    order = await world.order()

    answer = await split(world, order, **how)

    assert (answer.status, answer.body["code"]) == (422, "split_not_possible")
    assert await statuses(world, order) == []


async def test_every_share_is_paid_by_itself_and_the_last_one_pays_the_order(world: World) -> None:
    order = await world.order()
    shares = (await split(world, order, method="equal", count=3)).body["shares"]

    for number, share in enumerate(shares):
        paid = await world.pay(order, "customer_credit", splitId=share["splitId"])
        shown = (await world.call("GET", f"/orders/{order['id']}", "customer")).body
        assert (paid.status, paid.body["amount"], paid.body["splitId"]) == (201, 160, share["splitId"])
        assert shown["paymentStatus"] == ("paid" if number == 2 else "partly_paid")

    assert await statuses(world, order) == ["paid", "paid", "paid"]


async def test_a_share_is_paid_once_though_two_phones_try(world: World) -> None:
    order = await world.order()
    share = (await split(world, order, method="equal", count=2)).body["shares"][0]

    answers = await asyncio.gather(
        *(world.pay(order, "customer_credit", splitId=share["splitId"]) for _ in range(4)),
        *(world.pay(order, "cash", "counter", splitId=share["splitId"]) for _ in range(4)),
    )

    assert sorted(answer.status for answer in answers) == [201, *[404] * 7]
    assert {answer.body["code"] for answer in answers if answer.status == 404} == {"split_not_found"}
    shown = (await world.call("GET", f"/orders/{order['id']}", "customer")).body
    started = next(answer.body for answer in answers if answer.status == 201)
    assert shown["outstandingAmount"] == (240 if started["status"] == "completed" else 480)


async def test_a_share_costs_what_it_is(world: World) -> None:
    order = await world.order()
    share = (await split(world, order, method="equal", count=2)).body["shares"][0]

    less = await world.pay(order, "customer_credit", splitId=share["splitId"], amount=239)
    same = await world.pay(order, "customer_credit", splitId=share["splitId"], amount=240, tipAmount=50)

    assert (less.status, less.body["code"]) == (422, "amount_exceeds_outstanding")
    assert (same.status, same.body["totalAmount"]) == (201, 290)


async def test_a_claimed_share_is_leased_to_one_phone_and_shown_to_the_others(world: World) -> None:
    order = await world.order("staff")
    share = (await split(world, order, "staff", method="equal", count=2)).body["shares"][0]
    claim = f"/orders/{order['id']}/splits/{share['splitId']}/claim"

    claimed = await world.call("POST", claim, "staff")
    again = await world.call("POST", claim, "staff")
    by_another = await world.call("POST", claim, "counter")
    paid_by_another = await world.pay(order, "cash", "counter", splitId=share["splitId"])
    released_by_another = await world.call("DELETE", claim, "counter")
    released = await world.call("DELETE", claim, "staff")
    paid = await world.pay(order, "cash", "counter", splitId=share["splitId"])

    shown = claimed.body["shares"][0]
    assert (claimed.status, again.status, shown["status"]) == (200, 200, "claimed")
    assert shown["claimedBy"] == world.home.people["staff"].person_id
    for refused in (by_another, paid_by_another, released_by_another):
        assert (refused.status, refused.body["code"]) == (409, "split_claimed")
        assert refused.headers["Retry-After"] == "5"
    assert released.body["shares"][0]["status"] == "open"
    assert paid.status == 201


async def test_a_lease_ends_after_two_minutes(own_world: World) -> None:
    order = await own_world.order("staff")
    share = (await split(own_world, order, "staff", method="equal", count=2)).body["shares"][0]
    await own_world.call("POST", f"/orders/{order['id']}/splits/{share['splitId']}/claim", "staff")

    await own_world.let_time_pass(seconds=119)
    before = await own_world.pay(order, "cash", "counter", splitId=share["splitId"])
    await own_world.let_time_pass(seconds=2)
    after = await own_world.pay(order, "cash", "counter", splitId=share["splitId"])

    assert (before.status, before.body["code"]) == (409, "split_claimed")
    assert after.status == 201


async def test_a_share_whose_payment_came_to_nothing_is_open_again(world: World) -> None:
    order = await world.order()
    share = (await split(world, order, method="equal", count=2)).body["shares"][0]
    started = await world.pay(order, "payconic_card", splitId=share["splitId"])
    during = await statuses(world, order)

    await world.control("POST", f"/payments/{started.body['gatewayPaymentId']}/decline")
    await world.until(started.body["paymentId"], "failed")

    assert (during, await statuses(world, order)) == (["paying", "open"], ["open", "open"])
    assert (await world.pay(order, "customer_credit", splitId=share["splitId"])).status == 201


async def test_a_second_split_divides_only_what_is_still_outstanding(world: World) -> None:
    order = await world.order()
    first = (await split(world, order, method="equal", count=3)).body["shares"]
    await world.pay(order, "customer_credit", splitId=first[0]["splitId"])

    second = await split(world, order, method="equal", count=3)

    old = await world.pay(order, "customer_credit", splitId=first[1]["splitId"])
    assert (second.status, amounts(second), second.body["outstandingAmount"]) == (201, [107, 107, 106], 320)
    assert (old.status, old.body["code"]) == (404, "split_not_found")


async def test_a_bill_that_is_being_paid_cannot_be_split_nor_its_split_undone(world: World) -> None:
    order = await world.order()
    share = (await split(world, order, method="equal", count=2)).body["shares"][0]
    await world.pay(order, "cash", splitId=share["splitId"])

    again = await split(world, order, method="equal", count=4)
    undone = await world.call("DELETE", f"/orders/{order['id']}/splits", "customer")

    assert (again.status, again.body["code"]) == (422, "split_not_possible")
    assert (undone.status, undone.body["code"]) == (422, "split_not_possible")


async def test_undoing_a_split_keeps_what_was_paid(world: World) -> None:
    order = await world.order()
    shares = (await split(world, order, method="equal", count=3)).body["shares"]
    await world.pay(order, "customer_credit", splitId=shares[0]["splitId"])

    undone = await world.call("DELETE", f"/orders/{order['id']}/splits", "customer")

    rest = await world.pay(order, "customer_credit")
    assert (undone.status, undone.body["outstandingAmount"]) == (200, 320)
    assert [share["status"] for share in undone.body["shares"]] == ["paid"]
    assert (rest.status, rest.body["amount"]) == (201, 320)


async def test_friends_at_one_table_pay_the_shares_of_one_order(world: World) -> None:
    code = world.home.tables[0].code
    ann, ben = [
        (await world.call("POST", "/auth/guest", None, {"tableCode": code})).body["accessToken"] for _ in range(2)
    ]
    order = await world.order(ann)
    shares = (await split(world, order, ben, method="equal", count=2)).body["shares"]

    of_ann = await world.pay(order, "cash", ann, splitId=shares[0]["splitId"])
    of_ben = await world.pay(order, "cash", ben, splitId=shares[1]["splitId"])
    by_a_stranger = await world.call("GET", f"/orders/{order['id']}/splits", "friend")

    assert (of_ann.status, of_ben.status, by_a_stranger.status) == (201, 201, 403)
    assert of_ann.body["customerId"] != of_ben.body["customerId"]
