"""How urgent a payment's background work is, and that it really orders the work."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from tabletap.infra.db.postgres import PostgresDatabase
from tabletap.kernel.ids import new_id
from tabletap.kernel.money import UnknownCurrency
from tabletap.payments.priority import priority_of
from tests.support import jobs
from tests.support.books import rows
from tests.support.shared_world import opened
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def quiet(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, engine_name: str
) -> AsyncIterator[World]:
    """A world of our own in which no job runs unless a test runs it."""
    async with opened(request, tmp_path_factory, engine_name, with_jobs=False) as world:
        yield world


@pytest.mark.parametrize(
    ("amount_minor", "currency", "is_premium", "expected"),
    [
        (1, "AUD", False, 0),
        (10_000, "AUD", False, 0),
        (10_001, "AUD", False, 2),
        (50_000, "AUD", False, 2),
        (50_001, "AUD", False, 5),
        (1, "AUD", True, 5),
        (10_001, "AUD", True, 7),
        (50_001, "AUD", True, 10),
        (10**12, "AUD", True, 10),
        (100, "JPY", False, 0),
        (101, "JPY", False, 2),
        (501, "JPY", False, 5),
        (100_000, "KWD", False, 0),
        (100_001, "KWD", False, 2),
        (500_001, "KWD", True, 10),
    ],
)
async def test_large_amounts_in_major_units_and_premium_customers_go_first(
    amount_minor: int, currency: str, is_premium: bool, expected: int
) -> None:
    assert priority_of(amount_minor, currency, is_premium=is_premium) == expected


async def test_an_unknown_currency_has_no_priority() -> None:
    with pytest.raises(UnknownCurrency):
        priority_of(1, "XXX", is_premium=False)


async def queued(world: World) -> list[tuple[str, str, int]]:
    """What waits: the job's name, the payment or refund or notice it is about, and its priority."""
    sql = "SELECT entrypoint, payload, priority FROM pgqueuer ORDER BY id"
    db = world.app.db
    if isinstance(db, PostgresDatabase):
        found = [tuple(row) for row in await db.system_pool.fetch(sql)]
    else:
        found = db.on_reader(lambda execute: execute(sql).fetchall())
    jobs_: list[tuple[str, str, int]] = []
    for entrypoint, payload, priority in found:
        about = msgspec.json.decode(payload) if payload else {}
        subject = about.get("payment_id") or about.get("refund_id") or about.get("entry_id") or ""
        jobs_.append((entrypoint.split(":")[1], subject, priority))
    return jobs_


async def premium(world: World) -> str:
    made = await world.call("POST", "/customers", "manager", {"name": "Ada", "tier": "premium"})
    assert made.status == 201, made
    return str(made.body["id"])


async def started(world: World, breads: int, method: str = "payconic_card", **more: Any) -> str:
    """A payment for so many pieces of bread at 6.20, taken by the staff; answers its id."""
    order = await world.order("staff", items={"Banana bread": breads})
    answer = await world.pay(order, method, "staff", **more)
    assert answer.status == 201, answer
    return str(answer.body["paymentId"])


async def test_every_job_of_a_payment_has_its_priority_and_the_caller_has_no_say(quiet: World) -> None:
    world = quiet
    small, large = await started(world, 1), await started(world, 25)
    claims = {"customerTier": "premium", "priority": 10, "tier": "premium"}
    pretender = await started(world, 1, metadata=claims)
    served = await started(world, 25, customerId=await premium(world))
    transfer = await started(world, 25, "qr_bank_transfer", customerId=await premium(world))

    waiting = await queued(world)

    found = {(name, about): priority for name, about, priority in waiting}
    assert [found["verify_payment", each] for each in (small, large, pretender, served)] == [0, 2, 0, 7]
    assert [found["expire_payment", each] for each in (small, large, pretender, served)] == [0, 2, 0, 7]
    assert found["expire_payment", transfer] == 7


async def test_a_customers_own_payment_has_the_tier_of_their_account(quiet: World) -> None:
    world = quiet
    before = await started_by_friend(world)
    friend = world.home.people["friend"].person_id
    await world.call("PATCH", f"/customers/{friend}", "manager", {"tier": "premium"})
    after = await started_by_friend(world)

    found = {(name, about): priority for name, about, priority in await queued(world)}

    assert (found["verify_payment", before], found["verify_payment", after]) == (0, 5)


async def started_by_friend(world: World) -> str:
    answer = await world.pay(await world.order("friend"), "payconic_card", "friend")
    assert answer.status == 201, answer
    return str(answer.body["paymentId"])


async def test_notices_and_refunds_have_their_payments_priority(quiet: World) -> None:
    world = quiet
    customer = await premium(world)
    payment_id = await started(world, 25, customerId=customer)
    await world.control("POST", f"/payments/{payment_id}/approve")

    async def has_come() -> bool:
        return any(name == "handle_notice" for name, _, _ in await queued(world))

    await jobs.assert_eventually(has_come)
    notices = [priority for name, _, priority in await queued(world) if name == "handle_notice"]
    await world.call("POST", f"/payments/{payment_id}/verify", "manager")
    await world.control("POST", "/faults", {"fault": "error_500", "on": ["refund"]})
    path = f"/payments/{payment_id}/refunds"
    refund = (await world.call("POST", path, "manager", {"amount": 100}, key=new_id())).body

    settling = [priority for _, about, priority in await queued(world) if about == refund.get("refundId")]
    assert set(notices) == {7}
    assert settling
    assert set(settling) == {7}


async def test_with_one_worker_and_a_backlog_the_urgent_payments_are_asked_about_first(quiet: World) -> None:
    world = quiet
    customer = await premium(world)
    priorities: dict[str, int] = {}
    for breads, payer in (
        (1, None),
        (25, customer),
        (1, customer),
        (25, None),
        (1, None),
        (90, None),
        (90, customer),
    ):
        more = {"customerId": payer} if payer else {}
        payment_id = await started(world, breads, **more)
        priorities[payment_id] = {1: 0, 25: 2, 90: 5}[breads] + (5 if payer else 0)
    await jobs.hurry(world.app.db, timedelta(seconds=31))

    await world.app.jobs.run_due()

    calls = await rows(world, "SELECT id, payment_id, kind FROM provider_call ORDER BY id")
    asked = [str(payment_id) for _, payment_id, kind in calls if kind == "check" and str(payment_id) in priorities]
    assert [priorities[each] for each in asked] == sorted(priorities.values(), reverse=True)
