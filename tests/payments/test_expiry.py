"""A payment's time is over: it expires only if the provider agrees, and money that comes late is never lost."""

import pytest

from tabletap.kernel.ids import new_id
from tests.support.books import journal_lines
from tests.support.shared_world import sign_in_again
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def late_money_goes_to(world: World, policy: str) -> None:
    changed = await world.call("PUT", f"/cafes/{world.home.id}", "manager", {"lateMoneyPolicy": policy})
    assert changed.status == 200, changed


async def approve_too_late(world: World, payment_id: str) -> None:
    """The guest's money arrives although the provider had closed the payment."""
    await world.control("POST", "/faults", {"fault": "late_success"})
    await world.control("POST", f"/payments/{payment_id}/approve")


@pytest.mark.parametrize(
    ("method", "minutes"),
    [
        ("qr_bank_transfer", 15),
        ("payconic_card", 30),
        ("payconic_bank_transfer", 60),
        ("payconic_digital_wallet", 30),
    ],
)
async def test_a_payment_expires_at_its_methods_time_and_frees_the_bill(
    moving_world: World, method: str, minutes: int
) -> None:
    world = moving_world
    order = await world.order()
    payment_id = (await world.pay(order, method)).body["paymentId"]

    await world.let_time_pass(minutes=minutes, seconds=-5)
    before = (await world.payment(payment_id))["status"]
    await world.let_time_pass(seconds=10)

    sign_in_again(world)
    after = await world.until(payment_id, "expired")
    otherwise = await world.pay(order, "customer_credit")
    assert before == "pending"
    assert after["history"][-1]["to"] == "expired"
    assert otherwise.status == 201
    if method == "qr_bank_transfer":
        assert after["qr"]["status"] == "expired"
        assert after["history"][-1]["evidence"] == "clock"
    else:
        assert after["history"][-1]["evidence"] in ("api_response", "query")


async def test_cash_waits_for_the_counter_without_an_end(moving_world: World) -> None:
    order = await moving_world.order()
    payment_id = (await moving_world.pay(order, "cash")).body["paymentId"]

    await moving_world.let_time_pass(days=2)

    sign_in_again(moving_world)
    assert (await moving_world.payment(payment_id))["status"] == "pending"


async def test_a_cafe_may_choose_other_minutes(own_world: World) -> None:
    path = f"/cafes/{own_world.home.id}"
    changed = await own_world.call("PUT", path, "manager", {"expiryMinutes": {"qr_bank_transfer": 1}})
    order = await own_world.order()
    payment_id = (await own_world.pay(order, "qr_bank_transfer")).body["paymentId"]

    await own_world.let_time_pass(seconds=61)

    assert changed.status == 200
    assert (await own_world.payment(payment_id))["status"] == "expired"


async def test_what_was_paid_in_the_last_moment_completes_instead_of_expiring(moving_world: World) -> None:
    await moving_world.control("POST", "/mode", {"webhooks": False})
    order = await moving_world.order()
    started = (await moving_world.pay(order, "payconic_card")).body
    await moving_world.let_time_pass(minutes=29)
    await moving_world.control("POST", f"/payments/{started['gatewayPaymentId']}/approve")

    await moving_world.let_time_pass(minutes=2)

    assert (await moving_world.payment(started["paymentId"]))["status"] == "completed"
    assert (await moving_world.call("GET", f"/orders/{order['id']}", "customer")).body["status"] == "paid"


async def test_money_that_comes_after_expiry_still_pays_an_open_bill(moving_world: World) -> None:
    order = await moving_world.order()
    payment_id = (await moving_world.pay(order, "payconic_card")).body["paymentId"]
    await moving_world.let_time_pass(minutes=31)
    expired = await moving_world.payment(payment_id)

    await approve_too_late(moving_world, payment_id)

    late = await moving_world.until(payment_id, "completed")
    assert expired["status"] == "expired"
    assert [step["to"] for step in late["history"]] == ["pending", "expired", "completed"]
    assert (late["reviewReason"], late["history"][-1]["evidence"]) == ("late_money", "query")
    assert late["refundableAmount"] == 480
    assert (await moving_world.call("GET", f"/orders/{order['id']}", "customer")).body["status"] == "paid"


