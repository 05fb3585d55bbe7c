"""Every route that moves money keeps the same promise; the API's own description names them all."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio
import socketio

from tabletap.kernel.ids import new_id
from tests.infra.money_requests import ALL, CASES, Prepare, Request, cancelling, provider_payment
from tests.support.shared_world import heal, opened
from tests.support.world import World, money_row_counts

pytestmark = pytest.mark.asyncio(loop_scope="module")

MONEY_PATHS = (
    "/payments",
    "/refunds",
    "/credits",
    "/qr-payments",
    "/disputes",
    "/bank-",
    "/payouts",
    "/drawers",
    "/tips/p",
    "/tips/d",
)
HARMLESS = {
    "post /payments/{payment_id}/verify",
    "post /payments/{payment_id}/cancel",
    "post /payments/{payment_id}/release",
    "post /payments/{payment_id}/refunds/preview",
    "post /orders/{order_id}/refunds/preview",
    "post /refunds/{refund_id}/retry",
    "post /credits/accounts/{customer_id}/suspend",
    "post /credits/accounts/{customer_id}/reactivate",
    "post /credits/accounts/{customer_id}/close",
    "post /credits/top-ups",
    "post /bank-statements",
    "put /bank-statements/mapping",
    "post /qr-payments/{qr_payment_id}/scanned",
    "post /drawers/sessions/{session_id}/count",
    "post /payouts",
}
"""They ask, show or give up a claim; no money moves. Or they have a key of their own: a file, a payout's name.
A new one below a money path is a decision: write it down here."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def still_world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, engine_name: str
) -> AsyncIterator[World]:
    """No job runs by itself: what is counted comes from the requests alone."""
    async with opened(request, tmp_path_factory, engine_name, with_jobs=False) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="module")
async def world(still_world: World) -> AsyncIterator[World]:
    yield still_world
    await heal(still_world)


every_route = pytest.mark.parametrize("prepare", ALL.values(), ids=[name.replace(" ", "_") for name in ALL])


class Raw(msgspec.Struct, frozen=True):
    status: int
    body: bytes
    replayed: bool

    @property
    def code(self) -> str:
        return str(msgspec.json.decode(self.body).get("code"))


async def send(world: World, request: Request, body: Any, key: str | None, who: str = "manager") -> Raw:
    """The very bytes of the answer."""
    headers = {"Authorization": f"Bearer {world.home.tokens[who]}", "Content-Type": "application/json"}
    if key is not None:
        headers["Idempotency-Key"] = key
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    async with world.session.post(f"{world.url}/api/v1{request.path}", data=data, headers=headers) as response:
        return Raw(response.status, await response.read(), response.headers.get("Idempotency-Replayed") == "true")


def turned(value: Any) -> Any:
    """The same JSON with all names in the other order."""
    if isinstance(value, dict):
        return {name: turned(value[name]) for name in reversed(value)}
    return [turned(each) for each in value] if isinstance(value, list) else value


async def test_every_operation_that_asks_for_a_key_is_tried_here_and_none_forgot_to_ask(world: World) -> None:
    paths = (await (await world.session.get(f"{world.url}/openapi.json")).json())["paths"]
    writes = {
        f"{verb} {path.removeprefix('/api/v1')}": operation
        for path, item in paths.items()
        for verb, operation in item.items()
        if verb in ("post", "put", "patch", "delete")
    }

    with_key = {
        name
        for name, operation in writes.items()
        if any(each["name"] == "Idempotency-Key" and each["required"] for each in operation["parameters"])
    }
    of_money = {name for name in writes if name.split(" ")[1].startswith(MONEY_PATHS) or "refund" in name}

    assert with_key == set(CASES)
    assert of_money - HARMLESS == with_key


@every_route
async def test_without_a_key_nothing_happens(world: World, prepare: Prepare) -> None:
    request = await prepare(world)
    before = await money_row_counts(world)

    refused = await send(world, request, request.body, None)

    assert (refused.status, refused.code) == (400, "idempotency_key_required")
    assert await money_row_counts(world) == before


@every_route
async def test_the_same_request_gets_the_same_bytes_and_another_one_is_refused(world: World, prepare: Prepare) -> None:
    request, key = await prepare(world), new_id()

    first = await send(world, request, request.body, key)
    counts = await money_row_counts(world)
    spread = msgspec.json.format(msgspec.json.encode(turned(request.body)), indent=3)
    again = [await send(world, request, body, key) for body in (request.body, spread)]
    other = await send(world, request, request.other_body, key)

    assert first.status in (200, 201), first
    assert not first.replayed
    assert again == [Raw(first.status, first.body, True)] * 2
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    assert await money_row_counts(world) == counts


