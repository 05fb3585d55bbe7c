"""An order's money goes back over all its payments: shown before, reserved in one decision, to the cent."""

import asyncio
import random
from typing import Any

import pytest

from tabletap.cli.books import audited
from tabletap.kernel.ids import new_id
from tests.payments.test_refunds import balance, charge_of, order_of
from tests.support.books import journal_lines
from tests.support.world import WEBHOOK_SECRET, Answer, World, money_row_counts

pytestmark = pytest.mark.asyncio(loop_scope="package")

Paid = dict[str, dict[str, Any]]


async def paid_by_three(world: World) -> Paid:
    """A bill of 960 paid in three ways: 300 by credit with a tip, 183 in cash, the rest by card with a tip."""
    await world.control("POST", "/mode", {"autoApprove": True})
    order = await world.order(items={"Flat white": 2})
    credit = (await world.pay(order, "customer_credit", amount=300, tipAmount=50)).body
    cash = (await world.pay(order, "cash", amount=183)).body
    path = f"/payments/{cash['paymentId']}/cash"
    taken = await world.call("POST", path, "counter", {"received": 200}, key=new_id())
    assert taken.status == 200, taken
    card = (await world.pay(order, "payconic_card", tipAmount=60)).body
    await world.until(card["paymentId"], "completed")
    return {"credit": credit, "cash": cash, "card": card}


async def refund_order(world: World, paid: Paid, key: str | None = None, who: str = "manager", **body: Any) -> Answer:
    path = f"/orders/{paid['card']['orderId']}/refunds"
    return await world.call("POST", path, who, body, key=key or new_id())


async def preview(world: World, paid: Paid, who: str = "manager", **body: Any) -> Answer:
    return await world.call("POST", f"/orders/{paid['card']['orderId']}/refunds/preview", who, body)


def named(paid: Paid, refunds: list[dict[str, Any]]) -> dict[str, tuple[int, int, int]]:
    """What goes back by the way it was paid: amount, tip, and what the guest gets."""
    names = {payment["paymentId"]: name for name, payment in paid.items()}
    return {
        names[each["paymentId"]]: (each["refundAmount"], each["parts"]["tip"], each["paidOutAmount"])
        for each in refunds
    }


async def test_a_whole_order_goes_back_the_ways_it_came_with_tips_and_coins(world: World) -> None:
    before = await balance(world)
    paid = await paid_by_three(world)

    seen = (await preview(world, paid)).body
    answer = await refund_order(world, paid, reason="Nothing was served")

    assert answer.status == 201
    assert named(paid, seen["refunds"]) == named(paid, answer.body["refunds"])
    assert named(paid, answer.body["refunds"]) == {
        "card": (537, 60, 537),
        "credit": (350, 50, 350),
        "cash": (183, 0, 185),
    }
    assert (seen["refundAmount"], seen["paidOutAmount"], answer.body["refundAmount"]) == (1_070, 1_072, 1_070)
    assert {each["status"] for each in answer.body["refunds"]} == {"completed"}
    assert {each["reason"] for each in answer.body["refunds"]} == {"Nothing was served"}
    assert {each["batchId"] for each in answer.body["refunds"]} == {answer.body["batchId"]}
    assert (await order_of(world, paid["card"]))["paymentStatus"] == "refunded"
    assert (await charge_of(world, paid["card"]))["refunded"] == 537
    assert await balance(world) == before
    for payment in paid.values():
        assert (await world.payment(payment["paymentId"]))["status"] == "refunded"
        assert set((await journal_lines(world, payment["paymentId"])).values()) == {0}


async def test_a_part_of_an_order_goes_back_to_the_card_first_and_the_tips_stay(world: World) -> None:
    paid = await paid_by_three(world)

    first = (await refund_order(world, paid, amount=500)).body
    order = await order_of(world, paid["card"])
    rest = (await refund_order(world, paid, includeTips=False)).body

    assert named(paid, first["refunds"]) == {"card": (477, 0, 477), "credit": (23, 0, 23)}
    assert order["paymentStatus"] == "partly_refunded"
    assert named(paid, rest["refunds"]) == {"credit": (277, 0, 277), "cash": (183, 0, 185)}
    assert (await order_of(world, paid["card"]))["paymentStatus"] == "refunded"
    assert (await world.payment(paid["card"]["paymentId"]))["refundableAmount"] == 60
    assert (await world.payment(paid["card"]["paymentId"]))["status"] == "partial_refund"


async def test_an_order_goes_to_credit_and_then_nothing_is_left_for_the_card(world: World) -> None:
    paid = await paid_by_three(world)
    before = await balance(world)

    answer = (await refund_order(world, paid, destination="credit")).body
    again = await refund_order(world, paid)

    assert {each["destination"] for each in answer["refunds"]} == {"credit"}
    assert named(paid, answer["refunds"])["cash"] == (183, 0, 183)
    assert await balance(world) - before == 1_070
    assert (await charge_of(world, paid["card"]))["refunded"] == 0
    assert (again.status, again.body["code"]) == (422, "refund_too_large")


