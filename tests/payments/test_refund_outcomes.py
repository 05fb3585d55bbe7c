"""What became of a refund: refused, unknown, never sent, or waiting for a person; never dropped, never made twice."""

import asyncio
from typing import Any

import pytest

from tabletap.infra.idempotency import Once, RequestInProgress
from tabletap.kernel.ids import new_id
from tabletap.payments.order_refunds import RefundOrder
from tabletap.payments.refunding import SCHEDULE
from tabletap.sandbox import SandboxAccount, start_sandbox
from tests.payments.test_refunds import balance, charge_of, order_of, paid_by, refund
from tests.support import jobs
from tests.support.books import journal_lines
from tests.support.shared_world import sign_in_again
from tests.support.world import WEBHOOK_SECRET, Answer, World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def refund_now(world: World, refund_id: str) -> dict[str, Any]:
    """A refund as it is now."""
    answer = await world.call("GET", f"/refunds/{refund_id}", "manager")
    assert answer.status == 200, answer
    found: dict[str, Any] = answer.body
    return found


async def confirm(world: World, refund_id: str, who: str = "manager", key: str | None = None, **body: Any) -> Answer:
    return await world.call("POST", f"/refunds/{refund_id}/confirm", who, body, key=key or new_id())


async def told(world: World, payment: dict[str, Any]) -> list[str]:
    """What screens were told of a payment's refunds."""
    path = f"/events?stream=payment:{payment['paymentId']}&limit=100"
    events = (await world.call("GET", path, "manager")).body["items"]
    return [event["status"] for event in events if event["name"] == "payment_refunded"]


async def test_a_refused_refund_gives_free_what_it_claimed_says_why_and_can_be_made_again(world: World) -> None:
    payment = await paid_by(world, "payconic_card", tipAmount=70)
    account = {"merchantId": "cafe-merchant", "apiKey": "another-key", "webhookSecret": WEBHOOK_SECRET}
    await world.control("POST", "/accounts", account)

    refused = (await refund(world, payment, amount=500)).body
    retried = await world.call("POST", f"/refunds/{refused['refundId']}/retry", "manager")
    await world.control("POST", "/accounts", {**account, "apiKey": "cafe-api-key"})
    again = (await refund(world, payment, amount=500)).body

    kept = await refund_now(world, refused["refundId"])
    assert (refused["status"], retried.body["status"], kept["status"]) == ("failed", "failed", "failed")
    assert "401" in kept["error"]
    assert "cafe-api-key" not in str(kept)
    assert kept["processedAt"] >= kept["createdAt"]
    assert (again["status"], again["parts"]) == ("completed", {"order": 480, "tip": 20, "rounding": 0})
    assert "error" not in again
    assert (await charge_of(world, payment))["refunded"] == 500
    assert await told(world, payment) == ["pending", "failed", "pending", "completed"]


async def test_nothing_is_called_refunded_while_the_outcome_is_not_known(moving_world: World) -> None:
    world = moving_world
    payment = await paid_by(world, "payconic_card")
    await world.control("POST", "/mode", {"webhooks": False})
    await world.control("POST", "/faults", {"fault": "timeout_after"})

    pending = (await refund(world, payment)).body
    during, order = await world.payment(payment["paymentId"]), await order_of(world, payment)
    booked = await journal_lines(world, payment["paymentId"])
    heard = await told(world, payment)
    await world.let_time_pass(seconds=3)

    after = await world.payment(payment["paymentId"])
    assert (pending["status"], during["status"], order["paymentStatus"], heard) == (
        "pending",
        "completed",
        "paid",
        ["pending"],
    )
    assert "processedAt" not in pending
    assert booked["sales"] == -480
    assert (after["status"], (await order_of(world, payment))["paymentStatus"]) == ("refunded", "refunded")
    assert (await told(world, payment)) == ["pending", "completed"]
    assert (await refund_now(world, pending["refundId"]))["processedAt"]


