"""Moving orders on: every transition of contract 4.1 for everybody who might try."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from tabletap.cafes.model import ChangeSettings
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Role
from tests.support.world import Answer, World

pytestmark = pytest.mark.asyncio(loop_scope="package")

STATES = ("pending", "paid", "preparing", "ready", "collected", "cancelled")
WAY = ("pending", "paid", "preparing", "ready", "collected")
OWNER, STRANGERS, OTHER_CAFE = "customer", {"friend", "board"}, "other:manager"
STAFF = {"staff", "counter", "manager", "admin"}
EVERYBODY = [OWNER, "kitchen", *sorted(STAFF), *sorted(STRANGERS), OTHER_CAFE]
MOVERS, BOSSES = {"kitchen", *STAFF}, {"manager", "admin"}
ALLOWED = {
    ("pending", "cancelled"): {OWNER, *STAFF},
    ("paid", "preparing"): MOVERS,
    ("paid", "cancelled"): BOSSES,
    ("preparing", "ready"): MOVERS,
    ("preparing", "cancelled"): BOSSES,
    ("ready", "collected"): MOVERS,
}
PAY_LATER = ALLOWED | {("pending", "preparing"): MOVERS}


@pytest_asyncio.fixture(loop_scope="package")
async def policy(request: pytest.FixtureRequest, world: World) -> AsyncIterator[str]:
    """The cafe's payment policy for one test."""
    policy = str(request.param)
    await _set_policy(world, policy)
    yield policy
    await _set_policy(world, "pay_first")


async def _set_policy(world: World, policy: str) -> None:
    change = msgspec.convert({"paymentPolicy": policy}, ChangeSettings)
    await world.app.services.cafes.change_settings(change, world.home.people["admin"])


async def move(world: World, order: dict[str, Any], status: str, who: str, **more: Any) -> Answer:
    if who == "board":
        cafe_id, board = world.home.id, frozenset({Role.BOARD})
        who = world.app.services.tokens.issue(cafe_id=cafe_id, person_id=new_id(), roles=board)
    path = f"/orders/{order['id']}/status"
    return await world.call("POST", path, who, {"status": status, **more}, key=new_id())


async def order_in(world: World, state: str) -> dict[str, Any]:
    """A customer's order that came to a state the way orders come there."""
    order = await world.order(OWNER, items={"Espresso": 1})
    if state == "cancelled":
        assert (await move(world, order, "cancelled", OWNER)).status == 200
    for _, after in pairwise(WAY[: WAY.index(state) + 1] if state in WAY else ()):
        answer = (
            await world.pay(order, "customer_credit") if after == "paid" else await move(world, order, after, "kitchen")
        )
        assert answer.status in (200, 201), answer
    return await seen(world, order)


async def seen(world: World, order: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await world.call("GET", f"/orders/{order['id']}", "manager")).body
    return found


def _is_right_refusal(answer: Answer, who: str) -> bool:
    told = (answer.status, answer.body.get("code"))
    if who == OTHER_CAFE:
        return told == (404, "order_not_found")
    if who in STRANGERS:
        return told == (403, "not_allowed")
    if who in BOSSES:
        return told == (422, "transition_not_allowed")
    return answer.status == 403 or told == (422, "transition_not_allowed")


@pytest.mark.parametrize("policy", ["pay_first", "pay_later"], indirect=True)
@pytest.mark.parametrize("before", STATES)
async def test_everybody_moves_orders_as_they_may_and_not_otherwise(world: World, before: str, policy: str) -> None:
    table = ALLOWED if policy == "pay_first" else PAY_LATER
    order = await order_in(world, before)
    wrong = []
    for after in STATES:
        for who in EVERYBODY:
            if who in table.get((before, after), ()):
                answer = await move(world, await order_in(world, before), after, who)
                if (answer.status, answer.body.get("status")) != (200, after):
                    wrong.append((who, before, after, answer.status, answer.body))
                continue
            answer = await move(world, order, after, who)
            if not _is_right_refusal(answer, who):
                wrong.append((who, before, after, answer.status, answer.body["status"]))
                order = await order_in(world, before)

    assert wrong == []
    assert await seen(world, order) == order


