"""The statements that sum up a cafe's credit."""

from datetime import datetime

import sqlalchemy as sa

from tabletap.credits.model import PartOfLots
from tabletap.credits.store import (
    credit_consumption,
    credit_hold,
    credit_hold_part,
    credit_lot,
    credit_transaction,
    customer_credit,
)
from tabletap.infra.db.schema import param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader
from tabletap.ledger.store import entry, journal

_of_lot = sa.and_(credit_consumption.c.cafe_id == credit_lot.c.cafe_id, credit_consumption.c.lot_id == credit_lot.c.id)
_age = sa.case(
    *((credit_lot.c.created_at > param(f"start_{n}"), sa.literal_column(str(n))) for n in range(3)),
    else_=sa.literal_column("3"),
)


def _summed(amount: sa.ColumnElement[int]) -> sa.Select[tuple[str, int, int, int]]:
    """An amount by kind and age of the lots that were there at a moment, and how much of it expires before another."""
    soon = sa.case((credit_lot.c.expires_at <= param("soon"), amount), else_=sa.literal_column("0"))
    return (
        sa.select(credit_lot.c.kind, _age.label("age"), sa.func.sum(amount), sa.func.sum(soon))
        .where(credit_lot.c.cafe_id == param("cafe_id"), credit_lot.c.created_at <= param("at"))
        .group_by(credit_lot.c.kind, sa.text("2"))
    )


_CAME = Statement(_summed(credit_lot.c.amount_minor))
_WENT = Statement(
    _summed(credit_consumption.c.amount_minor)
    .join(credit_consumption, _of_lot)
    .where(credit_consumption.c.at <= param("at"))
)
_BY_LEDGER = Statement(
    sa.select(sa.func.sum(entry.c.amount_minor))
    .join(journal, sa.and_(journal.c.cafe_id == entry.c.cafe_id, journal.c.id == entry.c.journal_id))
    .where(
        entry.c.cafe_id == param("cafe_id"),
        entry.c.account.like(sa.literal_column("'customer_credit:%'")),
        journal.c.at <= param("at"),
    )
)
_LOTS_MINOR = sa.func.coalesce(sa.func.sum(credit_lot.c.remaining_minor), 0)
_LOTS_HELD_MINOR = sa.func.coalesce(sa.func.sum(credit_lot.c.held_minor), 0)
UNLIKE_THEIR_LOTS = Statement(
    sa.select(
        customer_credit.c.customer_id,
        customer_credit.c.posted_minor,
        _LOTS_MINOR,
        customer_credit.c.held_minor,
        _LOTS_HELD_MINOR,
    )
    .outerjoin(
        credit_lot,
        sa.and_(
            credit_lot.c.cafe_id == customer_credit.c.cafe_id, credit_lot.c.customer_id == customer_credit.c.customer_id
        ),
    )
    .where(customer_credit.c.cafe_id == param("cafe_id"))
    .group_by(customer_credit.c.customer_id, customer_credit.c.posted_minor, customer_credit.c.held_minor)
    .having(sa.or_(customer_credit.c.posted_minor != _LOTS_MINOR, customer_credit.c.held_minor != _LOTS_HELD_MINOR))
    .order_by(customer_credit.c.customer_id)
)
_MOVED_MINOR = sa.func.coalesce(sa.func.sum(credit_transaction.c.amount_minor), 0)
_TOTALS_MINOR = (
    customer_credit.c.total_earned_minor - customer_credit.c.total_spent_minor - customer_credit.c.total_expired_minor
)
UNLIKE_THEIR_MOVEMENTS = Statement(
    sa.select(customer_credit.c.customer_id, customer_credit.c.posted_minor, _MOVED_MINOR, _TOTALS_MINOR)
    .outerjoin(
        credit_transaction,
        sa.and_(
            credit_transaction.c.cafe_id == customer_credit.c.cafe_id,
            credit_transaction.c.customer_id == customer_credit.c.customer_id,
        ),
    )
    .where(customer_credit.c.cafe_id == param("cafe_id"))
    .group_by(customer_credit.c.cafe_id, customer_credit.c.customer_id)
    .having(sa.or_(customer_credit.c.posted_minor != _MOVED_MINOR, customer_credit.c.posted_minor != _TOTALS_MINOR))
    .order_by(customer_credit.c.customer_id)
)
_TAKEN_MINOR = sa.func.coalesce(sa.func.sum(credit_consumption.c.amount_minor), 0)
UNLIKE_THEIR_CONSUMPTIONS = Statement(
    sa.select(credit_lot.c.id, credit_lot.c.amount_minor, credit_lot.c.remaining_minor, _TAKEN_MINOR)
    .outerjoin(credit_consumption, _of_lot)
    .where(credit_lot.c.cafe_id == param("cafe_id"))
    .group_by(credit_lot.c.id, credit_lot.c.amount_minor, credit_lot.c.remaining_minor)
    .having(credit_lot.c.amount_minor - _TAKEN_MINOR != credit_lot.c.remaining_minor)
    .order_by(credit_lot.c.id)
)
_HELD_FOR_PAYMENTS_MINOR = sa.func.coalesce(
    sa.func.sum(sa.case((credit_hold.c.state == "held", credit_hold_part.c.amount_minor), else_=0)), 0
)
UNLIKE_THEIR_HOLDS = Statement(
    sa.select(credit_lot.c.id, credit_lot.c.held_minor, _HELD_FOR_PAYMENTS_MINOR)
    .outerjoin(
        credit_hold_part,
        sa.and_(credit_hold_part.c.cafe_id == credit_lot.c.cafe_id, credit_hold_part.c.lot_id == credit_lot.c.id),
    )
    .outerjoin(
        credit_hold,
        sa.and_(
            credit_hold.c.cafe_id == credit_hold_part.c.cafe_id,
            credit_hold.c.payment_id == credit_hold_part.c.payment_id,
        ),
    )
    .where(credit_lot.c.cafe_id == param("cafe_id"))
    .group_by(credit_lot.c.id, credit_lot.c.held_minor)
    .having(credit_lot.c.held_minor != _HELD_FOR_PAYMENTS_MINOR)
    .order_by(credit_lot.c.id)
)


async def came(reader: Reader, at: datetime, starts: list[datetime], soon: datetime) -> list[PartOfLots]:
    """What came in the lots of the cafe that were there at a moment."""
    return await _by_kind_and_age(reader, _CAME, at, starts, soon)


async def went(reader: Reader, at: datetime, starts: list[datetime], soon: datetime) -> list[PartOfLots]:
    """What was taken from them until then."""
    return await _by_kind_and_age(reader, _WENT, at, starts, soon)


async def _by_kind_and_age(
    reader: Reader, statement: Statement, at: datetime, starts: list[datetime], soon: datetime
) -> list[PartOfLots]:
    ages = {f"start_{n}": start for n, start in enumerate(starts)}
    given = {"cafe_id": reader.cafe_id, "at": at, "soon": soon, **ages}
    rows = await reader.rows(statement, given, False)
    return [PartOfLots(kind, int(age), int(amount), int(ends_soon)) for kind, age, amount, ends_soon in rows]


async def owed_by_ledger(reader: Reader, at: datetime) -> int:
    """What the journals say that the cafe owed its customers in credit at a moment."""
    return -int(await reader.value(_BY_LEDGER, cafe_id=reader.cafe_id, at=at) or 0)
