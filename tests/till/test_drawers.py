"""Drawers: from the float to the count, with every coin that moved in between."""

import asyncio
from typing import Any

import pytest

from tabletap.kernel.ids import new_id
from tabletap.ledger import service as ledger
from tests.support.books import assert_books_are_right
from tests.support.locks import noting_locks
from tests.support.world import Answer, World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def open_drawer(world: World, who: str = "counter", float_: int = 10_000, drawer: str | None = None) -> Answer:
    body = {"floatAmount": float_, "drawer": drawer or f"Till {new_id()}"}
    return await world.call("POST", "/drawers/sessions", who, body, key=new_id())


async def act(world: World, session: dict[str, Any], what: str, who: str = "counter", **body: Any) -> Answer:
    return await world.call("POST", f"/drawers/sessions/{session['sessionId']}/{what}", who, body, key=new_id())


async def seen(world: World, session: dict[str, Any], who: str = "manager") -> dict[str, Any]:
    found: dict[str, Any] = (await world.call("GET", f"/drawers/sessions/{session['sessionId']}", who)).body
    return found


async def pay_cash(world: World, who: str = "counter", tip: int = 0) -> dict[str, Any]:
    order = await world.order()
    started = await world.pay(order, "cash", tipAmount=tip)
    path = f"/payments/{started.body['paymentId']}/cash"
    taken = await world.call("POST", path, who, {"received": 2_000}, key=new_id())
    assert taken.status == 200, taken
    payment: dict[str, Any] = taken.body["payment"]
    return payment


async def balance(world: World, account: str) -> int:
    found = await world.app.db.read(world.home.id, lambda reader: ledger.balances(reader, world.home.id))
    return found.get(account, 0)


async def test_a_drawer_from_its_float_to_its_count(own_world: World) -> None:
    world = own_world
    session = (await open_drawer(world)).body
    payment = await pay_cash(world, tip=52)
    await act(world, session, "moves", type="paid_out", amount=600, reason="milk")
    await act(world, session, "moves", type="paid_in", amount=2_000, reason="coins")
    await act(world, session, "moves", type="drop", amount=5_000, reason="too much in it")
    path = f"/payments/{payment['paymentId']}/refunds"
    returned = await world.call("POST", path, "manager", {"amount": 100}, key=new_id())
    expected = (await seen(world, session))["expectedAmount"]

    counted = await act(world, session, "count", countedAmount=expected - 35)
    closed = await act(world, session, "close")

    assert returned.status == 201
    assert expected == 10_000 + 530 - 600 + 2_000 - 5_000 - 100
    assert (counted.body["expectedAmount"], counted.body["differenceAmount"]) == (expected, -35)
    assert (closed.status, closed.body["status"]) == (200, "closed")
    shown = await seen(world, session)
    assert [move["kind"] for move in shown["moves"]] == [
        "float", "payment", "paid_out", "paid_in", "drop", "refund", "difference", "taken_out",
    ]  # fmt: skip
    assert sum(move["amount"] for move in shown["moves"]) == 0
    assert await balance(world, "cash_drawer") == 0
    assert await balance(world, "cash_difference") == 35
    assert await balance(world, "petty_cash") == 600
    assert await balance(world, "safe") == -10_000 - 2_000 + 5_000 + expected - 35
    await assert_books_are_right(world)


async def test_whoever_counts_does_not_see_what_is_expected_before(own_world: World) -> None:
    session = (await open_drawer(own_world)).body

    before = await seen(own_world, session, "counter")
    counted = (await act(own_world, session, "count", denominations={"5000": 1, "2000": 2, "5": 3})).body
    after = await seen(own_world, session, "counter")

    assert "expectedAmount" not in session
    assert "expectedAmount" not in before
    assert "moves" not in before
    assert (counted["countedAmount"], counted["expectedAmount"], counted["differenceAmount"]) == (9_015, 10_000, -985)
    assert [count["countedAmount"] for count in after["counts"]] == [9_015]


