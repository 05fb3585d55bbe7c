"""A guest's bank takes money back: it is held, nothing of it is refunded, and the decision is booked."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tabletap.kernel.ids import new_id
from tabletap.payments.model import Answer, DisputeStatus, ProviderDispute
from tests.support.books import journal_lines
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")
NOW = datetime.now(UTC)


async def paid(world: World, **more: Any) -> tuple[dict[str, Any], str]:
    """An order paid by card."""
    await world.control("POST", "/mode", {"autoApprove": True})
    order = await world.order()
    payment_id = (await world.pay(order, "payconic_card", **more)).body["paymentId"]
    await world.until(payment_id, "completed")
    await world.control("POST", "/mode", {"autoApprove": False, "webhooks": False})
    return order, payment_id


async def told(
    world: World,
    payment_id: str,
    status: DisputeStatus,
    amount: int = 480,
    external_id: str = "dp_1",
    closed_at: datetime | None = None,
) -> dict[str, Any]:
    """Record that the provider tells of a dispute in its answer to a question."""
    asking = world.app.services.payments.asking
    payment = await asking.stored(world.home.id, payment_id)
    dispute = ProviderDispute(
        id=external_id, amount_minor=amount, status=status, reason="fraudulent", closed_at=closed_at
    )
    answer = Answer(state="completed", evidence="query", disputes=(dispute,))
    await asking.record(payment, answer, "check", payment.initiated_by)
    return await world.payment(payment_id)


async def lines(world: World, payment_id: str) -> dict[str, int]:
    booked = await journal_lines(world, payment_id)
    return {account.split(":")[0]: amount for account, amount in booked.items() if amount}


async def refund(world: World, payment_id: str, **body: Any) -> tuple[int, str]:
    answer = await world.call("POST", f"/payments/{payment_id}/refunds", "manager", body, key=new_id())
    return answer.status, answer.body.get("code") or answer.body["status"]


async def test_an_open_dispute_holds_its_amount_and_blocks_every_refund(own_world: World) -> None:
    world = own_world
    _, payment_id = await paid(world)

    disputed = await told(world, payment_id, "open")
    again = await told(world, payment_id, "open")

    assert (disputed["disputedAmount"], disputed["refundableAmount"]) == (480, 0)
    assert (disputed["needsReview"], disputed["reviewReason"]) == (True, "dispute")
    assert [(dispute["status"], dispute["amount"]) for dispute in disputed["disputes"]] == [("open", 480)]
    assert len(again["history"]) == len(disputed["history"])
    assert await lines(world, payment_id) == {"disputes": 480, "sales": -480}
    assert await refund(world, payment_id) == (422, "payment_disputed")
    assert await refund(world, payment_id, amount=1) == (422, "payment_disputed")
    assert await refund(world, payment_id, destination="credit") == (422, "payment_disputed")
    await told(world, payment_id, "won")


async def test_a_dispute_that_was_won_gives_the_money_back_and_refunds_go_again(own_world: World) -> None:
    world = own_world
    _, payment_id = await paid(world)
    await told(world, payment_id, "open")

    won = await told(world, payment_id, "won")

    assert (won.get("disputedAmount", 0), won["refundableAmount"]) == (0, 480)
    assert (won["needsReview"], won["disputes"][0]["status"]) == (False, "won")
    assert await lines(world, payment_id) == {"provider": 480, "sales": -480}
    assert await refund(world, payment_id, amount=80) == (201, "completed")


async def test_a_dispute_that_was_lost_is_booked_out_of_sales_first_and_the_tip_last(own_world: World) -> None:
    world = own_world
    _, payment_id = await paid(world, tipAmount=48)
    await told(world, payment_id, "open", 500)

    lost = await told(world, payment_id, "lost", 500)

    assert (lost["chargedBackAmount"], lost["refundableAmount"], lost["needsReview"]) == (500, 28, False)
    assert await lines(world, payment_id) == {"provider": 28, "tips_payable": -28}
    assert await refund(world, payment_id, amount=29) == (422, "refund_too_large")
    await world.call("POST", f"/payments/{payment_id}/verify", "staff")
    assert await lines(world, payment_id) == {"provider": 28, "tips_payable": -28}
    await told(world, payment_id, "won", 500, closed_at=datetime.now(UTC) + timedelta(days=1))


@pytest.mark.parametrize("order_of_news", [("lost",), ("open", "lost", "open"), ("lost", "open", "lost")])
async def test_news_of_a_dispute_in_any_order_and_any_number_come_to_the_same_books(
    own_world: World, order_of_news: tuple[DisputeStatus, ...]
) -> None:
    world = own_world
    _, payment_id = await paid(world)

    for status in order_of_news:
        await told(world, payment_id, status, closed_at=NOW if status != "open" else None)

    shown = await world.payment(payment_id)
    assert [dispute["status"] for dispute in shown["disputes"]] == ["lost"]
    assert await lines(world, payment_id) == {}
    await told(world, payment_id, "won", closed_at=datetime.now(UTC) + timedelta(days=1))


async def test_what_the_guest_got_twice_stays_on_the_books_until_a_person_claims_it(own_world: World) -> None:
    world = own_world
    _, payment_id = await paid(world)
    assert await refund(world, payment_id, amount=300) == (201, "completed")

    await told(world, payment_id, "open")
    lost = await told(world, payment_id, "lost")

    assert (lost["needsReview"], lost["reviewReason"], lost["refundableAmount"]) == (True, "dispute", 0)
    assert await lines(world, payment_id) == {"provider": -300, "disputes": 300}
    await told(world, payment_id, "won", closed_at=datetime.now(UTC) + timedelta(days=1))


async def test_two_disputes_of_one_payment_are_two(own_world: World) -> None:
    world = own_world
    _, payment_id = await paid(world)

    await told(world, payment_id, "open", 100, "dp_1")
    both = await told(world, payment_id, "open", 200, "dp_2")
    one = await told(world, payment_id, "won", 100, "dp_1")

    assert (both["disputedAmount"], one["disputedAmount"], one["needsReview"]) == (300, 200, True)
    assert [dispute["status"] for dispute in one["disputes"]] == ["won", "open"]
    await told(world, payment_id, "won", 200, "dp_2")


async def test_disputes_are_the_managers_to_read_and_everybody_concerned_hears_of_them(own_world: World) -> None:
    world = own_world
    _, payment_id = await paid(world)
    await told(world, payment_id, "open")
    await told(world, payment_id, "won")

    listed = await world.call("GET", "/disputes", "manager")
    still_open = await world.call("GET", "/disputes?status=open", "manager")
    by_counter = await world.call("GET", "/disputes", "counter")
    elsewhere = await world.call("GET", "/disputes", "other:manager")
    heard = {
        stream: [
            (event["status"], event["amount"], event.get("previousStatus"))
            for event in (await world.call("GET", f"/events?stream={stream}&limit=200", "manager")).body["items"]
            if event["name"] == "payment_disputed"
        ]
        for stream in (
            f"payment:{payment_id}", f"cafe:{world.home.id}:counter", f"cafe:{world.home.id}:management",
            f"cafe:{world.home.id}:staff",
        )
    }  # fmt: skip

    (dispute,) = listed.body["items"]
    assert (dispute["paymentId"], dispute["status"], dispute["reason"]) == (payment_id, "won", "fraudulent")
    assert (still_open.body["items"], by_counter.status, elsewhere.body["items"]) == ([], 403, [])
    assert [*heard.values()] == [[("open", 480, None), ("won", 480, "open")]] * 3 + [[]]


async def test_a_disputed_payment_stays_when_its_order_is_cancelled(own_world: World) -> None:
    world = own_world
    order, payment_id = await paid(world)
    await told(world, payment_id, "open")

    cancelled = await world.call(
        "POST", f"/orders/{order['id']}/status", "manager", {"status": "cancelled"}, key=new_id()
    )

    assert (cancelled.status, cancelled.body["status"]) == (200, "cancelled")
    assert (await world.payment(payment_id))["refundedAmount"] == 0
    await told(world, payment_id, "won")


@pytest.mark.parametrize(("outcome", "held"), [("won", {"provider": 480, "sales": -480}), ("lost", {})])
async def test_a_dispute_at_the_provider_is_heard_of_by_its_notices_alone(
    own_world: World, outcome: DisputeStatus, held: dict[str, int]
) -> None:
    world = own_world
    _, payment_id = await paid(world)
    await world.control("POST", "/mode", {"webhooks": True})

    await world.control("POST", f"/payments/{payment_id}/dispute", {"reason": "not_received"})
    opened = await until_disputed(world, payment_id, "open")
    blocked = await refund(world, payment_id)
    await world.control("POST", f"/payments/{payment_id}/dispute/close", {"outcome": outcome})

    closed = await until_disputed(world, payment_id, outcome)
    assert (opened["disputedAmount"], opened["disputes"][0]["reason"]) == (480, "not_received")
    assert blocked == (422, "payment_disputed")
    assert closed["disputes"][0]["closedAt"] is not None
    assert await lines(world, payment_id) == held


async def test_a_dispute_whose_notices_were_lost_is_found_when_somebody_asks(own_world: World) -> None:
    world = own_world
    _, payment_id = await paid(world)
    await world.control("POST", f"/payments/{payment_id}/dispute", {"amount": 100})
    await world.control("POST", f"/payments/{payment_id}/dispute/close", {"outcome": "lost"})

    await world.call("POST", f"/payments/{payment_id}/verify", "staff")

    found = await world.payment(payment_id)
    assert (found["chargedBackAmount"], found["refundableAmount"]) == (100, 380)
    assert await lines(world, payment_id) == {"provider": 380, "sales": -380}
    assert await refund(world, payment_id) == (201, "completed")


async def until_disputed(world: World, payment_id: str, status: DisputeStatus) -> dict[str, Any]:
    """Wait until the payment's dispute has a status."""
    async with asyncio.timeout(15):
        while True:
            shown = await world.payment(payment_id)
            if [dispute["status"] for dispute in shown.get("disputes", [])] == [status]:
                return shown
            await asyncio.sleep(0.02)