async def test_late_money_for_a_bill_paid_otherwise_is_kept_apart_for_a_person_to_decide(moving_world: World) -> None:
    await late_money_goes_to(moving_world, "review")
    order = await moving_world.order()
    payment_id = (await moving_world.pay(order, "payconic_card", tipAmount=48)).body["paymentId"]
    await moving_world.let_time_pass(minutes=31)
    assert (await moving_world.pay(order, "customer_credit")).status == 201

    await approve_too_late(moving_world, payment_id)

    late = await moving_world.until(payment_id, "completed")

    booked = await journal_lines(moving_world, payment_id)
    assert late["needsReview"] is True
    assert {account.split(":")[0]: amount for account, amount in booked.items()} == {
        "provider": 528,
        "suspense": -480,
        "tips_payable": -48,
    }
    back = await moving_world.call("POST", f"/payments/{payment_id}/refunds", "manager", {}, key=new_id())
    assert (back.status, back.body["status"]) == (201, "completed")


async def test_late_money_for_a_cancelled_order_releases_no_goods(moving_world: World) -> None:
    await late_money_goes_to(moving_world, "refund")
    order = await moving_world.order()
    payment_id = (await moving_world.pay(order, "payconic_card")).body["paymentId"]
    cancelled = await moving_world.call("POST", f"/payments/{payment_id}/cancel", "customer")
    await moving_world.call("POST", f"/orders/{order['id']}/status", "customer", {"status": "cancelled"})

    await approve_too_late(moving_world, payment_id)

    late = await moving_world.until(payment_id, "completed")

    shown = (await moving_world.call("GET", f"/orders/{order['id']}", "customer")).body
    assert cancelled.body["status"] == "cancelled"
    assert (late["needsReview"], late["reviewReason"]) == (True, "late_money")
    assert shown["status"] == "cancelled"
    await moving_world.let_time_pass(seconds=3)
    assert (await moving_world.payment(payment_id))["status"] == "refunded"


async def test_a_transfer_seen_after_its_time_still_pays_the_bill(moving_world: World) -> None:
    order = await moving_world.order()
    started = (await moving_world.pay(order, "qr_bank_transfer")).body
    await moving_world.let_time_pass(minutes=16)

    path = f"/qr-payments/{started['qr']['qrPaymentId']}/confirm"
    confirmed = await moving_world.call("POST", path, "counter", {"amount": 480}, key=new_id())

    shown = (await moving_world.call("GET", f"/orders/{order['id']}", "customer")).body
    assert (confirmed.status, confirmed.body["status"]) == (200, "completed")
    assert shown["status"] == "paid"


@pytest.mark.parametrize("method", ["cash", "qr_bank_transfer", "payconic_card"])
async def test_the_payer_cancels_what_is_not_paid_yet_and_twice_is_as_good_as_once(world: World, method: str) -> None:
    order = await world.order()
    payment_id = (await world.pay(order, method)).body["paymentId"]
    path = f"/payments/{payment_id}/cancel"

    first = await world.call("POST", path, "customer")
    again = await world.call("POST", path, "staff")

    assert (first.status, first.body["status"]) == (200, "cancelled")
    assert (again.status, again.body["status"]) == (200, "cancelled")
    last = (await world.payment(payment_id))["history"][-1]
    assert last["evidence"] in (("guest",) if method != "payconic_card" else ("api_response", "query"))
    assert method == "payconic_card" or last["actor"] == world.home.people["customer"].person_id
    assert (await world.pay(order, "customer_credit")).status == 201


async def test_what_the_guest_paid_meanwhile_cannot_be_cancelled(world: World) -> None:
    await world.control("POST", "/mode", {"webhooks": False})
    order = await world.order()
    started = (await world.pay(order, "payconic_card")).body
    await world.control("POST", f"/payments/{started['gatewayPaymentId']}/approve")

    refused = await world.call("POST", f"/payments/{started['paymentId']}/cancel", "customer")

    assert (refused.status, refused.body["code"]) == (422, "payment_not_cancellable")
    assert (await world.payment(started["paymentId"]))["status"] == "completed"


