"""Each fault of the provider by its name: afterwards its charges and our ledger agree to the cent, or a person looks.

The shared fixtures check the books when a world ends; `agree` checks them, and the provider's own account, at once.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from tabletap.kernel.ids import new_id
from tabletap.sandbox.faults import Fault
from tests.support.books import assert_books_are_right, journal_lines, rows
from tests.support.shared_world import sign_in_again
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")

TESTS = re.findall(r"def (test_\w+)", Path(__file__).read_text())
ON_REFUND = ["timeout_before", "timeout_after", "error_500", "slow"]


async def arm(world: World, fault: str, **more: Any) -> None:
    await world.control("POST", "/faults", {"fault": fault, **more})


async def approve(world: World, payment: dict[str, Any]) -> None:
    await world.control("POST", f"/payments/{payment['gatewayPaymentId']}/approve")


async def charge_of(world: World, payment: dict[str, Any]) -> dict[str, Any] | None:
    found = [charge for charge in await world.charges() if charge["reference"] == payment["paymentId"]]
    assert len(found) <= 1, found
    return found[0] if found else None


async def agree(world: World, payment: dict[str, Any]) -> dict[str, Any]:
    """The payment as it is now; what the provider holds of it is what our ledger says, to the cent."""
    await assert_books_are_right(world)
    after, charge = await world.payment(payment["paymentId"]), await charge_of(world, payment)
    held = charge["amount"] - charge["refunded"] - charge["disputed"] if charge else 0
    lines = await journal_lines(world, payment["paymentId"])
    booked = sum(amount for account, amount in lines.items() if account.startswith("provider:"))
    assert booked == held or after["needsReview"], (after, charge, lines)
    return after


async def paid(world: World) -> dict[str, Any]:
    """A card payment that the guest has approved."""
    started = (await world.pay(await world.order(), "payconic_card")).body
    await approve(world, started)
    return await world.until(started["paymentId"], "completed")


async def test_timeout_before_on_a_start_charges_nothing_and_frees_the_bill(moving_world: World) -> None:
    world = moving_world
    order = await world.order()
    await arm(world, "timeout_before")

    started = (await world.pay(order, "payconic_card")).body
    await world.let_time_pass(minutes=31)

    after = await agree(world, started)
    assert started["status"] == "processing"
    assert after["status"] in ("failed", "expired", "cancelled")
    assert await charge_of(world, started) is None
    assert (await world.pay(order, "cash", "counter")).status == 201


async def test_timeout_after_on_a_start_is_found_by_asking_and_charged_once(moving_world: World) -> None:
    world = moving_world
    await world.control("POST", "/mode", {"webhooks": False})
    order, key = await world.order(), new_id()
    await arm(world, "timeout_after")

    started = (await world.pay(order, "payconic_card", key=key)).body
    again = (await world.pay(order, "payconic_card", key=key)).body
    await world.let_time_pass(seconds=3)

    after = await agree(world, started)
    assert (started["status"], again, after["status"]) == ("processing", started, "completed")


async def test_error_500_on_a_start_is_no_failure_until_the_provider_says_so(moving_world: World) -> None:
    world = moving_world
    order = await world.order()
    await arm(world, "error_500")

    started = (await world.pay(order, "payconic_card")).body
    await world.let_time_pass(minutes=31)

    after = await agree(world, started)
    assert started["status"] == "processing"
    assert after["status"] in ("failed", "expired", "cancelled")
    assert (await world.pay(order, "cash", "counter")).status == 201


async def test_slow_is_waited_for(world: World) -> None:
    await arm(world, "slow")

    started = (await world.pay(await world.order(), "payconic_card")).body
    await approve(world, started)

    await world.until(started["paymentId"], "completed")
    assert started["status"] == "pending"
    assert (await agree(world, started))["status"] == "completed"


async def test_duplicate_webhook_has_one_effect(world: World) -> None:
    await arm(world, "duplicate_webhook")

    payment = await paid(world)

    after = await agree(world, payment)
    assert [step["to"] for step in after["history"]] == ["pending", "completed"]
    kinds = [row[0] for row in await rows(world, "SELECT payment_id FROM journal") if row[0] == payment["paymentId"]]
    assert len(kinds) == 1


async def test_reorder_webhooks_come_to_the_same_end(world: World) -> None:
    await arm(world, "reorder_webhooks")
    payment = await paid(world)

    refund = await world.call(
        "POST", f"/payments/{payment['paymentId']}/refunds", "manager", {"amount": 80}, key=new_id()
    )

    after = await agree(world, payment)
    assert refund.body["status"] == "completed"
    assert (after["status"], after["refundedAmount"]) == ("partial_refund", 80)


async def test_drop_webhook_costs_seconds_and_no_payment(moving_world: World) -> None:
    world = moving_world
    started = (await world.pay(await world.order(), "payconic_card")).body
    await arm(world, "drop_webhook")
    await approve(world, started)

    await world.let_time_pass(seconds=31)

    assert (await agree(world, started))["status"] == "completed"


async def test_bad_signature_is_not_heard_and_the_provider_is_asked(moving_world: World) -> None:
    world = moving_world
    started = (await world.pay(await world.order(), "payconic_card")).body
    await arm(world, "bad_signature", times=100)
    await approve(world, started)

    await world.let_time_pass(seconds=31)

    assert (await agree(world, started))["status"] == "completed"


@pytest.mark.parametrize("fault", ["wrong_amount", "wrong_currency"])
async def test_wrong_amount_and_wrong_currency_release_no_goods_and_are_flagged(world: World, fault: str) -> None:
    order = await world.order()
    started = (await world.pay(order, "payconic_card")).body
    await arm(world, fault)
    await approve(world, started)

    asked = await world.call("POST", f"/payments/{started['paymentId']}/verify", "staff")

    after = await agree(world, started)
    shown = (await world.call("GET", f"/orders/{order['id']}", "customer")).body
    assert asked.status == 200
    assert (after["needsReview"], shown["status"]) == (True, "pending")
    assert after["status"] in ("pending", "processing")


async def test_late_success_after_the_expiry_pays_the_open_bill(moving_world: World) -> None:
    world = moving_world
    order = await world.order()
    started = (await world.pay(order, "payconic_card")).body
    await arm(world, "late_success")

    await world.let_time_pass(minutes=31)
    sign_in_again(world)
    ended = await world.payment(started["paymentId"])
    await world.control("GET", "/charges")
    late = await world.until(started["paymentId"], "completed", seconds=15)

    assert ended["status"] in ("expired", "cancelled", "completed")
    assert (await agree(world, started))["status"] == "completed"
    assert late["reviewReason"] == "late_money"
    assert (await world.call("GET", f"/orders/{order['id']}", "customer")).body["outstandingAmount"] == 0


@pytest.mark.parametrize("fault", ON_REFUND)
async def test_on_a_refund_timeout_before_timeout_after_error_500_and_slow_send_it_back_once(
    moving_world: World, fault: str
) -> None:
    world = moving_world
    payment, key = await paid(world), new_id()
    path = f"/payments/{payment['paymentId']}/refunds"
    await arm(world, fault, on=["refund"])

    first = await world.call("POST", path, "manager", {"amount": 200}, key=key)
    again = await world.call("POST", path, "manager", {"amount": 200}, key=key)
    await world.let_time_pass(seconds=10)

    after, charge = await agree(world, payment), await charge_of(world, payment)
    assert (first.status, again.body["refundId"]) == (201, first.body["refundId"])
    assert (after["refundedAmount"], charge and charge["refunded"]) == (200, 200)


@pytest.mark.parametrize("fault", ON_REFUND)
async def test_on_a_cancelling_timeout_before_timeout_after_error_500_and_slow_end_in_what_the_provider_says(
    moving_world: World, fault: str
) -> None:
    world = moving_world
    started = (await world.pay(await world.order(), "payconic_card")).body
    await arm(world, fault, on=["cancel"])

    await world.call("POST", f"/payments/{started['paymentId']}/cancel", "customer")
    await world.let_time_pass(minutes=31)

    assert (await agree(world, started))["status"] in ("cancelled", "expired")
    assert await charge_of(world, started) is None


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_with_any_faults_at_random_everything_agrees_in_the_end(moving_world: World, seed: int) -> None:
    world = moving_world
    await world.control("POST", "/chaos", {"seed": seed, "rate": 4_000})
    payments = []
    for number in range(6):
        order = await world.order()
        answer = await world.pay(order, "payconic_card")
        payment = answer.body
        payments.append(payment)
        if payment.get("gatewayPaymentId"):
            await approve(world, payment)
        if number % 2:
            path = f"/payments/{payment['paymentId']}/refunds"
            await world.call("POST", path, "manager", {"amount": 100}, key=new_id())
        await world.let_time_pass(seconds=20)
    await world.control("DELETE", "/chaos")

    for hours in (1, 3, 30):
        await world.let_time_pass(hours=hours)
        sign_in_again(world)

    for payment in payments:
        after = await agree(world, payment)
        assert after["status"] not in ("pending", "processing") or after["needsReview"], after


async def test_every_fault_has_a_test_with_its_name() -> None:
    names = " ".join(TESTS)

    assert [fault for fault in Fault if fault not in names] == []
