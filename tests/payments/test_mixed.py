"""Credit beside another method: held while the other is under way, spent or free with it."""

from pathlib import Path
from typing import Any

import pytest

from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Role
from tabletap.sandbox import SandboxAccount, start_sandbox
from tests.payments.odd_money import lost_start, release
from tests.support.books import assert_books_are_right, journal_lines
from tests.support.shared_world import sign_in_again
from tests.support.world import WEBHOOK_SECRET, Answer, World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def credit_of(world: World, who: str = "customer") -> tuple[int, int]:
    """What a customer has, and what of it is held."""
    balance = (await world.call("GET", "/credits/balance", who)).body
    return balance["balance"], balance["held"]


async def somebody(world: World) -> tuple[Id, str]:
    """A customer without any credit: their id and their token."""
    made = await world.call("POST", "/customers", "staff", {"name": "Someone"})
    person_id: Id = made.body["id"]
    return person_id, world.app.services.tokens.issue(
        cafe_id=world.home.id, person_id=person_id, roles=frozenset({Role.CUSTOMER})
    )


async def pay_in_part_by_credit(
    world: World, method: str = "payconic_card", credit: int = 180, **more: Any
) -> tuple[dict[str, Any], Answer]:
    order = await world.order()
    return order, await world.pay(order, method, creditAmount=credit, **more)


async def test_the_card_completes_and_the_credit_is_spent_with_it(world: World) -> None:
    had, _ = await credit_of(world)
    order, started = await pay_in_part_by_credit(world, tipAmount=50)
    while_open = await credit_of(world)

    await world.control("POST", f"/payments/{started.body['gatewayPaymentId']}/approve")
    card = await world.until(started.body["paymentId"], "completed")

    beside = await world.payment(card["creditPaymentId"])
    paid = (await world.call("GET", f"/orders/{order['id']}", "customer")).body
    customer = world.home.people["customer"].person_id
    assert started.status == 201, started
    assert (started.body["amount"], started.body["tipAmount"]) == (300, 50)
    assert while_open == (had, 180)
    assert await credit_of(world) == (had - 180, 0)
    assert (beside["status"], beside["amount"], beside["paymentMethod"]) == ("completed", 180, "customer_credit")
    assert beside["goesWithPaymentId"] == card["paymentId"]
    assert (paid["status"], paid["outstandingAmount"]) == ("paid", 0)
    assert await journal_lines(world, beside["paymentId"]) == {f"customer_credit:{customer}": 180, "sales": -180}
    await assert_books_are_right(world)


@pytest.mark.parametrize("end", ["declined", "cancelled"])
async def test_a_card_that_comes_to_nothing_gives_the_credit_free(world: World, end: str) -> None:
    had = await credit_of(world)
    order, started = await pay_in_part_by_credit(world)
    card_id = started.body["paymentId"]

    if end == "declined":
        await world.control("POST", f"/payments/{started.body['gatewayPaymentId']}/decline")
        await world.until(card_id, "failed")
    else:
        await world.call("POST", f"/payments/{card_id}/cancel", "customer")

    beside = await world.payment(started.body["creditPaymentId"])
    again = await world.pay(order, "customer_credit")
    assert beside["status"] == "cancelled"
    assert again.status == 201, again
    assert await credit_of(world) == (had[0] - 480, 0)


async def test_a_provider_that_cannot_be_reached_leaves_nothing_held(own_world: World, tmp_path: Path) -> None:
    world = own_world
    had = await credit_of(world)
    port = int(world.sandbox.url.rsplit(":", 1)[1])
    await world.sandbox.stop()

    order, refused = await pay_in_part_by_credit(world)

    accounts = [SandboxAccount("cafe-merchant", "cafe-api-key", WEBHOOK_SECRET)]
    world.sandbox = await start_sandbox(tmp_path / "another.db", accounts, port)
    again = await world.pay(order, "customer_credit")
    assert (refused.status, refused.body["code"]) == (503, "gateway_unavailable")
    assert again.status == 201, again
    assert await credit_of(world) == (had[0] - 480, 0)
    await assert_books_are_right(world)


async def test_cash_beside_credit_is_rounded_for_itself(world: World) -> None:
    had, _ = await credit_of(world)
    order, started = await pay_in_part_by_credit(world, "cash", 177)

    path = f"/payments/{started.body['paymentId']}/cash"
    taken = await world.call("POST", path, "counter", {"received": 305}, key=f"cash {order['id']}")

    paid = (await world.call("GET", f"/orders/{order['id']}", "counter")).body
    assert (taken.status, taken.body["roundingAmount"]) == (200, 2)
    assert paid["status"] == "paid"
    assert await credit_of(world) == (had - 177, 0)