async def test_a_move_from_an_old_version_is_refused(world: World) -> None:
    order = await order_in(world, "paid")
    stale = await move(world, order, "preparing", "kitchen", expectedVersion=order["version"] - 1)
    ahead = await move(world, order, "preparing", "kitchen", expectedVersion=order["version"] + 1)
    cancelled = await move(world, order, "cancelled", "manager", expectedVersion=order["version"] - 1)
    fresh = await move(world, order, "preparing", "kitchen", expectedVersion=order["version"])

    for refused in (stale, ahead, cancelled):
        assert (refused.status, refused.body["code"]) == (409, "version_conflict")
    assert (fresh.status, fresh.body["version"]) == (200, order["version"] + 1)


async def test_of_many_who_move_an_order_at_once_one_does(world: World) -> None:
    order = await order_in(world, "paid")

    answers = await asyncio.gather(
        *(move(world, order, "preparing", "kitchen", expectedVersion=order["version"]) for _ in range(8))
    )

    assert sorted(answer.status for answer in answers) == [200] + [409] * 7
    assert (await seen(world, order))["version"] == order["version"] + 1


async def test_an_order_cancelled_and_paid_at_the_same_moment_is_one_of_the_two(world: World) -> None:
    order = await order_in(world, "pending")

    cancelled, paid = await asyncio.gather(
        move(world, order, "cancelled", OWNER), world.pay(order, "customer_credit", OWNER)
    )

    after = await seen(world, order)
    if paid.status == 201:
        assert cancelled.status in (403, 422)
        assert (after["status"], after["paymentStatus"]) == ("paid", "paid")
    else:
        assert (cancelled.status, paid.status, paid.body["code"]) == (200, 422, "order_not_payable")
        assert (after["status"], after["paymentStatus"]) == ("cancelled", "unpaid")


@pytest.mark.parametrize("policy", ["pay_later"], indirect=True)
async def test_what_is_paid_later_keeps_its_place_in_the_kitchen(world: World, policy: str) -> None:
    order = await order_in(world, "pending")
    assert (await move(world, order, "preparing", "kitchen")).status == 200
    assert (await world.pay(order, "customer_credit")).status == 201
    paid = await seen(world, order)

    assert policy == "pay_later"
    assert (paid["status"], paid["paymentStatus"], paid["outstandingAmount"]) == ("preparing", "paid", 0)
    assert "paidAt" in paid
    for status in ("ready", "collected"):
        assert (await move(world, order, status, "staff")).body["status"] == status


@pytest.mark.parametrize("policy", ["pay_later"], indirect=True)
async def test_an_order_whose_rest_is_taken_off_in_the_kitchen_is_paid_and_sold(world: World, policy: str) -> None:
    order = await world.order(OWNER, items={"Espresso": 1, "Flat white": 1})
    moved = (await move(world, order, "preparing", "kitchen")).body
    path = f"/reports/sales?mode={'live' if policy else ''}"
    before = (await world.call("GET", path, "manager")).body["grossAmount"]
    assert (await world.pay(order, "customer_credit", amount=350)).status == 201
    version = (await seen(world, order))["version"]

    rest = [item["id"] for item in order["items"] if item["name"] == "Flat white"]
    body = {"expectedVersion": version, "void": rest}
    changed = await world.call("PATCH", f"/orders/{order['id']}", "staff", body)

    after = (await world.call("GET", path, "manager")).body["grossAmount"]
    assert (moved["status"], changed.status, changed.body["status"]) == ("preparing", 200, "preparing")
    assert (changed.body["paymentStatus"], "paidAt" in changed.body) == ("paid", True)
    assert after - before == 350


async def test_cancelling_a_paid_order_gives_everything_back(world: World) -> None:
    before = (await world.call("GET", "/credits/balance", OWNER)).body["balance"]
    order = await order_in(world, "preparing")

    answer = await move(world, order, "cancelled", "manager", reason="closed early")

    assert (answer.status, answer.body["paymentStatus"]) == (200, "refunded")
    assert (await world.call("GET", "/credits/balance", OWNER)).body["balance"] == before


async def test_an_order_nobody_knows_cannot_be_moved(world: World) -> None:
    for id_ in (new_id(), "42"):
        answer = await move(world, {"id": id_}, "cancelled", "manager")
        assert (answer.status, answer.body["code"]) == (404, "order_not_found")
    assert (await move(world, await order_in(world, "paid"), "eaten", "manager")).status == 400