@every_route
async def test_the_same_key_of_another_person_is_another_key(world: World, prepare: Prepare) -> None:
    request, second, key = await prepare(world), await prepare(world), new_id()

    answers = [
        await send(world, request, request.body, key),
        await send(world, second, second.body, key, "admin"),
    ]

    assert [answer.status in (200, 201) for answer in answers] == [True, True], answers
    assert not any(answer.replayed for answer in answers)


@every_route
async def test_twenty_at_once_with_one_key_have_one_effect(world: World, prepare: Prepare) -> None:
    alone, request, key = await prepare(world), await prepare(world), new_id()
    start = await money_row_counts(world)
    assert (await send(world, alone, alone.body, new_id())).status in (200, 201)
    one_more = await money_row_counts(world)

    answers = await asyncio.gather(*(send(world, request, request.body, key) for _ in range(20)))
    after = await send(world, request, request.body, key)

    good = [answer for answer in answers if answer.status in (200, 201)]
    waiting = [answer.code for answer in answers if answer.status not in (200, 201)]
    assert {answer.body for answer in good} == {after.body}
    assert [answer.replayed for answer in good].count(False) == 1
    assert set(waiting) <= {"request_in_progress"}
    twice = await money_row_counts(world)
    effect = {name: one_more[name] - start[name] for name in start}
    assert {name: twice[name] - one_more[name] for name in start} == effect


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({"paymentMethod": "bottle_caps"}, 422, "method_not_offered"),
        ({"tipAmount": -1}, 422, "invalid_amount"),
        ({"returnUrl": "https://elsewhere.example/"}, 422, "return_url_not_allowed"),
        ({"metadata": {str(number): number for number in range(21)}}, 422, "metadata_too_large"),
        ({"currency": "EUR"}, 422, "currency_mismatch"),
        ({"amount": 481}, 422, "amount_exceeds_outstanding"),
        ({"orderId": "01890a5d-ac96-774b-bcce-b302099a8057"}, 404, "order_not_found"),
    ],
)
async def test_what_a_rule_refuses_is_refused_again_word_for_word(
    world: World, wrong: dict[str, Any], status: int, code: str
) -> None:
    request, key = await provider_payment(world), new_id()

    first = await send(world, request, {**request.body, **wrong}, key)
    again = await send(world, request, {**request.body, **wrong}, key)
    other = await send(world, request, request.body, key)

    assert (first.status, first.code, first.replayed) == (status, code, False)
    assert again == Raw(status, first.body, True)
    assert (other.status, other.code) == (422, "idempotency_key_reused")


async def test_a_conflict_uses_up_no_key(world: World) -> None:
    request, key = await cancelling(world), new_id()

    stale = [await send(world, request, {**request.body, "expectedVersion": 1}, key) for _ in range(2)]
    right = await send(world, request, request.body, key)

    assert [(each.status, each.code, each.replayed) for each in stale] == [(409, "version_conflict", False)] * 2
    assert (right.status, right.replayed) == (200, False)


async def test_a_live_command_that_moves_money_is_done_once_under_its_command_id(world: World) -> None:
    request = await cancelling(world)
    order_id = request.path.split("/")[2]
    client = socketio.AsyncClient(reconnection=False)
    await client.connect(
        world.url, namespaces=["/counter"], auth={"token": world.home.tokens["manager"]}, transports=["websocket"]
    )
    try:
        command = {"orderId": order_id, "status": "cancelled"}

        async def told(**more: Any) -> dict[str, Any]:
            ack: dict[str, Any] = await client.call("order_status_update", {**command, **more}, namespace="/counter")
            return ack

        before = await money_row_counts(world)
        without = await told()
        unchanged = await money_row_counts(world)
        first = await told(commandId="c-1")
        counts = await money_row_counts(world)
        again = await asyncio.gather(*(told(commandId="c-1") for _ in range(10)))
        other = await told(commandId="c-1", reason="spilt")
        over_http = await send(world, request, request.body, "c-1")

        assert (without["ok"], without["error"]["code"]) == (False, "idempotency_key_required")
        assert unchanged == before
        assert (first["ok"], first["result"]["status"]) == (True, "cancelled")
        assert counts["refund"] == before["refund"] + 1
        assert again == [first] * 10
        assert other["error"]["code"] == "idempotency_key_reused"
        assert over_http.code == "transition_not_allowed"
        assert await money_row_counts(world) == counts
    finally:
        await client.disconnect()
