"""Notices of the provider: kept as they came, judged by their signature, and never believed on their own word."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tabletap.kernel.ids import new_id
from tests.support.books import rows
from tests.support.jobs import assert_eventually
from tests.support.world import WEBHOOK_SECRET, World
from tests.webhooks.provider import account_of, notice, notify, sign

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def inbox(world: World) -> list[tuple[Any, ...]]:
    """Each notice: what it is about, its type and what became of it."""
    return await rows(world, "SELECT reference, event_type, state FROM webhook_inbox ORDER BY id")


async def inbox_about(world: World, reference: str) -> list[tuple[Any, ...]]:
    return [row[1:] for row in await inbox(world) if row[0] == reference]


async def journals_of(world: World, payment_id: str) -> int:
    return [row[0] for row in await rows(world, "SELECT payment_id FROM journal")].count(payment_id)


async def test_a_notice_is_kept_and_worked_off(world: World) -> None:
    order = await world.order()
    started = (await world.pay(order, "payconic_card")).body

    await world.control("POST", f"/payments/{started['gatewayPaymentId']}/approve")

    await world.until(started["paymentId"], "completed")
    handled = [("payment.succeeded", "handled")]

    async def worked_off() -> bool:
        return await inbox_about(world, started["paymentId"]) == handled

    await assert_eventually(worked_off)
    assert await inbox_about(world, started["paymentId"]) == handled


async def test_a_notice_that_comes_twice_has_one_effect(world: World) -> None:
    order = await world.order()
    started = (await world.pay(order, "payconic_card")).body
    await world.control("POST", "/faults", {"fault": "duplicate_webhook"})

    await world.control("POST", f"/payments/{started['gatewayPaymentId']}/approve")
    completed = await world.until(started["paymentId"], "completed")
    sent = await world.control("POST", "/webhooks/redeliver", {"paymentId": started["gatewayPaymentId"]})

    assert [item["answer"] for item in sent["items"]] == [200]
    assert len(await inbox_about(world, started["paymentId"])) == 1
    assert [step["to"] for step in completed["history"]] == ["pending", "completed"]
    assert await journals_of(world, started["paymentId"]) == 1
    assert (await world.payment(started["paymentId"]))["history"] == completed["history"]


async def test_without_an_event_id_the_same_bytes_are_the_same_notice(world: World) -> None:
    order = await world.order()
    payment_id = (await world.pay(order, "payconic_card")).body["paymentId"]
    raw = notice("payment.succeeded", payment_id)

    answers = await asyncio.gather(*(notify(world, raw, sign(raw)) for _ in range(5)))

    assert [answer.status for answer in answers] == [200] * 5
    assert len(await inbox_about(world, payment_id)) == 1


@pytest.mark.parametrize(
    ("signature_of", "why"),
    [
        (lambda raw: None, "none"),
        (lambda raw: "", "an empty one"),
        (lambda raw: sign(raw, "another secret"), "another secret"),
        (lambda raw: sign(raw, WEBHOOK_SECRET + "-2"), "the other cafe's secret"),
        (lambda raw: sign(raw + b" "), "of other bytes"),
        (lambda raw: sign(raw).upper(), "in capitals"),
        (lambda raw: "ä" * 64, "no hex at all"),
    ],
)
async def test_a_notice_with_a_wrong_signature_is_turned_away_and_not_stored(
    world: World, signature_of: Callable[[bytes], str | None], why: str
) -> None:
    order = await world.order()
    payment_id = (await world.pay(order, "payconic_card")).body["paymentId"]
    raw = notice("payment.succeeded", payment_id)

    answer = await notify(world, raw, signature_of(raw))

    assert (answer.status, answer.body["code"]) == (401, "webhook_signature_invalid"), why
    assert await inbox_about(world, payment_id) == []


async def test_the_signature_is_checked_over_the_bytes_as_they_came(world: World) -> None:
    payment_id = (await world.pay(await world.order(), "payconic_card")).body["paymentId"]
    raw = b' {"nonce": 1.50, "reference":"%s",\n"eventType": "payment.succeeded", "eventType":"payment.failed"}\n'
    raw %= payment_id.encode()
    as_parsed = msgspec.json.encode(msgspec.json.decode(raw))

    over_the_parsed_body = await notify(world, raw, sign(as_parsed))
    over_the_bytes = await notify(world, raw, sign(raw))

    assert (over_the_parsed_body.status, over_the_bytes.status) == (401, 200)
    assert len(await inbox_about(world, payment_id)) == 1


async def test_only_that_it_was_received_is_said_before_it_is_worked_off(own_world: World) -> None:
    world = own_world
    payment_id = (await world.pay(await world.order(), "payconic_card")).body["paymentId"]
    await world.control("POST", "/faults", {"fault": "error_500", "times": 100, "on": ["query"]})
    raw = notice("payment.succeeded", payment_id)

    answer = await notify(world, raw, sign(raw))

    assert (answer.status, answer.body) == (200, {"received": True})
    assert await inbox_about(world, payment_id) == [("payment.succeeded", "received")]


async def test_a_provider_whose_signatures_are_wrong_is_not_heard_but_still_asked(own_world: World) -> None:
    world = own_world
    order = await world.order()
    started = (await world.pay(order, "payconic_card")).body
    await world.control("POST", "/faults", {"fault": "bad_signature"})
    await world.control("POST", f"/payments/{started['gatewayPaymentId']}/approve")
    await asyncio.sleep(0.3)
    unheard = (await inbox(world), (await world.payment(started["paymentId"]))["status"])

    await world.let_time_pass(seconds=31)

    assert unheard == ([], "pending")
    assert (await world.payment(started["paymentId"]))["status"] == "completed"


async def test_an_address_that_is_nobodys_account_is_not_there(world: World) -> None:
    raw = notice("payment.succeeded", new_id())

    for token in (new_id(), "nothing"):
        answer = await notify(world, raw, sign(raw), token=token)
        assert (answer.status, answer.body["code"]) == (404, "webhook_account_not_found")


async def test_an_account_without_a_secret_takes_no_notices(own_world: World) -> None:
    await rows(own_world, "UPDATE provider_account SET sealed_webhook_secret = NULL RETURNING id")
    raw = notice("payment.succeeded", new_id())

    answer = await notify(own_world, raw, sign(raw, ""))

    assert (answer.status, answer.body["code"]) == (404, "webhook_account_not_found")
    assert await inbox(own_world) == []


async def test_a_notice_about_a_payment_that_is_not_ours_is_kept_and_does_nothing(world: World) -> None:
    reference = new_id()
    raw = notice("payment.succeeded", reference, amount=480, currency="AUD", status="succeeded")

    answer = await notify(world, raw, sign(raw))

    async def worked_off() -> bool:
        return await inbox_about(world, reference) == [("payment.succeeded", "handled")]

    await assert_eventually(worked_off)
    assert (answer.status, answer.body) == (200, {"received": True})
    assert await journals_of(world, reference) == 0


@pytest.mark.parametrize(
    ("raw", "event_type"),
    [
        (b'{"eventType": "payout.sent", "nonce": 1}', "payout.sent"),
        (b'{"eventType": "payment.succeeded", "reference": "not an id"}', "payment.succeeded"),
        (b"this is not JSON", "unreadable"),
        (b"", "unreadable"),
    ],
)
async def test_what_we_do_not_understand_is_kept_as_it_came(own_world: World, raw: bytes, event_type: str) -> None:
    answer = await notify(own_world, raw, sign(raw))

    kept = await rows(own_world, "SELECT body, event_type, state FROM webhook_inbox")
    assert answer.status == 200
    assert kept == [(raw, event_type, "kept")]


async def test_a_notice_is_not_believed_the_provider_is_asked(world: World) -> None:
    order = await world.order()
    started = (await world.pay(order, "payconic_card")).body
    lie = notice("payment.succeeded", started["paymentId"], status="succeeded", amount=480, currency="AUD")

    answer = await notify(world, lie, sign(lie))

    async def worked_off() -> bool:
        return ("payment.succeeded", "handled") in await inbox_about(world, started["paymentId"])

    await assert_eventually(worked_off)
    payment = await world.payment(started["paymentId"])
    assert (answer.status, payment["status"]) == (200, "pending")
    assert (payment["attempts"][-1]["kind"], payment["attempts"][-1]["outcome"]) == ("check", "pending")


async def test_one_cafes_provider_cannot_speak_of_another_cafes_payments(world: World) -> None:
    order = await world.order()
    started = (await world.pay(order, "payconic_card")).body
    other = await account_of(world, world.other.id)
    raw = notice("payment.failed", started["paymentId"])

    answer = await notify(world, raw, sign(raw, WEBHOOK_SECRET + "-2"), token=other.token)

    async def worked_off() -> bool:
        return ("payment.failed", "handled") in await inbox_about(world, started["paymentId"])

    await assert_eventually(worked_off)
    payment = await world.payment(started["paymentId"])
    assert answer.status == 200
    assert [attempt["kind"] for attempt in payment["attempts"]] == ["start"]


async def test_the_order_in_which_notices_come_does_not_matter(world: World) -> None:
    order = await world.order()
    started = (await world.pay(order, "payconic_card")).body
    path = f"/payments/{started['paymentId']}"
    await world.control("POST", "/faults", {"fault": "reorder_webhooks"})
    await world.control("POST", f"/payments/{started['gatewayPaymentId']}/approve")
    await world.call("POST", f"{path}/verify", "staff")

    refunded = await world.call("POST", f"{path}/refunds", "manager", {"amount": 80}, key=new_id())
    late = notice("payment.failed", started["paymentId"])
    await notify(world, late, sign(late))

    async def worked_off() -> bool:
        return sorted(await inbox_about(world, started["paymentId"])) == [
            ("payment.failed", "handled"),
            ("payment.succeeded", "handled"),
            ("refund.succeeded", "handled"),
        ]

    await assert_eventually(worked_off)
    payment = await world.payment(started["paymentId"])
    assert refunded.body["status"] == "completed"
    assert (payment["status"], payment["refundedAmount"], payment["needsReview"]) == ("partial_refund", 80, False)
    assert await journals_of(world, started["paymentId"]) == 2


async def test_while_the_provider_does_not_answer_a_notice_is_not_lost(own_world: World) -> None:
    world = own_world
    order = await world.order()
    started = (await world.pay(order, "payconic_card")).body
    await world.control("POST", "/faults", {"fault": "error_500", "on": ["query"]})
    await world.control("POST", f"/payments/{started['gatewayPaymentId']}/approve")
    await world.until(started["paymentId"], "processing")

    await world.let_time_pass(seconds=31)

    assert (await world.payment(started["paymentId"]))["status"] == "completed"


async def test_a_notice_has_at_most_64_kib(own_world: World) -> None:
    raw = notice("payment.succeeded", new_id(), metadata={"x": "y" * 70_000})

    answer = await notify(own_world, raw, sign(raw))

    assert answer.status == 413
    assert await inbox(own_world) == []
