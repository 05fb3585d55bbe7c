"""What audiences ask of the tables of orders and payments: who paid, and what is open right now."""

import sqlalchemy as sa

from tabletap.infra.db.schema import columns_of, param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader
from tabletap.orders.model import Order, OrderItem
from tabletap.orders.store import cafe_order, order_item
from tabletap.payments.model import Payment
from tabletap.payments.store import payment

MOST_OPEN = 1_000
"""More open orders or payments than any cafe has; the newest are given."""

_PAID_BY = Statement(
    sa.select(sa.func.count())
    .select_from(payment)
    .where(
        payment.c.cafe_id == param("cafe_id"),
        payment.c.order_id == param("order_id"),
        sa.or_(payment.c.customer_id == param("person_id"), payment.c.initiated_by == param("person_id")),
    )
)
_IN_KITCHEN = cafe_order.c.status.in_([sa.literal_column(f"'{status}'") for status in ("paid", "preparing", "ready")])
_KITCHEN_ORDERS = Statement(
    sa.select(*columns_of(cafe_order, Order))
    .where(cafe_order.c.cafe_id == param("cafe_id"), _IN_KITCHEN)
    .order_by(cafe_order.c.id.desc())
    .limit(MOST_OPEN)
)
_KITCHEN_ITEMS = Statement(
    sa.select(*columns_of(order_item, OrderItem))
    .join(cafe_order, sa.and_(cafe_order.c.cafe_id == order_item.c.cafe_id, cafe_order.c.id == order_item.c.order_id))
    .where(order_item.c.cafe_id == param("cafe_id"), _IN_KITCHEN)
    .order_by(order_item.c.order_id, order_item.c.position)
)
_OPEN_ORDERS = Statement(
    sa.select(*columns_of(cafe_order, Order))
    .where(
        cafe_order.c.cafe_id == param("cafe_id"),
        cafe_order.c.status.in_(
            [sa.literal_column(f"'{status}'") for status in ("pending", "paid", "preparing", "ready")]
        ),
    )
    .order_by(cafe_order.c.id.desc())
    .limit(MOST_OPEN)
)
_OPEN_PAYMENTS = Statement(
    sa.select(*columns_of(payment, Payment))
    .where(
        payment.c.cafe_id == param("cafe_id"),
        payment.c.state.in_([sa.literal_column(f"'{state}'") for state in ("pending", "processing")]),
    )
    .order_by(payment.c.id.desc())
    .limit(MOST_OPEN)
)
_PAYMENTS_OF = Statement(
    sa.select(*columns_of(payment, Payment))
    .where(payment.c.cafe_id == param("cafe_id"), payment.c.customer_id == param("person_id"))
    .order_by(payment.c.id.desc())
    .limit(param("limit"))
)


async def paid_by(reader: Reader, order_id: str, person_id: str) -> bool:
    """Whether the person paid, or tried to pay, the order."""
    return bool(await reader.value(_PAID_BY, cafe_id=reader.cafe_id, order_id=order_id, person_id=person_id))


async def kitchen_orders(reader: Reader) -> list[Order]:
    """What the kitchen has to do, newest first."""
    return await reader.all(_KITCHEN_ORDERS, Order, cafe_id=reader.cafe_id)


async def kitchen_items(reader: Reader) -> list[OrderItem]:
    """The lines of the kitchen's orders."""
    return await reader.all(_KITCHEN_ITEMS, OrderItem, cafe_id=reader.cafe_id)


async def open_orders(reader: Reader) -> list[Order]:
    """Orders that are not finished, newest first."""
    return await reader.all(_OPEN_ORDERS, Order, cafe_id=reader.cafe_id)


async def open_payments(reader: Reader) -> list[Payment]:
    """Payments whose outcome is not known yet, newest first."""
    return await reader.all(_OPEN_PAYMENTS, Payment, cafe_id=reader.cafe_id)


async def payments_of(reader: Reader, person_id: str, limit: int) -> list[Payment]:
    """A person's latest payments, newest first."""
    return await reader.all(_PAYMENTS_OF, Payment, cafe_id=reader.cafe_id, person_id=person_id, limit=limit)
