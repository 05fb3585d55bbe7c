"""Every kind of value comes back as it went in, the same on both engines."""

from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any

import msgspec
import pytest

from tabletap.cafes import store as cafes
from tabletap.cafes.model import Cafe
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.kernel.ids import new_id
from tabletap.orders import store as orders
from tabletap.orders.model import Order, OrderItem

CAFE, ORDER, PERSON = new_id(), new_id(), new_id()
AT = datetime(2026, 11, 23, 4, 5, 6, 789123, tzinfo=UTC)
JSON: dict[str, Any] = {"b": [1, -2, None, True, {"ü": "漢字 'quoted' \\ \"x\""}], "a": {}, "n": 10**12}


def an_order(**changes: Any) -> Order:
    order = Order(
        cafe_id=CAFE, id=ORDER, order_number=1, table_id=None, table_number=None, takeaway_name=None, session_id=None,
        customer_id=None, placed_by=PERSON, client_order_id=None, status="pending", currency="AUD", subtotal_minor=0,
        tax_minor=0, total_minor=10**12, paid_minor=0, refunded_minor=0, reserved_minor=0, version=1, created_at=AT,
        updated_at=AT, paid_at=None, business_day="2026-11-23",
    )  # fmt: skip
    return msgspec.structs.replace(order, **changes)


def a_line(position: int, **changes: Any) -> OrderItem:
    line = OrderItem(
        CAFE, new_id(), ORDER, position, new_id(), "Flat white", 1, 480, [], None, None, [], 1_000, 480, False
    )
    return msgspec.structs.replace(line, **changes)


async def saved(db: AnyDatabase, before: Order, after: Order, guard: tuple[str, ...]) -> Order | None:
    async def change(tx: Transaction) -> None:
        tx.save(orders.cafe_order, before, after, ("cafe_id", "id"), guard)

    await db.transaction(CAFE, change)
    return await db.read(CAFE, lambda reader: orders.get(reader, ORDER))


async def added(db: AnyDatabase, order: Order, *lines: OrderItem) -> None:
    async def add(tx: Transaction) -> None:
        orders.add(tx, order, list(lines))

    await db.transaction(CAFE, add)


async def test_nothing_and_everything_come_back(db: AnyDatabase) -> None:
    empty = an_order()
    full = an_order(
        id=new_id(), order_number=2, table_number="", takeaway_name="Zoë 🥐 O'Hara; --", session_id=new_id(),
        customer_id=PERSON, client_order_id="a" * 200, paid_minor=10**12, paid_at=AT + timedelta(microseconds=1),
    )  # fmt: skip

    for order in (empty, full):
        await added(db, order)
        assert await db.read(CAFE, partial(orders.get, order_id=order.id)) == order


async def test_json_and_flags_come_back(db: AnyDatabase) -> None:
    lines = [
        a_line(1),
        a_line(2, voided=True, modifiers=[JSON, {}], allergens=["milk", "gluten"], note="\n", station="bar"),
    ]
    await added(db, an_order(), *lines)

    found = await db.read(CAFE, lambda reader: orders.items(reader, ORDER))

    assert found == lines
    assert [line.voided for line in found] == [False, True]


@pytest.mark.parametrize("details", [None, {}, JSON])
async def test_json_that_may_be_missing_comes_back(db: AnyDatabase, details: dict[str, Any] | None) -> None:
    cafe = Cafe(CAFE, "Corner", "AUD", "UTC", "pay_first", {"cash": 5}, 5, "credit", details, 0, None, 1, AT)

    async def add(tx: Transaction) -> None:
        tx.add(cafes.cafe, cafe)

    async def look(reader: Reader) -> Cafe | None:
        return await cafes.get_cafe(reader, CAFE)

    await db.transaction(CAFE, add)
    assert await db.read(CAFE, look) == cafe


async def test_a_moment_is_the_same_moment_in_every_zone(db: AnyDatabase) -> None:
    in_sydney = AT.astimezone(timezone(timedelta(hours=11)))
    await added(db, an_order(created_at=in_sydney))

    found = await db.read(CAFE, lambda reader: orders.get(reader, ORDER))

    assert found is not None
    assert found.created_at == AT
    assert found.created_at.utcoffset() == timedelta()


async def test_values_are_set_and_cleared_under_guards_of_nothing_and_of_something(db: AnyDatabase) -> None:
    before = an_order()
    await added(db, before)
    after = msgspec.structs.replace(before, paid_at=AT, paid_minor=1, table_number="7", version=2)

    assert await saved(db, before, after, ("paid_at", "table_number")) == after
    assert await saved(db, after, before, ("paid_at", "table_number")) == before