async def test_what_moved_after_the_count_has_to_be_counted_too(own_world: World) -> None:
    session = (await open_drawer(own_world)).body
    uncounted = await act(own_world, session, "close")
    await act(own_world, session, "count", countedAmount=10_000)
    await pay_cash(own_world)

    stale = await act(own_world, session, "close")
    await act(own_world, session, "count", countedAmount=10_480)
    closed = await act(own_world, session, "close")

    assert (uncounted.status, uncounted.body["code"]) == (422, "drawer_not_counted")
    assert (stale.status, stale.body["code"]) == (422, "drawer_not_counted")
    assert (closed.status, closed.body["differenceAmount"]) == (200, 0)
    assert len((await seen(own_world, session))["counts"]) == 2


async def test_cash_with_no_drawer_open_stands_apart_until_one_collects_it(own_world: World) -> None:
    world = own_world
    await pay_cash(world)
    await pay_cash(world)
    session = (await open_drawer(world, float_=0)).body

    collected = await act(world, session, "collect", "manager")
    again = await act(world, session, "collect", "manager")

    assert (collected.status, collected.body["expectedAmount"]) == (200, 960)
    assert (again.status, again.body["code"]) == (422, "nothing_to_collect")
    await assert_books_are_right(world)


async def test_cash_goes_to_the_drawer_of_whoever_took_it(own_world: World) -> None:
    world = own_world
    first = (await open_drawer(world, "counter", 100)).body
    second = (await open_drawer(world, "manager", 200)).body

    await pay_cash(world, "manager")
    await pay_cash(world, "counter")
    await pay_cash(world, "admin")

    assert (await seen(world, first))["expectedAmount"] == 580
    assert (await seen(world, second))["expectedAmount"] == 680
    refused = await act(world, second, "collect", "manager")
    assert (refused.status, refused.body["expectedAmount"]) == (200, 1_160)


async def test_ten_at_once_lose_no_coin(own_world: World) -> None:
    world = own_world
    session = (await open_drawer(world)).body

    await asyncio.gather(*(pay_cash(world) for _ in range(10)))

    assert (await seen(world, session))["expectedAmount"] == 10_000 + 10 * 480
    await assert_books_are_right(world)


async def test_one_drawer_is_opened_once(world: World) -> None:
    name = f"Till {new_id()}"

    answers = await asyncio.gather(*(open_drawer(world, drawer=name) for _ in range(4)))

    assert sorted(answer.status for answer in answers) == [201, 422, 422, 422]
    assert {answer.body["code"] for answer in answers if answer.status == 422} == {"drawer_is_open"}


async def test_what_cannot_be_is_refused_and_changes_nothing(world: World) -> None:
    session = (await open_drawer(world)).body

    too_much = await act(world, session, "moves", type="paid_out", amount=10_001, reason="a car")
    nothing = await act(world, session, "moves", type="paid_in", amount=0, reason="air")
    negative = await open_drawer(world, float_=-1)
    by_staff = await open_drawer(world, "staff")
    elsewhere = await world.call("GET", f"/drawers/sessions/{session['sessionId']}", "other:manager")
    await act(world, session, "count", countedAmount=10_000)
    await act(world, session, "close")
    closed = await act(world, session, "moves", type="paid_in", amount=5, reason="late")

    assert [(each.status, each.body["code"]) for each in (too_much, nothing, negative)] == [(422, "invalid_amount")] * 3
    assert (by_staff.status, elsewhere.status) == (403, 404)
    assert (closed.status, closed.body["code"]) == (422, "drawer_is_closed")


async def test_both_ends_hear_of_a_drawer(own_world: World) -> None:
    world = own_world
    session = (await open_drawer(world)).body

    for stream, who in (("counter", "counter"), ("management", "manager")):
        asked = await world.call("GET", f"/events?stream=cafe:{world.home.id}:{stream}&after=0&limit=200", who)
        told = [event for event in asked.body["items"] if event["name"] == "drawer_changed"]
        assert [event["sessionId"] for event in told] == [session["sessionId"]]
        assert "expectedAmount" not in told[0]


async def test_whoever_collects_cash_locks_drawers_in_the_order_of_whoever_takes_some(own_world: World) -> None:
    world = own_world
    await pay_cash(world)
    session = (await open_drawer(world)).body

    with noting_locks("drawer_session") as noted:
        collected = await act(world, session, "collect")
        await pay_cash(world)

    assert collected.status == 200, collected
    several = [rows for rows in noted.values() if len(rows) > 1]
    assert several
    assert several == [sorted(rows) for rows in several]
