"""What belongs to nobody: it keeps the day open until a manager gives it to somebody."""

import asyncio

import pytest

from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Role
from tests.support.world import World
from tests.tips.conftest import Staffed
from tests.tips.steps import (
    assert_all_is_right,
    hired,
    in_the_sixth_hour,
    let_hours_pass,
    owed,
    refund,
    rule,
    share_out,
    tip,
    today,
)

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_what_nobody_worked_for_waits_for_a_manager_and_blocks_the_day(own_world: World) -> None:
    world = await in_the_sixth_hour(own_world)
    waiter = await hired(world, "waiter", Role.STAFF)
    await tip(world, 100)
    shared = await share_out(world)
    day = today(world)
    open_items = (await world.call("GET", f"/days/{day}", "manager")).body["report"]["openItems"]

    path = f"/tips/distributions/{shared.body['distributionId']}/assign"
    body = {"staffId": waiter, "reason": "She was alone"}
    assigned = await asyncio.gather(*(world.call("POST", path, "manager", body, key=new_id()) for _ in range(3)))

    assert shared.body["unassignedAmount"] == 100
    assert "tips_unassigned" in {item["kind"] for item in open_items}
    assert sorted(answer.status for answer in assigned) == [201, 422, 422]
    assert {answer.body["code"] for answer in assigned if answer.status == 422} == {"nothing_unassigned"}
    assert await owed(world, waiter) == 100
    await assert_all_is_right(world)


async def test_what_the_closing_finds_to_be_nobodys_keeps_the_day_open(own_world: World) -> None:
    world = await in_the_sixth_hour(own_world)
    waiter = await hired(world, "waiter", Role.STAFF)
    await world.call("POST", "/shifts/clock-in", "waiter", {})
    await world.let_time_pass(minutes=10)
    await tip(world, 100)
    await world.call("POST", "/shifts/clock-out", "waiter", {})
    day = today(world)
    path, reason = f"/days/{day}/close", "looked into tomorrow"

    refused = await world.call("POST", path, "manager", {"early": True})
    closed = await world.call("POST", path, "manager", {"early": True, "reason": reason})
    waiting = (await world.call("GET", "/tips/unassigned", "manager")).body["items"]

    assert (refused.status, refused.body["code"]) == (422, "day_has_open_items")
    assert "tips_unassigned" in {error["field"] for error in refused.body["errors"]}
    assert closed.status == 200, closed
    assert "tips_unassigned" in {item["kind"] for item in closed.body["report"]["openItems"]}
    assert [(each["businessDay"], each["amount"]) for each in waiting] == [(day, 30)]
    assert await owed(world, waiter) == 70
    await assert_all_is_right(world)


async def test_what_was_nobodys_yesterday_and_is_assigned_today_is_settled_for_yesterday(own_world: World) -> None:
    world = await in_the_sixth_hour(own_world)
    waiter = await hired(world, "waiter", Role.STAFF)
    await tip(world, 100)
    shared = await share_out(world)
    day = today(world)
    await let_hours_pass(world, 20)

    path = f"/tips/distributions/{shared.body['distributionId']}/assign"
    assigned = await world.call("POST", path, "manager", {"staffId": waiter, "reason": "Alone"}, key=new_id())
    open_items = (await world.call("GET", f"/days/{day}", "manager")).body["report"]["openItems"]

    assert assigned.body["businessDay"] > day
    assert assigned.status == 201
    assert "tips_unassigned" not in {item["kind"] for item in open_items}


async def test_what_is_nobodys_in_two_roles_is_assigned_and_taken_back_whole(own_world: World) -> None:
    world = await in_the_sixth_hour(own_world)
    waiter = await hired(world, "waiter", Role.STAFF)
    shares = {"kitchenStaff": 3_000, "serviceStaff": 6_000, "management": 1_000}
    await rule(world, distribution=shares)
    payment = await tip(world, 100)
    shared = await share_out(world)
    path = f"/tips/distributions/{shared.body['distributionId']}/assign"

    await world.call("POST", path, "manager", {"staffId": waiter, "reason": "She was alone"}, key=new_id())
    given = await owed(world, waiter)
    await refund(world, payment)

    assert given == 100
    assert await owed(world, waiter) == 0
    assert (await world.call("GET", "/tips/unassigned", "manager")).body["items"] == []
    await assert_all_is_right(world)


async def test_what_is_nobodys_is_shared_again_among_those_who_worked(staffed: Staffed) -> None:
    world, people = staffed
    await rule(world, distribution={"kitchenStaff": 3_000, "serviceStaff": 4_000, "management": 3_000})
    await tip(world, 100)
    path = f"/tips/distributions/{(await share_out(world)).body['distributionId']}/assign"

    again = await world.call("POST", path, "manager", {"reason": "Nobody managed"}, key=new_id())
    twice = await world.call("POST", path, "manager", {"reason": "Nobody managed"}, key=new_id())

    assert (again.status, again.body["kind"], again.body["amount"]) == (201, "assigned", 0)
    assert [await owed(world, staff) for staff in people.values()] == [30, 30, 40]
    assert (twice.status, twice.body["code"]) == (422, "nothing_unassigned")
    await assert_all_is_right(world)


async def test_what_nobody_has_a_part_of_is_not_shared_again(own_world: World) -> None:
    world = await in_the_sixth_hour(own_world)
    await tip(world, 100)
    path = f"/tips/distributions/{(await share_out(world)).body['distributionId']}/assign"

    refused = await world.call("POST", path, "manager", {"reason": "Whoever"}, key=new_id())

    assert (refused.status, refused.body["code"]) == (422, "nobody_to_share_with")
