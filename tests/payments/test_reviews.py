"""What a person decides about a payment: the bill released, other money booked, late money given to somebody."""

import asyncio

import msgspec
import pytest

from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import new_id
from tabletap.orders import store as orders
from tabletap.payments import store as payments
from tabletap.payments.model import RefundAnswer
from tabletap.payments.refunding import settle as settle_refund
from tests.payments.odd_money import (
    decide,
    late_money,
    lost_start,
    pay_cash,
    provider_says,
    release,
    shown_order,
    wrongly_charged,
)
from tests.support.books import journal_lines
from tests.support.shared_world import sign_in_again
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")


# --- release ------------------------------------------------------------------------------


async def test_a_manager_releases_the_bill_and_money_that_comes_after_all_becomes_credit(moving_world: World) -> None:
    world = moving_world
    order, payment_id = await lost_start(world, "timeout_after")
    before = (await world.call("GET", "/credits/balance", "customer")).body["balance"]
    blocked = await world.pay(order, "cash", "counter")
    by_counter = await release(world, payment_id, "counter")

    released = await release(world, payment_id)
    again = await release(world, payment_id)
    await pay_cash(world, order)
    await world.let_time_pass(seconds=3)

    after = await world.until(payment_id, "refunded")
    assert (blocked.status, by_counter.status) == (422, 403)
    assert (released.status, released.body["status"], released.body["released"]) == (200, "processing", True)
    assert again.body == released.body
    assert (after["reviewReason"], after["refundedAmount"]) == ("late_money", 480)
    (step,) = [step for step in after["history"] if step.get("kind") == "released"]
    assert (step["note"], step["actor"]) == ("guest pays cash", world.home.people["manager"].person_id)
    assert (await world.call("GET", "/credits/balance", "customer")).body["balance"] == before + 480


async def test_only_what_is_unknown_is_released(world: World) -> None:
    order = await world.order()
    pending = (await world.pay(order, "payconic_card")).body["paymentId"]

    refused = await release(world, pending)

    assert (refused.status, refused.body["code"]) == (422, "payment_not_releasable")


async def test_a_share_whose_payment_is_unknown_is_blocked_until_it_is_released(moving_world: World) -> None:
    world = moving_world
    await world.control("POST", "/mode", {"webhooks": False})
    order = await world.order(items={"Flat white": 2})
    split = {"method": "equal", "count": 2}
    shares = (await world.call("POST", f"/orders/{order['id']}/splits", "customer", split)).body["shares"]
    share_id = shares[0]["splitId"]
    await world.control("POST", "/faults", {"fault": "timeout_after"})
    unknown = (await world.pay(order, "payconic_card", splitId=share_id)).body["paymentId"]

    blocked = await world.pay(order, "customer_credit", splitId=share_id)
    whole = await world.pay(order, "customer_credit", amount=960)
    await release(world, unknown)
    paid = await world.pay(order, "customer_credit", splitId=share_id)
    await world.let_time_pass(seconds=3)

    late = await world.payment(unknown)
    left = (await world.call("GET", f"/orders/{order['id']}/splits", "customer")).body
    assert (blocked.status, whole.status, paid.status) == (404, 422, 201)
    assert late["status"] in ("completed", "refunded", "partial_refund")
    assert late["needsReview"] is True
    assert left["shares"][0]["status"] == "paid"
    assert left["outstandingAmount"] == (await shown_order(world, order))["outstandingAmount"]


# --- money that differs -------------------------------------------------------------------


async def test_what_was_really_captured_is_booked_when_a_manager_accepts_it(moving_world: World) -> None:
    world = moving_world
    order, payment_id = await wrongly_charged(world)
    flagged = await world.payment(payment_id)

    accepted = await decide(world, payment_id, "accept")

    after = await world.payment(payment_id)
    assert flagged["reviewReason"] == "wrong_amount"
    assert accepted.status == 200, accepted
    assert (after["status"], after["amount"], after["totalAmount"], after["needsReview"]) == (
        "completed", 479, 479, False
    )  # fmt: skip
    assert after["history"][-1]["note"].startswith("480 became 479: ")
    assert (await shown_order(world, order))["outstandingAmount"] == 1
    assert sum((await journal_lines(world, payment_id)).values()) == 0


@pytest.mark.parametrize(("action", "kept"), [("refund", 0), ("credit", 479)])
async def test_what_was_captured_wrongly_can_go_back_or_to_credit_and_the_bill_stays_open(
    moving_world: World, action: str, kept: int
) -> None:
    world = moving_world
    order, payment_id = await wrongly_charged(world, tipAmount=0)

    decided = await decide(world, payment_id, action)
    await world.let_time_pass(seconds=3)

    after = await world.until(payment_id, "refunded")
    assert decided.status == 200, decided
    assert (after["refundedAmount"], after["needsReview"]) == (479, False)
    assert (await shown_order(world, order))["outstandingAmount"] == 480
    held = {name.split(":")[0]: amount for name, amount in (await journal_lines(world, payment_id)).items() if amount}
    assert held == ({} if action == "refund" else {"provider": kept, "customer_credit": -kept})


