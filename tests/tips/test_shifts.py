"""Who worked when: clocked in and out, forgotten, added and corrected."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tabletap.cafes.business_day import business_day_of
from tabletap.kernel.people import Role
from tests.support.world import Answer, World
from tests.tips.conftest import Staffed
from tests.tips.steps import (
    assert_all_is_right,
    hired,
    in_the_sixth_hour,
    let_hours_pass,
    owed,
    pool,
    rule,
    share_out,
    tip,
)

pytestmark = pytest.mark.asyncio(loop_scope="package")


def hours_ago(world: World, hours: float) -> str:
    return (world.clock.now() - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


async def add(world: World, person_id: str, began: float, ended: float, **more: Any) -> Answer:
    body = {"personId": person_id, "startedAt": hours_ago(world, began), "endedAt": hours_ago(world, ended), **more}
    return await world.call("POST", "/shifts", "manager", body)


async def listed(world: World, who: str = "manager", **more: str) -> list[dict[str, Any]]:
    asked = {"from": hours_ago(world, 200), "to": hours_ago(world, -1), **more}
    path = "/shifts?" + "&".join(f"{name}={value}" for name, value in asked.items())
    items: list[dict[str, Any]] = (await world.call("GET", path, who)).body["items"]
    return items


async def test_a_shift_nobody_clocked_in_for_is_added_once(own_world: World) -> None:
    world = await in_the_sixth_hour(own_world)
    waiter = await hired(world, "waiter", Role.STAFF)

    added = await add(world, waiter, 5, 1)
    again = await add(world, waiter, 5, 1)
    beside = await add(world, waiter, 1, 0.5, role="kitchen_staff", points=7)
    by_counter = await world.call("POST", "/shifts", "counter", {})
    by_mistake = await add(world, waiter, 1, 5)
    in_the_future = await add(world, waiter, 0.4, -1)
    long_ago = await add(world, waiter, 10_000, 9_999)
    of_a_guest = await add(world, world.home.people["customer"].person_id, 5, 1)

    assert (added.status, added.body["role"], added.body["points"]) == (201, "service_staff", 10)
    assert (again.status, again.body["code"]) == (422, "shifts_overlap")
    assert (beside.status, beside.body["role"], beside.body["points"]) == (201, "kitchen_staff", 7)
    assert by_counter.status == 403
    assert {answer.body["code"] for answer in (by_mistake, in_the_future, long_ago)} == {"shift_invalid"}
    assert (of_a_guest.status, of_a_guest.body["code"]) == (404, "worker_not_found")


async def test_a_corrected_shift_stays_to_be_seen(own_world: World) -> None:
    world = await in_the_sixth_hour(own_world)
    waiter = await hired(world, "waiter", Role.STAFF)
    first = (await add(world, waiter, 5, 1)).body["shiftId"]
    body = {"startedAt": hours_ago(world, 5), "endedAt": hours_ago(world, 2)}

    second = (await world.call("POST", f"/shifts/{first}/correct", "manager", body)).body["shiftId"]
    never = {"startedAt": body["startedAt"], "endedAt": body["startedAt"]}
    third = (await world.call("POST", f"/shifts/{second}/correct", "manager", never)).body["shiftId"]

    seen = await listed(world, "waiter", corrected="true")
    assert [(each["shiftId"], each.get("correctsId"), each.get("isCorrected", False)) for each in seen][:2] == [
        (first, None, True),
        (second, first, True),
    ]
    assert [each["shiftId"] for each in await listed(world)] == [third]
    assert (await add(world, waiter, 5, 1)).status == 201


async def test_a_forgotten_clock_out_counts_for_its_own_day_only_and_is_flagged(own_world: World) -> None:
    world = await in_the_sixth_hour(own_world)
    people = [await hired(world, name, Role.STAFF) for name in ("waiter", "other")]
    await rule(world, distribution={"kitchenStaff": 0, "serviceStaff": 10_000, "management": 0})
    await world.call("POST", "/shifts/clock-in", "waiter", {})
    await let_hours_pass(world, 30)
    await world.call("POST", "/shifts/clock-in", "other", {})
    await world.let_time_pass(minutes=20)

    await tip(world, 100)
    await share_out(world)
    await rule(world, mode="per_payment")
    await tip(world, 60)

    assert [await owed(world, staff) for staff in people] == [0, 160]
    assert [each.get("isForgotten", False) for each in await listed(world)] == [True, False]
    ended = await world.call("POST", "/shifts/clock-out", "waiter", {})
    assert (ended.status, ended.body["code"]) == (422, "shift_forgotten")
    await assert_all_is_right(world)


async def test_points_are_set_by_role_and_person(own_world: World) -> None:
    world = await in_the_sixth_hour(own_world)
    cook, senior = await hired(world, "cook", Role.KITCHEN), await hired(world, "senior", Role.STAFF)
    points = {"kitchenStaff": 8, "serviceStaff": 10, "management": 1, "people": {senior: 15}}
    changed = await rule(world, mode="per_payment", points=points)
    too_many = await rule(world, points={**points, "kitchenStaff": 1_001})
    none = await rule(world, points={**points, "kitchenStaff": 0})

    counted = [(await world.call("POST", "/shifts/clock-in", name, {})).body["points"] for name in ("cook", "senior")]
    own = await world.call("POST", "/shifts/clock-in", "staff", {"points": 900})

    assert (changed.status, changed.body["points"]) == (200, points)
    assert (too_many.status, none.status) == (400, 400)
    assert counted == [8, 15]
    assert own.status == 403
    await tip(world, 100)
    assert [await owed(world, staff) for staff in (cook, senior)] == [30, 70]


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"),
        ("2026-02-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00%2B14:00", "0001-01-02T00:00:00%2B14:00"),
        ("9999-12-31T23:00:00-12:00", "9999-12-31T23:59:00-12:00"),
    ],
)
async def test_shifts_are_listed_for_two_months_at_most(world: World, first: str, last: str) -> None:
    answer = await world.call("GET", f"/shifts?from={first}&to={last}", "manager")

    assert (answer.status, answer.body["errors"][0]["field"]) == (400, "to")


async def test_a_shift_over_the_days_boundary_counts_in_both_days(own_world: World) -> None:
    world = await in_the_sixth_hour(own_world)
    waiter, other = await hired(world, "waiter", Role.STAFF), await hired(world, "other", Role.STAFF)
    await add(world, waiter, 23, 0)
    worked = (world.clock.now() - business_day_of(world.home.cafe, world.clock.now()).starts_at) // timedelta(minutes=1)
    await rule(world, distribution={"kitchenStaff": 0, "serviceStaff": 10_000, "management": 0})
    await world.call("POST", "/shifts/clock-in", "other", {})
    await world.let_time_pass(minutes=10)
    await tip(world, 100)

    done = (await share_out(world)).body

    assert {share["staffId"]: share["minutes"] for share in done["shares"]} == {waiter: worked, other: 10}
    assert (await pool(world))["status"] == "distributed"


async def test_shifts_are_ended_and_corrected_and_the_noted_one_stays(staffed: Staffed) -> None:
    world, people = staffed
    twice = await world.call("POST", "/shifts/clock-in", "cook", {})
    ended = await world.call("POST", "/shifts/clock-out", "cook", {})
    not_there = await world.call("POST", "/shifts/clock-out", "cook", {})
    for_another = await world.call("POST", "/shifts/clock-out", "cook", {"personId": people["waiter"]})
    began = world.clock.now() - timedelta(hours=2)
    body = {"startedAt": began.isoformat(), "endedAt": (began + timedelta(hours=1)).isoformat()}
    path = f"/shifts/{ended.body['shiftId']}/correct"

    corrected = await world.call("POST", path, "manager", body)
    again = await world.call("POST", path, "manager", body)
    backwards = await world.call(
        "POST", f"/shifts/{corrected.body['shiftId']}/correct", "manager",
        {"startedAt": body["endedAt"], "endedAt": body["startedAt"]},
    )  # fmt: skip

    assert (twice.status, twice.body["code"]) == (422, "shift_is_open")
    assert (not_there.status, not_there.body["code"]) == (422, "shift_not_open")
    assert for_another.status == 403
    assert (corrected.status, corrected.body["correctsId"]) == (201, ended.body["shiftId"])
    assert again.status == 404
    assert (backwards.status, backwards.body["code"]) == (422, "shift_invalid")
    assert [each["shiftId"] for each in await listed(world, "cook")] == [corrected.body["shiftId"]]


async def test_two_corrections_at_once_never_make_the_same_hours_count_twice(own_world: World) -> None:
    world = await in_the_sixth_hour(own_world)
    waiter = await hired(world, "waiter", Role.STAFF)
    shifts = [(await add(world, waiter, began, began - 1)).body for began in (20, 23, 26, 29)]
    body = {"startedAt": hours_ago(world, 15), "endedAt": hours_ago(world, 14)}

    answers = await asyncio.gather(
        *(world.call("POST", f"/shifts/{shift['shiftId']}/correct", "manager", body) for shift in shifts)
    )

    assert sorted(answer.status for answer in answers) == [201, 422, 422, 422]
    assert {answer.body["code"] for answer in answers if answer.status == 422} == {"shifts_overlap"}
