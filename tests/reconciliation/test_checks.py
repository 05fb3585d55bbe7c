"""What the close of a day and `tabletap verify` hear of the bank."""

from datetime import timedelta
from typing import Any

import pytest

from tabletap.cafes.business_day import BusinessDay, business_day_of
from tabletap.cli.books import audited
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import new_id
from tabletap.reconciliation import store
from tabletap.reconciliation.checks import open_items
from tabletap.reconciliation.resolving import GiveAway
from tabletap.till.days.model import OpenItem
from tests.reconciliation.bank import assert_lines_agree, awaited, line, newest, resolving, take_in
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")


def today(world: World) -> BusinessDay:
    """The business day that has just begun or is about to end; banks' days may be one ahead."""
    return business_day_of(world.home.cafe, world.clock.now() + timedelta(days=1))


async def waiting(world: World, day: BusinessDay | None = None) -> dict[str, OpenItem]:
    """What waits, by its kind."""
    found = await world.app.db.read(world.home.id, lambda reader: open_items(reader, day or today(world)))
    return {item.kind: item for item in found}


async def test_a_day_hears_of_every_line_that_waits_and_of_none_that_is_decided(own_world: World) -> None:
    wanted, over = await awaited(own_world), await awaited(own_world)
    assert await waiting(own_world) == {}
    await take_in(
        own_world,
        line(480, wanted["reference"]),
        line(480, wanted["reference"]),
        line(600, over["reference"]),
        line(12_345, "nobody knows"),
    )

    found = await waiting(own_world)

    assert {kind: (item.count, item.amount) for kind, item in found.items()} == {
        "bank_suggested": (1, 480),
        "bank_suspense": (1, 12_345),
        "bank_overpaid": (1, 120),
    }
    manager = own_world.home.people["manager"]
    page = await resolving(own_world).lines(manager, "overpaid", None, 1, None)
    given = GiveAway(destination="credit", reason="too much")
    await resolving(own_world).give(page.items[0].bank_line_id, given, manager, None)
    for item in (await resolving(own_world).lines(manager, None, None, 10, None)).items:
        if item.status in ("suggested", "suspense"):
            await resolving(own_world).dismiss(item.bank_line_id, "mine", manager, None)
    assert await waiting(own_world) == {}
    await assert_lines_agree(own_world)


async def test_overpaid_money_that_was_decided_as_a_payment_waits_no_more(own_world: World) -> None:
    over = await awaited(own_world)
    await take_in(own_world, line(600, over["reference"]))
    body = {"action": "credit", "reason": "too much"}

    decided = await own_world.call("POST", f"/payments/{over['paymentId']}/review", "manager", body, key=new_id())

    assert decided.status == 200, decided
    assert await waiting(own_world) == {}


async def test_what_was_confirmed_by_hand_and_never_seen_is_found_after_a_week(own_world: World) -> None:
    seen, unseen = await awaited(own_world), await awaited(own_world)
    for each in (seen, unseen):
        path = f"/qr-payments/{each['qr']['qrPaymentId']}/confirm"
        assert (await own_world.call("POST", path, "counter", {"amount": 480}, key=new_id())).status == 200
    await take_in(own_world, line(480, seen["reference"]))
    in_a_week = business_day_of(own_world.home.cafe, own_world.clock.now() + timedelta(days=8))

    assert "bank_unseen" not in await waiting(own_world)
    found = (await waiting(own_world, in_a_week))["bank_unseen"]
    assert (found.count, found.amount) == (1, 480)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"waiting_minor": 1}, "another amount of it waits than lies in suspense"),
        ({"status": "matched", "waiting_minor": 0}, "another amount of it waits than lies in suspense"),
    ],
    ids=["amount", "status"],
)
async def test_a_line_that_was_changed_behind_our_back_is_named(
    own_world: World, changes: dict[str, Any], fault: str
) -> None:
    await take_in(own_world, line(5_000, "nobody knows"))
    changed = (await newest(own_world)).bank_line_id

    async def tamper(values: dict[str, Any]) -> None:
        async def decide(tx: Transaction) -> None:
            tx.update(store.bank_line_state, {"cafe_id": tx.cafe_id, "id": changed}, values, {})

        await own_world.app.db.transaction(own_world.home.id, decide)

    await tamper(changes)

    assert (await audited(own_world.app.db, own_world.home.id)).faults == [f"bank line {changed} says that {fault}"]
    await tamper({"status": "suspense", "waiting_minor": 5_000})
