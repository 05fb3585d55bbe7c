"""What a day's report says: everything of the day once, and nothing of it lost between two reports."""

from datetime import timedelta
from typing import Any

import pytest

from tabletap.kernel.ids import new_id
from tabletap.payments.model import Answer as Told
from tabletap.payments.model import DisputeStatus, ProviderDispute
from tests.support.shared_world import sign_in_again
from tests.support.world import World
from tests.till.test_days import close, today, until_tomorrow
from tests.till.test_drawers import act, open_drawer, pay_cash, seen
from tests.tips.steps import in_the_sixth_hour

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def disputed(world: World, payment_id: str, status: DisputeStatus) -> None:
    """The provider tells of a dispute."""
    asking = world.app.services.payments.asking
    payment = await asking.stored(world.home.id, payment_id)
    dispute = ProviderDispute(id="dp_1", amount_minor=480, status=status, reason="fraudulent")
    await asking.record(payment, Told(state="completed", evidence="query", disputes=(dispute,)), "check", new_id())


async def paid_by_card(world: World, order: dict[str, Any], who: str = "customer") -> str:
    await world.control("POST", "/mode", {"autoApprove": True})
    payment_id: str = (await world.pay(order, "payconic_card", who)).body["paymentId"]
    await world.until(payment_id, "completed")
    return payment_id


async def test_each_open_thing_is_named_once(own_world: World) -> None:
    world = own_world
    done = await paid_by_card(world, await world.order())
    await disputed(world, done, "open")
    order = await world.order()
    await world.control("POST", "/mode", {"autoApprove": False, "webhooks": False})
    waiting = (await world.pay(order, "payconic_card")).body["paymentId"]
    asking = world.app.services.payments.asking
    payment = await asking.stored(world.home.id, waiting)
    await asking.record(payment, Told(state="completed", evidence="query", amount_minor=1), "check", new_id())

    found = (await world.call("GET", f"/days/{today(world)}", "manager")).body["report"]["openItems"]

    assert {item["kind"]: item.get("count", 1) for item in found} == {
        "disputes_open": 1, "payments_under_review": 1, "orders_unpaid": 1, "orders_unfinished": 1,
    }  # fmt: skip
    await disputed(world, done, "won")


async def test_bought_credit_and_the_rounding_of_what_went_back_are_in_the_report(own_world: World) -> None:
    world = own_world
    await open_drawer(world)
    bought = (await world.call("POST", "/credits/top-ups", "friend", {"amount": 2_000})).body
    await paid_by_card(world, bought, "friend")
    path = f"/payments/{(await pay_cash(world))['paymentId']}/refunds"
    refund = await world.call("POST", path, "manager", {"amount": 478}, key=new_id())

    report = (await world.call("GET", f"/days/{today(world)}", "manager")).body["report"]

    assert refund.status == 201
    assert report["figures"]["credit_sold"] == {"count": 1, "amount": 2_000}
    assert report["figures"]["refunds"]["cash"]["original"] == {"count": 1, "amount": 478, "rounding": 2}


async def test_a_drawer_whose_closing_came_in_late_is_in_the_next_report_once(own_world: World) -> None:
    world = own_world
    sessions = [(await open_drawer(world)).body for _ in range(2)]
    for session in sessions:
        await act(world, session, "count", countedAmount=10_000)
    await act(world, sessions[0], "close")
    first = await close(world, today(world), early=True, reason="one drawer is being closed just now")
    world.clock.ahead -= timedelta(seconds=30)  # it began before the day was closed, and was written after that
    await act(world, sessions[1], "close")
    world.clock.ahead += timedelta(seconds=30)

    assert (await seen(world, sessions[1]))["closedAt"] < first.body["report"]["until"]
    await until_tomorrow(world)
    sign_in_again(world)
    second = await close(world, today(world), early=True, reason="for the test")

    drawers = [[each["drawer"] for each in report.body["report"]["drawers"]] for report in (first, second)]
    assert second.status == 200, second
    assert drawers == [[sessions[0]["drawer"]], [sessions[1]["drawer"]]]


async def test_what_was_done_hours_ago_and_what_was_done_just_now_are_in_one_report(own_world: World) -> None:
    world = await in_the_sixth_hour(own_world)
    earlier = (await pay_cash(world))["paymentId"]
    await world.let_time_pass(hours=2)
    sign_in_again(world)
    await pay_cash(world)
    refunded = await world.call("POST", f"/payments/{earlier}/refunds", "manager", {"amount": 100}, key=new_id())
    looked = (await world.call("GET", f"/days/{today(world)}", "manager")).body["report"]

    closed = await close(world, today(world), early=True, reason="for the test")
    report = closed.body["report"]

    assert (refunded.status, closed.status) == (201, 200), (refunded, closed)
    assert report["figures"]["payments"]["cash"] == {"count": 2, "amount": 960}
    assert report["figures"]["sold"]["1000"] == {"gross": 960, "tax": 88}
    compared = ("figures", "accounts", "journals")
    assert [report[name] for name in compared] == [looked[name] for name in compared]
