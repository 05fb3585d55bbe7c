"""What audiences ask of the tables of orders and payments: who paid, and what is open right now."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tabletap.infra.db.schema import Instant, columns_of, param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader
from tabletap.kernel.ids import first_id_at
from tabletap.orders.model import Order, OrderItem
from tabletap.orders.store import cafe_order, order_item
from tabletap.payments.disputes.store import dispute
from tabletap.payments.model import Payment
from tabletap.payments.store import payment, refund, split
from tabletap.reports.statistics.model import Figures

MOST_OPEN = 1_000
"""More open orders or payments than any cafe has; the newest are given."""

OPEN_FOR = timedelta(days=14)
"""A payment expires within 7 days and is asked after for as long again; then a person has to look at it.

The table has no index on states, which would cost every payment: the newest rows are read instead.
"""
_LOWEST, _HIGHEST = "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"

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
_IS_OPEN = cafe_order.c.status.in_(
    [sa.literal_column(f"'{status}'") for status in ("pending", "paid", "preparing", "ready")]
)
_OPEN_ORDERS = Statement(
    sa.select(*columns_of(cafe_order, Order))
    .where(
        cafe_order.c.cafe_id == param("cafe_id"),
        _IS_OPEN,
    )
    .order_by(cafe_order.c.id.desc())
    .limit(MOST_OPEN)
)
_IN_REVIEW_NOW = sa.text("payment.needs_review")
"""As the partial index says it; SQLite takes no other words for the same."""
_IS_LIVE = payment.c.state.in_([sa.literal_column(f"'{state}'") for state in ("pending", "processing")])
_OPEN_PAYMENTS = Statement(
    sa.select(*columns_of(payment, Payment))
    .where(payment.c.cafe_id == param("cafe_id"), payment.c.id >= param("from_id"), _IS_LIVE)
    .order_by(payment.c.id.desc())
    .limit(MOST_OPEN)
)
_OPEN_IN_REVIEW = Statement(
    sa.select(*columns_of(payment, Payment))
    .where(
        payment.c.cafe_id == param("cafe_id"),
        payment.c.id < param("from_id"),
        _IN_REVIEW_NOW,
        _IS_LIVE,
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


_COUNTS = Statement(
    sa.select(cafe_order.c.status, sa.func.count())
    .where(
        cafe_order.c.cafe_id == param("cafe_id"),
        _IS_OPEN,
    )
    .group_by(cafe_order.c.status)
)
_WAITING_SINCE = Statement(
    sa.select(sa.func.coalesce(cafe_order.c.paid_at, cafe_order.c.updated_at, type_=Instant))
    .where(
        cafe_order.c.cafe_id == param("cafe_id"),
        cafe_order.c.status.in_([sa.literal_column("'paid'"), sa.literal_column("'preparing'")]),
    )
    .limit(MOST_OPEN)
)
_IN_REVIEW = Statement(sa.select(sa.func.count()).where(payment.c.cafe_id == param("cafe_id"), _IN_REVIEW_NOW))
_OPEN_SHARES = Statement(
    sa.select(sa.func.count())
    .select_from(cafe_order)
    .join(split, sa.and_(split.c.cafe_id == cafe_order.c.cafe_id, split.c.order_id == cafe_order.c.id))
    .where(
        cafe_order.c.cafe_id == param("cafe_id"),
        _IS_OPEN,
        split.c.status.in_([sa.literal_column("'open'"), sa.literal_column("'paying'")]),
    )
)
_OF_THESE = (
    payment.c.cafe_id == param("cafe_id"),
    payment.c.id >= param("from_id"),
    payment.c.id < param("to_id"),
)


def _within(moment: sa.Column[Any]) -> sa.ColumnElement[bool]:
    return sa.and_(moment >= param("starts_at"), moment < param("ends_at"))


_SUMS: tuple[Any, ...] = (sa.func.count(), sa.func.sum(payment.c.amount_minor), sa.func.sum(payment.c.tip_minor))
_TAKEN = Statement(sa.select(*_SUMS).where(*_OF_THESE, payment.c.state == "completed", _within(payment.c.completed_at)))
_GIVEN_BACK = Statement(
    sa.select(sa.func.sum(refund.c.amount_minor))
    .join_from(payment, refund, sa.and_(refund.c.cafe_id == payment.c.cafe_id, refund.c.payment_id == payment.c.id))
    .where(*_OF_THESE, refund.c.status == "completed", _within(refund.c.processed_at))
)
_CHARGED_BACK = Statement(
    sa.select(sa.func.sum(dispute.c.order_minor + dispute.c.tip_minor + dispute.c.suspense_minor))
    .join_from(payment, dispute, sa.and_(dispute.c.cafe_id == payment.c.cafe_id, dispute.c.payment_id == payment.c.id))
    .where(*_OF_THESE, dispute.c.status == "lost", _within(dispute.c.closed_at))
)


async def open_order_counts(reader: Reader) -> dict[str, int]:
    """How many orders are not finished, by status."""
    return {status: int(count) for status, count in await reader.rows(_COUNTS, {"cafe_id": reader.cafe_id}, False)}


async def waiting_since(reader: Reader) -> list[datetime]:
    """Since when each of the tickets waits that the kitchen has to make."""
    return [since for (since,) in await reader.rows(_WAITING_SINCE, {"cafe_id": reader.cafe_id}, False)]


async def count_in_review(reader: Reader) -> int:
    """How many payments a person has to look at."""
    return int(await reader.value(_IN_REVIEW, cafe_id=reader.cafe_id))


async def count_open_shares(reader: Reader) -> int:
    """How many shares of bills that are not finished are not paid."""
    return int(await reader.value(_OPEN_SHARES, cafe_id=reader.cafe_id))


async def sales(
    reader: Reader, starts_at: datetime, ends_at: datetime, *, from_id: str = _LOWEST, to_id: str = _HIGHEST
) -> Figures:
    """What came in and went back within a time, of the payments from an id on and below another."""
    scope = {
        "cafe_id": reader.cafe_id, "starts_at": starts_at, "ends_at": ends_at, "from_id": from_id, "to_id": to_id,
    }  # fmt: skip
    count, gross, tips = (int(each or 0) for each in (await reader.rows(_TAKEN, scope, False))[0])
    refunded = int(await reader.value(_GIVEN_BACK, **scope) or 0)
    charged_back = int(await reader.value(_CHARGED_BACK, **scope) or 0)
    return Figures(count, gross, tips, refunded, charged_back, gross + tips - refunded - charged_back)


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
    """Payments whose outcome is not known yet, newest first.

    Of the older ones those that a person has to look at: the others have ended, save cash that nobody brought.
    """
    scope = {"cafe_id": reader.cafe_id, "from_id": first_id_at(reader.now - OPEN_FOR)}
    recent = await reader.rows(_OPEN_PAYMENTS, scope, False)
    older = await reader.rows(_OPEN_IN_REVIEW, scope, False)
    return [Payment(*row) for row in (*recent, *older)]


async def payments_of(reader: Reader, person_id: str, limit: int) -> list[Payment]:
    """A person's latest payments, newest first."""
    return await reader.all(_PAYMENTS_OF, Payment, cafe_id=reader.cafe_id, person_id=person_id, limit=limit)
