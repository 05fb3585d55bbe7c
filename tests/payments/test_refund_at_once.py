"""Refunds at the same moment: what went back is what was there, once."""

import asyncio

import pytest

from tabletap.kernel.ids import new_id
from tests.payments.test_refunds import balance, charge_of, order_of
from tests.support.books import journal_lines
from tests.support.world import Answer, World

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest.mark.parametrize("method", ["payconic_card", "customer_credit", "cash"])
async def test_of_twenty_refunds_of_5_on_20_at_once_exactly_four_go_back(world: World, method: str) -> None:
    await world.control("POST", "/mode", {"autoApprove": True})
    order, before = await world.order(), await balance(world)
    payment = (await world.pay(order, method, amount=20)).body
    path = f"/payments/{payment['paymentId']}"
    if method == "cash":
        await world.call("POST", f"{path}/cash", "counter", {"received": 20}, key=new_id())
    await world.until(payment["paymentId"], "completed")

    answers = await asyncio.gather(
        *(world.call("POST", f"{path}/refunds", "manager", {"amount": 5}, key=new_id()) for _ in range(20))
    )

    listed = (await world.call("GET", f"{path}/refunds", "manager")).body["items"]
    assert sorted(answer.status for answer in answers) == [*[201] * 4, *[422] * 16]
    assert {answer.body["code"] for answer in answers if answer.status == 422} == {"refund_too_large"}
    assert [(each["status"], each["refundAmount"]) for each in listed] == [("completed", 5)] * 4
    assert (await world.payment(payment["paymentId"]))["status"] == "refunded"
    assert set((await journal_lines(world, payment["paymentId"])).values()) == {0}
    assert await balance(world) == before
    if method == "payconic_card":
        assert (await charge_of(world, payment))["refunded"] == 20


async def test_refunds_while_the_order_is_cancelled_give_everything_back_once(world: World) -> None:
    await world.control("POST", "/mode", {"autoApprove": True})
    order, before = await world.order(items={"Flat white": 2}), await balance(world)
    credit = (await world.pay(order, "customer_credit", amount=300)).body
    card = (await world.pay(order, "payconic_card")).body
    await world.until(card["paymentId"], "completed")

    async def back(path: str, **body: object) -> Answer:
        return await world.call("POST", path, "manager", body, key=new_id())

    cancelled, *refunded = await asyncio.gather(
        back(f"/orders/{order['id']}/status", status="cancelled"),
        *(back(f"/payments/{each['paymentId']}/refunds", amount=100) for each in (credit, card) for _ in range(4)),
        *(back(f"/orders/{order['id']}/refunds", amount=50) for _ in range(3)),
    )

    for payment in (credit, card):
        assert (await world.until(payment["paymentId"], "refunded"))["refundableAmount"] == 0
        assert set((await journal_lines(world, payment["paymentId"])).values()) == {0}
    listed = (await world.call("GET", f"/orders/{order['id']}/refunds", "manager")).body["items"]
    assert (cancelled.status, cancelled.body["status"]) == (200, "cancelled")
    assert {answer.status for answer in refunded} <= {201, 422}
    assert sum(each["refundAmount"] for each in listed) == 960
    assert (await charge_of(world, card))["refunded"] == 660
    assert await balance(world) == before
    assert (await order_of(world, card))["paymentStatus"] == "refunded"
    assert sum(each["parts"]["order"] for each in listed) == 960


async def test_of_twelve_order_refunds_of_100_on_960_at_once_exactly_nine_go_back(world: World) -> None:
    await world.control("POST", "/mode", {"autoApprove": True})
    order, before = await world.order(items={"Flat white": 2}), await balance(world)
    credit = (await world.pay(order, "customer_credit", amount=300)).body
    card = (await world.pay(order, "payconic_card")).body
    await world.until(card["paymentId"], "completed")

    answers = await asyncio.gather(
        *(
            world.call("POST", f"/orders/{order['id']}/refunds", "manager", {"amount": 100}, key=new_id())
            for _ in range(12)
        )
    )

    listed = (await world.call("GET", f"/orders/{order['id']}/refunds", "manager")).body["items"]
    assert sorted(answer.status for answer in answers) == [*[201] * 9, *[422] * 3]
    assert sum(each["refundAmount"] for each in listed if each["status"] == "completed") == 900
    assert (await charge_of(world, card))["refunded"] == 660
    assert before - await balance(world) == 60
    assert (await world.payment(credit["paymentId"]))["refundableAmount"] == 60
