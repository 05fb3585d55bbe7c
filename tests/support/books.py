"""The books of a world: whatever a test did, they have to be right after it."""

import asyncio
from typing import Any

import asyncpg

from tabletap.cli.books import audited
from tabletap.credits import store as credits_store
from tabletap.credits.sums import checking as credit
from tabletap.infra.db.sqlite import SqliteDatabase
from tabletap.ledger import service as ledger
from tabletap.ledger.audit.service import seal
from tabletap.orders import checking as orders
from tabletap.till import service as till
from tabletap.tips.sharing import service as sharing
from tests.support.world import CafeWorld, World

PATIENCE_SECONDS = 15


async def rows(world: World, sql: str) -> list[tuple[Any, ...]]:
    """What a plain query of every cafe's rows answers; ids as text."""
    if isinstance(world.app.db, SqliteDatabase):
        return await world.app.db.on_writer(lambda execute: execute(sql).fetchall())
    connection = await asyncpg.connect(world.app.db.url)
    try:
        await connection.set_type_codec("uuid", schema="pg_catalog", encoder=str, decoder=str)
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def journal_lines(world: World, payment_id: str, *, apart: bool = False) -> dict[str, int]:
    """What was booked for a payment in sum, by account; the tax in its sales together with them, or `apart`."""
    sql = (
        "SELECT j.payment_id, e.account, SUM(e.amount_minor) FROM entry e JOIN journal j ON j.id = e.journal_id "
        "GROUP BY j.payment_id, e.account"
    )
    booked = {account: int(amount) for of, account, amount in await rows(world, sql) if of == payment_id}
    if not apart and "tax_payable" in booked:
        booked["sales"] = booked.get("sales", 0) + booked.pop("tax_payable")
    return booked


async def assert_books_are_right(world: World) -> None:
    """Check both cafes' books and the provider's; what is still on its way from the provider is waited for."""
    for cafe in (world.home, world.other):
        await _assert_ledger_balances(world, cafe)
        await _assert_credit_equals_its_entries(world, cafe)
        assert await world.app.db.read(cafe.id, till.check, consistent=True) == []
        assert await world.app.db.read(cafe.id, sharing.check, consistent=True) == []
        assert await world.app.db.read(cafe.id, orders.check, consistent=True) == []
        await seal(world.app.db, cafe.id)
        found = (await audited(world.app.db, cafe.id)).faults
        assert found == [], found
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while faults := [*await _reservation_faults(world), *await _provider_faults(world)]:
        assert asyncio.get_running_loop().time() < deadline, faults
        await asyncio.sleep(0.1)


async def _assert_ledger_balances(world: World, cafe: CafeWorld) -> None:
    assert await world.app.db.read(cafe.id, lambda reader: ledger.unbalanced(reader, cafe.id)) == []
    balances = await world.app.db.read(cafe.id, lambda reader: ledger.balances(reader, cafe.id))
    assert sum(balances.values()) == 0, balances


async def _assert_credit_equals_its_entries(world: World, cafe: CafeWorld) -> None:
    balances = await world.app.db.read(cafe.id, lambda reader: ledger.balances(reader, cafe.id))
    sums = dict(await rows(world, "SELECT customer_id, SUM(amount_minor) FROM credit_transaction GROUP BY customer_id"))
    for account in await world.app.db.read(cafe.id, credits_store.accounts):
        posted = account.posted_minor
        assert posted >= 0, account
        assert -balances.get(f"customer_credit:{account.customer_id}", 0) == posted, account
        assert sums.get(account.customer_id, 0) == posted, account
        gone = account.total_spent_minor + account.total_expired_minor
        assert account.total_earned_minor - gone == posted, account
    assert await world.app.db.read(cafe.id, credit.check, consistent=True) == []


async def _reservation_faults(world: World) -> list[str]:
    """Each bill keeps exactly its live attempts reserved, and never more than it is."""
    bills = await rows(
        world,
        "SELECT o.id, o.total_minor, o.paid_minor, o.reserved_minor, (SELECT COALESCE(SUM(p.amount_minor), 0) "
        "FROM payment p WHERE p.cafe_id = o.cafe_id AND p.order_id = o.id AND p.state IN ('pending', 'processing') "
        "AND NOT p.released) "
        "FROM cafe_order o",
    )
    return [
        f"order {order_id}: total {total}, paid {paid}, reserved {reserved}, live attempts {live}"
        for order_id, total, paid, reserved, live in bills
        if reserved != live or paid + reserved > total
    ]


async def _provider_faults(world: World) -> list[str]:
    """What the provider charged and refunded is what our ledger says it holds, payment by payment."""
    booked = dict(
        await rows(
            world,
            "SELECT j.payment_id, SUM(e.amount_minor) FROM entry e JOIN journal j ON j.id = e.journal_id "
            "WHERE e.account LIKE 'provider:%' GROUP BY j.payment_id",
        )
    )
    payments = {
        row[0]: row
        for row in await rows(world, "SELECT id, state, needs_review FROM payment WHERE method LIKE 'payconic%'")
    }
    charges = await world.charges()
    faults = [] if len(charges) == len({charge["reference"] for charge in charges}) else ["a payment was charged twice"]
    for charge in charges:
        _, state, needs_review = payments.pop(charge["reference"], (None, "unknown", False))
        held = charge["amount"] - charge["refunded"] - charge["disputed"]
        if state == "completed" and int(booked.get(charge["reference"], 0)) != held:
            faults.append(f"the provider holds {held}, we booked {booked.get(charge['reference'])}: {charge}")
        if state not in ("completed", "unknown") and not needs_review:
            faults.append(f"charged, and {state} here: {charge}")
    faults += [f"completed here and never charged: {row[0]}" for row in payments.values() if row[1] == "completed"]
    return faults
