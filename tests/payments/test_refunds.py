"""Money goes back: reserved first, never more than was paid, to the source or to credit."""

from typing import Any

import pytest

from tabletap.kernel.ids import new_id
from tests.support.world import WEBHOOK_SECRET, Answer, World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def paid_by(world: World, method: str, **more: Any) -> dict[str, Any]:
    """A completed payment for one flat white."""
    order = await world.order()
    await world.control("POST", "/mode", {"autoApprove": True})
    payment: dict[str, Any] = (await world.pay(order, method, **more)).body
    if method == "cash":
        due = {"received": payment["totalAmount"] + 5}
        taken = await world.call("POST", f"/payments/{payment['paymentId']}/cash", "counter", due, key=new_id())
        assert taken.status == 200, taken
    if method == "qr_bank_transfer":
        path = f"/qr-payments/{payment['qr']['qrPaymentId']}/confirm"
        confirmed = await world.call("POST", path, "counter", {"amount": payment["totalAmount"]}, key=new_id())
        assert confirmed.status == 200, confirmed
    return await world.until(payment["paymentId"], "completed")


async def refund(world: World, payment: dict[str, Any], who: str = "manager", **body: Any) -> Answer:
    return await world.call("POST", f"/payments/{payment['paymentId']}/refunds", who, body, key=new_id())


async def sent_by_hand(world: World, answer: Answer) -> Answer:
    """Somebody made the transfer at the bank and says so."""
    assert (answer.status, answer.body["status"]) == (201, "pending")
    path = f"/refunds/{answer.body['refundId']}/confirm"
    return await world.call("POST", path, "manager", {"bankReference": "BANK-1"}, key=new_id())


async def order_of(world: World, payment: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await world.call("GET", f"/orders/{payment['orderId']}", "manager")).body
    return found


async def charge_of(world: World, payment: dict[str, Any]) -> dict[str, Any]:
    return next(charge for charge in await world.charges() if charge["reference"] == payment["paymentId"])


async def balance(world: World) -> int:
    return int((await world.call("GET", "/credits/balance", "customer")).body["balance"])


@pytest.mark.parametrize("method", ["customer_credit", "cash", "qr_bank_transfer", "payconic_card"])
async def test_everything_goes_back_the_way_it_came(world: World, method: str) -> None:
    payment = await paid_by(world, method, tipAmount=70)
    before = await balance(world)

    answer = await refund(world, payment, reason="Cold coffee")
    if method == "qr_bank_transfer":
        answer = await sent_by_hand(world, answer)

    after, order = await world.payment(payment["paymentId"]), await order_of(world, payment)
    assert (answer.body["status"], answer.body["destination"]) == ("completed", "original")
    assert answer.body["parts"] == {"order": 480, "tip": 70, "rounding": 0}
    assert (answer.body["refundAmount"], answer.body["originalAmount"], answer.body["reason"]) == (
        550,
        550,
        "Cold coffee",
    )
    assert answer.body["processedAt"].endswith("Z")
    assert (after["status"], after["refundedAmount"], after["refundableAmount"]) == ("refunded", 550, 0)
    assert (order["paymentStatus"], order["status"]) == ("refunded", "paid")
    assert await balance(world) - before == (550 if method == "customer_credit" else 0)
    if method == "payconic_card":
        assert (await charge_of(world, payment))["refunded"] == 550
        assert answer.body["externalRefundId"]


@pytest.mark.parametrize("method", ["customer_credit", "cash", "payconic_digital_wallet"])
async def test_two_parts_go_back_and_then_nothing_is_left(world: World, method: str) -> None:
    payment = await paid_by(world, method)

    first = await refund(world, payment, amount=100)
    between = await world.payment(payment["paymentId"])
    order_between = await order_of(world, payment)
    rest = await refund(world, payment)
    nothing_left = await refund(world, payment)

    after = await world.payment(payment["paymentId"])
    listed = (await world.call("GET", f"/payments/{payment['paymentId']}/refunds", "staff")).body["items"]
    assert (first.body["refundAmount"], rest.body["refundAmount"]) == (100, 380)
    assert (first.body["reason"], first.body["staffId"]) == ("No reason given", world.home.people["manager"].person_id)
    assert (between["status"], between["refundedAmount"], between["refundableAmount"]) == ("partial_refund", 100, 380)
    assert order_between["paymentStatus"] == "partly_refunded"
    assert (after["status"], (await order_of(world, payment))["paymentStatus"]) == ("refunded", "refunded")
    assert (nothing_left.status, nothing_left.body["code"]) == (422, "refund_too_large")
    assert [item["refundId"] for item in listed] == [first.body["refundId"], rest.body["refundId"]]


@pytest.mark.parametrize(("amount", "code"), [(481, "refund_too_large"), (0, "invalid_amount"), (-1, "invalid_amount")])
async def test_more_than_was_paid_or_nothing_cannot_go_back(world: World, amount: int, code: str) -> None:
    payment = await paid_by(world, "payconic_card")

    refused = await refund(world, payment, amount=amount)

    after = await world.payment(payment["paymentId"])
    assert (refused.status, refused.body["code"]) == (422, code)
    assert (after["status"], after["refundableAmount"]) == ("completed", 480)
    assert (await charge_of(world, payment))["refunded"] == 0


