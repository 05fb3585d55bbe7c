"""Closing days: in order, over nothing that is open, and never twice; the reports sum to the books."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from tabletap.cafes.business_day import business_day_of
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import new_id
from tabletap.ledger import service as ledger
from tabletap.payments.accounts import store as accounts
from tabletap.till.days import service as days
from tabletap.webhooks import store as webhooks
from tabletap.webhooks.model import new_entry
from tests.reconciliation.bank import line, take_in
from tests.support.shared_world import sign_in_again
from tests.support.world import Answer, World

pytestmark = pytest.mark.asyncio(loop_scope="package")


def today(world: World) -> str:
    return business_day_of(world.home.cafe, world.clock.now()).date.isoformat()


async def close(world: World, day: str, **body: Any) -> Answer:
    return await world.call("POST", f"/days/{day}/close", "manager", body)


async def paid(world: World, method: str = "customer_credit") -> dict[str, Any]:
    order = await world.order()
    started = await world.pay(order, method)
    assert started.status == 201, started
    for status in ("preparing", "ready", "collected"):
        if method == "customer_credit":
            await world.call("POST", f"/orders/{order['id']}/status", "manager", {"status": status})
    return order


async def until_tomorrow(world: World) -> None:
    day = business_day_of(world.home.cafe, world.clock.now())
    await world.let_time_pass(seconds=(day.ends_at - world.clock.now() + timedelta(minutes=1)).total_seconds())
    sign_in_again(world)


async def printed(world: World, day: str) -> str:
    """The report as a page."""
    headers = {"Authorization": f"Bearer {world.home.tokens['manager']}"}
    path = f"{world.url}/api/v1/days/{day}/report?format=html"
    async with world.session.get(path, headers=headers) as answer:
        assert (answer.status, answer.content_type) == (200, "text/html"), await answer.text()
        return await answer.text()


def sums(reports: list[dict[str, Any]], account: str) -> int:
    lines = [line for report in reports for line in report["accounts"] if line["account"] == account]
    return sum(line["debit"] - line["credit"] for line in lines)


async def test_a_day_is_closed_with_a_number_its_figures_and_a_signature(own_world: World) -> None:
    world = own_world
    day = today(world)
    await paid(world)
    await paid(world)

    running = await world.call("GET", f"/days/{day}", "manager")
    closed = await close(world, day, early=True)
    again = await close(world, day, early=True)

    report = closed.body["report"]
    assert (running.status, running.body["status"]) == (200, "open")
    assert (closed.status, closed.body["status"], report["zNumber"]) == (200, "closed", 1)
    assert report["figures"]["payments"]["customer_credit"] == {"count": 2, "amount": 960}
    assert report["figures"]["sold"] == {"1000": {"gross": 960, "tax": 88}}
    assert sum(line["closing"] for line in report["accounts"]) == 0
    assert len(closed.body["signature"]["hash"]) == 64
    assert again.body["report"] == report
    assert (await world.call("GET", f"/days/{day}/report", "manager")).body["report"] == report
    page = await printed(world, day)
    assert "Corner Cafe: Z 1, " in page
    assert "payments · customer credit · amount" in page
    assert closed.body["signature"]["signature"] in page
    assert [each["zNumber"] for each in (await world.call("GET", "/days", "manager")).body["items"]] == [1]


async def test_open_items_need_a_reason_and_are_named(own_world: World) -> None:
    world = own_world
    day = today(world)
    await paid(world, "cash")
    await world.order()
    float_ = {"floatAmount": 100}
    await world.call("POST", "/drawers/sessions", "counter", float_, key=new_id())

    refused = await close(world, day, early=True)
    closed = await close(world, day, early=True, reason="The terminal is broken; we settle it tomorrow")

    named = {error["field"] for error in refused.body["errors"]}
    assert (refused.status, refused.body["code"]) == (422, "day_has_open_items")
    assert named == {"payments_under_way", "orders_unpaid", "drawer_open"}
    assert (closed.status, closed.body["report"]["reason"][:12]) == (200, "The terminal")
    assert {item["kind"] for item in closed.body["report"]["openItems"]} == named


async def test_days_are_closed_in_order_and_only_when_they_are_over(own_world: World) -> None:
    world = own_world
    first = today(world)
    await paid(world)
    not_over = await close(world, first)
    await until_tomorrow(world)
    second = today(world)

    too_early = await close(world, second)
    closed = await close(world, first)
    never = await world.call("GET", "/days/2020-01-01", "manager")
    no_date = await world.call("GET", "/days/yesterday", "manager")
    ends_of_the_calendar = [
        await world.call(verb, path, "manager")
        for day in ("0001-01-01", "9999-12-31")
        for verb, path in (("GET", f"/days/{day}"), ("POST", f"/days/{day}/close"))
    ]

    assert (not_over.status, not_over.body["code"]) == (422, "day_not_over")
    assert (too_early.status, too_early.body["code"]) == (422, "day_out_of_order")
    assert first in too_early.body["detail"]
    assert (closed.status, closed.body["report"]["businessDay"]) == (200, first)
    assert (never.status, no_date.status) == (404, 404)
    assert [answer.status for answer in ends_of_the_calendar] == [404] * 4


async def test_what_comes_after_an_early_close_is_in_the_next_report_and_nothing_is_lost(own_world: World) -> None:
    world = own_world
    reports = []
    for early in (True, False, True):
        await paid(world)
        day = today(world)
        if early:
            reports.append((await close(world, day, early=True)).body["report"])
            await paid(world)
            await until_tomorrow(world)
        else:
            await until_tomorrow(world)
            reports.append((await close(world, day)).body["report"])
    day = today(world)
    reports.append((await close(world, day, early=True)).body["report"])

    booked = await world.app.db.read(world.home.id, lambda reader: ledger.balances(reader, world.home.id))
    counts = [report["figures"].get("payments", {}).get("customer_credit", {}).get("count", 0) for report in reports]
    assert [report["zNumber"] for report in reports] == [1, 2, 3, 4]
    assert counts == [1, 2, 1, 1]
    assert {account: sums(reports, account) for account in booked} == booked
    for before, after in pairwise(reports):
        assert before["until"] == after["from"]
    assert await world.app.db.read(world.home.id, days.check) == []


async def test_two_managers_at_once_close_once(own_world: World) -> None:
    day = today(own_world)

    answers = await asyncio.gather(*(close(own_world, day, early=True) for _ in range(4)))

    assert {answer.status for answer in answers} == {200}
    assert {answer.body["report"]["zNumber"] for answer in answers} == {1}
    assert len({answer.body["report"]["closedAt"] for answer in answers}) == 1


async def test_a_day_without_trade_has_an_empty_report(own_world: World) -> None:
    world = own_world
    first = today(world)
    await until_tomorrow(world)
    second = today(world)
    await close(world, first)
    await until_tomorrow(world)

    closed = await close(world, second)

    assert closed.status == 200, closed
    assert (closed.body["report"]["figures"], closed.body["report"]["journals"]) == ({}, 0)


async def test_days_are_the_managers(world: World) -> None:
    day = today(world)

    statuses = [
        (await world.call("GET", "/days", "counter")).status,
        (await world.call("GET", f"/days/{day}", "staff")).status,
        (await world.call("POST", f"/days/{day}/close", "counter", {})).status,
    ]

    assert statuses == [403, 403, 403]


async def test_a_notice_on_hold_and_money_that_nobody_explains_keep_a_day_open(own_world: World) -> None:
    world = own_world
    day = today(world)
    await take_in(world, line(1_234, "Thank you for the lovely evening"))

    async def hold(tx: Transaction) -> None:
        account = await accounts.account(tx, "payconic")
        assert account is not None
        entry = new_entry(
            cafe_id=tx.cafe_id, id_=new_id(), account_id=account.id, dedupe_id=new_id(), event_type="payment.completed",
            reference=None, refund_reference=None, body=b"{}", now=tx.now, is_understood=True,
        )  # fmt: skip
        webhooks.add(tx, msgspec.structs.replace(entry, held_at=tx.now))

    await world.app.db.transaction(world.home.id, hold)

    refused = await close(world, day, early=True)

    assert (refused.status, refused.body["code"]) == (422, "day_has_open_items")
    assert {error["field"] for error in refused.body["errors"]} == {"notices_held", "bank_suspense"}
