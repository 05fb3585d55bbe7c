"""Tips from the guest to the worker: pooled or at once, taken back with refunds, paid out."""

import asyncio

import pytest

from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import new_id
from tabletap.tips.sharing import following
from tests.support.locks import noting_locks
from tests.tips.conftest import Staffed
from tests.tips.steps import assert_all_is_right, owed, pool, refund, rule, share_out, tip, today

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_days_tips_are_pooled_and_shared_by_minutes(staffed: Staffed) -> None:
    world, people = staffed
    await tip(world, 100)
    await tip(world, 151)

    waiting = await pool(world)
    shared = await share_out(world)
    again = await share_out(world)

    assert (waiting["status"], waiting["amount"]) == ("open", 251)
    assert (shared.status, shared.body["amount"], shared.body["unassignedAmount"]) == (201, 251, 0)
    got = {share["staffId"]: share["amount"] for share in shared.body["shares"]}
    assert got[people["cook"]] in (75, 76)
    assert sum(got.values()) == 251
    assert {staff: await owed(world, staff) for staff in got} == got
    assert (again.status, again.body["code"]) == (422, "tip_pool_not_open")
    await assert_all_is_right(world)


async def test_each_tip_is_shared_at_once_where_the_cafe_wants_it_so(staffed: Staffed) -> None:
    world, people = staffed
    assert (await rule(world, mode="per_payment")).status == 200

    payment = await tip(world, 100)

    listed = (await world.call("GET", "/tips/distributions", "manager")).body["items"]
    own = (await world.call("GET", "/tips/distributions", "cook")).body["items"]
    assert [(each["groupId"], each["amount"]) for each in listed] == [(payment["paymentId"], 100)]
    assert await owed(world, people["cook"]) == 30
    assert await owed(world, people["waiter"]) + await owed(world, people["other"]) == 70
    assert [share["staffId"] for share in own[0]["shares"]] == [people["cook"]]
    await assert_all_is_right(world)


async def test_a_refund_takes_tips_back_from_those_who_got_them(staffed: Staffed) -> None:
    world, people = staffed
    await rule(world, mode="per_payment")
    payment = await tip(world, 100)

    returned = await refund(world, payment)

    back = (await world.call("GET", "/tips/distributions", "manager")).body["items"][0]
    assert returned.status == 201
    assert (back["kind"], back["amount"]) == ("clawback", -100)
    assert [await owed(world, staff) for staff in people.values()] == [0, 0, 0]
    await assert_all_is_right(world)


async def test_a_refund_before_the_pool_is_shared_makes_the_pool_smaller(staffed: Staffed) -> None:
    world, people = staffed
    first, second = await tip(world, 100), await tip(world, 60)

    await refund(world, first)
    smaller = (await pool(world))["amount"]
    await share_out(world)
    await refund(world, second, amount=second["totalAmount"] - 30)
    await refund(world, second)

    assert smaller == 60
    assert sum([await owed(world, staff) for staff in people.values()]) == 0
    await assert_all_is_right(world)


async def test_tips_are_paid_out_once_and_never_more_than_there_is(staffed: Staffed) -> None:
    world, people = staffed
    await rule(world, mode="per_payment", distribution={"kitchenStaff": 10_000, "serviceStaff": 0, "management": 0})
    await tip(world, 100)
    body = {"staffId": people["cook"], "method": "cash", "amount": 60}

    paid = await asyncio.gather(*(world.call("POST", "/tips/payouts", "manager", body, key=new_id()) for _ in range(4)))
    rest = await world.call(
        "POST", "/tips/payouts", "manager", {"staffId": people["cook"], "method": "payroll"}, key=new_id()
    )

    assert sorted(answer.status for answer in paid) == [201, 422, 422, 422]
    assert {answer.body["code"] for answer in paid if answer.status == 422} == {"tip_payout_too_large"}
    assert (rest.status, rest.body["amount"], rest.body["balance"]) == (201, 40, 0)
    await assert_all_is_right(world)


