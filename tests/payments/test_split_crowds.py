"""A whole table pays one split bill at once, in every way, and something comes in between."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.payments.test_splits import amounts, split, statuses
from tests.support.books import journal_lines
from tests.support.world import Answer, World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def table_of(world: World, phones: int) -> list[str]:
    """The tokens of guests who sit at one table."""
    code = world.home.tables[1].code
    guests = [await world.call("POST", "/auth/guest", None, {"tableCode": code}) for _ in range(phones)]
    return [guest.body["accessToken"] for guest in guests]


async def seen(world: World, order: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await world.call("GET", f"/orders/{order['id']}", "manager")).body
    return found


async def complete(world: World, started: Answer) -> None:
    """What has to happen after the start, by the payment's method."""
    payment_id, method = started.body["paymentId"], started.body["paymentMethod"]
    if method == "cash":
        taken = await world.call("POST", f"/payments/{payment_id}/cash", "counter", {"received": 1_000}, key=payment_id)
        assert taken.status == 200, taken
    elif method == "payconic_card":
        payment = await world.payment(payment_id)
        await world.control("POST", f"/payments/{payment['gatewayPaymentId']}/approve")
    await world.until(payment_id, "completed")


async def test_eight_phones_pay_four_shares_and_four_are_paid(world: World) -> None:
    phones = await table_of(world, 8)
    order = await world.order(phones[0], items={"Flat white": 2, "Espresso": 1})
    shares = (await split(world, order, phones[1], method="equal", count=4)).body["shares"]
    ways = ["cash", "payconic_card", "cash", "payconic_card"]

    answers = await asyncio.gather(
        *(
            world.pay(order, ways[(n + n // 4) % 4], phone, splitId=shares[n % 4]["splitId"])
            for n, phone in enumerate(phones)
        )
    )
    started = [answer for answer in answers if answer.status == 201]
    await asyncio.gather(*(complete(world, answer) for answer in started))

    refused = [(answer.status, answer.body["code"]) for answer in answers if answer.status != 201]
    assert refused == [(404, "split_not_found")] * 4
    assert {answer.body["splitId"] for answer in started} == {share["splitId"] for share in shares}
    after = await seen(world, order)
    assert (after["paymentStatus"], after["outstandingAmount"], after["status"]) == ("paid", 0, "paid")
    assert {(await statuses_for(world, order))[status] for status in ("paid",)} == {4}
    sales = [(await journal_lines(world, answer.body["paymentId"]))["sales"] for answer in started]
    assert (sum(sales), sorted(sales)) == (-1_310, [-328, -328, -327, -327])


async def statuses_for(world: World, order: dict[str, Any]) -> Counter[str]:
    shares = (await world.call("GET", f"/orders/{order['id']}/splits", "manager")).body["shares"]
    return Counter(share["status"] for share in shares)


async def test_credit_cash_and_card_pay_their_items(world: World) -> None:
    order = await world.order(items={"Flat white": 1, "Espresso": 1, "Banana bread": 1})
    coffee, espresso, bread = (item["id"] for item in order["items"])
    third = {"orderItemId": bread, "numerator": 1, "denominator": 3}
    made = await split(
        world, order, method="items",
        shares=[
            {"label": "Ann", "items": [{"orderItemId": coffee}, third]},
            {"label": "Ben", "items": [{"orderItemId": espresso}, third]},
            {"items": [third]},
        ],
    )  # fmt: skip
    ways = zip(("customer_credit", "cash", "payconic_card"), ("customer", "counter", "customer"), strict=True)

    paid = [
        await world.pay(order, method, who, splitId=share["splitId"])
        for share, (method, who) in zip(made.body["shares"], ways, strict=True)
    ]
    for started in paid:
        await complete(world, started)

    assert (made.status, amounts(made)) == (201, [687, 557, 206])
    assert made.body["shares"][2]["items"] == [third]
    assert [answer.body["amount"] for answer in paid] == [687, 557, 206]
    assert await statuses(world, order) == ["paid", "paid", "paid"]
    assert (await seen(world, order))["paymentStatus"] == "paid"


async def test_one_share_that_fails_leaves_the_others_alone_and_the_last_pays_the_exact_rest(world: World) -> None:
    order = await world.order(items={"Espresso": 1, "Banana bread": 1})
    shares = (await split(world, order, method="equal", count=3)).body["shares"]
    first = await world.pay(order, "payconic_card", splitId=shares[0]["splitId"])
    await complete(world, await world.pay(order, "customer_credit", splitId=shares[1]["splitId"]))
    await world.control("POST", f"/payments/{first.body['gatewayPaymentId']}/decline")
    await world.until(first.body["paymentId"], "failed")

    await complete(world, await world.pay(order, "cash", "counter", splitId=shares[2]["splitId"]))
    before = (await world.call("GET", f"/orders/{order['id']}/splits", "customer")).body
    last = await world.pay(order, "customer_credit", splitId=shares[0]["splitId"])

    assert [share["status"] for share in before["shares"]] == ["open", "paid", "paid"]
    assert before["outstandingAmount"] == before["shares"][0]["amount"] == last.body["amount"] == 324
    assert (await seen(world, order))["paymentStatus"] == "paid"


async def test_a_share_whose_payment_expired_is_open_again(own_world: World) -> None:
    order = await own_world.order("counter")
    share = (await split(own_world, order, "counter", method="equal", count=2)).body["shares"][0]
    started = await own_world.pay(order, "qr_bank_transfer", "counter", splitId=share["splitId"])

    await own_world.let_time_pass(minutes=16)

    assert (await own_world.payment(started.body["paymentId"]))["status"] == "expired"
    assert await statuses_for(own_world, order) == {"open": 2}
    assert (await own_world.pay(order, "cash", "counter", splitId=share["splitId"])).status == 201


async def test_while_a_bill_is_split_nobody_pays_an_arbitrary_part_of_it(world: World) -> None:
    order = await world.order()
    await split(world, order, method="equal", count=2)

    free = await world.pay(order, "customer_credit", amount=300)

    assert (free.status, free.body["code"]) == (422, "bill_is_split")
    shown = (await world.call("GET", f"/orders/{order['id']}/splits", "customer")).body
    assert sum(share["amount"] for share in shown["shares"]) == shown["outstandingAmount"] == 480


async def test_money_that_comes_late_lowers_the_open_shares_and_the_bill_is_never_overpaid(own_world: World) -> None:
    order = await own_world.order("counter")
    late = await own_world.pay(order, "qr_bank_transfer", "counter", amount=300)
    await own_world.let_time_pass(minutes=16)
    shares = (await split(own_world, order, "counter", method="equal", count=2)).body["shares"]

    qr = late.body["qr"]["qrPaymentId"]
    confirmed = await own_world.call("POST", f"/qr-payments/{qr}/confirm", "counter", {"amount": 300}, key="seen")

    now = (await own_world.call("GET", f"/orders/{order['id']}/splits", "counter")).body
    assert (confirmed.status, [share["amount"] for share in shares]) == (200, [240, 240])
    assert ([share["amount"] for share in now["shares"]], now["outstandingAmount"]) == ([90, 90], 180)
    for share in shares:
        await complete(own_world, await own_world.pay(order, "cash", "counter", splitId=share["splitId"]))
    assert (await seen(own_world, order))["paymentStatus"] == "paid"


async def test_the_leaseholder_extends_the_lease_and_paying_ends_it(world: World) -> None:
    order = await world.order("staff")
    share = (await split(world, order, "staff", method="equal", count=2)).body["shares"][0]
    path = f"/orders/{order['id']}/splits/{share['splitId']}/claim"

    first = (await world.call("POST", path, "staff")).body["shares"][0]
    again = (await world.call("POST", path, "staff")).body["shares"][0]
    paid = await world.pay(order, "cash", "staff", splitId=share["splitId"])
    shown = (await world.call("GET", f"/orders/{order['id']}/splits", "staff")).body["shares"][0]

    assert (first["status"], again["status"]) == ("claimed", "claimed")
    assert again["leasedUntil"] > first["leasedUntil"]
    assert (paid.status, shown["status"], shown.get("leasedUntil"), shown.get("claimedBy")) == (
        201,
        "paying",
        None,
        None,
    )


async def test_whoever_pays_the_rest_pays_all_that_is_open_unless_a_phone_holds_a_share(world: World) -> None:
    order = await world.order()
    shares = (await split(world, order, method="equal", count=3)).body["shares"]
    await world.pay(order, "customer_credit", splitId=shares[0]["splitId"])
    claim = f"/orders/{order['id']}/splits/{shares[1]['splitId']}/claim"
    await world.call("POST", claim, "staff")

    held = await world.pay(order, "customer_credit")
    await world.call("DELETE", claim, "staff")
    rest = await world.pay(order, "customer_credit")

    assert (held.status, held.body["code"]) == (409, "split_claimed")
    assert (rest.status, rest.body["amount"]) == (201, 320)
    assert await statuses(world, order) == ["paid"]
    assert (await seen(world, order))["paymentStatus"] == "paid"


async def test_guests_do_not_split_anew_what_another_phone_holds_and_the_staff_may(world: World) -> None:
    ann, ben = await table_of(world, 2)
    order = await world.order(ann)
    shares = (await split(world, order, ann, method="equal", count=2)).body["shares"]
    await world.call("POST", f"/orders/{order['id']}/splits/{shares[0]['splitId']}/claim", ann)

    again = await split(world, order, ben, method="equal", count=3)
    undone = await world.call("DELETE", f"/orders/{order['id']}/splits", ben)
    by_holder = await split(world, order, ann, method="equal", count=3)
    by_staff = await world.call("DELETE", f"/orders/{order['id']}/splits", "staff")

    assert [(each.status, each.body["code"]) for each in (again, undone)] == [(409, "split_claimed")] * 2
    assert (by_holder.status, amounts(by_holder)) == (201, [160, 160, 160])
    assert (by_staff.status, by_staff.body["shares"]) == (200, [])
