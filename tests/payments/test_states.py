"""What becomes of a payment when the provider, the clock and people disagree: never lost, never unsaid."""

import asyncio
from typing import Any

import pytest

from tabletap.infra.db.transaction import Transaction
from tabletap.payments.accounts import store as accounts
from tabletap.payments.model import Answer, Evidence, PaymentState
from tests.payments.odd_money import (
    decide,
    lost_start,
    provider_says,
    shown_order,
)
from tests.support.books import journal_lines
from tests.support.shared_world import sign_in_again
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")
MERCHANT = {"Authorization": "Bearer cafe-api-key", "X-Merchant-ID": "cafe-merchant"}


# --- outcomes that are not known ---------------------------------------------------------


@pytest.mark.parametrize("fault", ["timeout_before", "error_500"])
async def test_what_the_provider_never_saw_ends_as_failed_once_no_request_can_be_on_its_way(
    moving_world: World, fault: str
) -> None:
    world = moving_world
    order, payment_id = await lost_start(world, fault)

    await world.let_time_pass(seconds=100)
    during = await world.payment(payment_id)
    await world.let_time_pass(minutes=10)

    after = await world.payment(payment_id)
    assert during["status"] == "processing"
    assert (after["status"], after["needsReview"]) == ("failed", False)
    assert (after["history"][-1]["evidence"], after["attempts"][-1]["error"]) == ("query", "no such payment there")
    assert (await world.pay(order, "customer_credit")).status == 201


async def test_a_payment_that_the_provider_once_confirmed_is_never_called_failed_because_it_forgot(
    moving_world: World,
) -> None:
    world = moving_world
    await world.control("POST", "/mode", {"webhooks": False})
    order = await world.order()
    payment_id = (await world.pay(order, "payconic_card")).body["paymentId"]
    await world.let_time_pass(minutes=5)

    first = await provider_says(world, payment_id, unknown_there=True)
    again = await provider_says(world, payment_id, unknown_there=True)

    assert (first["status"], again["status"]) == ("processing", "processing")


async def test_asking_by_hand_does_not_use_up_the_schedule(moving_world: World) -> None:
    world = moving_world
    _, payment_id = await lost_start(world, "timeout_after")
    await world.control("POST", "/faults", {"fault": "error_500", "times": 1_000, "on": ["query"]})

    for _ in range(20):
        await world.call("POST", f"/payments/{payment_id}/verify", "staff")

    after = await world.payment(payment_id)
    assert (after["status"], after["needsReview"]) == ("processing", False)


async def test_after_a_week_of_asking_in_vain_a_person_has_to_look_and_may_end_it(moving_world: World) -> None:
    world = moving_world
    order, payment_id = await lost_start(world)
    await world.control("POST", "/faults", {"fault": "error_500", "times": 1_000, "on": ["query", "cancel"]})

    for _ in range(16):
        await world.let_time_pass(days=1)
    sign_in_again(world)
    unknown = await world.payment(payment_id)
    refused = await decide(world, payment_id, "accept")
    blocked = await world.pay(order, "cash", "counter")
    ended = await decide(world, payment_id, "dismiss")

    assert (unknown["status"], unknown["reviewReason"]) == ("processing", "outcome_unknown")
    assert (unknown["history"][-1]["kind"], unknown["history"][-1]["evidence"]) == ("flagged", "clock")
    assert (refused.status, refused.body["code"]) == (422, "review_not_possible")
    assert blocked.body["code"] == "amount_exceeds_outstanding"
    assert (ended.status, ended.body["status"], ended.body["needsReview"]) == (200, "failed", False)
    history = (await world.payment(payment_id))["history"]
    assert (history[-1]["evidence"], history[-1]["actor"]) == ("staff", world.home.people["manager"].person_id)
    assert (await world.pay(order, "cash", "counter")).status == 201


async def test_a_request_that_arrives_after_all_is_ended_at_the_provider_so_that_nobody_pays_it(
    moving_world: World,
) -> None:
    world = moving_world
    order, payment_id = await lost_start(world)
    await world.let_time_pass(minutes=10)
    failed = await world.payment(payment_id)
    await arrive_late(world, order, payment_id)
    assert (await at_provider(world, payment_id))["status"] == "pending"

    await world.let_time_pass(minutes=2)

    after = await world.payment(payment_id)
    assert (failed["status"], after["status"], after["needsReview"]) == ("failed", "failed", False)
    assert (await at_provider(world, payment_id))["status"] == "cancelled"
    assert (await world.pay(order, "customer_credit")).status == 201


