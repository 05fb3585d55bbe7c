"""Each fault, as the merchant meets it."""

import asyncio

import aiohttp
import pytest

from tests.sandbox.merchant import Merchant


async def test_timeout_before_leaves_nothing_behind(merchant: Merchant) -> None:
    # given
    await merchant.fault("timeout_before")

    # when
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await merchant.start(key="k")

    # then
    assert (await merchant.call("GET", "/payments?reference=payment-1")).body == {"items": []}
    assert (await merchant.start(key="k"))["status"] == "pending"


async def test_timeout_after_charges_and_loses_the_answer(merchant: Merchant) -> None:
    # given
    await merchant.fault("timeout_after")

    # when
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await merchant.start(key="k")
    again = await merchant.start(key="k")

    # then
    assert (await merchant.call("GET", "/payments?reference=payment-1")).body == {"items": [again]}
    assert again["status"] == "succeeded"
    assert [charge["amount"] for charge in await merchant.charges()] == [480]


async def test_a_refund_and_a_cancel_can_lose_their_answers_too(merchant: Merchant) -> None:
    # given
    paid, waiting = await merchant.paid(), await merchant.start(reference="payment-2")
    await merchant.fault("timeout_after", times=2)

    # when
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await merchant.call("POST", f"/payments/{paid['id']}/refunds", {"amount": 80, "reference": "r"}, key="r")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await merchant.call("POST", f"/payments/{waiting['id']}/cancel")

    # then
    assert (await merchant.charges())[0]["refunded"] == 80
    assert await merchant.status(waiting["id"]) == "cancelled"


async def test_a_caller_that_gives_up_first_is_not_waited_for(merchant: Merchant) -> None:
    # given
    await merchant.fault("timeout_after")

    # when
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await merchant.start()

    # then
    assert len(await merchant.charges()) == 1


async def test_error_500_happens_as_often_as_asked_for(merchant: Merchant) -> None:
    # given
    await merchant.fault("error_500", times=2)

    # when
    statuses = [(await merchant.call("POST", "/payments", merchant.order())).status for _ in range(3)]

    # then
    assert statuses == [500, 500, 201]
    assert len((await merchant.call("GET", "/payments?reference=payment-1")).body["items"]) == 1


async def test_queries_stay_true_unless_the_fault_is_meant_for_them(merchant: Merchant) -> None:
    # given
    payment = await merchant.start()
    path = f"/payments/{payment['id']}"

    # when
    await merchant.fault("error_500")
    spared = await merchant.call("GET", path)
    await merchant.control("DELETE", "/faults")
    await merchant.fault("error_500", on=["query"])
    hit = await merchant.call("GET", path)

    # then
    assert (spared.status, hit.status) == (200, 500)
    assert await merchant.control("GET", "/faults") == {"items": []}


async def test_slow_answers_late_but_rightly(merchant: Merchant) -> None:
    # given
    await merchant.fault("slow")

    # when
    start = asyncio.create_task(merchant.start())
    done_early, _ = await asyncio.wait([start], timeout=0.05)

    # then
    assert done_early == set()
    assert (await start)["status"] == "pending"


async def test_duplicate_webhook_sends_the_same_bytes_twice(merchant: Merchant) -> None:
    # given
    await merchant.fault("duplicate_webhook")

    # when
    await merchant.paid()
    first, second = await merchant.callbacks(2)

    # then
    assert first == second


async def test_reorder_webhooks_lets_the_next_one_overtake(merchant: Merchant) -> None:
    # given
    await merchant.fault("reorder_webhooks")

    # when
    payment = await merchant.paid()
    await merchant.call("POST", f"/payments/{payment['id']}/refunds", {"amount": 80, "reference": "r"})
    notices = await merchant.callbacks(2)

    # then
    assert [notice.body["eventType"] for notice in notices] == ["refund.succeeded", "payment.succeeded"]


async def test_drop_webhook_sends_nothing_until_it_is_asked_for_again(merchant: Merchant) -> None:
    # given
    await merchant.fault("drop_webhook")

    # when
    dropped = await merchant.paid()
    await merchant.paid(reference="payment-2")
    (other,) = await merchant.callbacks(1)
    await merchant.control("POST", "/webhooks/redeliver", {"paymentId": dropped["id"]})

    # then
    assert other.body["reference"] == "payment-2"
    assert [notice.body["reference"] for notice in merchant.heard] == ["payment-2", "payment-1"]


