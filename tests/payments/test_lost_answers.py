"""What the provider did and what we heard of it differ: that is never a failure and never a second charge."""

from pathlib import Path
from typing import Any

import pytest

from tabletap.kernel.ids import new_id
from tabletap.sandbox import SandboxAccount, start_sandbox
from tests.support.shared_world import sign_in_again
from tests.support.world import WEBHOOK_SECRET, World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def charges_of(world: World, payment: dict[str, Any]) -> list[dict[str, Any]]:
    return [charge for charge in await world.charges() if charge["reference"] == payment["paymentId"]]


async def order_status(world: World, order: dict[str, Any]) -> tuple[str, int]:
    shown = (await world.call("GET", f"/orders/{order['id']}", "customer")).body
    return shown["status"], shown["outstandingAmount"]


async def test_charged_with_the_answer_lost_completes_by_asking_and_charges_once(moving_world: World) -> None:
    world = moving_world
    await world.control("POST", "/mode", {"webhooks": False})
    await world.control("POST", "/faults", {"fault": "timeout_after"})
    order, key = await world.order(), new_id()

    started = await world.pay(order, "payconic_card", key=key)
    charged = await charges_of(world, started.body)
    otherwise = await world.pay(order, "cash", "counter")
    await world.let_time_pass(seconds=3)

    repeated = await world.pay(order, "payconic_card", key=key)
    after = await world.until(started.body["paymentId"], "completed")
    assert (started.status, started.body["status"]) == (201, "processing")
    assert len(charged) == 1
    assert (otherwise.status, otherwise.body["code"]) == (422, "amount_exceeds_outstanding")
    assert (repeated.body, repeated.headers["Idempotency-Replayed"]) == (started.body, "true")
    assert await charges_of(world, started.body) == charged
    assert await order_status(world, order) == ("paid", 0)
    assert [step["to"] for step in after["history"]] == ["pending", "processing", "completed"]
    assert [(attempt["kind"], attempt["outcome"]) for attempt in after["attempts"]] == [
        ("start", "unknown"),
        ("check", "completed"),
    ]


async def test_charged_with_the_answer_lost_completes_by_the_callback_at_once(world: World) -> None:
    await world.control("POST", "/faults", {"fault": "timeout_after"})
    order = await world.order()

    started = await world.pay(order, "payconic_card")

    await world.until(started.body["paymentId"], "completed")
    assert [charge["amount"] for charge in await charges_of(world, started.body)] == [480]


@pytest.mark.parametrize("fault", ["timeout_before", "error_500"])
async def test_a_start_that_the_provider_never_saw_is_unknown_until_somebody_gives_it_up(
    world: World, fault: str
) -> None:
    await world.control("POST", "/faults", {"fault": fault})
    order = await world.order()

    started = await world.pay(order, "payconic_card")
    asked = await world.call("POST", f"/payments/{started.body['paymentId']}/verify", "staff")
    cancelled = await world.call("POST", f"/payments/{started.body['paymentId']}/cancel", "customer")

    assert (started.status, started.body["status"], asked.body["status"]) == (201, "processing", "processing")
    assert (cancelled.status, cancelled.body["status"]) == (200, "cancelled")
    assert await charges_of(world, started.body) == []
    assert (await world.pay(order, "customer_credit")).status == 201


async def test_while_the_provider_is_silent_a_cancelling_is_refused(moving_world: World) -> None:
    world = moving_world
    order = await world.order()
    started = await world.pay(order, "payconic_card")
    await world.control("POST", "/faults", {"fault": "timeout_before", "times": 100, "on": ["cancel", "query"]})

    refused = await world.call("POST", f"/payments/{started.body['paymentId']}/cancel", "customer")
    during = (await world.payment(started.body["paymentId"]))["status"]
    await world.control("DELETE", "/faults")
    later = await world.call("POST", f"/payments/{started.body['paymentId']}/cancel", "customer")

    assert (refused.status, refused.body["code"], during) == (422, "payment_not_cancellable", "processing")
    assert (later.status, later.body["status"]) == (200, "cancelled")


async def test_an_outcome_that_cannot_be_learnt_is_handed_to_a_person_in_the_end(moving_world: World) -> None:
    world = moving_world
    await world.control("POST", "/mode", {"webhooks": False})
    await world.control("POST", "/faults", {"fault": "timeout_after"})
    order = await world.order()
    started = await world.pay(order, "payconic_card")
    await world.control("POST", "/faults", {"fault": "error_500", "times": 1_000, "on": ["query", "cancel"]})

    for _ in range(16):
        await world.let_time_pass(days=1)

    sign_in_again(world)
    unknown = await world.payment(started.body["paymentId"])
    assert (unknown["status"], unknown["needsReview"]) == ("processing", True)
    await world.control("DELETE", "/faults")
    asked = await world.call("POST", f"/payments/{started.body['paymentId']}/verify", "manager")
    assert asked.body["status"] == "completed"


