"""Cash goes back in coins: what was handed over comes out even, and the rounding with it."""

import random
from typing import Any

import pytest

from tabletap.kernel.ids import new_id
from tests.payments.test_refunds import balance, order_of, refund
from tests.support.books import journal_lines
from tests.support.world import Answer, World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def cash_for(world: World, amount: int, tip: int = 0) -> dict[str, Any]:
    """A part of a bill paid in cash."""
    order = await world.order(items={"Flat white": 2})
    payment = (await world.pay(order, "cash", amount=amount, tipAmount=tip)).body
    taken = await world.call(
        "POST", f"/payments/{payment['paymentId']}/cash", "counter", {"received": amount + tip + 10}, key=new_id()
    )
    assert taken.status == 200, taken
    found: dict[str, Any] = taken.body["payment"]
    return found


async def preview(world: World, payment: dict[str, Any], **body: Any) -> Answer:
    return await world.call("POST", f"/payments/{payment['paymentId']}/refunds/preview", "manager", body)


@pytest.mark.parametrize(("amount", "received"), [(483, 485), (482, 480), (480, 480)])
async def test_a_full_refund_in_cash_hands_over_what_was_received_and_undoes_the_rounding(
    world: World, amount: int, received: int
) -> None:
    payment = await cash_for(world, amount)
    taken = await journal_lines(world, payment["paymentId"])
    seen = (await preview(world, payment)).body

    back = (await refund(world, payment)).body

    after = await world.payment(payment["paymentId"])
    assert payment.get("roundingAmount", 0) == received - amount
    assert after.get("roundingAmount", 0) == received - amount
    assert (after["staffId"], after["status"]) == (world.home.people["counter"].person_id, "refunded")
    assert (taken["cash_drawer"], taken.get("cash_rounding", 0)) == (received, amount - received)
    assert (back["refundAmount"], back["paidOutAmount"]) == (amount, received)
    assert back["parts"] == {"order": amount, "tip": 0, "rounding": received - amount}
    assert (seen["refundAmount"], seen["paidOutAmount"]) == (amount, received)
    assert set((await journal_lines(world, payment["paymentId"])).values()) == {0}


@pytest.mark.parametrize("seed", range(6))
async def test_after_any_partial_refunds_in_cash_no_line_of_the_payment_is_left_in_the_books(
    world: World, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311 - the same sums every time
    tip = dice.choice([0, 53, 71])
    payment = await cash_for(world, dice.randint(301, 899), tip)
    handed = 0

    for wanted in [dice.randint(1, 120) for _ in range(4)]:
        back = (await refund(world, payment, amount=wanted)).body
        assert back["paidOutAmount"] % 5 == 0
        handed += back["paidOutAmount"]
    last = (await refund(world, payment)).body

    books = await journal_lines(world, payment["paymentId"])
    total = payment["totalAmount"] + payment.get("roundingAmount", 0)
    assert handed + last["paidOutAmount"] == total
    assert last["parts"]["tip"] == tip
    assert set(books.values()) == {0}
    assert {"cash_drawer", "sales"} <= set(books)
    assert (await order_of(world, payment))["paymentStatus"] == "refunded"


async def test_cash_that_goes_back_to_credit_goes_back_exactly_and_the_rounding_stays(world: World) -> None:
    payment, before = await cash_for(world, 483), await balance(world)

    back = (await refund(world, payment, destination="credit")).body

    books = await journal_lines(world, payment["paymentId"])
    assert (back["refundAmount"], back["paidOutAmount"], back["parts"]["rounding"]) == (483, 483, 0)
    assert await balance(world) - before == 483
    assert (books["cash_drawer"], books["sales"], books["cash_rounding"]) == (485, 0, -2)


async def test_a_refund_without_the_tip_leaves_it_with_the_staff(world: World) -> None:
    payment = await cash_for(world, 480, 70)

    back = (await refund(world, payment, includeTips=False)).body
    too_much = await refund(world, payment, amount=1, includeTips=False)
    the_tip = (await refund(world, payment)).body

    assert back["parts"] == {"order": 480, "tip": 0, "rounding": 0}
    assert (too_much.status, too_much.body["code"]) == (422, "refund_too_large")
    assert the_tip["parts"] == {"order": 0, "tip": 70, "rounding": 0}
    assert set((await journal_lines(world, payment["paymentId"])).values()) == {0}
