"""What the database itself refuses, whoever asks it: rows that point at nothing or contradict themselves."""

import sqlite3

import asyncpg
import pytest

from tests.support.books import rows
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")

NOBODY = "01890a5d-ac96-774b-bcce-b302099a8057"


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("payment", f"order_id = '{NOBODY}'"),
        ("payment", "cafe_id = '{other}'"),
        ("payment", "amount_minor = 0"),
        ("payment", "tip_minor = -1"),
        ("payment", "refunded_minor = amount_minor + tip_minor + 1"),
        ("payment", "refund_pending_minor = amount_minor + tip_minor - refunded_minor + 1"),
        ("payment", "refunded_minor = 1, state = 'failed'"),
        ("payment", "state = 'refunded'"),
        ("payment", "mode = 'play'"),
        ("refund", f"payment_id = '{NOBODY}'"),
        ("refund", "amount_minor = 0"),
        ("refund", "status = 'done'"),
        ("cafe_order", "paid_minor = total_minor + 1"),
        ("cafe_order", "refunded_minor = paid_minor + 1"),
        ("cafe_order", "reserved_minor = -1"),
        ("customer_credit", "held_minor = posted_minor + 1"),
        ("customer_credit", f"customer_id = '{NOBODY}'"),
        ("credit_lot", "remaining_minor = amount_minor + 1"),
        ("drawer_session", "status = 'closed', expected_minor = 1"),
    ],
)
async def test_rows_that_point_at_nothing_or_contradict_themselves_are_refused(
    refunded_world: World, table: str, change: str
) -> None:
    world = refunded_world
    which = f"cafe_id = '{world.home.id}'"  # every row of the cafe: one that is refused keeps all as they are
    before = await rows(world, f"SELECT * FROM {table} WHERE {which}")  # noqa: S608 - our own names
    wanted = change.format(other=world.other.id)

    with pytest.raises((sqlite3.IntegrityError, asyncpg.IntegrityConstraintViolationError)):
        await rows(world, f"UPDATE {table} SET {wanted} WHERE {which}")  # noqa: S608 - our own names

    assert before
    assert await rows(world, f"SELECT * FROM {table} WHERE {which}") == before  # noqa: S608 - our own names
