"""Counting the lines of bills that were paid in full."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tabletap.cafes.store import menu_item
from tabletap.infra.db.schema import param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader
from tabletap.orders.store import cafe_order, order_item
from tabletap.payments.store import payment, refund
from tabletap.reports.sales.model import SoldItem

_RATE = order_item.c.tax_basis_points
_TAX = (order_item.c.total_minor * _RATE * 2 + 10_000 + _RATE) // (2 * (10_000 + _RATE))
"""The tax within a line, rounded half up: as `orders.model.tax_within`."""
_each = payment.alias("each")
_IN_PLAY = (
    sa.select(sa.func.count())
    .where(
        _each.c.cafe_id == cafe_order.c.cafe_id,
        _each.c.order_id == cafe_order.c.id,
        _each.c.state == "completed",
        _each.c.mode == "test",
    )
    .correlate(cafe_order)
    .scalar_subquery()
)
"""How many payments in play money an order has. Counted: PostgreSQL would hash every payment there is for an EXISTS."""
_PAID = (
    sa.select(cafe_order.c.cafe_id, cafe_order.c.id)
    .where(
        cafe_order.c.cafe_id == param("cafe_id"),
        cafe_order.c.kind == "sale",
        cafe_order.c.paid_at >= param("starts_at"),
        cafe_order.c.paid_at < param("ends_at"),
        sa.or_(param("mode") == "all", sa.case((_IN_PLAY > 0, "test"), else_="live") == param("mode")),
    )
    .cte("paid")
    .prefix_with("MATERIALIZED")
)
"""The bills of the period, found first: else SQLite begins with every line that was ever sold."""
_SOLD = Statement(
    sa.select(
        order_item.c.menu_item_id,
        order_item.c.name,
        menu_item.c.category,
        _RATE,
        sa.func.sum(order_item.c.quantity),
        sa.func.sum(order_item.c.total_minor),
        sa.func.sum(_TAX),
    )
    .join_from(_PAID, order_item, sa.and_(order_item.c.cafe_id == _PAID.c.cafe_id, order_item.c.order_id == _PAID.c.id))
    .join(menu_item, sa.and_(menu_item.c.cafe_id == order_item.c.cafe_id, menu_item.c.id == order_item.c.menu_item_id))
    .where(order_item.c.voided.is_(sa.false()))
    .group_by(order_item.c.menu_item_id, order_item.c.name, menu_item.c.category, _RATE)
)
_REFUNDED = Statement(
    sa.select(sa.func.coalesce(sa.func.sum(refund.c.order_minor), 0))
    .join_from(refund, payment, sa.and_(payment.c.cafe_id == refund.c.cafe_id, payment.c.id == refund.c.payment_id))
    .join(cafe_order, sa.and_(cafe_order.c.cafe_id == refund.c.cafe_id, cafe_order.c.id == refund.c.order_id))
    .where(
        refund.c.cafe_id == param("cafe_id"),
        cafe_order.c.kind == "sale",
        refund.c.status == "completed",
        refund.c.processed_at >= param("starts_at"),
        refund.c.processed_at < param("ends_at"),
        sa.or_(param("mode") == "all", payment.c.mode == param("mode")),
    )
)


def _scope(reader: Reader, starts_at: datetime, ends_at: datetime, mode: str) -> dict[str, Any]:
    return {"cafe_id": reader.cafe_id, "starts_at": starts_at, "ends_at": ends_at, "mode": mode}


async def sold(reader: Reader, starts_at: datetime, ends_at: datetime, mode: str) -> list[SoldItem]:
    """What was sold from a moment on and before another."""
    rows = await reader.rows(_SOLD, _scope(reader, starts_at, ends_at, mode), False)
    items = [
        SoldItem(item_id, name, category, int(rate), int(quantity), int(gross), int(tax))
        for item_id, name, category, rate, quantity, gross, tax in rows
    ]
    return sorted(items, key=lambda item: (item.category, item.name, item.menu_item_id, item.tax_rate))


async def refunded(reader: Reader, starts_at: datetime, ends_at: datetime, mode: str) -> int:
    """What went back of bills in that time."""
    rows = await reader.rows(_REFUNDED, _scope(reader, starts_at, ends_at, mode), False)
    return int(rows[0][0])