async def test_two_refunds_under_way_at_once_never_give_back_the_same_part(moving_world: World) -> None:
    world = moving_world
    payment = await paid_by(world, "payconic_card", tipAmount=70)
    await world.control("POST", "/mode", {"webhooks": False})
    await world.control("POST", "/faults", {"fault": "timeout_after", "times": 3})

    under_way = [(await refund(world, payment, amount=amount)).body for amount in (300, 200, 50)]
    nothing_left = await refund(world, payment, amount=1)
    await world.let_time_pass(seconds=3)

    assert [each["status"] for each in under_way] == ["pending"] * 3
    assert [(each["parts"]["order"], each["parts"]["tip"]) for each in under_way] == [(300, 0), (180, 20), (0, 50)]
    assert nothing_left.body["code"] == "refund_too_large"
    assert (await world.payment(payment["paymentId"]))["status"] == "refunded"
    booked = await journal_lines(world, payment["paymentId"])
    assert set(booked.values()) == {0}
    assert (await order_of(world, payment))["paymentStatus"] == "refunded"


async def test_what_a_failed_refund_claimed_is_there_for_the_next_while_another_is_under_way(
    moving_world: World,
) -> None:
    world = moving_world
    payment = await paid_by(world, "payconic_card", tipAmount=70)
    account = {"merchantId": "cafe-merchant", "apiKey": "another-key", "webhookSecret": WEBHOOK_SECRET}
    await world.control("POST", "/mode", {"webhooks": False})
    await world.control("POST", "/faults", {"fault": "timeout_before"})
    under_way = (await refund(world, payment, amount=200)).body
    await world.control("POST", "/accounts", account)
    failed = (await refund(world, payment, amount=300)).body
    await world.control("POST", "/accounts", {**account, "apiKey": "cafe-api-key"})

    third = (await refund(world, payment, amount=300)).body
    await world.let_time_pass(seconds=3)

    assert (failed["status"], failed["parts"]["order"]) == ("failed", 280)
    assert (third["parts"]["order"], third["parts"]["tip"]) == (280, 20)
    assert (await refund_now(world, under_way["refundId"]))["status"] == "completed"
    assert (await charge_of(world, payment))["refunded"] == 500
    assert (await journal_lines(world, payment["paymentId"]))["tips_payable"] == -50


async def test_an_outcome_that_cannot_be_learnt_for_a_week_is_flagged_for_a_person_and_kept(
    moving_world: World,
) -> None:
    world = moving_world
    payment = await paid_by(world, "payconic_card")
    await world.control("POST", "/mode", {"webhooks": False})
    await world.control("POST", "/faults", {"fault": "timeout_after", "on": ["refund"]})
    await world.control("POST", "/faults", {"fault": "error_500", "times": 1_000, "on": ["query", "refund"]})
    made = (await refund(world, payment)).body

    for step in SCHEDULE:
        sign_in_again(world)
        assert "needsReview" not in await refund_now(world, made["refundId"])
        await world.let_time_pass(seconds=step.total_seconds() + 1)
    sign_in_again(world)
    lost, flagged = await refund_now(world, made["refundId"]), await world.payment(payment["paymentId"])
    await world.let_time_pass(days=3)
    sign_in_again(world)
    attempts = (await world.payment(payment["paymentId"]))["attempts"]
    asked = [each["kind"] for each in attempts].count("check_refund")
    waiting = (await world.call("GET", "/refunds?status=pending", "manager")).body["items"]
    await world.control("DELETE", "/faults")
    found = await world.call("POST", f"/refunds/{made['refundId']}/retry", "manager")

    assert (lost["status"], lost["needsReview"], flagged["needsReview"]) == ("pending", True, True)
    assert lost["error"]
    assert asked == len(SCHEDULE) == 15
    assert made["refundId"] in [each["refundId"] for each in waiting]
    assert (found.status, found.body["status"]) == (200, "completed")
    assert "needsReview" not in found.body
    settled = await world.payment(payment["paymentId"])
    assert (settled["status"], settled["needsReview"]) == ("refunded", False)
    assert (await charge_of(world, payment))["refunded"] == 480