async def test_a_provider_that_is_away_when_a_payment_ends_is_asked_again_until_it_agrees(moving_world: World) -> None:
    world = moving_world
    await world.control("POST", "/mode", {"webhooks": False})
    order = await world.order()
    payment_id = (await world.pay(order, "payconic_card")).body["paymentId"]
    await world.control("POST", "/faults", {"fault": "error_500", "times": 1_000, "on": ["cancel", "query"]})

    await world.let_time_pass(minutes=31)
    away = await world.payment(payment_id)
    await world.let_time_pass(hours=1)
    sign_in_again(world)
    still_away = await world.payment(payment_id)
    await world.control("DELETE", "/faults")
    sign_in_again(world)
    await world.let_time_pass(hours=3)

    sign_in_again(world)
    after = await world.until(payment_id, "expired")
    assert (away["status"], still_away["status"]) == ("processing", "processing")
    assert after["needsReview"] is False
    assert after["attempts"][-1]["kind"] == "cancel"
    assert (await world.pay(order, "customer_credit")).status == 201


@pytest.mark.parametrize("later", [{"minutes": 2}, {"minutes": 40}, {"hours": 5}, {"days": 6}])
async def test_a_late_success_whose_callback_was_dropped_is_found_by_looking_again(
    moving_world: World, later: dict[str, float]
) -> None:
    world = moving_world
    await world.control("POST", "/mode", {"webhooks": False})
    order = await world.order()
    payment_id = (await world.pay(order, "payconic_card")).body["paymentId"]
    await world.let_time_pass(minutes=31)
    await approve_too_late(world, payment_id)

    for _ in range(7):
        await world.let_time_pass(**later)

    sign_in_again(world)
    late = await world.until(payment_id, "completed")
    assert late["reviewReason"] == "late_money"
    assert (await world.call("GET", f"/orders/{order['id']}", "customer")).body["outstandingAmount"] == 0


async def test_what_ended_is_looked_at_for_a_week_and_then_left_alone(moving_world: World) -> None:
    world = moving_world
    await world.control("POST", "/mode", {"webhooks": False})
    order = await world.order()
    payment_id = (await world.pay(order, "payconic_card")).body["paymentId"]
    await world.call("POST", f"/payments/{payment_id}/cancel", "customer")

    for _ in range(14):
        await world.let_time_pass(days=1)
    sign_in_again(world)
    after_two_weeks = await world.payment(payment_id)
    await world.let_time_pass(days=2)

    sign_in_again(world)
    later = await world.payment(payment_id)
    assert after_two_weeks["status"] == "cancelled"
    assert [attempt["kind"] for attempt in after_two_weeks["attempts"]] == ["start", "cancel", *["check"] * 11]
    assert later["attempts"] == after_two_weeks["attempts"]


async def test_whoever_was_about_to_pay_what_late_money_paid_is_stopped(moving_world: World) -> None:
    world = moving_world
    order = await world.order()
    late_id = (await world.pay(order, "payconic_card")).body["paymentId"]
    await world.let_time_pass(minutes=31)
    other_id = (await world.pay(order, "payconic_card", "staff")).body["paymentId"]

    await approve_too_late(world, late_id)

    await world.until(late_id, "completed")
    other = await world.until(other_id, "cancelled")
    assert [(step["kind"], step["to"]) for step in other["history"]] == [
        ("moved", "pending"),
        ("released", "pending"),
        ("moved", "cancelled"),
    ]
    assert other["history"][-1]["actor"] == "00000000-0000-7000-8000-000000000000"
    assert (await world.call("GET", f"/orders/{order['id']}", "customer")).body["paymentStatus"] == "paid"


async def test_a_provider_that_will_not_let_go_of_a_payment_is_a_matter_for_a_person(moving_world: World) -> None:
    world = moving_world
    await world.control("POST", "/mode", {"webhooks": False})
    order = await world.order()
    payment_id = (await world.pay(order, "payconic_card")).body["paymentId"]
    await world.control("POST", "/faults", {"fault": "error_500", "times": 1_000, "on": ["cancel"]})

    await world.let_time_pass(minutes=31)
    kept = await world.payment(payment_id)
    await world.let_time_pass(minutes=30)
    sign_in_again(world)
    tried = await world.payment(payment_id)
    await world.let_time_pass(days=8)
    sign_in_again(world)
    flagged = await world.payment(payment_id)
    await world.control("DELETE", "/faults")
    cancelled = await world.call("POST", f"/payments/{payment_id}/cancel", "staff")

    assert (kept["status"], tried["status"]) == ("pending", "pending")
    assert len([each for each in tried["attempts"] if each["kind"] == "cancel"]) >= 2
    assert (flagged["status"], flagged["reviewReason"]) == ("pending", "outcome_unknown")
    assert (cancelled.body["status"], cancelled.body["needsReview"]) == ("cancelled", False)
