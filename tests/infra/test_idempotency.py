"""The same key gives the same answer, whoever asks how often."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from tabletap.kernel.ids import new_id
from tests.support.jobs import assert_eventually
from tests.support.shared_world import heal, opened
from tests.support.world import World

ABSENT = "01890a5d-ac96-774b-bcce-b302099a8057"
"""An id of nothing; the same in every process, for it is in the names of tests."""
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, engine_name: str
) -> AsyncIterator[World]:
    async with opened(request, tmp_path_factory, engine_name) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="module")
async def world(shared_world: World) -> AsyncIterator[World]:
    yield shared_world
    await heal(shared_world)


async def credit_of(world: World, who: str = "customer") -> int:
    return int((await world.call("GET", "/credits/balance", who)).body["balance"])


async def any_listed(world: World, path: str) -> bool:
    return bool((await world.call("GET", path, "manager")).body["items"])


def gift(world: World, amount: int = 100, **more: Any) -> dict[str, Any]:
    return {"customerId": world.home.people["customer"].person_id, "amount": amount, "reason": "a gift", **more}


@pytest.mark.parametrize("method", ["customer_credit", "cash", "qr_bank_transfer", "payconic_card"])
async def test_the_same_key_and_body_give_the_stored_answer_again(world: World, method: str) -> None:
    order, key = await world.order(), new_id()

    first = await world.pay(order, method, key=key, tipAmount=48)
    again = await world.pay(order, method, key=key, tipAmount=48)

    assert (first.status, again.status, again.body) == (201, 201, first.body)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_the_stored_answer_stays_although_the_payment_moved_on(world: World) -> None:
    order, key = await world.order(), new_id()
    first = await world.pay(order, "payconic_card", key=key)
    await world.control("POST", f"/payments/{first.body['gatewayPaymentId']}/approve")
    await world.until(first.body["paymentId"], "completed")

    again = await world.pay(order, "payconic_card", key=key)

    assert (again.status, again.body["status"], again.body) == (201, "pending", first.body)


async def test_every_request_that_moves_money_is_done_once_under_its_key(world: World) -> None:
    cash_order, transfer_order = await world.order(), await world.order()
    cash = (await world.pay(cash_order, "cash")).body["paymentId"]
    transfer = (await world.pay(transfer_order, "qr_bank_transfer")).body["qr"]["qrPaymentId"]
    before = await credit_of(world)
    requests: list[tuple[str, Any]] = [
        (f"/payments/{cash}/cash", {"received": 500}),
        (f"/payments/{cash}/refunds", {"amount": 10}),
        (f"/qr-payments/{transfer}/confirm", {"amount": 480}),
        ("/credits/add", gift(world, 70)),
        ("/credits/deduct", gift(world, 30)),
    ]

    for path, body in requests:
        key = new_id()
        first = await world.call("POST", path, "manager", body, key=key)
        again = await world.call("POST", path, "manager", body, key=key)
        assert (first.status, again.status, again.body) == (first.status, first.status, first.body), path
        assert first.status in (200, 201), first
        assert again.headers["Idempotency-Replayed"] == "true", path

    assert await credit_of(world) - before == 40
    assert (await world.payment(cash))["refundedAmount"] == 10


async def test_the_order_of_a_bodys_fields_makes_no_other_request(world: World) -> None:
    key, body = new_id(), gift(world)

    first = await world.call("POST", "/credits/add", "manager", msgspec.json.encode(body), key=key)
    turned = msgspec.json.format(msgspec.json.encode(dict(reversed(body.items()))), indent=4)
    again = await world.call("POST", "/credits/add", "manager", turned, key=key)

    assert (again.status, again.body, again.headers["Idempotency-Replayed"]) == (201, first.body, "true")


async def test_the_same_key_for_another_request_is_refused_and_the_first_answer_stays(world: World) -> None:
    order, other_order, key = await world.order(), await world.order(), new_id()
    first = await world.pay(order, "customer_credit", key=key)

    other_amount = await world.pay(order, "customer_credit", key=key, amount=100)
    other_bill = await world.pay(other_order, "customer_credit", key=key)
    again = await world.pay(order, "customer_credit", key=key)

    assert (other_amount.status, other_amount.body["code"]) == (422, "idempotency_key_reused")
    assert (other_bill.status, other_bill.body["code"]) == (422, "idempotency_key_reused")
    assert again.body == first.body
    assert (await world.call("GET", f"/orders/{other_order['id']}", "customer")).body["outstandingAmount"] == 480


async def test_a_key_belongs_to_one_person_at_one_cafe_for_one_route(world: World) -> None:
    key, before = "please", await credit_of(world)

    answers = [
        await world.call("POST", "/credits/add", "manager", gift(world, 5), key=key),
        await world.call("POST", "/credits/add", "admin", gift(world, 5), key=key),
        await world.call("POST", "/credits/deduct", "manager", gift(world, 5), key=key),
        await world.call(
            "POST",
            "/credits/add",
            "other:manager",
            gift(world, 5, customerId=world.other.people["customer"].person_id),
            key=key,
        ),
    ]

    assert [answer.status for answer in answers] == [201] * 4
    assert all("Idempotency-Replayed" not in answer.headers for answer in answers)
    assert await credit_of(world) - before == 5


async def test_refusals_by_a_rule_are_stored_and_given_again_word_for_word(world: World) -> None:
    order, key = await world.order("friend"), new_id()
    refused = await world.pay(order, "customer_credit", "friend", key=key)
    friend = gift(world, 1_000, customerId=world.home.people["friend"].person_id)
    await world.call("POST", "/credits/add", "manager", friend, key=new_id())

    again = await world.pay(order, "customer_credit", "friend", key=key)
    other_body = await world.pay(order, "customer_credit", "friend", key=key, amount=1)
    fresh_key = await world.pay(order, "customer_credit", "friend")

    assert (refused.status, refused.body["code"]) == (422, "insufficient_credit")
    assert (again.status, again.body, again.headers["Idempotency-Replayed"]) == (422, refused.body, "true")
    assert again.body["correlationId"] == refused.body["correlationId"]
    assert (other_body.status, other_body.body["code"]) == (422, "idempotency_key_reused")
    assert fresh_key.status == 201


async def test_something_that_is_not_there_is_not_there_again_under_the_same_key(world: World) -> None:
    key, path = new_id(), f"/payments/{new_id()}/refunds"

    first = await world.call("POST", path, "manager", {}, key=key)
    again = await world.call("POST", path, "manager", {}, key=key)

    assert (first.status, again.status, again.body) == (404, 404, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_malformed_and_forbidden_requests_use_up_no_key(world: World) -> None:
    order, key = await world.order(), new_id()

    malformed = await world.pay(order, "customer_credit", key=key, amount="480")
    forbidden = await world.pay(order, "customer_credit", key=key, customerId=world.home.people["friend"].person_id)
    without_token = await world.pay(order, "customer_credit", "nobody", key=key)
    at_last = await world.pay(order, "customer_credit", key=key)

    assert [answer.status for answer in (malformed, forbidden, without_token, at_last)] == [400, 403, 401, 201]
    assert "Idempotency-Replayed" not in at_last.headers


@pytest.mark.parametrize("key", ["x" * 256, "käse", "tab\tkey"])
async def test_a_key_has_at_most_255_printable_characters(world: World, key: str) -> None:
    refused = await world.call("POST", "/credits/add", "manager", gift(world), key=key)

    assert (refused.status, refused.body["code"]) == (400, "invalid_request")


async def test_a_key_of_one_or_of_255_characters_is_good(world: World) -> None:
    answers = [await world.call("POST", "/credits/add", "counter", gift(world, 1), key=key) for key in ("~", "k" * 255)]

    assert [answer.status for answer in answers] == [201, 201]


@pytest.mark.parametrize("path", ["/payments", f"/payments/{ABSENT}/refunds", "/credits/add", "/credits/deduct"])
async def test_without_a_key_no_money_moves(world: World, path: str) -> None:
    order = await world.order()
    bodies = {"/payments": {"orderId": order["id"], "paymentMethod": "customer_credit"}}
    body = bodies.get(path, gift(world) if path.startswith("/credits") else {})
    before = await credit_of(world)

    refused = await world.call("POST", path, "manager", body)

    assert (refused.status, refused.body["code"]) == (400, "idempotency_key_required")
    assert await credit_of(world) == before


async def test_while_the_first_request_runs_the_second_is_told_to_wait(world: World) -> None:
    await world.control("POST", "/faults", {"fault": "slow"})
    order, key = await world.order(), new_id()

    first = asyncio.create_task(world.pay(order, "payconic_card", key=key))
    await assert_eventually(lambda: any_listed(world, f"/payments?orderId={order['id']}"))
    during = await world.pay(order, "payconic_card", key=key)
    other_body = await world.pay(order, "payconic_card", key=key, amount=1)
    answer = await first
    after = await world.pay(order, "payconic_card", key=key)

    assert (during.status, during.body["code"], during.headers["Retry-After"]) == (409, "request_in_progress", "1")
    assert (during.body["retryable"], other_body.body["code"]) == (True, "idempotency_key_reused")
    assert answer.status == 201
    assert (after.status, after.body, after.headers["Idempotency-Replayed"]) == (201, answer.body, "true")


async def test_a_slow_refund_is_not_made_twice_either(world: World) -> None:
    await world.control("POST", "/mode", {"autoApprove": True})
    order, key = await world.order(), new_id()
    path = f"/payments/{(await world.pay(order, 'payconic_card')).body['paymentId']}/refunds"
    await world.control("POST", "/faults", {"fault": "slow"})

    first = asyncio.create_task(world.call("POST", path, "manager", {"amount": 80}, key=key))
    await assert_eventually(lambda: any_listed(world, path))
    during = await world.call("POST", path, "manager", {"amount": 80}, key=key)
    answer = await first
    after = await world.call("POST", path, "manager", {"amount": 80}, key=key)

    assert (during.status, during.body["code"]) == (409, "request_in_progress")
    assert (answer.status, answer.body["status"]) == (201, "completed")
    assert (after.body, after.headers["Idempotency-Replayed"]) == (answer.body, "true")
    assert len((await world.call("GET", path, "manager")).body["items"]) == 1