async def test_a_refund_that_was_never_sent_is_tried_again_and_not_failed(own_world: World) -> None:
    world = own_world
    payment = await paid_by(world, "payconic_card")
    port = int(world.sandbox.url.rsplit(":", 1)[1])
    await world.sandbox.stop()

    made = (await refund(world, payment)).body
    between = await refund_now(world, made["refundId"])
    accounts = [SandboxAccount("cafe-merchant", "cafe-api-key", WEBHOOK_SECRET)]
    world.sandbox = await start_sandbox(world.folder / "sandbox.db", accounts, port)
    await world.let_time_pass(seconds=3)

    attempts = (await world.payment(payment["paymentId"]))["attempts"]
    assert (made["status"], between["status"]) == ("pending", "pending")
    assert [each["outcome"] for each in attempts if each["kind"] == "refund"] == ["nothing sent"]
    assert (await refund_now(world, made["refundId"]))["status"] == "completed"


async def test_asking_again_is_for_managers_and_for_refunds_that_are_there(world: World) -> None:
    payment = await paid_by(world, "payconic_card")
    made = (await refund(world, payment)).body
    path = f"/refunds/{made['refundId']}"

    again = [await world.call("POST", f"{path}/retry", "manager") for _ in range(3)]

    assert [answer.body for answer in again] == [await refund_now(world, made["refundId"])] * 3
    assert (await world.call("POST", f"{path}/retry", "counter")).status == 403
    assert (await world.call("GET", "/refunds", "counter")).status == 403
    assert (await world.call("GET", path, "customer")).status == 403
    for stranger in (
        await world.call("GET", path, "other:manager"),
        await world.call("POST", f"{path}/retry", "other:manager"),
        await world.call("GET", f"/refunds/{new_id()}", "manager"),
    ):
        assert (stranger.status, stranger.body["code"]) == (404, "refund_not_found")
    assert (await charge_of(world, payment))["refunded"] == 480


async def test_a_transfer_goes_back_when_somebody_says_that_it_was_sent(world: World) -> None:
    payment = await paid_by(world, "qr_bank_transfer")
    made = (await refund(world, payment)).body
    booked_before = await journal_lines(world, payment["paymentId"])
    before = (await world.payment(payment["paymentId"]))["status"]

    key = new_id()
    done = await confirm(world, made["refundId"], key=key, bankReference="ANZ-77")
    again = await confirm(world, made["refundId"], key=key, bankReference="ANZ-77")
    twice = await confirm(world, made["refundId"])

    assert (made["status"], before, booked_before["bank"]) == ("pending", "completed", 480)
    assert (done.status, done.body["status"], done.body["externalRefundId"]) == (200, "completed", "ANZ-77")
    assert done.body["settledBy"] == world.home.people["manager"].person_id
    assert (again.body, again.headers["Idempotency-Replayed"]) == (done.body, "true")
    assert (twice.status, twice.body["code"]) == (422, "refund_not_by_hand")
    assert (await world.payment(payment["paymentId"]))["status"] == "refunded"
    assert set((await journal_lines(world, payment["paymentId"])).values()) == {0}


async def test_a_transfer_that_cannot_be_sent_frees_the_money_for_another_way(world: World) -> None:
    payment, before = await paid_by(world, "qr_bank_transfer"), await balance(world)
    made = (await refund(world, payment)).body
    blocked = await refund(world, payment, destination="credit")

    given_up = (await confirm(world, made["refundId"], sent=False, reason="No account known")).body
    to_credit = (await refund(world, payment, destination="credit")).body

    assert blocked.body["code"] == "refund_too_large"
    assert (given_up["status"], given_up["error"]) == ("failed", "No account known")
    assert to_credit["status"] == "completed"
    assert await balance(world) - before == 480


