"""What `tabletap verify` asks of credit: whoever goes around our code is found, with the place."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from tabletap.credits.sums.checking import check
from tabletap.infra.db.sqlite import SqliteDatabase
from tests.credits.asking import Desk, balance, customer, listed, pass_days
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def by_hand(world: World, sql: str) -> None:
    """A change around all of our code."""
    if isinstance(world.app.db, SqliteDatabase):
        await world.app.db.on_writer(lambda execute: execute(sql).rowcount)
        return
    connection = await asyncpg.connect(world.app.db.url)
    await connection.execute(sql)
    await connection.close()


async def faults(world: World) -> list[str]:
    return await world.app.db.read(world.home.id, check, consistent=True)


@pytest_asyncio.fixture(loop_scope="package")
async def desk(still_world: World) -> AsyncIterator[Desk]:
    """A customer with bought credit of 500, of which 100 is spent and 50 set aside."""
    made = Desk(still_world, await customer(still_world))
    await made.top_up(500)
    await made.spend(100)
    await made.hold(50)
    assert await faults(still_world) == []
    yield made
    assert await faults(still_world) == []


async def test_a_lot_that_somebody_changed_is_named(still_world: World, desk: Desk) -> None:
    (lot,) = await listed(still_world, "lots", desk.customer_id)
    where = f"WHERE id = '{lot['id']}'"

    await by_hand(still_world, f"UPDATE credit_lot SET remaining_minor = 399 {where}")  # noqa: S608 - the test's own id
    found = await faults(still_world)
    await by_hand(still_world, f"UPDATE credit_lot SET remaining_minor = 400 {where}")  # noqa: S608 - the test's own id

    assert found == [
        f"customer {desk.customer_id} has 400 of credit and 50 of it held, the lots say 399 and 50",
        f"credit lot {lot['id']} of 500 has 399 left, though 100 was taken from it",
    ]


async def test_a_hold_that_somebody_changed_is_named(still_world: World, desk: Desk) -> None:
    (lot,) = await listed(still_world, "lots", desk.customer_id)
    where = f"WHERE customer_id = '{desk.customer_id}'"

    await by_hand(still_world, f"UPDATE credit_hold SET state = 'released' {where}")  # noqa: S608 - the test's own id
    found = await faults(still_world)
    await by_hand(still_world, f"UPDATE credit_hold SET state = 'held' {where}")  # noqa: S608 - the test's own id

    assert found == [f"credit lot {lot['id']} says that 50 is set aside, the payments say 0"]


async def test_a_balance_that_somebody_changed_is_named(still_world: World, desk: Desk) -> None:
    where = f"WHERE customer_id = '{desk.customer_id}'"

    await by_hand(still_world, f"UPDATE customer_credit SET posted_minor = 9000 {where}")  # noqa: S608 - the test's own id
    found = await faults(still_world)
    await by_hand(still_world, f"UPDATE customer_credit SET posted_minor = 400 {where}")  # noqa: S608 - the test's own id

    assert found == [
        f"customer {desk.customer_id} has 9000 of credit and 50 of it held, the lots say 400 and 50",
        f"customer {desk.customer_id} has 9000 of credit, the movements say 400 and the totals 400",
    ]


async def test_an_account_that_cannot_expire_keeps_nobody_elses_from_it(still_world: World) -> None:
    ends = (still_world.clock.now().replace(microsecond=0)).isoformat()
    pass_days(still_world, -1)
    several = [await customer(still_world, 100, expiresAt=ends) for _ in range(3)]
    pass_days(still_world, 1)
    where = f"WHERE customer_id = '{min(several)}'"

    await by_hand(still_world, f"UPDATE customer_credit SET posted_minor = 10, held_minor = 0 {where}")  # noqa: S608 - the test's own id
    with pytest.raises(Exception, match="never_below_zero"):
        await still_world.app.services.credits.expire_due()
    await by_hand(still_world, f"UPDATE customer_credit SET posted_minor = 100 {where}")  # noqa: S608 - the test's own id

    left = [(await balance(still_world, customer_id))["balance"] for customer_id in sorted(several)]
    assert left == [100, 0, 0]
    await still_world.app.services.credits.expire_due()
    assert (await balance(still_world, min(several)))["balance"] == 0
