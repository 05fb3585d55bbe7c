"""Callbacks: signed over their bytes, sent at once, repeated until accepted."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

from tabletap.kernel.clock import SystemClock
from tabletap.sandbox import Timing, start_sandbox
from tests.sandbox.conftest import QUICK, merchant_of
from tests.sandbox.merchant import ACCOUNT, Merchant
from tests.support.services import free_port


class MovableClock(SystemClock):
    """The machine's clock, moved on by the test."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


async def test_a_callback_is_signed_and_tells_all_about_the_payment(merchant: Merchant) -> None:
    # when
    payment = await merchant.paid()
    (notice,) = await merchant.callbacks(1)

    # then
    assert notice.is_genuine
    assert notice.event_id
    assert notice.timestamp == notice.body["timestamp"]
    assert notice.body == {
        "eventType": "payment.succeeded",
        "paymentId": payment["id"],
        "reference": "payment-1",
        "orderId": "order-1",
        "amount": 480,
        "currency": "AUD",
        "status": "succeeded",
        "timestamp": notice.timestamp,
        "metadata": {"table": "7"},
    }


async def test_declining_cancelling_and_refunding_are_told_too(merchant: Merchant) -> None:
    # given
    declined, cancelled, paid = [await merchant.start(reference=name) for name in ("p-1", "p-2", "p-3")]

    # when
    await merchant.control("POST", f"/payments/{declined['id']}/decline")
    await merchant.call("POST", f"/payments/{cancelled['id']}/cancel")
    await merchant.control("POST", f"/payments/{paid['id']}/approve")
    refund = await merchant.call("POST", f"/payments/{paid['id']}/refunds", {"amount": 80, "reference": "refund-1"})
    notices = await merchant.callbacks(4)

    # then
    told = {notice.body["eventType"]: notice.body for notice in notices}
    assert set(told) == {"payment.failed", "payment.cancelled", "payment.succeeded", "refund.succeeded"}
    assert told["refund.succeeded"]["refundId"] == refund.body["id"]
    assert told["refund.succeeded"]["refundReference"] == "refund-1"
    assert told["refund.succeeded"]["amount"] == 80
    assert all(notice.is_genuine for notice in notices)


async def test_what_is_not_accepted_is_sent_again_with_the_same_bytes(merchant: Merchant) -> None:
    # given
    merchant.statuses = [500, 302, 404]

    # when
    await merchant.paid()
    notices = await merchant.callbacks(4)

    # then
    assert len({(notice.raw, notice.event_id, notice.signature) for notice in notices}) == 1
    await asyncio.sleep(0.2)
    assert len(merchant.heard) == 4


async def test_callbacks_can_be_switched_off_and_sent_afterwards(merchant: Merchant) -> None:
    # given
    await merchant.control("POST", "/mode", {"webhooks": False})
    payment = await merchant.paid()
    await asyncio.sleep(0.1)
    assert merchant.heard == []

    # when
    sent = await merchant.control("POST", "/webhooks/redeliver", {"paymentId": payment["id"]})

    # then
    assert [item["answer"] for item in sent["items"]] == [200]
    assert merchant.heard[0].is_genuine


async def test_a_callback_can_be_had_again_byte_for_byte(merchant: Merchant) -> None:
    # given
    payment = await merchant.paid()
    await merchant.callbacks(1)

    # when
    await merchant.control("POST", "/webhooks/redeliver", {"paymentId": payment["id"]})

    # then
    first, second = merchant.heard
    assert first == second


async def test_a_payment_without_a_callback_address_is_told_to_nobody(merchant: Merchant) -> None:
    payment = await merchant.paid(webhookUrl=None)

    sent = await merchant.control("POST", "/webhooks/redeliver", {"paymentId": payment["id"]})

    assert sent == {"items": []}
    assert payment["status"] == "succeeded"


async def test_callbacks_that_nobody_took_are_sent_after_a_restart(tmp_path: Path) -> None:
    # given a merchant that is away while the guest pays
    state = tmp_path / "state.db"
    before = await start_sandbox(state, [ACCOUNT], timing=QUICK)
    async with merchant_of(before.url) as merchant:
        merchant.statuses = [503] * 1_000
        await merchant.paid()
        await merchant.callbacks(1)
        await before.stop()
        merchant.statuses, merchant.heard = [], []

        # when
        after = await start_sandbox(state, timing=QUICK)

        # then
        (notice,) = await merchant.callbacks(1)
        assert notice.is_genuine
        await after.stop()


async def test_a_merchant_that_nobody_can_reach_is_tried_again(merchant: Merchant) -> None:
    # given
    payment = await merchant.paid(webhookUrl=f"http://127.0.0.1:{free_port()}/hook")

    # when
    sent = await merchant.control("POST", "/webhooks/redeliver", {"paymentId": payment["reference"]})

    # then
    assert [(item["eventType"], item["answer"]) for item in sent["items"]] == [("payment.succeeded", None)]


async def test_a_callback_is_tried_for_a_day_with_growing_pauses_and_then_given_up_visibly(tmp_path: Path) -> None:
    # given
    clock = MovableClock()
    timing = Timing(first_retry_ms=60_000, longest_retry_ms=4 * 3_600_000)
    running = await start_sandbox(tmp_path / "state.db", [ACCOUNT], timing=timing, clock=clock)
    async with merchant_of(running.url) as merchant:
        merchant.statuses = [503] * 1_000
        payment = await merchant.paid()
        await merchant.callbacks(1)

        # when
        for hours in range(1, 30):
            clock.ahead = timedelta(hours=hours)
            # A change wakes the sender, which sees what is due by the moved clock.
            await merchant.start(reference=f"wake-{hours}", webhookUrl=None)
            await asyncio.sleep(0.05)
            if (await merchant.control("GET", "/webhooks/given-up"))["items"]:
                break
        attempts = len(merchant.heard)

        # then
        (given_up,) = (await merchant.control("GET", "/webhooks/given-up"))["items"]
        assert (given_up["paymentId"], given_up["attempts"]) == (payment["id"], attempts)
        assert timedelta(hours=24) <= clock.ahead < timedelta(hours=29)
        assert 6 < attempts < 24
        assert len({notice.raw for notice in merchant.heard}) == 1
    await running.stop()