async def test_only_a_manager_confirms_and_only_what_is_made_by_hand(world: World) -> None:
    transfer = (await refund(world, await paid_by(world, "qr_bank_transfer"))).body
    card = (await refund(world, await paid_by(world, "payconic_card"))).body

    assert (await confirm(world, transfer["refundId"], "counter")).status == 403
    assert (await confirm(world, card["refundId"])).body["code"] == "refund_not_by_hand"
    assert (await confirm(world, new_id())).body["code"] == "refund_not_found"
    assert (await confirm(world, transfer["refundId"], "other:manager")).status == 404


async def test_to_credit_and_then_never_to_the_card_as_well(world: World) -> None:
    payment = await paid_by(world, "payconic_card")
    await refund(world, payment, amount=480, destination="credit")

    to_card = await refund(world, payment, amount=480)

    assert (to_card.status, to_card.body["code"]) == (422, "refund_too_large")
    assert (await charge_of(world, payment))["refunded"] == 0


async def test_a_refund_of_an_order_whose_process_died_is_finished_by_repeating_it(moving_world: World) -> None:
    world = moving_world
    payment = await paid_by(world, "payconic_card")
    await world.control("POST", "/mode", {"webhooks": False})
    await world.control("POST", "/faults", {"fault": "timeout_after"})
    by, order_id = world.home.people["manager"], payment["orderId"]
    once = Once(by.cafe_id, by.person_id, "POST /orders/{order_id}/refunds", new_id(), b"the same body")
    service = world.app.services.order_refunds

    async def made() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await world.call("GET", f"/orders/{order_id}/refunds", "staff")).body["items"]
        return found

    async def reserved() -> bool:
        return bool(await made())

    first = asyncio.create_task(service.refund(order_id, RefundOrder(), by, once))
    await jobs.assert_eventually(reserved)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    with pytest.raises(RequestInProgress):
        await service.refund(order_id, RefundOrder(), by, once)
    await world.let_time_pass(seconds=61)
    finished = await service.refund(order_id, RefundOrder(), by, once)
    again = await service.refund(order_id, RefundOrder(), by, once)

    assert [(each.refund_id, each.status) for each in finished.value.refunds] == [
        (each["refundId"], "completed") for each in await made()
    ]
    assert (again.value, again.replayed) == (finished.value, True)
    assert (await charge_of(world, payment))["refunded"] == 480


async def test_late_money_that_never_reached_the_bill_goes_back_out_of_suspense(moving_world: World) -> None:
    world = moving_world
    policy = await world.call("PUT", f"/cafes/{world.home.id}", "manager", {"lateMoneyPolicy": "review"})
    order = await world.order()
    late = (await world.pay(order, "payconic_card", tipAmount=48)).body
    await world.let_time_pass(minutes=31)
    in_time = (await world.pay(order, "customer_credit", amount=380)).body
    await world.control("POST", "/faults", {"fault": "late_success"})
    await world.control("POST", f"/payments/{late['gatewayPaymentId']}/approve")
    await world.until(late["paymentId"], "completed")

    surplus = (await refund(world, late, amount=380)).body
    order_between, booked = await order_of(world, late), await journal_lines(world, late["paymentId"])
    rest = (await refund(world, late)).body

    assert policy.status == 200
    assert surplus["parts"] == {"order": 0, "tip": 0, "rounding": 0, "suspense": 380}
    assert (booked["suspense"], booked["sales"], order_between["paymentStatus"]) == (0, -100, "paid")
    assert rest["parts"] == {"order": 100, "tip": 48, "rounding": 0}
    assert set((await journal_lines(world, late["paymentId"])).values()) == {0}
    assert (await order_of(world, late))["paymentStatus"] == "partly_refunded"
    assert (await world.payment(in_time["paymentId"]))["status"] == "completed"
    assert (await charge_of(world, late))["refunded"] == 528