async def test_another_currency_cannot_be_booked_only_dismissed(own_world: World) -> None:
    world = own_world
    order, payment_id = await wrongly_charged(world, "wrong_currency")

    accepted = await decide(world, payment_id, "accept")
    refunded = await decide(world, payment_id, "refund")
    shown = await world.payment(payment_id)

    assert [accepted.body["code"], refunded.body["code"]] == ["review_not_possible"] * 2
    assert (shown["reviewReason"], shown["status"] in ("pending", "processing")) == ("wrong_currency", True)
    assert (await world.pay(order, "cash", "counter")).status == 422


async def test_a_provider_that_corrects_itself_is_believed(moving_world: World) -> None:
    world = moving_world
    await world.control("POST", "/mode", {"webhooks": False})
    order = await world.order()
    payment_id = (await world.pay(order, "payconic_card")).body["paymentId"]
    flagged = await provider_says(world, payment_id, state="pending", amount_minor=1)

    await world.control("POST", f"/payments/{payment_id}/approve")
    asked = await world.call("POST", f"/payments/{payment_id}/verify", "staff")

    after = await world.payment(payment_id)
    assert (flagged["reviewReason"], flagged["status"]) == ("wrong_amount", "pending")
    assert asked.body["status"] == "completed"
    assert (after["needsReview"], after["history"][-1]["note"]) == (False, "resolved: wrong_amount")
    assert (await shown_order(world, order))["status"] == "paid"


async def test_an_answer_about_another_payment_changes_nothing_of_this_one(moving_world: World) -> None:
    world = moving_world
    order = await world.order()
    started = (await world.pay(order, "payconic_card")).body

    flagged = await provider_says(
        world, started["paymentId"], state="completed", reference=new_id(), gateway_payment_id="of-another"
    )

    assert (flagged["reviewReason"], flagged["status"]) == ("wrong_reference", "pending")
    assert flagged["gatewayPaymentId"] == started["gatewayPaymentId"]


async def test_money_that_the_provider_calls_real_never_completes_a_test_payment(moving_world: World) -> None:
    world = moving_world
    order = await world.order()
    payment_id = (await world.pay(order, "payconic_card")).body["paymentId"]

    flagged = await provider_says(world, payment_id, state="completed", amount_minor=480, live_mode=True)

    assert (flagged["mode"], flagged["reviewReason"], flagged["status"]) == ("test", "wrong_mode", "pending")


async def test_an_outcome_that_the_provider_tells_at_last_is_accepted(moving_world: World) -> None:
    world = moving_world
    order, payment_id = await lost_start(world, "timeout_after")
    await world.control("POST", "/faults", {"fault": "error_500", "times": 1_000, "on": ["query", "cancel"]})
    for _ in range(16):
        await world.let_time_pass(days=1)
    sign_in_again(world)
    await world.control("DELETE", "/faults")

    accepted = await decide(world, payment_id, "accept")

    assert (accepted.status, accepted.body["status"], accepted.body["needsReview"]) == (200, "completed", False)
    assert (await shown_order(world, order))["status"] == "paid"


# --- late money ---------------------------------------------------------------------------


async def test_late_money_of_a_customer_becomes_credit_where_the_cafe_wants_it_so(moving_world: World) -> None:
    world = moving_world
    before = (await world.call("GET", "/credits/balance", "friend")).body["balance"]

    _, payment_id = await late_money(world, "credit", "friend", tipAmount=48)

    after = await world.until(payment_id, "refunded")
    lines = {name.split(":")[0]: amount for name, amount in (await journal_lines(world, payment_id)).items() if amount}
    assert (after["refundedAmount"], after["reviewReason"]) == (528, "late_money")
    assert lines == {"provider": 528, "customer_credit": -528}
    assert (await world.call("GET", "/credits/balance", "friend")).body["balance"] == before + 528
    dismissed = await decide(world, payment_id, "dismiss")
    assert (dismissed.status, dismissed.body["needsReview"]) == (200, False)


async def test_late_money_of_nobody_with_an_account_waits_for_a_person(moving_world: World) -> None:
    world = moving_world
    _, payment_id = await late_money(world, "credit", "staff")

    waiting = await world.payment(payment_id)
    queue = (await world.call("GET", "/payments?needsReview=true", "manager")).body["items"]
    to_credit = await decide(world, payment_id, "credit")
    dismissed = await decide(world, payment_id, "dismiss")
    accepted = await decide(world, payment_id, "accept")
    refunded = await decide(world, payment_id, "refund")
    await world.let_time_pass(seconds=3)

    after = await world.until(payment_id, "refunded")
    assert (waiting["status"], waiting["reviewReason"]) == ("completed", "late_money")
    assert payment_id in [payment["paymentId"] for payment in queue]
    assert all(payment["needsReview"] for payment in queue)
    assert [to_credit.body["code"], dismissed.body["code"], accepted.body["code"]] == [
        "refund_to_credit_needs_account", "review_not_possible", "review_not_possible",
    ]  # fmt: skip
    assert refunded.status == 200, refunded
    assert (after["needsReview"], after["refundedAmount"]) == (False, 480)
    assert "suspense" not in {name for name, amount in (await journal_lines(world, payment_id)).items() if amount}


