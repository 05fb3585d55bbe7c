"""What the cafe owes in credit: by kind and age, now and then, and always what the ledger says."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from tests.credits.asking import Desk, assert_refused, customer, move, pass_days
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest.fixture
def world(still_world: World) -> World:
    return still_world


async def report(world: World, at: str | None = None, who: str = "manager") -> dict[str, Any]:
    answer = await world.call("GET", f"/credits/liability{f'?at={at}' if at else ''}", who)
    assert answer.status == 200, answer
    found: dict[str, Any] = answer.body
    assert found["amount"] == found["ledgerAmount"] == sum(kind["amount"] for kind in found["kinds"])
    for kind in found["kinds"]:
        assert kind["amount"] == sum(age["amount"] for age in kind["ages"])
    return found


def owed(found: dict[str, Any], kind: str) -> tuple[list[int], int]:
    """By age, and what expires within 30 days."""
    (one,) = (each for each in found["kinds"] if each["kind"] == kind)
    return [age["amount"] for age in one["ages"]], one["expiresWithin30Days"]


async def test_what_is_owed_is_shown_by_kind_age_and_coming_expiry(world: World) -> None:
    desk = Desk(world, await customer(world))
    pass_days(world, 40)
    await desk.top_up(1_000)
    pass_days(world, 40)
    before = await report(world)
    in_20_days = (world.clock.now() + timedelta(days=20)).isoformat()
    await move(world, "add", desk.customer_id, 300, expiresAt=in_20_days)
    payment_id = await desk.spend(400)
    await desk.hold(50)
    await desk.refund(payment_id, 120)

    found = await report(world)

    assert owed(found, "paid")[0][1] == 1_000, "40 days old; what is held is owed, too"
    assert owed(found, "promotional")[0][0] == 20, "of 300, 280 went"
    assert owed(found, "promotional")[1] - owed(before, "promotional")[1] == 20
    assert found["expiresWithin30Days"] - before["expiresWithin30Days"] == 20


async def test_what_was_owed_at_a_moment_in_the_past_is_still_known(world: World) -> None:
    seen = []
    desk = Desk(world, await customer(world))
    for amount in (500, -200, -100, 70):
        if amount > 0:
            await desk.top_up(amount)
        else:
            await desk.spend(-amount)
        now = world.clock.now().isoformat().replace("+00:00", "Z")
        seen.append((now, await report(world)))
        pass_days(world, 40)
    await world.app.services.credits.expire_due()

    then = [await report(world, at) for at, _ in seen]

    for (_, at_the_time), later in zip(seen, then, strict=True):
        for kind in ("paid", "promotional", "refund"):
            assert owed(later, kind)[0] == owed(at_the_time, kind)[0]
    ages = [owed(each, "paid")[0] for each in then]
    assert [sum(each) - sum(ages[0]) for each in ages] == [0, -200, -300, -230]


async def test_a_lot_is_a_day_older_every_day(world: World) -> None:
    before = owed(await report(world), "refund")[0]
    assert before == [0, 0, 0, 0]
    desk = Desk(world, await customer(world))
    await desk.refund(desk.customer_id, 90)

    seen = []
    for days in (0, 30, 1, 59, 1, 274, 1):
        pass_days(world, days)
        seen.append(owed(await report(world), "refund")[0].index(90))

    assert seen == [0, 0, 1, 1, 2, 2, 3], "days 0, 30, 31, 90, 91, 365 and 366"


async def test_the_table_says_the_same(world: World) -> None:
    found = await report(world)
    headers = {"Authorization": f"Bearer {world.home.tokens['manager']}"}
    async with world.session.get(f"{world.url}/api/v1/credits/liability.csv", headers=headers) as answer:
        text, kind = await answer.text(), answer.headers["Content-Type"]

    table = list(csv.DictReader(io.StringIO(text, newline="")))

    assert kind.startswith("text/csv")
    assert [row["currency"] for row in table] == ["AUD"] * 15
    amounts = {(row["kind"], row["days"]): row["amount"] for row in table}
    assert amounts["all", ""] == amounts["ledger", ""] == f"{found['amount'] / 100:.2f}"
    assert amounts["paid", "0-30"] == f"{owed(found, 'paid')[0][0] / 100:.2f}"


async def test_only_managers_see_it_and_only_their_own_cafes(world: World) -> None:
    before = await report(world, who="other:manager")
    await move(world, "add", await customer(world), 777)

    for who in ("counter", "staff", "customer", "kitchen"):
        for path in ("/credits/liability", "/credits/liability.csv"):
            assert_refused(await world.call("GET", path, who), 403, "not_allowed")
    assert (await report(world, who="other:manager"))["amount"] == before["amount"]


async def test_nobody_knows_the_future(world: World) -> None:
    later = (world.clock.now() + timedelta(hours=1)).isoformat().replace("+00:00", "Z")

    for at in (later, "yesterday", "2026-01-01"):
        assert_refused(await world.call("GET", f"/credits/liability?at={at}", "manager"), 400, "invalid_request")