async def arrive_late(world: World, order: dict[str, Any], payment_id: str) -> None:
    """Our request to start the payment, which somebody on the way had held back."""
    body = {
        "amount": 480, "currency": "AUD", "reference": payment_id, "orderId": order["id"], "paymentMethod": "card",
    }  # fmt: skip
    async with world.session.post(f"{world.sandbox.url}/payments", json=body, headers=MERCHANT) as response:
        assert response.status == 201, await response.text()


async def at_provider(world: World, payment_id: str) -> dict[str, Any]:
    url = f"{world.sandbox.url}/payments?reference={payment_id}"
    async with world.session.get(url, headers=MERCHANT) as response:
        (found,) = (await response.json())["items"]
        shown: dict[str, Any] = found
        return shown


# --- contradictions -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "said", [{"state": "failed"}, {"state": "cancelled"}, {"state": "pending"}, {"unknown_there": True}]
)
async def test_a_success_that_the_provider_takes_back_is_flagged_and_not_unsaid(
    moving_world: World, said: dict[str, Any]
) -> None:
    world = moving_world
    await world.control("POST", "/mode", {"autoApprove": True})
    order = await world.order()
    payment_id = (await world.pay(order, "payconic_card")).body["paymentId"]
    await world.until(payment_id, "completed")

    flagged = await provider_says(world, payment_id, **said)
    again = await provider_says(world, payment_id, **said)
    accepted = await decide(world, payment_id, "accept")

    assert (flagged["status"], flagged["reviewReason"]) == ("completed", "contradiction")
    assert len(again["history"]) == len(flagged["history"])
    assert (accepted.status, accepted.body["needsReview"]) == (200, False)


async def test_an_older_answer_that_comes_after_the_success_is_no_contradiction(moving_world: World) -> None:
    world = moving_world
    order = await world.order()
    payment_id = (await world.pay(order, "payconic_card")).body["paymentId"]
    asking = world.app.services.payments.asking
    as_it_was = await asking.stored(world.home.id, payment_id)
    await world.control("POST", f"/payments/{payment_id}/approve")
    await world.until(payment_id, "completed")

    await asking.record(as_it_was, Answer(state="pending", evidence="query"), "check", as_it_was.initiated_by)

    after = await world.payment(payment_id)
    assert (after["status"], after["needsReview"]) == ("completed", False)


@pytest.mark.parametrize("evidence", ["clock", "guest", "staff"])
@pytest.mark.parametrize("state", ["completed", "failed", "expired"])
async def test_nobodys_word_but_the_providers_ends_a_payment_that_is_there(
    moving_world: World, evidence: Evidence, state: PaymentState
) -> None:
    world = moving_world
    order = await world.order()
    payment_id = (await world.pay(order, "payconic_card")).body["paymentId"]

    after = await provider_says(world, payment_id, state=state, evidence=evidence)

    assert after["status"] == "pending"


# --- at once and in the wrong mode -------------------------------------------------------


async def test_eight_phones_that_pay_one_share_at_once_make_one_attempt(world: World) -> None:
    order = await world.order(items={"Flat white": 2})
    split = {"method": "equal", "count": 2}
    shares = (await world.call("POST", f"/orders/{order['id']}/splits", "customer", split)).body["shares"]

    answers = await asyncio.gather(*(world.pay(order, "payconic_card", splitId=shares[0]["splitId"]) for _ in range(8)))

    assert sorted(answer.status for answer in answers) == [201, *[404] * 7]
    live = (await world.call("GET", f"/payments?orderId={order['id']}", "manager")).body["items"]
    assert [payment["amount"] for payment in live] == [480]


async def test_an_account_that_is_called_live_never_takes_money_from_the_sandbox(own_world: World) -> None:
    world = own_world
    account = await world.app.db.read(world.home.id, lambda reader: accounts.account(reader, "payconic"))
    assert account is not None

    async def call_it_live(tx: Transaction) -> None:
        tx.update(accounts.provider_account, {"cafe_id": world.home.id, "id": account.id}, {"mode": "live"}, {})

    await world.app.db.transaction(world.home.id, call_it_live)
    await world.control("POST", "/mode", {"autoApprove": True})
    order = await world.order()

    payment_id = (await world.pay(order, "payconic_card")).body["paymentId"]
    await world.call("POST", f"/payments/{payment_id}/verify", "staff")

    after = await world.payment(payment_id)
    assert (after["mode"], after["reviewReason"]) == ("live", "wrong_mode")
    assert after["status"] in ("pending", "processing")
    assert (await shown_order(world, order))["status"] == "pending"
    assert await journal_lines(world, payment_id) == {}
    assert [payment["mode"] for payment in (await world.call("GET", "/payments", "manager")).body["items"]] == ["live"]