async def test_a_bill_that_is_open_again_takes_the_late_money_when_a_manager_accepts_it(moving_world: World) -> None:
    world = moving_world
    order, payment_id = await late_money(world, "review")

    async def order_more(tx: Transaction) -> None:
        before = await orders.get(tx, order["id"], lock=True)
        assert before is not None
        after = msgspec.structs.replace(before, total_minor=before.total_minor + 480, version=before.version + 1)
        orders.save(tx, before, after)
        line = {"cafe_id": world.home.id, "id": order["items"][0]["id"]}
        tx.update(orders.order_item, line, {"total_minor": 960}, {})

    await world.app.db.transaction(world.home.id, order_more)
    accepted = await decide(world, payment_id, "accept")

    lines = {name.split(":")[0]: amount for name, amount in (await journal_lines(world, payment_id)).items() if amount}
    assert (accepted.status, accepted.body["needsReview"]) == (200, False)
    assert lines == {"provider": 480, "sales": -480}
    assert (await shown_order(world, order))["outstandingAmount"] == 0
    assert (await world.payment(payment_id))["refundableAmount"] == 480


async def test_late_money_goes_back_by_itself_where_the_cafe_wants_it_so(moving_world: World) -> None:
    world = moving_world
    _, payment_id = await late_money(world, "refund")

    await world.let_time_pass(seconds=3)

    after = await world.until(payment_id, "refunded")
    (charge,) = [charge for charge in await world.charges() if charge["reference"] == payment_id]
    assert (charge["amount"], charge["refunded"]) == (480, 480)
    assert after["reviewReason"] == "late_money"


# --- the queue and who decides --------------------------------------------------------------


async def test_reviews_are_the_managers_and_have_one_effect_under_one_key(world: World) -> None:
    _, payment_id = await wrongly_charged(world)
    key = new_id()

    by_counter = await decide(world, payment_id, "accept", who="counter")
    queue_of_counter = await world.call("GET", "/payments?needsReview=true", "counter")
    elsewhere = await decide(world, payment_id, "accept", who="other:manager")
    answers = await asyncio.gather(*(decide(world, payment_id, "accept", key=key) for _ in range(5)))
    done = await decide(world, payment_id, "accept", key=key)
    anew = await decide(world, payment_id, "accept")

    assert [by_counter.status, queue_of_counter.status, elsewhere.status] == [403, 403, 404]
    assert {answer.status for answer in answers} <= {200, 409}
    assert (done.status, done.headers["Idempotency-Replayed"]) == (200, "true")
    assert (anew.status, anew.body["code"]) == (422, "payment_not_under_review")
    assert [step["to"] for step in (await world.payment(payment_id))["history"]].count("completed") == 1


async def test_management_hears_of_what_needs_a_person_and_of_what_does_not_any_more(world: World) -> None:
    _, payment_id = await wrongly_charged(world)
    await decide(world, payment_id, "accept")

    events = (await world.call("GET", f"/events?stream=payment:{payment_id}&limit=200", "manager")).body["items"]

    told = [(event["status"], event.get("reviewReason")) for event in events if event["name"] == "payment_state_sync"]
    assert told[0][1] == "wrong_amount"
    assert told[-1] == ("completed", None)


async def test_late_money_whose_way_back_fails_is_under_review_again(moving_world: World) -> None:
    world = moving_world
    _, payment_id = await late_money(world, "review")
    first = await decide(world, payment_id, "refund")

    async def fail(tx: Transaction) -> None:
        (refund,) = await payments.refunds(tx, payment_id)
        gateway = world.app.gateways.for_method("payconic_card")
        await settle_refund(tx, gateway, refund, RefundAnswer(status="failed", error="the card is closed"))

    await world.app.db.transaction(world.home.id, fail)
    failed = await world.payment(payment_id)
    to_credit = await decide(world, payment_id, "credit")

    after = await world.payment(payment_id)
    assert (first.body["needsReview"], failed["reviewReason"]) == (False, "late_money")
    assert (to_credit.status, after["needsReview"], after["refundedAmount"]) == (200, False, 480)
    lines = {name.split(":")[0]: amount for name, amount in (await journal_lines(world, payment_id)).items() if amount}
    assert lines == {"provider": 480, "customer_credit": -480}


async def test_disputed_late_money_cannot_be_given_away(own_world: World) -> None:
    world = own_world
    _, payment_id = await late_money(world, "review")
    await world.control("POST", f"/payments/{payment_id}/dispute", {})
    await world.call("POST", f"/payments/{payment_id}/verify", "staff")

    refused = await decide(world, payment_id, "refund")
    await world.control("POST", f"/payments/{payment_id}/dispute/close", {"outcome": "lost"})
    await world.call("POST", f"/payments/{payment_id}/verify", "staff")
    dismissed = await decide(world, payment_id, "dismiss")

    assert (refused.status, refused.body["code"]) == (422, "payment_disputed")
    assert (dismissed.status, dismissed.body["needsReview"]) == (200, False)
    assert {amount for amount in (await journal_lines(world, payment_id)).values() if amount} == set()
