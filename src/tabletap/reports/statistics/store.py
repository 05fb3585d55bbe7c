"""Counting payments, refunds and charge-backs by quarter of an hour and method."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tabletap.infra.db.quarters import quarter_of
from tabletap.infra.db.schema import param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader
from tabletap.payments.disputes.store import dispute
from tabletap.payments.store import payment, refund
from tabletap.reports.statistics.model import CREDIT

_MODE = sa.or_(param("any_mode") == sa.true(), payment.c.mode == param("mode"))


def _within(moment: Any) -> Any:
    return sa.and_(moment >= param("starts_at"), moment < param("ends_at"))


PAYMENTS = Statement(
    sa.select(
        quarter_of(payment.c.completed_at).label("quarter"),
        payment.c.method,
        sa.func.count(),
        sa.func.sum(payment.c.amount_minor),
        sa.func.sum(payment.c.tip_minor),
    )
    .where(
        payment.c.cafe_id == param("cafe_id"),
        payment.c.state == "completed",
        _within(payment.c.completed_at),
        _MODE,
    )
    .group_by("quarter", payment.c.method)
)
_WENT_TO = sa.case((refund.c.destination == "credit", CREDIT), else_=payment.c.method).label("went_to")
"""What came in as cash and went back as credit left no cash."""
REFUNDS = Statement(
    sa.select(quarter_of(refund.c.processed_at).label("quarter"), _WENT_TO, sa.func.sum(refund.c.amount_minor))
    .join_from(refund, payment, sa.and_(payment.c.cafe_id == refund.c.cafe_id, payment.c.id == refund.c.payment_id))
    .where(refund.c.cafe_id == param("cafe_id"), refund.c.status == "completed", _within(refund.c.processed_at), _MODE)
    .group_by("quarter", "went_to")
)
CHARGE_BACKS = Statement(
    sa.select(
        quarter_of(dispute.c.closed_at).label("quarter"),
        payment.c.method,
        sa.func.sum(dispute.c.order_minor + dispute.c.tip_minor + dispute.c.suspense_minor),
    )
    .join_from(dispute, payment, sa.and_(payment.c.cafe_id == dispute.c.cafe_id, payment.c.id == dispute.c.payment_id))
    .where(dispute.c.cafe_id == param("cafe_id"), dispute.c.status == "lost", _within(dispute.c.closed_at), _MODE)
    .group_by("quarter", payment.c.method)
)
STATES = Statement(
    sa.select(payment.c.state, sa.func.count())
    .where(payment.c.cafe_id == param("cafe_id"), _within(payment.c.initiated_at), _MODE)
    .group_by(payment.c.state)
    .order_by(payment.c.state)
)


async def rows(reader: Reader, statement: Statement, starts_at: datetime, ends_at: datetime, mode: str) -> list[Any]:
    """What one of the counts finds from a moment on and before another."""
    scope = {"cafe_id": reader.cafe_id, "starts_at": starts_at, "ends_at": ends_at}
    return await reader.rows(statement, {**scope, "any_mode": mode == "all", "mode": mode}, False)