async def test_an_expired_card_frees_the_credit_and_late_money_pays_its_own_part(moving_world: World) -> None:
    world = moving_world
    had = await credit_of(world)
    order, started = await pay_in_part_by_credit(world)

    await world.let_time_pass(minutes=31)
    sign_in_again(world)
    await world.until(started.body["paymentId"], "expired")
    freed = await credit_of(world)
    await world.control("POST", "/faults", {"fault": "late_success"})
    await world.control("POST", f"/payments/{started.body['gatewayPaymentId']}/approve")
    await world.until(started.body["paymentId"], "completed")

    bill = (await world.call("GET", f"/orders/{order['id']}", "customer")).body
    assert freed == had
    assert await credit_of(world) == had
    assert (bill["paymentStatus"], bill["outstandingAmount"]) == ("partly_paid", 180)


async def test_the_credit_beside_a_payment_is_not_cancelled_alone(world: World) -> None:
    _, started = await pay_in_part_by_credit(world)

    refused = await world.call("POST", f"/payments/{started.body['creditPaymentId']}/cancel", "customer")

    assert (refused.status, refused.body["code"]) == (422, "payment_not_cancellable")
    assert started.body["paymentId"] in refused.body["detail"]
    await world.call("POST", f"/payments/{started.body['paymentId']}/cancel", "customer")


async def test_a_released_card_gives_the_credit_free_at_once(own_world: World) -> None:
    world = own_world
    had = await credit_of(world)
    order, payment_id = await lost_start(world, "timeout_after", creditAmount=180)
    held = await credit_of(world)

    released = await release(world, payment_id)

    bill = (await world.call("GET", f"/orders/{order['id']}", "customer")).body
    assert released.status == 200, released
    assert held == (had[0], 180)
    assert await credit_of(world) == had
    assert bill["outstandingAmount"] == 480
    assert (await world.payment(released.body["creditPaymentId"]))["status"] == "cancelled"


@pytest.mark.parametrize(
    ("method", "credit", "code"),
    [
        ("payconic_card", 480, "credit_part_not_possible"),
        ("payconic_card", 0, "credit_part_not_possible"),
        ("payconic_card", -5, "credit_part_not_possible"),
        ("customer_credit", 100, "credit_part_not_possible"),
    ],
)
async def test_a_part_that_credit_cannot_pay_is_refused(world: World, method: str, credit: int, code: str) -> None:
    _, refused = await pay_in_part_by_credit(world, method, credit)

    assert (refused.status, refused.body["code"]) == (422, code)


async def test_too_little_credit_is_refused_before_the_card_is_charged(world: World) -> None:
    _, stranger = await somebody(world)
    order = await world.order(stranger)
    charged = len(await world.charges())

    refused = await world.pay(order, "payconic_card", stranger, creditAmount=100)

    assert (refused.status, refused.body["code"]) == (422, "insufficient_credit")
    assert len(await world.charges()) == charged


async def test_held_credit_is_not_spent_twice(world: World) -> None:
    person_id, stranger = await somebody(world)
    gift = {"customerId": person_id, "amount": 200, "reason": "a gift"}
    given = await world.call("POST", "/credits/add", "manager", gift, key=new_id())
    first, second = await world.order(stranger), await world.order(stranger)
    holding = await world.pay(first, "payconic_card", stranger, creditAmount=150)

    refused = await world.pay(second, "payconic_card", stranger, creditAmount=100)
    enough = await world.pay(second, "payconic_card", stranger, creditAmount=50)

    assert (given.status, holding.status, enough.status) == (201, 201, 201)
    assert (refused.status, refused.body["code"]) == (422, "insufficient_credit")
    for started in (holding, enough):
        await world.call("POST", f"/payments/{started.body['paymentId']}/cancel", stranger)


async def test_each_part_goes_back_where_it_came_from(world: World) -> None:
    had, _ = await credit_of(world)
    order, started = await pay_in_part_by_credit(world)
    await world.control("POST", f"/payments/{started.body['gatewayPaymentId']}/approve")
    await world.until(started.body["paymentId"], "completed")

    returned = await world.call("POST", f"/orders/{order['id']}/refunds", "manager", {}, key=f"back {order['id']}")

    assert returned.status == 201, returned
    assert sorted(each["refundAmount"] for each in returned.body["refunds"]) == [180, 300]
    assert (await credit_of(world))[0] == had
    await assert_books_are_right(world)