async def test_with_the_provider_down_nothing_is_reserved_and_the_same_key_may_be_used_again(
    own_world: World, tmp_path: Path
) -> None:
    world = own_world
    port = int(world.sandbox.url.rsplit(":", 1)[1])
    order, key = await world.order(), new_id()
    await world.sandbox.stop()

    refused = await world.pay(order, "payconic_card", key=key)
    by_cash = await world.pay(order, "cash", amount=100)
    accounts = [SandboxAccount("cafe-merchant", "cafe-api-key", WEBHOOK_SECRET)]
    world.sandbox = await start_sandbox(tmp_path / "another.db", accounts, port)
    again = await world.pay(order, "payconic_card", key=key, amount=380)

    payments = (await world.call("GET", f"/payments?orderId={order['id']}", "manager")).body["items"]
    assert (refused.status, refused.body["code"], refused.body["retryable"]) == (503, "gateway_unavailable", True)
    assert int(refused.headers["Retry-After"]) >= 1
    assert by_cash.status == 201
    assert (again.status, again.body["status"]) == (201, "pending")
    assert [payment["status"] for payment in payments] == ["pending", "pending", "failed"]


@pytest.mark.parametrize("fault", ["timeout_after", "timeout_before", "error_500"])
async def test_a_refund_whose_answer_was_lost_is_settled_by_asking_and_made_once(
    moving_world: World, fault: str
) -> None:
    world = moving_world
    await world.control("POST", "/mode", {"autoApprove": True})
    order, key = await world.order(), new_id()
    payment = (await world.pay(order, "payconic_card")).body
    path = f"/payments/{payment['paymentId']}/refunds"
    await world.control("POST", "/mode", {"webhooks": False})
    await world.control("POST", "/faults", {"fault": fault})

    answer = await world.call("POST", path, "manager", {"amount": 200}, key=key)
    between = await world.payment(payment["paymentId"])
    too_much = await world.call("POST", path, "manager", {"amount": 281}, key=new_id())
    await world.let_time_pass(seconds=3)

    (settled,) = (await world.call("GET", path, "manager")).body["items"]
    after = await world.payment(payment["paymentId"])
    assert (answer.status, answer.body["status"]) == (201, "pending")
    assert (between["refundedAmount"], between["refundableAmount"]) == (0, 280)
    assert (too_much.status, too_much.body["code"]) == (422, "refund_too_large")
    assert (settled["status"], after["status"], after["refundedAmount"]) == ("completed", "partial_refund", 200)
    assert [charge["refunded"] for charge in await charges_of(world, payment)] == [200]


async def test_a_callback_that_was_lost_costs_seconds_and_no_payment(moving_world: World) -> None:
    world = moving_world
    order = await world.order()
    started = (await world.pay(order, "payconic_card")).body
    await world.control("POST", "/faults", {"fault": "drop_webhook"})
    await world.control("POST", f"/payments/{started['gatewayPaymentId']}/approve")

    await world.let_time_pass(seconds=31)

    assert (await world.payment(started["paymentId"]))["status"] == "completed"
    assert await order_status(world, order) == ("paid", 0)


async def test_a_guest_who_takes_minutes_is_asked_after_again_and_again(moving_world: World) -> None:
    world = moving_world
    await world.control("POST", "/mode", {"webhooks": False})
    order = await world.order()
    started = (await world.pay(order, "payconic_card")).body
    for _ in range(4):
        await world.let_time_pass(minutes=4)
        assert (await world.payment(started["paymentId"]))["status"] == "pending"
    await world.control("POST", f"/payments/{started['gatewayPaymentId']}/approve")

    await world.let_time_pass(minutes=10)

    assert (await world.payment(started["paymentId"]))["status"] == "completed"


@pytest.mark.parametrize("fault", ["wrong_amount", "wrong_currency"])
async def test_other_money_than_ours_needs_a_person_and_releases_no_goods(moving_world: World, fault: str) -> None:
    world = moving_world
    await world.control("POST", "/mode", {"autoApprove": True})
    await world.control("POST", "/faults", {"fault": fault})
    order = await world.order()

    started = (await world.pay(order, "payconic_card")).body
    cancelled = await world.call("POST", f"/payments/{started['paymentId']}/cancel", "customer")
    await world.let_time_pass(minutes=31)

    after = await world.payment(started["paymentId"])
    assert (after["needsReview"], after["status"] in ("pending", "processing")) == (True, True)
    assert (cancelled.status, cancelled.body["code"]) == (422, "payment_not_cancellable")
    assert await order_status(world, order) == ("pending", 480)
    (charge,) = await charges_of(world, started)
    assert (charge["amount"], charge["currency"]) == ((479, "AUD") if fault == "wrong_amount" else (480, "USD"))