async def test_bad_signature_stays_bad_until_it_is_delivered_again_by_hand(merchant: Merchant) -> None:
    # given
    await merchant.fault("bad_signature")
    merchant.statuses = [401]

    # when
    payment = await merchant.paid()
    await merchant.callbacks(2)
    await merchant.control("POST", "/webhooks/redeliver", {"paymentId": payment["id"]})

    # then
    assert [notice.is_genuine for notice in merchant.heard] == [False, False, True]
    assert len({notice.raw for notice in merchant.heard}) == 1


async def test_wrong_amount_charges_something_else_than_was_asked(merchant: Merchant) -> None:
    # given
    payment = await merchant.start()
    await merchant.fault("wrong_amount")

    # when
    await merchant.control("POST", f"/payments/{payment['id']}/approve")
    (notice,) = await merchant.callbacks(1)

    # then
    seen = (await merchant.call("GET", f"/payments/{payment['id']}")).body
    assert payment["amount"] == 480
    assert seen["amount"] == notice.body["amount"] == (await merchant.charges())[0]["amount"] == 479


async def test_wrong_amount_is_wrong_for_the_smallest_amount_too(merchant: Merchant) -> None:
    await merchant.fault("wrong_amount")

    payment = await merchant.paid(amount=1)

    assert payment["amount"] == 2


@pytest.mark.parametrize(("asked", "charged"), [("AUD", "USD"), ("USD", "EUR")])
async def test_wrong_currency_charges_in_another_one(merchant: Merchant, asked: str, charged: str) -> None:
    # given
    await merchant.fault("wrong_currency")

    # when
    payment = await merchant.paid(currency=asked)

    # then
    assert payment["currency"] == charged
    assert (await merchant.charges())[0]["currency"] == charged


async def test_late_success_expires_first_and_is_charged_after_that(merchant: Merchant) -> None:
    # given
    payment = await merchant.start()
    await merchant.fault("late_success")

    # when
    approved = await merchant.control("POST", f"/payments/{payment['id']}/approve")
    notices = await merchant.callbacks(2)

    # then
    assert approved["status"] == "expired"
    assert [notice.body["status"] for notice in notices] == ["expired", "succeeded"]
    assert await merchant.status(payment["id"]) == "succeeded"
    assert len(await merchant.charges()) == 1


async def test_late_success_comes_after_a_cancel_as_well(merchant: Merchant) -> None:
    # given
    payment = await merchant.start()
    await merchant.fault("late_success")

    # when
    cancelled = await merchant.call("POST", f"/payments/{payment['id']}/cancel")
    await merchant.callbacks(2)

    # then
    assert cancelled.body["status"] == "cancelled"
    assert await merchant.status(payment["id"]) == "succeeded"


async def test_with_late_success_a_guest_can_still_pay_what_was_closed(merchant: Merchant) -> None:
    # given
    payment = await merchant.start()
    await merchant.call("POST", f"/payments/{payment['id']}/cancel")
    await merchant.fault("late_success")

    # when
    paid = await merchant.control("POST", f"/payments/{payment['id']}/approve")

    # then
    assert paid["status"] == "succeeded"


async def test_faults_can_be_taken_back(merchant: Merchant) -> None:
    # given
    await merchant.fault("error_500", times=5)

    # when
    left = await merchant.control("DELETE", "/faults")

    # then
    assert left == {"items": []}
    assert (await merchant.start())["status"] == "pending"


@pytest.mark.parametrize(
    "body", [{"fault": "earthquake"}, {"fault": "slow", "times": 0}, {"times": 1}, {"fault": "slow", "extra": 1}]
)
async def test_an_unknown_fault_is_refused(merchant: Merchant, body: dict[str, object]) -> None:
    async with merchant.session.post(f"{merchant.url}/control/faults", json=body) as answer:
        assert answer.status == 400
    assert await merchant.control("GET", "/faults") == {"items": []}
