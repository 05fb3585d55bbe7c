"""Tips from the guest to the worker: pooled or at once, taken back with refunds, paid out, and stated."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from tabletap.cafes.business_day import business_day_of
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Role
from tabletap.ledger import service as ledger
from tabletap.tips.sharing import service as sharing
from tests.support.books import assert_books_are_right
from tests.support.world import Answer, World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def hired(world: World, name: str, role: Role) -> str:
    """A member of staff, signed in."""
    admin = world.home.people["admin"]
    view = await world.app.services.identity.add_staff(
        name=name, email=f"{name}-{new_id()}@example.org", password="a-long-password-of-tests",
        roles=frozenset({role}), by=admin,
    )  # fmt: skip
    world.home.tokens[name] = world.app.services.tokens.issue(
        cafe_id=world.home.id, person_id=view.id, roles=frozenset({role})
    )
    return view.id


@pytest_asyncio.fixture(loop_scope="package")
async def staffed(own_world: World) -> tuple[World, dict[str, str]]:
    """Two waiters and a cook are at work since an hour."""
    world = own_world
    people = {
        name: await hired(world, name, role)
        for name, role in (("waiter", Role.STAFF), ("other", Role.STAFF), ("cook", Role.KITCHEN))
    }
    for name in people:
        answer = await world.call("POST", "/shifts/clock-in", name, {})
        assert answer.status == 201, answer
    await world.let_time_pass(minutes=50)
    return world, people


async def tip(world: World, amount: int = 51) -> dict[str, Any]:
    order = await world.order()
    answer = await world.pay(order, "customer_credit", tipAmount=amount)
    assert answer.status == 201, answer
    payment: dict[str, Any] = answer.body
    return payment


async def pool(world: World) -> dict[str, Any]:
    found: dict[str, Any] = (await world.call("GET", "/tips/pools", "manager")).body["items"][0]
    return found


async def share_out(world: World) -> Answer:
    path = f"/tips/pools/{(await pool(world))['poolId']}/distribute"
    return await world.call("POST", path, "manager", {}, key=new_id())


async def refund(world: World, payment: dict[str, Any], **body: Any) -> Answer:
    return await world.call("POST", f"/payments/{payment['paymentId']}/refunds", "manager", body, key=new_id())


async def rule(world: World, **wanted: Any) -> Answer:
    return await world.call("PUT", "/tips/rules", "manager", wanted)


async def owed(world: World, staff_id: str) -> int:
    booked = await world.app.db.read(world.home.id, lambda reader: ledger.balances(reader, world.home.id))
    return -booked.get(f"tips_payable:{staff_id}", 0)


async def assert_all_is_right(world: World) -> None:
    assert await world.app.db.read(world.home.id, sharing.check, consistent=True) == []
    await assert_books_are_right(world)


async def test_a_days_tips_are_pooled_and_shared_by_minutes(staffed: tuple[World, dict[str, str]]) -> None:
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


async def test_each_tip_is_shared_at_once_where_the_cafe_wants_it_so(staffed: tuple[World, dict[str, str]]) -> None:
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


async def test_a_refund_takes_tips_back_from_those_who_got_them(staffed: tuple[World, dict[str, str]]) -> None:
    world, people = staffed
    await rule(world, mode="per_payment")
    payment = await tip(world, 100)

    returned = await refund(world, payment)

    back = (await world.call("GET", "/tips/distributions", "manager")).body["items"][0]
    assert returned.status == 201
    assert (back["kind"], back["amount"]) == ("clawback", -100)
    assert [await owed(world, staff) for staff in people.values()] == [0, 0, 0]
    await assert_all_is_right(world)


async def test_a_refund_before_the_pool_is_shared_makes_the_pool_smaller(staffed: tuple[World, dict[str, str]]) -> None:
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


async def test_what_nobody_worked_for_waits_for_a_manager_and_blocks_the_day(own_world: World) -> None:
    world = own_world
    waiter = await hired(world, "waiter", Role.STAFF)
    await tip(world, 100)
    shared = await share_out(world)
    day = business_day_of(world.home.cafe, world.clock.now()).date.isoformat()
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


async def test_tips_are_paid_out_once_and_never_more_than_there_is(staffed: tuple[World, dict[str, str]]) -> None:
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


async def test_a_rule_that_changes_leaves_what_was_shared_as_it_was(staffed: tuple[World, dict[str, str]]) -> None:
    world, people = staffed
    await rule(world, mode="per_payment")
    await tip(world, 100)
    before = await owed(world, people["cook"])

    changed = await rule(world, distribution={"kitchenStaff": 0, "serviceStaff": 10_000, "management": 0})
    await tip(world, 100)

    versions = (await world.call("GET", "/tips/rules/versions", "manager")).body["items"]
    used = [each["ruleVersion"] for each in (await world.call("GET", "/tips/distributions", "manager")).body["items"]]
    assert (changed.status, changed.body["version"]) == (200, 2)
    assert await owed(world, people["cook"]) == before == 30
    assert [each["version"] for each in versions] == [2, 1]
    assert used == [2, 1]


async def test_what_the_law_forbids_is_refused(world: World) -> None:
    shares = {"kitchenStaff": 0, "serviceStaff": 9_000, "management": 1_000}

    refused = await rule(world, pack="US", distribution=shares)
    no_sum = await rule(world, distribution={**shares, "management": 0})
    by_counter = await world.call("PUT", "/tips/rules", "counter", {"mode": "per_payment"})

    assert (refused.status, refused.body["code"]) == (422, "tip_rule_forbidden")
    assert (no_sum.status, no_sum.body["code"]) == (422, "tip_rule_invalid")
    assert by_counter.status == 403


async def test_a_worker_has_a_statement_of_their_own(staffed: tuple[World, dict[str, str]]) -> None:
    world, people = staffed
    await rule(world, mode="per_payment", pack="UK")
    payment = await tip(world, 100)
    await tip(world, 200)
    await refund(world, payment)
    pay = {"staffId": people["cook"], "method": "cash", "amount": 10}
    await world.call("POST", "/tips/payouts", "manager", pay, key=new_id())
    day = business_day_of(world.home.cafe, world.clock.now()).date.isoformat()
    path = f"/tips/statements?from={day}&to={day}"

    own = await world.call("GET", path, "cook")
    others = await world.call("GET", f"{path}&staffId={people['cook']}", "waiter")
    async with world.session.get(
        f"{world.url}/api/v1{path}&format=csv", headers={"Authorization": f"Bearer {world.home.tokens['cook']}"}
    ) as answer:
        table = await answer.text()
    async with world.session.get(
        f"{world.url}/api/v1{path}&format=html", headers={"Authorization": f"Bearer {world.home.tokens['cook']}"}
    ) as answer:
        page = await answer.text()

    assert [(line["kind"], line["amount"], line["balance"]) for line in own.body["lines"]] == [
        ("shared", 30, 30), ("shared", 60, 90), ("clawback", -30, 60), ("paid_cash", -10, 50),
    ]  # fmt: skip
    assert (own.body["opening"], own.body["closing"]) == (0, 50)
    assert own.body["lines"][0]["dueOn"] > day
    assert others.status == 403
    assert len(table.splitlines()) == 5
    assert "0.30,0.30,AUD" in table
    assert "Still to be paid" in page
    assert "0.50" in page


async def test_shifts_are_ended_and_corrected_and_the_noted_one_stays(staffed: tuple[World, dict[str, str]]) -> None:
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
    window = f"from={(began - timedelta(hours=1)).strftime('%Y-%m-%dT%H:%M:%SZ')}&to=2030-01-01T00:00:00Z"
    listed = (await world.call("GET", f"/shifts?{window}", "cook")).body["items"]
    assert [each["shiftId"] for each in listed] == [corrected.body["shiftId"]]


async def test_managers_hear_of_shared_tips(staffed: tuple[World, dict[str, str]]) -> None:
    world, _ = staffed
    await rule(world, mode="per_payment")
    await tip(world, 100)

    asked = await world.call("GET", f"/events?stream=cafe:{world.home.id}:management&after=0&limit=200", "manager")

    told = [event for event in asked.body["items"] if event["name"] == "tip_distributed"]
    assert [(event["kind"], event["amount"], event["unassignedAmount"]) for event in told] == [("shared", 100, 0)]


async def test_the_days_closing_shares_the_pool_out(staffed: tuple[World, dict[str, str]]) -> None:
    world, people = staffed
    await tip(world, 100)
    day = business_day_of(world.home.cafe, world.clock.now()).date.isoformat()
    with_people_at_work = (await world.call("GET", f"/days/{day}", "manager")).body["report"]["openItems"]
    for name in people:
        await world.call("POST", "/shifts/clock-out", name, {})

    closed = await world.call("POST", f"/days/{day}/close", "manager", {"early": True, "reason": "all in order"})

    assert "shifts_open" in {item["kind"] for item in with_people_at_work}
    assert closed.status == 200, closed
    assert (await pool(world))["status"] == "distributed"
    assert sum([await owed(world, staff) for staff in people.values()]) == 100


async def test_other_shares_in_the_tip_configuration_are_a_new_version_of_the_rule(own_world: World) -> None:
    world = own_world
    configuration = (await world.call("GET", "/tip-configuration", "manager")).body
    shares = {"kitchenStaff": 5_000, "serviceStaff": 4_000, "management": 1_000}
    await rule(world, pack="US")

    refused = await world.call("PUT", "/tip-configuration", "manager", {**configuration, "distribution": shares})
    await rule(world, pack="AU")
    changed = await world.call("PUT", "/tip-configuration", "manager", {**configuration, "distribution": shares})

    current = (await world.call("GET", "/tips/rules", "manager")).body
    assert (refused.status, refused.body["code"]) == (422, "tip_rule_forbidden")
    assert changed.status == 200
    assert (current["distribution"], current["pack"], current["version"]) == (shares, "AU", 3)