async def test_managers_hear_of_shared_tips(staffed: Staffed) -> None:
    world, _ = staffed
    await rule(world, mode="per_payment")
    await tip(world, 100)

    asked = await world.call("GET", f"/events?stream=cafe:{world.home.id}:management&after=0&limit=200", "manager")

    told = [event for event in asked.body["items"] if event["name"] == "tip_distributed"]
    assert [(event["kind"], event["amount"], event["unassignedAmount"]) for event in told] == [("shared", 100, 0)]


async def test_the_days_closing_shares_the_pool_out(staffed: Staffed) -> None:
    world, people = staffed
    await tip(world, 100)
    day = today(world)
    with_people_at_work = (await world.call("GET", f"/days/{day}", "manager")).body["report"]["openItems"]
    for name in people:
        await world.call("POST", "/shifts/clock-out", name, {})

    closed = await world.call("POST", f"/days/{day}/close", "manager", {"early": True, "reason": "all in order"})

    assert "shifts_open" in {item["kind"] for item in with_people_at_work}
    assert closed.status == 200, closed
    assert (await pool(world))["status"] == "distributed"
    assert sum([await owed(world, staff) for staff in people.values()]) == 100


async def test_a_payment_given_back_after_it_was_paid_out_leaves_a_balance_below_zero(
    staffed: Staffed,
) -> None:
    world, people = staffed
    await rule(world, mode="per_payment", distribution={"kitchenStaff": 10_000, "serviceStaff": 0, "management": 0})
    payment = await tip(world, 100)
    body = {"staffId": people["cook"], "method": "payroll"}
    await world.call("POST", "/tips/payouts", "manager", body, key=new_id())

    await refund(world, payment)

    shown = (await world.call("GET", "/tips/balances", "cook")).body["items"]
    more = await world.call("POST", "/tips/payouts", "manager", body, key=new_id())
    assert [(each["staffId"], each["balance"]) for each in shown] == [(people["cook"], -100)]
    assert (more.status, more.body["code"]) == (422, "tip_payout_too_large")
    await assert_all_is_right(world)


@pytest.mark.parametrize("mode", ["shift_pool", "per_payment"])
async def test_a_tip_that_goes_back_with_the_news_of_its_payment_leaves_nothing(staffed: Staffed, mode: str) -> None:
    world, people = staffed
    await rule(world, mode=mode)
    payment_id = new_id()

    async def late_money(tx: Transaction) -> None:
        await following.take_in(tx, payment_id, 100)
        await following.give_back(tx, payment_id, 60, new_id())
        await following.give_back(tx, payment_id, 40, new_id())

    await world.app.db.transaction(world.home.id, late_money)

    pools = (await world.call("GET", "/tips/pools", "manager")).body["items"]
    assert [each["amount"] for each in pools] == ([0] if mode == "shift_pool" else [])
    assert [await owed(world, staff) for staff in people.values()] == [0, 0, 0]
    await assert_all_is_right(world)


async def test_several_pools_of_a_day_are_shared_out_in_one_order_of_workers(staffed: Staffed) -> None:
    world, people = staffed
    await tip(world, 100)
    await share_out(world)  # everybody has an account
    for role in ("kitchenStaff", "serviceStaff"):
        shares = {"kitchenStaff": 0, "serviceStaff": 0, "management": 0, role: 10_000}
        assert (await rule(world, distribution=shares)).status == 200
        await tip(world, 60)
    for name in people:
        await world.call("POST", "/shifts/clock-out", name, {})

    with noting_locks("tip_pool", "tip_account") as noted:
        body = {"early": True, "reason": "for the test"}
        closed = await world.call("POST", f"/days/{today(world)}/close", "manager", body)

    assert closed.status == 200, closed
    assert [await owed(world, people[name]) for name in ("cook", "waiter")] == [30 + 60, 35 + 30]
    several = [rows for rows in noted.values() if len(rows) > 2]
    assert several
    assert several == [sorted(rows) for rows in several]
