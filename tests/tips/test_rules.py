"""How tips are shared: versions of a rule, and what the law of a country forbids."""

import asyncio

import pytest

from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Role
from tabletap.tips.model import TipConfiguration, TipDistributionShares
from tabletap.tips.rules.service import SetTipRule
from tests.support.world import World
from tests.tips.conftest import Staffed
from tests.tips.steps import assert_all_is_right, hired, in_the_sixth_hour, owed, rule, share_out, tip

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_rule_that_changes_leaves_what_was_shared_as_it_was(staffed: Staffed) -> None:
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
    assert [(each["version"], each["mode"]) for each in versions] == [
        (2, "per_payment"),
        (1, "per_payment"),
        (0, "shift_pool"),
    ]
    assert used == [2, 1]


async def test_what_the_law_forbids_is_refused(world: World) -> None:
    shares = {"kitchenStaff": 0, "serviceStaff": 9_000, "management": 1_000}

    refused = await rule(world, pack="US", distribution=shares)
    no_sum = await rule(world, distribution={**shares, "management": 0})
    by_counter = await world.call("PUT", "/tips/rules", "counter", {"mode": "per_payment"})

    assert (refused.status, refused.body["code"]) == (422, "tip_rule_forbidden")
    assert (no_sum.status, no_sum.body["code"]) == (422, "tip_rule_invalid")
    assert by_counter.status == 403


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


async def test_in_the_us_no_manager_has_a_part_whatever_role_they_worked_in(own_world: World) -> None:
    world = await in_the_sixth_hour(own_world)
    waiter, boss = await hired(world, "waiter", Role.STAFF), await hired(world, "boss", Role.MANAGER)
    shares = {"kitchenStaff": 0, "serviceStaff": 10_000, "management": 0}
    await rule(world, pack="US", mode="per_payment", distribution=shares)
    body = {"personId": boss, "role": "service_staff", "points": 90}
    clocked = await world.call("POST", "/shifts/clock-in", "manager", body)
    await tip(world, 100)
    nobodys = (await world.call("GET", "/tips/unassigned", "manager")).body["items"][0]
    path = f"/tips/distributions/{nobodys['distributionId']}/assign"

    refused = await world.call("POST", path, "manager", {"staffId": boss, "reason": "He helped"}, key=new_id())
    await world.call("POST", "/shifts/clock-in", "waiter", {})
    await tip(world, 60)
    await rule(world, mode="shift_pool")
    await world.let_time_pass(minutes=10)
    await tip(world, 80)
    await share_out(world)

    assert clocked.status == 201
    assert (refused.status, refused.body["code"]) == (422, "tip_rule_forbidden")
    assert [await owed(world, staff) for staff in (boss, waiter)] == [0, 140]
    await assert_all_is_right(world)


async def test_tips_of_before_a_rule_changed_are_shared_by_the_earlier_rule(
    staffed: Staffed,
) -> None:
    world, people = staffed
    await tip(world, 100)

    await rule(world, distribution={"kitchenStaff": 10_000, "serviceStaff": 0, "management": 0})
    await tip(world, 60)
    pools = (await world.call("GET", "/tips/pools", "manager")).body["items"]
    for each in pools:
        await world.call("POST", f"/tips/pools/{each['poolId']}/distribute", "manager", {}, key=new_id())

    assert [(each["ruleVersion"], each["amount"]) for each in pools] == [(1, 60), (0, 100)]
    assert await owed(world, people["cook"]) == 90
    await assert_all_is_right(world)


async def test_the_rule_and_the_tip_configuration_always_say_the_same_shares(own_world: World) -> None:
    world = own_world
    shares = {"kitchenStaff": 4_000, "serviceStaff": 6_000, "management": 0}

    await rule(world, distribution=shares)
    configuration = (await world.call("GET", "/tip-configuration", "manager")).body
    await world.call("PUT", "/tip-configuration", "manager", {**configuration, "minTipAmount": 60})

    current = (await world.call("GET", "/tips/rules", "manager")).body
    assert configuration["distribution"] == shares
    assert (current["distribution"], current["version"]) == (shares, 1)


async def test_the_law_says_what_is_missing(own_world: World) -> None:
    world = own_world

    asked = (await rule(world, pack="UK")).body
    confirmed = (await rule(world, writtenPolicy=True)).body

    assert [len(each.get("missing", [])) for each in (asked, confirmed)] == [1, 0]
    assert (confirmed["keepsRecordsYears"], confirmed["version"]) == (3, 2)


async def test_a_rule_and_the_configuration_set_at_once_undo_nothing_of_each_other(own_world: World) -> None:
    world = own_world
    services, manager = world.app.services, world.home.people["manager"]
    for n in range(12):
        shares = TipDistributionShares(1_000 + n, 9_000 - n, 0)
        wanted = TipConfiguration(max_tip_amount=5_000 + n)

        configured = asyncio.create_task(services.tips.change(wanted, manager))
        await asyncio.sleep(n / 4_000)  # each time the two meet at another moment
        await services.tip_rules.change(SetTipRule(shares=shares), manager)
        await configured

        after, in_force = await services.tips.configuration(manager), await services.tip_rules.current(manager)
        assert after.max_tip_amount == 5_000 + n
        assert after.distribution == in_force.distribution
