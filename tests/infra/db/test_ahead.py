"""What is asked ahead is what is read one by one: on both engines."""

import asyncio
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.schema import columns_of, param
from tabletap.infra.db.statement import Question, Statement
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import new_id
from tabletap.orders.model import Order, OrderItem
from tabletap.orders.store import cafe_order, order_item
from tests.infra.db.test_transactions import CAFE as COUNTED_CAFE
from tests.infra.db.test_transactions import COUNTER, DAY, count_on, counter
from tests.infra.db.test_values import AT, CAFE, JSON, ORDER, PERSON, a_line, added, an_order

_ORDER = Statement(
    sa.select(*columns_of(cafe_order, Order)).where(
        cafe_order.c.cafe_id == param("cafe_id"), cafe_order.c.id == param("id")
    )
)
_LINES = Statement(
    sa.select(*columns_of(order_item, OrderItem))
    .where(order_item.c.cafe_id == param("cafe_id"), order_item.c.order_id == param("order_id"))
    .order_by(order_item.c.position.desc())
)


def _order_of(order_id: str) -> dict[str, Any]:
    return {"cafe_id": CAFE, "id": order_id}


async def test_answers_asked_ahead_are_those_read_one_by_one(db: AnyDatabase) -> None:
    order = an_order(takeaway_name="Zoë 🥐 $1", customer_id=PERSON, paid_at=AT + timedelta(microseconds=1))
    lines = [a_line(1, modifiers=[JSON, {}], allergens=["milk"], note="$2::text"), a_line(2, voided=True), a_line(3)]
    await added(db, order, *lines)

    async def look(tx: Transaction) -> tuple[Order | None, list[OrderItem], Order | None]:
        lines_of = {"cafe_id": CAFE, "order_id": ORDER}
        await tx.ahead(
            Question(_LINES, lines_of), Question(_ORDER, _order_of(ORDER)), Question(_ORDER, _order_of(missing))
        )
        return (
            await tx.one(_ORDER, Order, lock=True, **_order_of(ORDER)),
            await tx.all(_LINES, OrderItem, **lines_of),
            await tx.one(_ORDER, Order, **_order_of(missing)),
        )

    missing = new_id()
    assert await db.transaction(CAFE, look) == (order, lines[::-1], None)


async def test_what_was_not_asked_ahead_is_read_all_the_same(db: AnyDatabase) -> None:
    first, second = an_order(), an_order(id=new_id(), order_number=2)
    await added(db, first)
    await added(db, second)

    async def look(tx: Transaction) -> Order | None:
        await tx.ahead(Question(_ORDER, _order_of(first.id)))
        return await tx.one(_ORDER, Order, **_order_of(second.id))

    assert await db.transaction(CAFE, look) == second


async def test_after_a_failed_guard_answers_asked_ahead_are_asked_for_again(db: AnyDatabase) -> None:
    async def count(tx: Transaction) -> int:
        await tx.ahead(Question(COUNTER, {"cafe_id": COUNTED_CAFE, "day": DAY}))
        return await count_on(tx)

    numbers = await asyncio.gather(*(db.transaction(COUNTED_CAFE, count) for _ in range(20)))

    assert sorted(numbers) == list(range(1, 21))
    last = await db.read(COUNTED_CAFE, counter)
    assert last is not None
    assert last.last_number == 20
