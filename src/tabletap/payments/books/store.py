"""The statements that find rows which can be changed and do not say what the rows that never change say."""

from typing import Any

import sqlalchemy as sa

from tabletap.credits.store import credit_account_change, credit_transaction, customer_credit
from tabletap.infra.db.schema import param
from tabletap.infra.db.statement import Statement
from tabletap.ledger.model import CASH_ROUNDING
from tabletap.ledger.store import entry, journal
from tabletap.orders.store import cafe_order, order_item
from tabletap.payments.disputes.store import dispute, dispute_change
from tabletap.payments.store import payment, payment_change, refund
from tabletap.qr.store import qr_payment


def _last(change: sa.Table, of: str) -> Any:
    """The last row of a history, by what it is of."""
    return (
        sa.select(change.c.cafe_id, change.c[of], sa.func.max(change.c.n).label("n"))
        .where(change.c.cafe_id == param("cafe_id"))
        .group_by(change.c.cafe_id, change.c[of])
        .subquery()
    )


def _unlike_its_history(row: sa.Table, state: str, change: sa.Table, of: str, to: str) -> Statement:
    last = _last(change, of)
    return Statement(
        sa.select(row.c.id, row.c[state], change.c[to])
        .select_from(
            row.outerjoin(last, sa.and_(last.c.cafe_id == row.c.cafe_id, last.c[of] == row.c.id)).outerjoin(
                change,
                sa.and_(change.c.cafe_id == row.c.cafe_id, change.c[of] == row.c.id, change.c.n == last.c.n),
            )
        )
        .where(row.c.cafe_id == param("cafe_id"), sa.func.coalesce(change.c[to], "") != row.c[state])
        .order_by(row.c.id)
    )


UNLIKE_ITS_CHANGES = _unlike_its_history(payment, "state", payment_change, "payment_id", "to_state")
DISPUTE_UNLIKE_ITS_CHANGES = _unlike_its_history(dispute, "status", dispute_change, "dispute_id", "to_status")


def _unlike_its_journals(row: sa.Table, says: Any, kind: str, of: sa.Column[Any], sign: int) -> Statement:
    """Rows whose journals of a kind say something else, on the side that is not the money's own; rounding apart."""
    of_row = sa.and_(journal.c.cafe_id == row.c.cafe_id, of == row.c.id, journal.c.kind == kind)
    of_journal = sa.and_(entry.c.cafe_id == journal.c.cafe_id, entry.c.journal_id == journal.c.id)
    counted = sa.and_(entry.c.amount_minor * sign > 0, entry.c.account != CASH_ROUNDING)
    booked = sa.func.coalesce(sa.func.sum(sa.case((counted, entry.c.amount_minor * sign), else_=0)), 0)
    said = sa.func.max(says)
    return Statement(
        sa.select(row.c.id, said, booked)
        .select_from(row.outerjoin(journal, of_row).outerjoin(entry, of_journal))
        .where(row.c.cafe_id == param("cafe_id"))
        .group_by(row.c.id)
        .having(booked != said)
        .order_by(row.c.id)
    )


UNLIKE_ITS_JOURNALS = _unlike_its_journals(
    payment,
    sa.case((payment.c.state == "completed", payment.c.amount_minor + payment.c.tip_minor), else_=0),
    "payment",
    journal.c.payment_id,
    -1,
)
REFUND_UNLIKE_ITS_JOURNALS = _unlike_its_journals(
    refund, sa.case((refund.c.status == "completed", refund.c.amount_minor), else_=0), "refund", journal.c.refund_id, 1
)
_ITEMS_MINOR = sa.func.coalesce(sa.func.sum(order_item.c.total_minor), 0)
ORDER_UNLIKE_ITS_ITEMS = Statement(
    sa.select(cafe_order.c.id, sa.func.max(cafe_order.c.total_minor), _ITEMS_MINOR)
    .select_from(
        cafe_order.outerjoin(
            order_item,
            sa.and_(
                order_item.c.cafe_id == cafe_order.c.cafe_id,
                order_item.c.order_id == cafe_order.c.id,
                order_item.c.voided == sa.false(),
            ),
        )
    )
    .where(cafe_order.c.cafe_id == param("cafe_id"), cafe_order.c.kind == "sale")
    .group_by(cafe_order.c.id)
    .having(sa.func.max(cafe_order.c.total_minor) != _ITEMS_MINOR)
    .order_by(cafe_order.c.id)
)
QR_PAID_FOR_NOTHING = Statement(
    sa.select(qr_payment.c.id, payment.c.state)
    .select_from(
        qr_payment.join(
            payment, sa.and_(payment.c.cafe_id == qr_payment.c.cafe_id, payment.c.id == qr_payment.c.payment_id)
        )
    )
    .where(qr_payment.c.cafe_id == param("cafe_id"), qr_payment.c.status == "paid", payment.c.state != "completed")
    .order_by(qr_payment.c.id)
)
_MOVED_MINOR = sa.func.coalesce(sa.func.sum(credit_transaction.c.amount_minor), 0)
CREDIT_UNLIKE_ITS_TRANSACTIONS = Statement(
    sa.select(customer_credit.c.customer_id, sa.func.max(customer_credit.c.posted_minor), _MOVED_MINOR)
    .select_from(
        customer_credit.outerjoin(
            credit_transaction,
            sa.and_(
                credit_transaction.c.cafe_id == customer_credit.c.cafe_id,
                credit_transaction.c.customer_id == customer_credit.c.customer_id,
            ),
        )
    )
    .where(customer_credit.c.cafe_id == param("cafe_id"))
    .group_by(customer_credit.c.customer_id)
    .having(sa.func.max(customer_credit.c.posted_minor) != _MOVED_MINOR)
    .order_by(customer_credit.c.customer_id)
)
_last_word = (
    sa.select(
        credit_account_change.c.cafe_id,
        credit_account_change.c.customer_id,
        sa.func.max(sa.cast(credit_account_change.c.id, sa.Text)).label("id"),
    )
    .where(credit_account_change.c.cafe_id == param("cafe_id"))
    .group_by(credit_account_change.c.cafe_id, credit_account_change.c.customer_id)
    .subquery()
)
CREDIT_UNLIKE_ITS_CHANGES = Statement(
    sa.select(
        customer_credit.c.customer_id,
        customer_credit.c.status,
        sa.func.coalesce(credit_account_change.c.to_status, "active"),
    )
    .select_from(
        customer_credit.outerjoin(
            _last_word,
            sa.and_(
                _last_word.c.cafe_id == customer_credit.c.cafe_id,
                _last_word.c.customer_id == customer_credit.c.customer_id,
            ),
        ).outerjoin(
            credit_account_change,
            sa.and_(
                credit_account_change.c.cafe_id == customer_credit.c.cafe_id,
                sa.cast(credit_account_change.c.id, sa.Text) == _last_word.c.id,
            ),
        )
    )
    .where(
        customer_credit.c.cafe_id == param("cafe_id"),
        customer_credit.c.status != sa.func.coalesce(credit_account_change.c.to_status, "active"),
    )
    .order_by(customer_credit.c.customer_id)
)
