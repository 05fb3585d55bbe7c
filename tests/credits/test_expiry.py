"""Credit whose time is over: never spent, booked once, and nobody loses what a payment still holds or gives back."""

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from tabletap.credits.errors import CreditAlreadySpent, InsufficientCredit
from tabletap.credits.jobs import EXPIRE
from tests.credits.asking import (
    Desk,
    assert_refused,
    balance,
    customer,
    history,
    journal_of,
    lasts_for,
    left,
    listed,
    move,
    pass_days,
    pay,
    refund,
)
from tests.support import jobs
from tests.support.books import assert_books_are_right, rows
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")

GRACE_DAYS = 30


@pytest.fixture
def world(still_world: World) -> World:
    return still_world


def soon(world: World, days: float = 2) -> str:
    return (world.clock.now() + timedelta(days=days)).isoformat()


async def expire(world: World) -> int:
    return await world.app.services.credits.expire_due()


async def bought(world: World, amount: int, lasting_days: int | None) -> Desk:
    """Somebody with bought credit that lasts so long."""
    await settings(world, {"paidDays": lasting_days})
    desk = Desk(world, await customer(world))
    await desk.top_up(amount)
    await settings(world, {})
    return desk


async def settings(world: World, wanted: dict[str, int | None]) -> None:
    answer = await world.call("PUT", f"/cafes/{world.home.id}", "manager", {"creditSettings": wanted})
    assert answer.status == 200, answer


async def test_expired_credit_is_never_spent_though_nobody_booked_it_yet(world: World) -> None:
    customer_id = await customer(world, 500, expiresAt=soon(world))
    await move(world, "add", customer_id, 100, expiresAt=None)
    desk = Desk(world, customer_id)
    pass_days(world, 3)

    found = await balance(world, customer_id)

    assert (found["balance"], found["available"]) == (600, 100)
    assert "nextExpiryAt" not in found
    assert [lot["expired"] for lot in reversed(await listed(world, "lots", customer_id))] == [True, False]
    for refused in (desk.spend(101), desk.hold(101)):
        with pytest.raises(InsufficientCredit):
            await refused
    assert_refused(await move(world, "deduct", customer_id, 101), 422, "insufficient_credit")
    await pay(world, customer_id, 100)
    assert await left(world, customer_id) == [500, 0]


async def test_what_expires_is_booked_by_what_it_was_and_once(world: World) -> None:
    desk = await bought(world, 300, 10)
    customer_id = desk.customer_id
    await move(world, "add", customer_id, 200, expiresAt=soon(world, 5))
    await desk.spend(50)
    pass_days(world, 12)

    await expire(world)
    again = await expire(world)

    assert again == 0
    found = await balance(world, customer_id)
    assert (found["balance"], found["totalExpired"], found["totalSpent"]) == (0, 450, 50)
    moved = [(each["type"], each["amount"], each["balanceAfter"]) for each in await history(world, customer_id)]
    assert moved[:2] == [("expiry", -300, 0), ("expiry", -150, 300)]
    assert await journal_of(world, "credit_expiry", customer_id) in (
        [{"customer": 150, "credit_promotion": -150}, {"customer": 300, "credit_breakage": -300}],
        [{"customer": 300, "credit_breakage": -300}, {"customer": 150, "credit_promotion": -150}],
    )
    await assert_books_are_right(world)


async def test_the_customer_hears_what_expired(world: World) -> None:
    customer_id = await customer(world, 80, expiresAt=soon(world))
    pass_days(world, 3)
    await expire(world)

    told = [msgspec.json.decode(data) for key, data in await _told(world) if key == f"user:{customer_id}"]

    assert [(event["type"], event["amount"], event["newBalance"]) for event in told] == [
        ("credit", 80, 80),
        ("expiry", 80, 0),
    ]


async def _told(world: World) -> list[tuple[str, bytes]]:
    sql = "SELECT key, data FROM stream_event WHERE name IN ('credit_added', 'credit_deducted') ORDER BY seq"
    return [(key, bytes(data)) for key, data in await rows(world, sql)]


async def test_the_job_expires_what_is_due_at_every_cafe(world: World) -> None:
    here = await customer(world, 100, expiresAt=soon(world))
    made = await world.call("POST", "/customers", "other:staff", {"name": "Elsewhere"})
    there = made.body["id"]
    body = {"customerId": there, "amount": 70, "reason": "a gift", "expiresAt": soon(world)}
    assert (await world.call("POST", "/credits/add", "other:manager", body, key=there)).status == 201
    pass_days(world, 3)

    await jobs.enqueue(world.app.db, EXPIRE)
    await world.app.jobs.run_due()

    theirs = await world.app.services.credits.balance(there, world.other.people["manager"])
    assert (await balance(world, here))["balance"] == 0
    assert (theirs.balance, theirs.total_expired) == (0, 70)


async def test_two_processes_at_once_expire_it_once(world: World) -> None:
    await expire(world)
    customers = [await customer(world, 100, expiresAt=soon(world)) for _ in range(5)]
    pass_days(world, 3)

    counts = await asyncio.gather(*(expire(world) for _ in range(6)))

    assert sum(counts) == 5
    for customer_id in customers:
        assert [each["amount"] for each in await history(world, customer_id)] == [-100, 100]
    await assert_books_are_right(world)


