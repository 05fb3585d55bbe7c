"""The provider API: start, query, refund, cancel, and who may call."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tabletap.sandbox import Timing, start_sandbox
from tests.sandbox.conftest import merchant_of
from tests.sandbox.merchant import ACCOUNT, Merchant


async def test_a_payment_waits_for_its_guest_and_is_found_by_id_and_by_reference(merchant: Merchant) -> None:
    # given
    started = await merchant.start()

    # when
    by_id = await merchant.call("GET", f"/payments/{started['id']}")
    by_reference = await merchant.call("GET", "/payments?reference=payment-1")

    # then
    assert set(started) == {
        "id", "reference", "status", "amount", "currency", "redirectUrl", "expiresAt", "disputes", "liveMode",
    }  # fmt: skip
    assert (started["disputes"], started["liveMode"]) == ([], False)
    assert started["status"] == "pending"
    assert (started["amount"], started["currency"], started["reference"]) == (480, "AUD", "payment-1")
    assert started["redirectUrl"].startswith(merchant.url)
    assert started["expiresAt"].endswith("Z")
    assert by_id.body == started
    assert by_reference.body == {"items": [started]}
    assert await merchant.charges() == []


async def test_what_is_not_there_is_an_empty_list_or_404(merchant: Merchant) -> None:
    assert (await merchant.call("GET", "/payments?reference=nobody")).body == {"items": []}
    assert (await merchant.call("GET", "/payments/nobody")).status == 404
    assert (await merchant.call("POST", "/payments/nobody/cancel")).status == 404
    assert (await merchant.call("POST", "/payments/nobody/refunds", {"amount": 1, "reference": "r"})).status == 404
    assert (await merchant.call("GET", "/payments")).status == 400
    assert (await merchant.call("GET", "/nowhere")).status == 404


async def test_the_same_key_gives_the_same_payment_and_another_body_is_a_conflict(merchant: Merchant) -> None:
    # when twenty phones of one guest send the same start
    answers = await asyncio.gather(*(merchant.start(key="k-1") for _ in range(20)))
    other = await merchant.call("POST", "/payments", merchant.order(amount=481), key="k-1")
    second = await merchant.start(key="k-2")

    # then
    assert len({answer["id"] for answer in answers}) == 1
    assert other.status == 409
    assert second["id"] != answers[0]["id"]
    assert len((await merchant.call("GET", "/payments?reference=payment-1")).body["items"]) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 0},
        {"amount": -480},
        {"amount": 4.8},
        {"amount": "480"},
        {"amount": None},
        {"currency": "aud"},
        {"currency": "XXX"},
        {"reference": ""},
        {"orderId": None},
        {"paymentMethod": "cheque"},
        {"returnUrl": "javascript:alert(1)"},
        {"webhookUrl": "ftp://cafe.example/hook"},
        {"metadata": [1]},
        {"tip": 50},
    ],
)
async def test_a_start_of_the_wrong_shape_is_refused_with_one_sentence(
    merchant: Merchant, changes: dict[str, Any]
) -> None:
    # given
    body = {name: value for name, value in (merchant.order() | changes).items() if value is not None}

    # when
    answer = await merchant.call("POST", "/payments", body, key="k")

    # then
    assert answer.status == 400
    assert set(answer.body) == {"code", "message"}
    assert answer.body["message"].endswith(".")
    assert "\n" not in answer.body["message"]
    assert (await merchant.call("GET", "/payments?reference=payment-1")).body == {"items": []}


async def test_a_body_that_is_no_json_or_too_large_is_refused(merchant: Merchant) -> None:
    headers = {"Authorization": f"Bearer {ACCOUNT.api_key}", "X-Merchant-ID": ACCOUNT.merchant_id}
    async with merchant.session.post(f"{merchant.url}/payments", data=b"\xff{", headers=headers) as no_json:
        assert no_json.status == 400
    async with merchant.session.post(f"{merchant.url}/payments", data=b" " * 70_000, headers=headers) as too_large:
        assert too_large.status == 413


async def test_only_known_merchants_may_call_and_only_their_own_payments(merchant: Merchant) -> None:
    # given
    payment = await merchant.paid()
    other = {"merchantId": "cafe-boreal", "apiKey": "key-of-boreal", "webhookSecret": "s"}
    await merchant.control("POST", "/accounts", other)
    headers = {"Authorization": "Bearer key-of-boreal", "X-Merchant-ID": "cafe-boreal"}

    # when
    wrong_key = await merchant.call("GET", f"/payments/{payment['id']}", api_key="key-of-boreal")
    async with merchant.session.get(f"{merchant.url}/payments?reference=payment-1") as nobody:
        without = nobody.status
    async with merchant.session.get(f"{merchant.url}/payments/{payment['id']}", headers=headers) as answer:
        theirs_by_id = answer.status
    async with merchant.session.get(f"{merchant.url}/payments?reference=payment-1", headers=headers) as answer:
        theirs_by_reference = await answer.json()
    async with merchant.session.post(f"{merchant.url}/payments/{payment['id']}/cancel", headers=headers) as answer:
        theirs_to_cancel = answer.status

    # then
    assert (wrong_key.status, without) == (401, 401)
    assert (theirs_by_id, theirs_to_cancel) == (404, 404)
    assert theirs_by_reference == {"items": []}


async def test_refunds_never_exceed_what_was_charged(merchant: Merchant) -> None:
    # given
    payment = await merchant.paid()
    path = f"/payments/{payment['id']}/refunds"

    # when
    first = await merchant.call("POST", path, {"amount": 300, "reference": "refund-1"}, key="r-1")
    again = await merchant.call("POST", path, {"amount": 300, "reference": "refund-1"}, key="r-1")
    changed = await merchant.call("POST", path, {"amount": 100, "reference": "refund-1"}, key="r-1")
    too_much = await merchant.call("POST", path, {"amount": 181, "reference": "refund-2"}, key="r-2")
    rest = await merchant.call("POST", path, {"amount": 180, "reference": "refund-3"}, key="r-3")

    # then
    assert first.status == 201
    assert first.body == {"id": first.body["id"], "reference": "refund-1", "status": "succeeded"}
    assert again.body == first.body
    assert changed.status == 409
    assert too_much.status == 422
    assert rest.status == 201
    assert (await merchant.call("GET", path)).body == {"items": [first.body, rest.body]}
    assert (await merchant.call("GET", f"{path}?reference=refund-3")).body == {"items": [rest.body]}
    assert [(charge["amount"], charge["refunded"]) for charge in await merchant.charges()] == [(480, 480)]


async def test_of_three_full_refunds_at_once_one_happens(merchant: Merchant) -> None:
    # given
    payment = await merchant.paid()

    # when
    refunds = (
        merchant.call("POST", f"/payments/{payment['id']}/refunds", {"amount": 480, "reference": f"refund-{number}"})
        for number in range(3)
    )
    statuses = sorted([answer.status for answer in await asyncio.gather(*refunds)])

    # then
    assert statuses == [201, 422, 422]
    assert (await merchant.charges())[0]["refunded"] == 480


async def test_what_was_not_charged_cannot_be_refunded(merchant: Merchant) -> None:
    payment = await merchant.start()

    answer = await merchant.call("POST", f"/payments/{payment['id']}/refunds", {"amount": 1, "reference": "r"})

    assert answer.status == 422


async def test_a_payment_is_cancelled_only_while_nobody_paid(merchant: Merchant) -> None:
    # given
    open_payment, paid = await merchant.start(), await merchant.paid(reference="payment-2")

    # when
    cancelled = await merchant.call("POST", f"/payments/{open_payment['id']}/cancel")
    again = await merchant.call("POST", f"/payments/{open_payment['id']}/cancel")
    too_late = await merchant.call("POST", f"/payments/{paid['id']}/cancel")
    async with merchant.session.post(f"{merchant.url}/control/payments/{open_payment['id']}/approve") as approval:
        approved = approval.status

    # then
    assert (cancelled.status, cancelled.body["status"]) == (200, "cancelled")
    assert again.body == cancelled.body
    assert too_late.status == 409
    assert approved == 409
    assert [charge["reference"] for charge in await merchant.charges()] == ["payment-2"]


async def test_approving_and_declining_are_safe_to_repeat_and_take_the_reference_too(merchant: Merchant) -> None:
    # given
    await merchant.start()
    declined = await merchant.start(reference="payment-2")

    # when
    for _ in range(2):
        await merchant.control("POST", "/payments/payment-1/approve")
        await merchant.control("POST", f"/payments/{declined['id']}/decline")
    async with merchant.session.post(f"{merchant.url}/control/payments/payment-1/decline") as answer:
        declining_the_paid_one = answer.status

    # then
    assert declining_the_paid_one == 409
    assert await merchant.status(declined["id"]) == "failed"
    charges = await merchant.charges()
    assert len(charges) == 1
    assert charges[0] == {
        "id": charges[0]["id"],
        "reference": "payment-1",
        "amount": 480,
        "currency": "AUD",
        "refunded": 0,
        "disputed": 0,
        "status": "succeeded",
    }


async def test_without_a_guest_payments_are_charged_as_they_start(merchant: Merchant) -> None:
    # when
    mode = await merchant.control("POST", "/mode", {"autoApprove": True})
    payment = await merchant.start()

    # then
    assert mode == {"autoApprove": True, "webhooks": True}
    assert payment["status"] == "succeeded"
    assert len(await merchant.charges()) == 1


async def test_a_payment_expires_when_nobody_comes(tmp_path: Path) -> None:
    # given
    sandbox = await start_sandbox(tmp_path / "state.db", [ACCOUNT], timing=Timing(open_for_ms=50))
    async with merchant_of(sandbox.url) as merchant:
        payment = await merchant.start()

        # when the provider tells of it by itself
        (notice,) = await merchant.callbacks(1)

        # then
        assert notice.body["status"] == "expired"
        assert await merchant.status(payment["id"]) == "expired"
        assert (await merchant.call("POST", f"/payments/{payment['id']}/cancel")).body["status"] == "expired"
        assert await merchant.charges() == []
    await sandbox.stop()


async def test_the_sandbox_says_that_it_is_there(merchant: Merchant) -> None:
    async with merchant.session.get(f"{merchant.url}/health") as answer:
        assert (answer.status, await answer.json()) == (200, {"status": "ok"})
