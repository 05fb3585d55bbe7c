"""Figures of payments: what came in, net of what went back, in the cafe's own days."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from tabletap.cafes.business_day import business_day_of
from tabletap.kernel.ids import new_id
from tests.support.shared_world import sign_in_again
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def figures(world: World, query: str = "", who: str = "manager") -> dict[str, Any]:
    answer = await world.call("GET", f"/payments/statistics{query}", who)
    assert answer.status == 200, answer
    found: dict[str, Any] = answer.body
    return found


async def paid(world: World, method: str = "customer_credit", **more: Any) -> dict[str, Any]:
    order = await world.order()
    started = await world.pay(order, method, **more)
    assert started.status == 201, started
    if method == "cash":
        path = f"/payments/{started.body['paymentId']}/cash"
        taken = await world.call("POST", path, "counter", {"received": 2_000}, key=new_id())
        assert taken.status == 200, taken
    payment: dict[str, Any] = started.body
    return payment


async def refund(world: World, payment: dict[str, Any], amount: int) -> None:
    path = f"/payments/{payment['paymentId']}/refunds"
    returned = await world.call("POST", path, "manager", {"amount": amount}, key=new_id())
    assert returned.status == 201, returned


def today(world: World) -> str:
    return business_day_of(world.home.cafe, world.clock.now()).date.isoformat()


async def test_what_came_in_less_what_went_back(own_world: World) -> None:
    world = own_world
    await paid(world, tipAmount=50)
    cash = await paid(world, "cash")
    await refund(world, cash, 100)
    await world.pay(await world.order(), "cash")
    failed = (await world.pay(await world.order(), "payconic_card")).body
    await world.control("POST", f"/payments/{failed['paymentId']}/decline")
    await world.until(failed["paymentId"], "failed")

    found = await figures(world)

    assert found["totals"] == {
        "count": 2, "grossAmount": 960, "tipAmount": 50, "refundedAmount": 100, "chargedBackAmount": 0,
        "netAmount": 910,
    }  # fmt: skip
    assert found["takings"]["netAmount"] == 380
    assert {each["paymentMethod"]: each["netAmount"] for each in found["byMethod"]} == {
        "cash": 380, "customer_credit": 530,
    }  # fmt: skip
    assert {each["status"]: each["count"] for each in found["byStatus"]} == {"completed": 2, "failed": 1, "pending": 1}
    assert (found["from"], found["to"], found["timeZone"]) == (today(world), today(world), "Australia/Sydney")
    assert sum(each["count"] for each in found["byHour"]) == 2
    assert [(each["businessDay"], each["netAmount"]) for each in found["byDay"]] == [(today(world), 910)]


async def test_a_refund_belongs_to_the_day_on_which_it_was_made(own_world: World) -> None:
    world = own_world
    first = today(world)
    payment = await paid(world)
    day = business_day_of(world.home.cafe, world.clock.now())
    await world.let_time_pass(seconds=(day.ends_at - world.clock.now()).total_seconds() + 60)
    sign_in_again(world)
    second = today(world)
    await refund(world, payment, 480)

    before, after = await figures(world, f"?from={first}&to={first}"), await figures(world, f"?from={second}")
    both = await figures(world, f"?from={first}&to={second}")

    assert (before["totals"]["netAmount"], after["totals"]["netAmount"], both["totals"]["netAmount"]) == (480, -480, 0)
    assert [each["businessDay"] for each in both["byDay"]] == [first, second]
    assert after["totals"]["count"] == 0


async def test_the_business_day_decides_and_not_midnight_elsewhere(own_world: World) -> None:
    """A moment on either side of where a day ends belongs to another day; every payment is in one."""
    world = own_world
    day = business_day_of(world.home.cafe, world.clock.now())
    await world.let_time_pass(seconds=(day.ends_at - world.clock.now()).total_seconds() - 20)
    sign_in_again(world)
    last = today(world)
    await paid(world)
    await world.let_time_pass(seconds=25)
    sign_in_again(world)
    first = today(world)
    await paid(world)
    await paid(world)

    counts = {name: (await figures(world, f"?from={name}&to={name}"))["totals"]["count"] for name in (last, first)}

    assert counts == {last: 1, first: 2}
    assert (await figures(world, f"?from={last}&to={first}"))["totals"]["count"] == 3


async def test_by_method_by_hour_and_by_day_are_the_same_money(own_world: World) -> None:
    world = own_world
    for hours, method in ((0, "cash"), (3, "customer_credit"), (5, "cash"), (9, "customer_credit"), (8, "cash")):
        await world.let_time_pass(hours=hours)
        sign_in_again(world)
        payment = await paid(world, method)
        await refund(world, payment, 37)
    to = today(world)
    from_ = (world.clock.now() - timedelta(days=3)).date().isoformat()

    found = await figures(world, f"?from={from_}&to={to}")

    for part in ("byMethod", "byHour", "byDay"):
        sums: Counter[str] = Counter()
        for each in found[part]:
            sums.update({name: figure for name, figure in each.items() if name in found["totals"]})
        assert {name: sums[name] for name in found["totals"]} == found["totals"], part
    assert found["totals"]["netAmount"] == 5 * (480 - 37)


async def test_test_money_is_told_from_live(own_world: World) -> None:
    world = own_world
    await world.control("POST", "/mode", {"autoApprove": True})
    card = (await world.pay(await world.order(), "payconic_card")).body
    await world.call("POST", f"/payments/{card['paymentId']}/verify", "manager")
    await world.until(card["paymentId"], "completed")
    await paid(world)

    counts = [(await figures(world, f"?mode={mode}"))["totals"]["count"] for mode in ("all", "live", "test")]

    assert counts == [2, 1, 1]


async def test_the_table_says_the_same(own_world: World) -> None:
    world = own_world
    await paid(world, tipAmount=50)
    await paid(world, "cash")
    headers = {"Authorization": f"Bearer {world.home.tokens['manager']}"}
    async with world.session.get(f"{world.url}/api/v1/payments/statistics?format=csv", headers=headers) as answer:
        lines = (await answer.text()).splitlines()
        media_type = answer.content_type

    assert media_type == "text/csv"
    assert [line.split(",")[1] for line in lines[1:]] == ["cash", "customer_credit"]
    assert lines[2].endswith("1,4.80,0.50,0.00,0.00,5.30,AUD")


async def test_figures_are_the_managers_of_this_cafe(world: World) -> None:
    await paid(world)

    elsewhere = await figures(world, "", "other:manager")
    refused = await world.call("GET", "/payments/statistics", "counter")
    backwards = await world.call("GET", "/payments/statistics?from=2026-02-02&to=2026-02-01", "manager")
    too_long = await world.call("GET", "/payments/statistics?from=2020-01-01&to=2026-02-01", "manager")
    no_date = await world.call("GET", "/payments/statistics?from=yesterday", "manager")

    assert elsewhere["totals"]["count"] == 0
    assert refused.status == 403
    assert [(each.status, each.body["code"]) for each in (backwards, too_long)] == [(422, "period_invalid")] * 2
    assert (no_date.status, no_date.body["code"]) == (400, "invalid_request")
