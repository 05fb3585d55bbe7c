"""Suspending, reactivating and closing a customer's credit account."""

from typing import Any

import pytest

from tabletap.kernel.ids import new_id
from tests.credits.asking import (
    Desk,
    assert_refused,
    balance,
    customer,
    journal_of,
    left,
    listed,
    move,
    pass_days,
    pay,
    refund,
)
from tests.support.books import rows
from tests.support.world import Answer, World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def become(world: World, customer_id: str, way: str, who: str = "manager", **more: Any) -> Answer:
    body = {"reason": "a reason", **more}
    return await world.call("POST", f"/credits/accounts/{customer_id}/{way}", who, body)


async def changes(world: World, customer_id: str) -> list[tuple[str, str, str]]:
    sql = "SELECT customer_id, id, from_status, to_status, reason FROM credit_account_change"
    found = sorted(row[1:] for row in await rows(world, sql) if row[0] == customer_id)
    return [(from_, to, reason) for _, from_, to, reason in found]


async def test_nothing_is_spent_from_a_suspended_account_but_money_still_arrives(world: World) -> None:
    customer_id = await customer(world, 1_000)
    payment_id = await pay(world, customer_id, 400)

    suspended = await become(world, customer_id, "suspend", reason="a complaint")

    order = await world.order("counter")
    paid = await world.pay(order, "customer_credit", "counter", customerId=customer_id)
    assert (suspended.status, suspended.body["status"], suspended.body["available"]) == (200, "suspended", 0)
    assert_refused(await move(world, "deduct", customer_id, 1), 422, "credit_account_closed")
    assert_refused(paid, 422, "credit_account_closed")
    assert (await refund(world, payment_id, 400)).status == 201
    assert (await move(world, "add", customer_id, 5)).status == 201
    await Desk(world, customer_id).top_up(70)
    found = await balance(world, customer_id)
    assert (found["balance"], found["available"], found["status"]) == (1_075, 0, "suspended")
    reactivated = await become(world, customer_id, "reactivate", reason="settled")
    assert (reactivated.body["available"], reactivated.body["status"]) == (1_075, "active")
    assert await changes(world, customer_id) == [
        ("active", "suspended", "a complaint"),
        ("suspended", "active", "settled"),
    ]


async def test_an_account_with_credit_left_is_not_closed(world: World) -> None:
    customer_id = await customer(world, 100)

    assert_refused(await become(world, customer_id, "close"), 422, "credit_left")
    await move(world, "deduct", customer_id, 100)
    closed = await become(world, customer_id, "close")

    assert (closed.status, closed.body["status"]) == (200, "closed")
    assert_refused(await move(world, "add", customer_id, 1), 422, "credit_account_closed")
    assert_refused(await become(world, customer_id, "suspend"), 422, "credit_account_not_open")
    body = {"customerId": customer_id, "amount": 500}
    assert_refused(await world.call("POST", "/credits/top-ups", "staff", body), 422, "credit_account_closed")


async def test_money_on_its_way_to_a_closed_account_arrives_and_waits(world: World) -> None:
    customer_id = await customer(world, 400)
    payment_id = await pay(world, customer_id, 400)
    assert (await become(world, customer_id, "close")).status == 200

    given = await refund(world, payment_id, 150)
    await Desk(world, customer_id).top_up(50)

    assert given.status == 201
    found = await balance(world, customer_id)
    assert (found["balance"], found["available"], found["status"]) == (200, 0, "closed")
    assert_refused(await move(world, "deduct", customer_id, 1), 422, "credit_account_closed")
    assert (await become(world, customer_id, "reactivate")).status == 200
    await pay(world, customer_id, 200)
    assert await left(world, customer_id) == [0, 0]


async def test_changing_it_to_what_it_is_leaves_no_trace(world: World) -> None:
    customer_id = await customer(world)

    answers = [await become(world, customer_id, way) for way in ("reactivate", "suspend", "suspend")]

    assert [answer.body["status"] for answer in answers] == ["active", "suspended", "suspended"]
    assert await changes(world, customer_id) == [("active", "suspended", "a reason")]
    assert await listed(world, "lots", customer_id) == []


async def test_only_a_manager_of_this_cafe_changes_an_account(world: World) -> None:
    customer_id = await customer(world)

    for who in ("counter", "staff", "kitchen", "customer"):
        for way in ("suspend", "reactivate", "close"):
            assert_refused(await become(world, customer_id, way, who), 403, "not_allowed")
    for unknown in (new_id(), "nobody", world.home.people["staff"].person_id):
        assert_refused(await become(world, unknown, "suspend"), 404, "customer_not_found")
    assert_refused(await become(world, customer_id, "suspend", "other:manager"), 404, "customer_not_found")
    assert_refused(await become(world, customer_id, "suspend", reason=""), 400, "invalid_request")
    assert_refused(await become(world, customer_id, "suspend", reason="x" * 501), 400, "invalid_request")
    assert_refused(await become(world, customer_id, "suspend", why="x"), 400, "invalid_request")


async def test_a_change_of_an_account_is_told_to_its_owner_the_counter_and_the_managers(world: World) -> None:
    customer_id = await customer(world)
    await become(world, customer_id, "suspend", reason="a secret suspicion")

    sql = "SELECT key, name, data FROM stream_event WHERE name = 'credit_account_changed'"
    told = [row for row in await rows(world, sql) if customer_id in bytes(row[2]).decode()]

    assert sorted(key for key, *_ in told) == sorted(
        [f"user:{customer_id}", f"cafe:{world.home.id}:counter", f"cafe:{world.home.id}:management"]
    )
    assert all(b"suspicion" not in bytes(data) for *_, data in told)


async def test_a_cafe_with_credit_keeps_its_currency(world: World) -> None:
    await customer(world, 100)

    refused = await world.call("PUT", f"/cafes/{world.other.id}", "other:manager", {"currency": "EUR"})

    assert refused.status == 422, refused


async def test_credit_that_has_expired_does_not_keep_an_account_open(still_world: World) -> None:
    ends = still_world.clock.now().isoformat()
    pass_days(still_world, -1)
    customer_id = await customer(still_world, 100, expiresAt=ends)
    pass_days(still_world, 1)

    closed = await become(still_world, customer_id, "close")

    assert (closed.status, closed.body["status"], closed.body["totalExpired"]) == (200, "closed", 100)
    assert (await journal_of(still_world, "credit_expiry", customer_id)) == [
        {"customer": 100, "credit_promotion": -100}
    ]