async def test_a_preview_changes_nothing_and_needs_no_key(world: World) -> None:
    paid = await paid_by_three(world)
    before = await money_row_counts(world)

    answers = [
        await preview(world, paid, amount=100),
        await preview(world, paid, destination="credit"),
        await world.call("POST", f"/payments/{paid['card']['paymentId']}/refunds/preview", "manager", {}),
    ]

    assert [answer.status for answer in answers] == [200, 200, 200]
    assert await money_row_counts(world) == before
    assert (await world.payment(paid["card"]["paymentId"]))["refundableAmount"] == 537


async def test_a_plan_that_is_not_the_one_shown_any_more_is_refused_and_nothing_goes_back(world: World) -> None:
    paid = await paid_by_three(world)
    seen = (await preview(world, paid, amount=500)).body["refunds"]
    shown = [{"paymentId": each["paymentId"], "amount": each["refundAmount"]} for each in seen]
    other = await world.call(
        "POST", f"/payments/{paid['card']['paymentId']}/refunds", "manager", {"amount": 10}, key=new_id()
    )

    refused = await refund_order(world, paid, amount=500, expectedPlan=shown)
    fresh = (await preview(world, paid, amount=500)).body["refunds"]
    shown_now = [{"paymentId": each["paymentId"], "amount": each["refundAmount"]} for each in fresh]
    taken = await refund_order(world, paid, amount=500, expectedPlan=shown_now)

    assert other.status == 201
    assert (refused.status, refused.body["code"]) == (409, "refund_plan_changed")
    assert (taken.status, taken.body["refundAmount"]) == (201, 500)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"amount": 1_071}, 422, "refund_too_large"),
        ({"amount": 961, "includeTips": False}, 422, "refund_too_large"),
        ({"amount": 0}, 422, "invalid_amount"),
        ({"amount": -5}, 422, "invalid_amount"),
        ({"amount": 1.5}, 400, "invalid_request"),
        ({"destination": "both"}, 400, "invalid_request"),
        ({"surprise": True}, 400, "invalid_request"),
    ],
)
async def test_what_an_order_cannot_give_back_is_refused_by_preview_and_refund_alike(
    world: World, body: dict[str, Any], status: int, code: str
) -> None:
    paid = await paid_by_three(world)

    refused, seen = await refund_order(world, paid, **body), await preview(world, paid, **body)

    assert (refused.status, refused.body["code"]) == (status, code)
    assert (seen.status, seen.body["code"]) == (status, code)
    assert (await order_of(world, paid["card"]))["paymentStatus"] == "paid"


async def test_only_managers_of_this_cafe_give_an_order_back(world: World) -> None:
    paid = await paid_by_three(world)

    by_counter = await refund_order(world, paid, who="counter")
    elsewhere = await refund_order(world, paid, who="other:manager")
    seen_elsewhere = await preview(world, paid, who="other:manager")
    without_key = await world.call("POST", f"/orders/{paid['card']['orderId']}/refunds", "manager", {})
    unpaid = await world.order()
    nothing = await world.call("POST", f"/orders/{unpaid['id']}/refunds", "manager", {}, key=new_id())

    assert (by_counter.status, elsewhere.status, seen_elsewhere.status) == (403, 404, 404)
    assert (without_key.status, without_key.body["code"]) == (400, "idempotency_key_required")
    assert (nothing.status, nothing.body["code"]) == (422, "payment_not_refundable")


