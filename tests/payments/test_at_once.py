"""Many at the same moment: nothing is spent, charged or given back twice."""

import asyncio

import pytest

from tabletap.kernel.ids import new_id
from tests.support.world import Answer, World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def customer_with(world: World, credit: int) -> str:
    made = await world.call("POST", "/customers", "staff", {"name": "Someone"})
    body = {"customerId": made.body["id"], "amount": credit, "reason": "a gift"}
    added = await world.call("POST", "/credits/add", "manager", body, key=new_id())
    assert added.status == 201, added
    return str(made.body["id"])


async def test_fifty_deductions_of_500_on_12500_accept_exactly_25_and_leave_nothing(world: World) -> None:
    customer_id = await customer_with(world, 12_500)

    async def deduct() -> Answer:
        body = {"customerId": customer_id, "amount": 500, "reason": "a coffee"}
        return await world.call("POST", "/credits/deduct", "manager", body, key=new_id())

    answers = await asyncio.gather(*(deduct() for _ in range(50)))

    accepted = [answer.body for answer in answers if answer.status == 201]
    refused = [answer.body["code"] for answer in answers if answer.status != 201]
    balance = (await world.call("GET", f"/credits/balance?customerId={customer_id}", "staff")).body
    assert (len(accepted), refused) == (25, ["insufficient_credit"] * 25)
    assert sorted(move["balanceAfter"] for move in accepted) == list(range(0, 12_500, 500))
    assert (balance["balance"], balance["totalSpent"]) == (0, 12_500)


async def test_twenty_orders_paid_at_once_by_one_account_spend_only_what_it_has(world: World) -> None:
    customer_id = await customer_with(world, 1_000)
    orders = [await world.order("counter") for _ in range(10)]

    answers = await asyncio.gather(
        *(world.pay(order, "customer_credit", "counter", customerId=customer_id) for order in orders)
    )

    balance = (await world.call("GET", f"/credits/balance?customerId={customer_id}", "staff")).body
    assert sorted(answer.status for answer in answers) == [201, 201, *[422] * 8]
    assert balance["balance"] == 40


async def test_twenty_starts_with_one_key_make_one_payment(world: World) -> None:
    order, key = await world.order(), new_id()

    answers = await asyncio.gather(*(world.pay(order, "customer_credit", key=key) for _ in range(20)))

    payments = (await world.call("GET", f"/payments?orderId={order['id']}", "manager")).body["items"]
    answered = [answer.body["paymentId"] for answer in answers if answer.status == 201]
    assert {answer.status for answer in answers} <= {201, 409}
    assert len(payments) == 1
    assert set(answered) == {payments[0]["paymentId"]}
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers if answer.status == 201) == 1


async def test_twenty_starts_with_one_key_charge_once_at_the_provider(world: World) -> None:
    await world.control("POST", "/mode", {"autoApprove": True})
    order, key = await world.order(), new_id()

    answers = await asyncio.gather(*(world.pay(order, "payconic_card", key=key) for _ in range(20)))

    assert {answer.status for answer in answers} <= {201, 409}
    assert {answer.body["code"] for answer in answers if answer.status == 409} <= {"request_in_progress"}
    (payment_id,) = {answer.body["paymentId"] for answer in answers if answer.status == 201}
    charges = [charge for charge in await world.charges() if charge["reference"] == payment_id]
    assert [charge["amount"] for charge in charges] == [480]


async def test_two_phones_cannot_pay_the_same_coffee(world: World) -> None:
    order = await world.order()

    answers = await asyncio.gather(*(world.pay(order, "customer_credit") for _ in range(8)))

    assert sorted(answer.status for answer in answers) == [201, *[422] * 7]
    assert {answer.body["code"] for answer in answers if answer.status == 422} == {"amount_exceeds_outstanding"}


@pytest.mark.parametrize("method", ["customer_credit", "payconic_card"])
async def test_three_refunds_of_20_on_20_at_once_make_one(world: World, method: str) -> None:
    await world.control("POST", "/mode", {"autoApprove": True})
    order = await world.order()
    payment_id = (await world.pay(order, method, amount=20)).body["paymentId"]

    answers = await asyncio.gather(
        *(
            world.call("POST", f"/payments/{payment_id}/refunds", "manager", {"amount": 20}, key=new_id())
            for _ in range(3)
        )
    )

    payment = await world.payment(payment_id)
    assert sorted(answer.status for answer in answers) == [201, 422, 422]
    assert {answer.body["code"] for answer in answers if answer.status == 422} == {"refund_too_large"}
    assert (payment["status"], payment["refundedAmount"], payment["refundableAmount"]) == ("refunded", 20, 0)


async def test_cash_taken_and_cancelled_at_the_same_moment_does_one_of_the_two(world: World) -> None:
    order = await world.order()
    payment_id = (await world.pay(order, "cash")).body["paymentId"]
    path = f"/payments/{payment_id}"

    taken, cancelled = await asyncio.gather(
        world.call("POST", f"{path}/cash", "counter", {"received": 480}, key=new_id()),
        world.call("POST", f"{path}/cancel", "customer"),
    )

    status = (await world.payment(payment_id))["status"]
    assert sorted([taken.status, cancelled.status]) == [200, 422]
    assert status == ("completed" if taken.status == 200 else "cancelled")
