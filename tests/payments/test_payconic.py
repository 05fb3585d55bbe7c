"""What the Payconic gateway makes of an answer, of none, and of a strange one."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from tabletap.kernel.ids import new_id
from tabletap.payments.accounts.model import ProviderAccount
from tabletap.payments.gateways.gateway import GatewayContext
from tabletap.payments.gateways.payconic import PayconicGateway
from tabletap.payments.model import ProviderDispute, Refund, disagreement
from tests.payments.provider import Provider, listening
from tests.payments.test_model import PAYMENT
from tests.support.services import free_port

KEY = "the-key-that-nobody-else-may-see"
AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
REFUND = msgspec.convert(
    {
        "cafe_id": PAYMENT.cafe_id, "id": new_id(), "payment_id": PAYMENT.id, "order_id": PAYMENT.order_id,
        "amount_minor": 100, "original_minor": 528, "destination": "original", "reason": "cold", "status": "pending",
        "staff_id": new_id(), "external_refund_id": None, "check_count": 0, "version": 1, "created_at": AT,
        "processed_at": None, "updated_at": AT,
    },
    Refund,
)  # fmt: skip
THERE = msgspec.structs.replace(PAYMENT, gateway_payment_id="pc-1")


def shown(status: str = "pending", **more: Any) -> dict[str, Any]:
    """A payment as the provider describes it."""
    return {"id": "pc-1", "reference": PAYMENT.id, "status": status, "amount": 528, "currency": "AUD", **more}


@pytest_asyncio.fixture
async def provider() -> AsyncIterator[Provider]:
    async with listening() as provider:
        yield provider


def gateway_to(url: str, timeout_seconds: int = 5) -> PayconicGateway:
    account = ProviderAccount(
        PAYMENT.cafe_id, new_id(), "payconic", "token", url, "merchant", KEY, ("whisper",), "test"
    )

    async def find(_: str, __: str) -> ProviderAccount:
        return account

    return PayconicGateway(GatewayContext("https://cafe.example", find, timeout_seconds))


@pytest_asyncio.fixture
async def gateway(provider: Provider) -> AsyncIterator[PayconicGateway]:
    gateway = gateway_to(provider.url)
    yield gateway
    await gateway.close()


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("pending", "pending"),
        ("succeeded", "completed"),
        ("failed", "failed"),
        ("cancelled", "cancelled"),
        ("expired", "expired"),
        ("settled", None),
        ("", None),
    ],
)
async def test_the_providers_words_are_translated_and_an_unknown_one_is_an_unknown_outcome(
    provider: Provider, gateway: PayconicGateway, status: str, state: str | None
) -> None:
    provider.says("GET", {"items": [shown(status)]})

    answer = await gateway.check(PAYMENT)

    assert (answer.state, answer.evidence) == (state, "query")
    assert (answer.error is None) == (state is not None)


@pytest.mark.parametrize(
    ("status", "state"),
    [(400, "failed"), (401, "failed"), (403, "failed"), (422, "failed"), (409, None), (429, None), (500, None),
     (502, None), (503, None), (504, None), (302, None)],
)  # fmt: skip
async def test_only_a_refusal_is_a_failure_everything_else_is_unknown(
    provider: Provider, gateway: PayconicGateway, status: int, state: str | None
) -> None:
    provider.says("POST", shown("failed"), status)

    answer = await gateway.start(PAYMENT, None)

    assert (answer.state, answer.not_sent) == (state, False)
    assert answer.error is not None
    assert KEY not in answer.error


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"id": 1}', b"[]", b"\xff\xfe", b'{"items": null}'])
async def test_an_answer_that_is_none_leaves_the_outcome_unknown(
    provider: Provider, gateway: PayconicGateway, body: bytes
) -> None:
    provider.says("GET", body)
    provider.says("POST", body, 201)

    answers = [await gateway.start(PAYMENT, None), await gateway.check(PAYMENT), await gateway.cancel(THERE)]
    refunds = [await gateway.refund(THERE, REFUND), await gateway.check_refund(THERE, REFUND)]

    assert [answer.state for answer in answers] == [None] * 3
    assert [answer.status for answer in refunds] == [None] * 2


async def test_an_answer_without_end_is_not_read_to_its_end(provider: Provider, gateway: PayconicGateway) -> None:
    provider.says("GET", b" " * (2 * 1024 * 1024))

    answer = await gateway.check(PAYMENT)

    assert (answer.state, answer.error) == (None, "the answer has no end")


async def test_our_key_is_sent_to_nobody_else(provider: Provider, gateway: PayconicGateway) -> None:
    async with listening() as stranger:
        stranger.says("POST", shown("succeeded"), 201)
        provider.says("POST", b"", 307, Location=f"{stranger.url}/payments")

        answer = await gateway.start(PAYMENT, None)

        assert (answer.state, answer.error) == (None, "redirected to another host")
        assert stranger.heard == []


async def test_a_redirect_within_the_host_is_followed_three_times_at_most(
    provider: Provider, gateway: PayconicGateway
) -> None:
    provider.says("POST", b"", 308, Location="/elsewhere")

    answer = await gateway.start(PAYMENT, None)

    assert (answer.state, answer.error) == (None, "redirected too often")
    assert [path for _, path, _ in provider.heard] == ["/payments", "/elsewhere", "/elsewhere", "/elsewhere"]


async def test_each_call_says_who_we_are_and_carries_a_key_that_stays(
    provider: Provider, gateway: PayconicGateway
) -> None:
    provider.says("POST", shown(), 201)
    await gateway.start(PAYMENT, None)
    await gateway.start(PAYMENT, None)

    first, second = (headers for _, _, headers in provider.heard)
    assert first["Idempotency-Key"] == second["Idempotency-Key"] == PAYMENT.id
    assert (first["Authorization"], first["X-Merchant-ID"]) == (f"Bearer {KEY}", "merchant")
    assert first["User-Agent"].startswith("TableTap/")


async def test_nobody_there_is_proven_not_attempted() -> None:
    gateway = gateway_to(f"http://127.0.0.1:{free_port()}")

    start, refund = await gateway.start(PAYMENT, None), await gateway.refund(THERE, REFUND)

    await gateway.close()
    assert (start.not_sent, refund.not_sent) == (True, True)


async def test_a_refused_cancelling_says_nothing_about_the_payment(
    provider: Provider, gateway: PayconicGateway
) -> None:
    for status in (401, 404, 409, 422, 500):
        provider.says("POST", {"code": "no"}, status)
        provider.says("GET", {"items": [shown("succeeded")]})

        assert (await gateway.cancel(THERE)).state == "completed"


async def test_one_that_was_paid_counts_before_those_that_were_not(
    provider: Provider, gateway: PayconicGateway
) -> None:
    provider.says("GET", {"items": [shown("succeeded", id="pc-1"), shown("expired", id="pc-2")]})

    answer = await gateway.check(PAYMENT)

    assert (answer.state, answer.gateway_payment_id) == ("completed", "pc-1")


async def test_charged_twice_under_one_reference_is_not_our_amount(
    provider: Provider, gateway: PayconicGateway
) -> None:
    provider.says("GET", {"items": [shown("succeeded", id="pc-1"), shown("succeeded", id="pc-2")]})

    answer = await gateway.check(PAYMENT)

    assert answer.amount_minor == 1_056
    assert disagreement(PAYMENT, answer) == "wrong_amount"


async def test_disputes_and_the_kind_of_money_are_passed_on(provider: Provider, gateway: PayconicGateway) -> None:
    dispute = {"id": "d-1", "amount": 500, "status": "open", "reason": "fraud", "openedAt": "2026-11-23T04:00:00Z"}
    provider.says("GET", {"items": [shown("succeeded", disputes=[dispute], liveMode=False)]})

    answer = await gateway.check(PAYMENT)

    assert answer.disputes == (
        ProviderDispute(id="d-1", amount_minor=500, status="open", reason="fraud", opened_at=AT),
    )
    assert answer.live_mode is False


@pytest.mark.parametrize(
    ("status", "told"), [("pending", "pending"), ("succeeded", "completed"), ("failed", "failed"), ("lost", None)]
)
async def test_a_refunds_words_are_translated_too(
    provider: Provider, gateway: PayconicGateway, status: str, told: str | None
) -> None:
    provider.says("GET", {"items": [{"id": "re-1", "reference": REFUND.id, "status": status}]})

    answer = await gateway.check_refund(THERE, REFUND)

    assert (answer.status, answer.external_refund_id) == (told, "re-1")


async def test_a_refund_that_the_provider_never_saw_is_asked_for_again_under_its_key(
    provider: Provider, gateway: PayconicGateway
) -> None:
    provider.says("GET", {"items": []})
    provider.says("POST", {"id": "re-1", "reference": REFUND.id, "status": "succeeded"}, 201)

    answer = await gateway.check_refund(THERE, REFUND)

    assert answer.status == "completed"
    assert provider.heard[-1][2]["Idempotency-Key"] == REFUND.id


async def test_an_answer_about_another_refund_is_not_believed(provider: Provider, gateway: PayconicGateway) -> None:
    other = {"id": "re-9", "reference": new_id(), "status": "succeeded"}
    provider.says("GET", {"items": [other]})
    provider.says("POST", other, 201)

    answers = [await gateway.refund(THERE, REFUND), await gateway.check_refund(THERE, REFUND)]

    assert [(answer.status, answer.external_refund_id) for answer in answers] == [(None, None)] * 2


async def test_our_refund_is_found_among_others(provider: Provider, gateway: PayconicGateway) -> None:
    other = {"id": "re-9", "reference": new_id(), "status": "succeeded"}
    provider.says("GET", {"items": [other, {"id": "re-1", "reference": REFUND.id, "status": "failed"}]})

    answer = await gateway.check_refund(THERE, REFUND)

    assert (answer.status, answer.external_refund_id) == ("failed", "re-1")


async def test_after_the_time_out_the_outcome_is_unknown() -> None:
    async with listening() as silent:
        silent.delay_seconds = 3
        silent.says("POST", shown("failed"))
        gateway = gateway_to(silent.url, timeout_seconds=1)

        answer = await gateway.start(PAYMENT, None)

        await gateway.close()
        assert (answer.state, answer.not_sent) == (None, False)