async def test_after_a_part_went_back_only_the_rest_can_follow(world: World) -> None:
    payment = await paid_by(world, "customer_credit")
    await refund(world, payment, amount=300)

    refused = await refund(world, payment, amount=181)

    assert (refused.status, refused.body["code"]) == (422, "refund_too_large")
    assert "At most 180" in refused.body["detail"]


async def test_only_completed_payments_can_be_refunded(world: World) -> None:
    order = await world.order()
    pending = (await world.pay(order, "payconic_card")).body

    refused = await refund(world, pending)

    assert (refused.status, refused.body["code"]) == (422, "payment_not_refundable")
    assert refused.body["detail"] == "Can only refund completed payments."


@pytest.mark.parametrize("method", ["cash", "payconic_card"])
async def test_a_refund_to_credit_leaves_the_source_alone(world: World, method: str) -> None:
    payment = await paid_by(world, method)
    before = await balance(world)

    answer = await refund(world, payment, amount=200, destination="credit")

    history = (await world.call("GET", "/credits/history?limit=1", "customer")).body["items"]
    assert (answer.status, answer.body["status"], answer.body["destination"]) == (201, "completed", "credit")
    assert await balance(world) - before == 200
    assert (history[0]["type"], history[0]["amount"]) == ("refund", 200)
    if method == "payconic_card":
        assert (await charge_of(world, payment))["refunded"] == 0


async def test_a_guest_without_an_account_gets_no_credit(world: World) -> None:
    guest = (await world.call("POST", "/auth/guest", None, {"tableCode": world.home.tables[0].code})).body[
        "accessToken"
    ]
    order = await world.order(guest)
    payment = (await world.pay(order, "cash", guest)).body
    await world.call("POST", f"/payments/{payment['paymentId']}/cash", "counter", {"received": 480}, key=new_id())

    refused = await refund(world, payment, destination="credit")

    assert (refused.status, refused.body["code"]) == (422, "refund_to_credit_needs_account")
    assert (await refund(world, payment)).status == 201


async def test_refunded_credit_is_no_new_earning(world: World) -> None:
    before = (await world.call("GET", "/credits/balance", "customer")).body
    payment = await paid_by(world, "customer_credit")

    await refund(world, payment)

    assert (await world.call("GET", "/credits/balance", "customer")).body == before


async def test_what_the_provider_refuses_to_send_back_can_be_refunded_again_later(world: World) -> None:
    payment = await paid_by(world, "payconic_card")
    account = {"merchantId": "cafe-merchant", "apiKey": "another-key", "webhookSecret": WEBHOOK_SECRET}

    await world.control("POST", "/accounts", account)
    refused_there = await refund(world, payment)
    await world.control("POST", "/accounts", {**account, "apiKey": "cafe-api-key"})
    between = await world.payment(payment["paymentId"])
    again = await refund(world, payment)

    assert (refused_there.status, refused_there.body["status"]) == (201, "failed")
    assert (between["status"], between["refundableAmount"]) == ("completed", 480)
    assert (again.status, again.body["status"]) == (201, "completed")
    assert (await charge_of(world, payment))["refunded"] == 480


async def test_cancelling_a_paid_order_sends_every_payment_back(own_world: World) -> None:
    world = own_world
    await world.control("POST", "/mode", {"autoApprove": True})
    order = await world.order(items={"Flat white": 2})
    before = await balance(world)
    credit = (await world.pay(order, "customer_credit", amount=300, tipAmount=50)).body
    cash = (await world.pay(order, "cash", amount=160)).body
    await world.call("POST", f"/payments/{cash['paymentId']}/cash", "counter", {"received": 200}, key=new_id())
    card = (await world.pay(order, "payconic_card")).body
    path = f"/orders/{order['id']}/status"

    by_counter = await world.call("POST", path, "counter", {"status": "cancelled"}, key=new_id())
    without_key = await world.call("POST", path, "manager", {"status": "cancelled"})
    cancelled = await world.call("POST", path, "manager", {"status": "cancelled", "reason": "Fire"}, key="fire")
    again = await world.call("POST", path, "manager", {"status": "cancelled", "reason": "Fire"}, key="fire")

    assert (by_counter.status, without_key.body["code"]) == (403, "idempotency_key_required")
    assert (cancelled.status, cancelled.body["status"]) == (200, "cancelled")
    assert (again.body, again.headers["Idempotency-Replayed"]) == (cancelled.body, "true")
    reserved = await world.payment(card["paymentId"])
    assert reserved["refundableAmount"] == 0
    await world.let_time_pass(seconds=3)
    for payment in (credit, cash, card):
        assert (await world.until(payment["paymentId"], "refunded"))["refundableAmount"] == 0
    assert (await charge_of(world, card))["refunded"] == 500
    assert await balance(world) == before
    assert (await order_of(world, card))["paymentStatus"] == "refunded"


async def test_an_order_with_a_payment_under_way_is_not_cancelled(world: World) -> None:
    order = await world.order()
    payment = (await world.pay(order, "payconic_card")).body
    path = f"/orders/{order['id']}/status"

    during = await world.call("POST", path, "customer", {"status": "cancelled"})
    await world.call("POST", f"/payments/{payment['paymentId']}/cancel", "customer")
    after = await world.call("POST", path, "customer", {"status": "cancelled"})

    assert (during.status, during.body["code"]) == (422, "transition_not_allowed")
    assert (after.status, after.body["status"]) == (200, "cancelled")
