"""A cafe's tip configuration through the API."""

import asyncio
from typing import Any

import pytest

from tests.support.world import Answer, World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def change(world: World, who: str, **wanted: Any) -> Answer:
    return await world.call("PUT", "/tip-configuration", who, wanted)


async def calculate(world: World, who: str = "customer", **asked: Any) -> Answer:
    order = await world.order("customer", items={"Flat white": 2})
    return await world.call("POST", "/tips/calculate", who, {"orderId": order["id"], **asked})


async def test_a_tip_is_quoted_on_the_whole_order(world: World) -> None:
    await change(world, "manager")
    quoted = await calculate(world, percentage=1_500)
    fixed = await calculate(world, fixedAmount=100)

    assert (quoted.status, quoted.body) == (
        200,
        {
            "orderAmount": 960,
            "tipAmount": 144,
            "tipPercentage": 1_500,
            "totalAmount": 1_104,
            "distribution": {"kitchenStaff": 43, "serviceStaff": 101, "management": 0},
        },
    )
    assert (fixed.body["tipAmount"], "tipPercentage" in fixed.body) == (100, False)


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"fixedAmount": 49}, 422, "tip_not_allowed"),
        ({"fixedAmount": 481}, 422, "tip_not_allowed"),
        ({"fixedAmount": -100}, 422, "tip_not_allowed"),
        ({"percentage": 5_010}, 422, "tip_not_allowed"),
        ({}, 400, "invalid_request"),
        ({"percentage": 1_000, "fixedAmount": 96}, 400, "invalid_request"),
        ({"percentage": 10.5}, 400, "invalid_request"),
    ],
)
async def test_a_tip_outside_the_limits_is_refused(world: World, asked: dict[str, Any], status: int, code: str) -> None:
    await change(world, "manager")
    answer = await calculate(world, **asked)

    assert (answer.status, answer.body["code"]) == (status, code)


async def test_nobody_asks_about_an_order_they_may_not_see(world: World) -> None:
    stranger, elsewhere = await calculate(world, "friend", percentage=1_000), await calculate(world, "other:manager")

    assert stranger.status == 403
    assert elsewhere.status == 400
    assert (await calculate(world, "other:manager", percentage=1_000)).status == 404


async def test_only_the_management_changes_the_configuration_and_everybody_reads_it(world: World) -> None:
    for who in ("customer", "kitchen", "staff", "counter"):
        assert (await change(world, who, tipEnabled=False)).status == 403, who
    for who in ("manager", "admin"):
        assert (await change(world, who, percentages=[500])).status == 200, who
    for who in ("customer", "kitchen", "staff", "manager"):
        assert (await world.call("GET", "/tip-configuration", who)).body["percentages"] == [500], who


async def test_what_is_left_out_of_a_change_gets_its_default(world: World) -> None:
    await change(world, "manager", tipEnabled=False, maxTipAmount=700)
    again = await change(world, "manager", maxTipAmount=800)

    assert (again.body["tipEnabled"], again.body["maxTipAmount"], again.body["minTipAmount"]) == (True, 800, 50)
    assert (await world.call("GET", "/tip-configuration", "staff")).body == again.body


async def test_an_unsound_configuration_changes_nothing(world: World) -> None:
    before = (await change(world, "manager", maxTipAmount=900)).body
    shares = {"kitchenStaff": 1, "serviceStaff": 1, "management": 1}

    unsound = await change(world, "manager", distribution=shares)
    unknown = await change(world, "manager", colour="blue")

    assert (unsound.status, unsound.body["code"]) == (422, "tip_configuration_invalid")
    assert (unknown.status, unknown.body["code"]) == (400, "invalid_request")
    assert (await world.call("GET", "/tip-configuration", "staff")).body == before


async def test_the_other_cafe_keeps_its_own(world: World) -> None:
    before = (await world.call("GET", "/tip-configuration", "other:manager")).body
    await change(world, "manager", tipEnabled=False)

    assert (await world.call("GET", "/tip-configuration", "other:manager")).body == before


async def test_changes_at_once_end_in_one_of_them_whole(world: World) -> None:
    wanted = [{"maxTipAmount": 1_000 + n, "minTipAmount": n} for n in range(8)]
    answers = await asyncio.gather(*(change(world, "manager", **each) for each in wanted))
    after = (await world.call("GET", "/tip-configuration", "manager")).body

    assert {answer.status for answer in answers} == {200}
    assert {"maxTipAmount": after["maxTipAmount"], "minTipAmount": after["minTipAmount"]} in wanted
    assert (await change(world, "manager")).status == 200
