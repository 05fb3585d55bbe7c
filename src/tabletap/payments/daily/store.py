"""Counting payments, refunds and sold tax between two moments; what is not settled."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tabletap.infra.db.schema import param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader
from tabletap.orders.store import cafe_order, order_item
from tabletap.payments.disputes.store import dispute
from tabletap.payments.store import payment, refund


def _in_time(moment: Any) -> Any:
    return sa.and_(moment >= param("since"), moment < param("until"))


PAYMENTS = Statement(
    sa.select(
        payment.c.method,
        sa.func.count(),
        sa.func.sum(payment.c.amount_minor),
        sa.func.sum(payment.c.tip_minor),
        sa.func.sum(payment.c.rounding_minor),
    )
    .where(payment.c.cafe_id == param("cafe_id"), payment.c.state == "completed", _in_time(payment.c.completed_at))
    .group_by(payment.c.method)
)
REFUNDS = Statement(
    sa.select(
        payment.c.method,
        refund.c.destination,
        sa.func.count(),
        sa.func.sum(refund.c.amount_minor),
        sa.func.sum(refund.c.tip_minor),
        sa.func.sum(refund.c.rounding_minor),
    )
    .join_from(refund, payment, sa.and_(payment.c.cafe_id == refund.c.cafe_id, payment.c.id == refund.c.payment_id))
    .where(refund.c.cafe_id == param("cafe_id"), refund.c.status == "completed", _in_time(refund.c.processed_at))
    .group_by(payment.c.method, refund.c.destination)
)
_WHOLE = 10_000 + order_item.c.tax_basis_points
_TAX = (order_item.c.total_minor * order_item.c.tax_basis_points * 2 + _WHOLE) // (2 * _WHOLE)
"""The tax within a line, rounded half up: as `orders.model.tax_within`."""
_PAID = (
    sa.select(cafe_order.c.cafe_id, cafe_order.c.id)
    .where(cafe_order.c.cafe_id == param("cafe_id"), _in_time(cafe_order.c.paid_at))
    .cte("paid")
    .prefix_with("MATERIALIZED")
)
"""Found first: else SQLite begins with every line that was ever sold."""
SOLD = Statement(
    sa.select(order_item.c.tax_basis_points, sa.func.sum(order_item.c.total_minor), sa.func.sum(_TAX))
    .join_from(_PAID, order_item, sa.and_(order_item.c.cafe_id == _PAID.c.cafe_id, order_item.c.order_id == _PAID.c.id))
    .where(order_item.c.voided.is_(sa.false()))
    .group_by(order_item.c.tax_basis_points)
)
CREDIT_SOLD = Statement(
    sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(cafe_order.c.total_minor), 0)).where(
        cafe_order.c.cafe_id == param("cafe_id"), cafe_order.c.kind == "top_up", _in_time(cafe_order.c.paid_at)
    )
)


def _counted(table: sa.Table, amount: Any, *where: Any) -> Statement:
    columns: list[Any] = [sa.func.count(), sa.func.coalesce(sa.func.sum(amount), 0)]
    return Statement(sa.select(*columns).where(table.c.cafe_id == param("cafe_id"), *where))


_BEFORE = param("before")
_IN_A_LINE_OF_ITS_OWN = sa.or_(
    sa.and_(payment.c.review_reason == "dispute", payment.c.disputed_minor > 0),
    sa.and_(payment.c.review_reason == "refund_unknown", payment.c.refund_pending_minor > 0),
)
"""Under review for what is open itself: the dispute, or the refund."""
UNDER_WAY = _counted(
    payment,
    payment.c.amount_minor + payment.c.tip_minor,
    payment.c.state.in_(("pending", "processing")),
    payment.c.needs_review.is_(sa.false()),
    payment.c.initiated_at < _BEFORE,
)
UNDER_REVIEW = _counted(
    payment,
    payment.c.amount_minor + payment.c.tip_minor,
    sa.text("needs_review"),  # word for word as in `ix_payment_review`, so that SQLite uses it, too
    sa.func.coalesce(_IN_A_LINE_OF_ITS_OWN, sa.false()).is_(sa.false()),
    payment.c.initiated_at < _BEFORE,
)
REFUNDS_PENDING = _counted(refund, refund.c.amount_minor, refund.c.status == "pending", refund.c.created_at < _BEFORE)
DISPUTES_OPEN = _counted(dispute, dispute.c.amount_minor, dispute.c.status == "open", dispute.c.opened_at < _BEFORE)
UNPAID = _counted(
    cafe_order,
    cafe_order.c.total_minor - cafe_order.c.paid_minor,
    cafe_order.c.status.in_(("pending", "paid", "preparing", "ready", "collected")),
    cafe_order.c.paid_minor < cafe_order.c.total_minor,
    cafe_order.c.created_at < _BEFORE,
)
UNFINISHED = _counted(
    cafe_order,
    cafe_order.c.total_minor,
    cafe_order.c.status.in_(("paid", "preparing", "ready")),
    cafe_order.c.created_at < _BEFORE,
)


async def counted(reader: Reader, statement: Statement, since: datetime, until: datetime) -> list[Any]:
    """The rows of one of the counts, from a moment on and before another."""
    return await reader.rows(statement, {"cafe_id": reader.cafe_id, "since": since, "until": until}, False)


async def waiting(reader: Reader, statement: Statement, before: datetime) -> tuple[int, int]:
    """How many things of a kind began before a moment and are not settled, and what they come to."""
    rows = await reader.rows(statement, {"cafe_id": reader.cafe_id, "before": before}, False)
    return int(rows[0][0]), int(rows[0][1])