async def test_the_same_key_gives_an_order_back_once(world: World) -> None:
    paid, key = await paid_by_three(world), new_id()

    answers = await asyncio.gather(*(refund_order(world, paid, key, amount=700) for _ in range(8)))
    again = await refund_order(world, paid, key, amount=700)
    listed = (await world.call("GET", f"/orders/{paid['card']['orderId']}/refunds", "staff")).body["items"]

    assert {answer.status for answer in answers} <= {201, 409}
    assert (again.status, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert sorted(each["refundId"] for each in again.body["refunds"]) == sorted(each["refundId"] for each in listed)
    assert sum(each["refundAmount"] for each in listed) == 700
    assert (await charge_of(world, paid["card"]))["refunded"] == 477


async def test_above_the_cafes_limit_a_manager_cannot_decide_alone_however_small_the_pieces(own_world: World) -> None:
    world = own_world
    paid = await paid_by_three(world)
    path = f"/payments/{paid['card']['paymentId']}/refunds"
    limited = await world.call("PUT", f"/cafes/{world.home.id}", "manager", {"refundLimitAmount": 300})

    allowed = await world.call("POST", path, "manager", {"amount": 200}, key=new_id())
    second = await world.call("POST", path, "manager", {"amount": 101}, key=new_id())
    whole = await refund_order(world, paid)
    key = new_id()
    cancelled = await world.call(
        "POST", f"/orders/{paid['card']['orderId']}/status", "manager", {"status": "cancelled"}, key=key
    )
    by_owner = await refund_order(world, paid, who="admin")

    assert (limited.status, allowed.status) == (200, 201)
    assert allowed.body["staffId"] == world.home.people["manager"].person_id
    for refused in (second, whole, cancelled):
        assert (refused.status, refused.body["code"]) == (403, "refund_needs_approval")
    assert by_owner.status == 201
    assert {each["staffId"] for each in by_owner.body["refunds"]} == {world.home.people["admin"].person_id}


async def test_shares_of_several_guests_go_back_each_to_its_own(world: World) -> None:
    await world.control("POST", "/mode", {"autoApprove": True})
    order = await world.order(items={"Flat white": 2})
    split = await world.call("POST", f"/orders/{order['id']}/splits", "customer", {"method": "equal", "count": 2})
    first, second = (share["splitId"] for share in split.body["shares"])
    mine = (await world.pay(order, "payconic_card", splitId=first)).body
    theirs = (await world.pay(order, "payconic_digital_wallet", "counter", splitId=second)).body
    paid = {"card": mine, "wallet": theirs}

    answer = (await refund_order(world, paid)).body

    assert named(paid, answer["refunds"]) == {"card": (480, 0, 480), "wallet": (480, 0, 480)}
    assert (await charge_of(world, mine))["refunded"] == (await charge_of(world, theirs))["refunded"] == 480


@pytest.mark.parametrize("seed", range(3))
async def test_any_parts_of_an_order_one_after_the_other_leave_no_line_of_it_in_the_books(
    world: World, seed: int
) -> None:
    dice, before = random.Random(seed), await balance(world)  # noqa: S311 - the same sums every time
    paid = await paid_by_three(world)
    given = 0

    for _ in range(4):
        wanted, tips = dice.randint(1, 250), dice.random() < 0.5
        seen = (await preview(world, paid, amount=wanted, includeTips=tips)).body
        if seen.get("code") == "refund_too_large":
            continue
        made = (await refund_order(world, paid, amount=wanted, includeTips=tips)).body
        assert named(paid, made["refunds"]) == named(paid, seen["refunds"])
        assert sum(each["refundAmount"] for each in made["refunds"]) == wanted
        given += wanted
    rest = (await refund_order(world, paid)).body

    assert given + rest["refundAmount"] == 1_070
    assert (await order_of(world, paid["card"]))["paymentStatus"] == "refunded"
    assert await balance(world) == before
    assert (await charge_of(world, paid["card"]))["refunded"] == 537
    for payment in paid.values():
        assert set((await journal_lines(world, payment["paymentId"])).values()) == {0}


async def test_one_card_that_refuses_holds_back_nothing_else_and_comes_last_the_next_time(world: World) -> None:
    paid = await paid_by_three(world)
    account = {"merchantId": "cafe-merchant", "apiKey": "another-key", "webhookSecret": WEBHOOK_SECRET}
    await world.control("POST", "/accounts", account)

    first = (await refund_order(world, paid, amount=700)).body
    await world.control("POST", "/accounts", {**account, "apiKey": "cafe-api-key"})
    again = (await refund_order(world, paid, amount=477)).body

    assert {each["status"] for each in first["refunds"] if each["paymentId"] == paid["card"]["paymentId"]} == {"failed"}
    assert named(paid, first["refunds"]) == {"card": (477, 0, 477), "credit": (223, 0, 223)}
    assert named(paid, again["refunds"]) == {"credit": (77, 0, 77), "cash": (183, 0, 185), "card": (217, 0, 217)}
    assert {each["status"] for each in again["refunds"]} == {"completed"}
    assert (await charge_of(world, paid["card"]))["refunded"] == 217


async def test_an_accountant_finds_no_fault_after_refunds_of_every_kind(own_world: World) -> None:
    world = own_world
    for body in ({"amount": 500}, {"destination": "credit"}, {"includeTips": False}, {}):
        assert (await refund_order(world, await paid_by_three(world), **body)).status == 201
    transfer = (await world.pay(await world.order(), "qr_bank_transfer")).body
    path = f"/qr-payments/{transfer['qr']['qrPaymentId']}/confirm"
    await world.call("POST", path, "counter", {"amount": 480}, key=new_id())
    await world.call("POST", f"/payments/{transfer['paymentId']}/refunds", "manager", {}, key=new_id())

    audit = await audited(world.app.db, world.home.id)

    assert (audit.faults, audit.orders, audit.payments) == ([], 5, 13)