async def test_paying_while_it_expires_takes_either_all_or_nothing(world: World) -> None:
    desks = [Desk(world, await customer(world, 100, expiresAt=soon(world))) for _ in range(6)]
    for desk in desks:
        await move(world, "add", desk.customer_id, 100, expiresAt=None)
    pass_days(world, 3)

    answers = await asyncio.gather(
        *(desk.spend(amount) for desk in desks for amount in (60, 60)),
        *(expire(world) for _ in range(3)),
        return_exceptions=True,
    )

    refused = [answer for answer in answers if isinstance(answer, BaseException)]
    assert len(refused) == 6
    assert all(isinstance(each, InsufficientCredit) for each in refused)
    for desk in desks:
        assert await left(world, desk.customer_id) == [0, 40]


async def test_a_held_part_waits_and_is_still_spent(world: World) -> None:
    customer_id = await customer(world, 500, expiresAt=soon(world))
    desk = Desk(world, customer_id)
    held = await desk.hold(200)
    pass_days(world, 3)

    await expire(world)
    while_held = await balance(world, customer_id)
    await desk.spend_held(held.payment_id)

    assert (while_held["balance"], while_held["held"], while_held["available"]) == (200, 200, 0)
    found = await balance(world, customer_id)
    assert (found["balance"], found["totalExpired"], found["totalSpent"]) == (0, 300, 200)


@pytest.mark.parametrize("booked_before", [True, False], ids=["booked_before", "booked_then"])
async def test_a_part_that_expired_while_it_was_held_has_some_days_more(world: World, booked_before: bool) -> None:
    customer_id = await customer(world, 500, expiresAt=soon(world))
    desk = Desk(world, customer_id)
    held = await desk.hold(200)
    pass_days(world, 3)
    if booked_before:
        await expire(world)

    await desk.release(held.payment_id)

    found = await balance(world, customer_id)
    assert (found["balance"], found["held"], found["available"], found["totalExpired"]) == (200, 0, 200, 300)
    assert lasts_for(world, GRACE_DAYS, found["nextExpiryAt"])
    pass_days(world, GRACE_DAYS + 2)
    assert (await balance(world, customer_id))["available"] == 0
    await expire(world)
    assert (await balance(world, customer_id))["balance"] == 0


async def test_a_refund_into_a_lot_that_expired_meanwhile_is_never_lost(world: World) -> None:
    customer_id = await customer(world, 500, expiresAt=soon(world))
    payment_id = await pay(world, customer_id, 400)
    pass_days(world, 3)
    await expire(world)

    given = await refund(world, payment_id, 150)

    assert given.status == 201
    found = await balance(world, customer_id)
    assert (found["balance"], found["available"], found["totalExpired"]) == (150, 150, 100)
    (lot,) = await listed(world, "lots", customer_id)
    assert (lot["amount"], lot["remaining"], lot["expired"]) == (500, 150, False)
    assert lasts_for(world, GRACE_DAYS, lot["expiresAt"])
    await expire(world)
    assert (await balance(world, customer_id))["balance"] == 150


async def test_a_refund_brings_back_its_own_amount_and_not_what_had_expired_beside_it(world: World) -> None:
    customer_id = await customer(world, 500, expiresAt=soon(world))
    payment_id = await pay(world, customer_id, 400)
    pass_days(world, 3)

    await refund(world, payment_id, 150)

    found = await balance(world, customer_id)
    assert (found["balance"], found["available"], found["totalExpired"]) == (150, 150, 100)
    newest = [each["type"] for each in await history(world, customer_id)]
    assert newest[:2] == ["refund", "expiry"]


async def test_expired_credit_is_not_refunded_as_bought(world: World) -> None:
    desk = await bought(world, 500, 5)
    (lot,) = await listed(world, "lots", desk.customer_id)
    pass_days(world, 7)

    with pytest.raises(CreditAlreadySpent):
        await desk.take_back(lot["paymentId"], 1)


async def test_credit_lasts_to_the_end_of_a_business_day_of_the_cafe(world: World) -> None:
    manager = ("PUT", f"/cafes/{world.home.id}", "manager")
    assert (await world.call(*manager, {"dayStartsMinute": 240})).status == 200

    desk = await bought(world, 100, 1)

    await world.call(*manager, {"dayStartsMinute": 0})
    (lot,) = await listed(world, "lots", desk.customer_id)
    ends = datetime.fromisoformat(lot["expiresAt"]).astimezone(ZoneInfo("Australia/Sydney"))
    assert (ends.hour, ends.minute, ends.second) == (4, 0, 0)
    assert timedelta(hours=23) < ends.astimezone(UTC) - world.clock.now() < timedelta(hours=50)


async def test_credit_of_a_suspended_account_waits_and_has_some_days_more_then(world: World) -> None:
    customer_id = await customer(world, 500, expiresAt=soon(world))
    path = f"/credits/accounts/{customer_id}"
    assert (await world.call("POST", f"{path}/suspend", "manager", {"reason": "a complaint"})).status == 200
    pass_days(world, 10)
    await expire(world)
    waiting = await balance(world, customer_id)

    again = await world.call("POST", f"{path}/reactivate", "manager", {"reason": "it was a mistake"})

    assert again.status == 200
    assert (waiting["balance"], waiting["available"], waiting["totalExpired"]) == (500, 0, 0)
    assert (again.body["available"], again.body["status"]) == (500, "active")
    assert lasts_for(world, GRACE_DAYS, again.body["nextExpiryAt"])
