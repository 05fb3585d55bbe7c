"""Look-ups of what is awaited: transfers that were asked for, refunds made by hand, who paid from where before."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tabletap.identity.store import person
from tabletap.infra.db.schema import any_of, named, param, portions
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader
from tabletap.orders.store import cafe_order
from tabletap.payments.store import payment, refund
from tabletap.qr.store import qr_payment
from tabletap.reconciliation.matching import Awaited, Returning
from tabletap.reconciliation.store import bank_line, bank_line_state, bank_match

_TOTAL = payment.c.amount_minor + payment.c.tip_minor
_MATCHED = sa.cast(sa.func.coalesce(sa.func.sum(bank_match.c.amount_minor), 0), sa.BigInteger)
_AWAITED_COLUMNS = (
    payment.c.id,
    payment.c.order_id,
    qr_payment.c.reference,
    _TOTAL,
    payment.c.state,
    payment.c.initiated_at,
    payment.c.customer_id,
    cafe_order.c.order_number,
    person.c.name,
)


def _awaited(*conditions: Any) -> sa.Select[Any]:
    """Transfers that were asked for, with what of them was seen on statements."""
    cafe_id = payment.c.cafe_id
    return (
        sa.select(*_AWAITED_COLUMNS, _MATCHED)
        .select_from(
            payment.join(qr_payment, sa.and_(qr_payment.c.cafe_id == cafe_id, qr_payment.c.payment_id == payment.c.id))
            .join(cafe_order, sa.and_(cafe_order.c.cafe_id == cafe_id, cafe_order.c.id == payment.c.order_id))
            .outerjoin(person, sa.and_(person.c.cafe_id == cafe_id, person.c.id == payment.c.customer_id))
            .outerjoin(
                bank_match,
                sa.and_(
                    bank_match.c.cafe_id == cafe_id,
                    bank_match.c.target_id == payment.c.id,
                    bank_match.c.target == "payment",
                ),
            )
        )
        .where(cafe_id == param("cafe_id"), qr_payment.c.cafe_id == param("cafe_id"), *conditions)
        .group_by(*_AWAITED_COLUMNS)
    )


_AWAITED_BY_REFERENCE = Statement(_awaited(qr_payment.c.reference.in_(any_of("reference"))))
_AWAITED_BY_ID = Statement(_awaited(payment.c.id == param("id")))
_AWAITED_SINCE = Statement(
    _awaited(payment.c.initiated_at >= param("since"), payment.c.id < param("before"))
    .having(sa.or_(payment.c.state != "completed", _MATCHED < _TOTAL))
    .order_by(payment.c.id.desc())
    .limit(param("limit"))
)
_RETURNING_COLUMNS = (
    refund.c.id,
    refund.c.payment_id,
    refund.c.order_id,
    qr_payment.c.reference,
    refund.c.amount_minor + refund.c.rounding_minor,
    refund.c.status,
    refund.c.external_refund_id,
    refund.c.created_at,
)
_RETURNED = sa.cast(sa.func.coalesce(sa.func.sum(bank_match.c.amount_minor), 0), sa.BigInteger)
_RETURNING = Statement(
    sa.select(*_RETURNING_COLUMNS, _RETURNED)
    .select_from(
        refund.join(
            qr_payment,
            sa.and_(qr_payment.c.cafe_id == refund.c.cafe_id, qr_payment.c.payment_id == refund.c.payment_id),
        ).outerjoin(
            bank_match,
            sa.and_(
                bank_match.c.cafe_id == refund.c.cafe_id,
                bank_match.c.target_id == refund.c.id,
                bank_match.c.target == "refund",
            ),
        )
    )
    .where(
        refund.c.cafe_id == param("cafe_id"),
        refund.c.destination == "original",
        sa.or_(
            refund.c.status == "pending",
            sa.and_(
                refund.c.status == "completed", refund.c.settled_by.is_not(None), refund.c.created_at >= param("since")
            ),
        ),
    )
    .group_by(*_RETURNING_COLUMNS)
    .having(_RETURNED == 0)
    .order_by(refund.c.id)
    .limit(param("limit"))
)
"""Refunds that somebody makes by hand at the bank, and that were not seen on a statement yet."""
_CAME_FROM = Statement(
    sa.select(bank_match.c.target_id, bank_line.c.counterparty_account)
    .select_from(
        bank_match.join(
            bank_line, sa.and_(bank_line.c.cafe_id == bank_match.c.cafe_id, bank_line.c.id == bank_match.c.line_id)
        )
    )
    .where(
        bank_match.c.cafe_id == param("cafe_id"),
        bank_match.c.target == "payment",
        bank_match.c.target_id.in_(any_of("payment")),
        bank_line.c.counterparty_account.is_not(None),
    )
)
_OVERPAID_COLUMNS: Sequence[sa.ColumnElement[Any]] = (
    sa.func.count(sa.distinct(bank_line.c.id)),
    sa.cast(sa.func.coalesce(sa.func.sum(payment.c.suspense_minor), 0), sa.BigInteger),
    sa.func.min(bank_line.c.booked_on),
)
_OVERPAID = Statement(
    sa.select(*_OVERPAID_COLUMNS)
    .select_from(
        bank_line.join(
            bank_line_state,
            sa.and_(bank_line_state.c.cafe_id == bank_line.c.cafe_id, bank_line_state.c.id == bank_line.c.id),
        )
        .join(
            bank_match,
            sa.and_(
                bank_match.c.cafe_id == bank_line.c.cafe_id,
                bank_match.c.line_id == bank_line.c.id,
                bank_match.c.target == "payment",
                bank_match.c.booked,
            ),
        )
        .join(payment, sa.and_(payment.c.cafe_id == bank_line.c.cafe_id, payment.c.id == bank_match.c.target_id))
    )
    .where(
        bank_line.c.cafe_id == param("cafe_id"),
        bank_line_state.c.status == "overpaid",
        bank_line.c.booked_on <= param("until"),
        payment.c.needs_review,
    )
)
_PAYERS = Statement(
    sa.select(bank_line.c.counterparty_account, payment.c.customer_id, payment.c.id)
    .select_from(
        bank_line.join(
            bank_match,
            sa.and_(
                bank_match.c.cafe_id == bank_line.c.cafe_id,
                bank_match.c.line_id == bank_line.c.id,
                bank_match.c.target == "payment",
            ),
        ).join(payment, sa.and_(payment.c.cafe_id == bank_line.c.cafe_id, payment.c.id == bank_match.c.target_id))
    )
    .where(
        bank_line.c.cafe_id == param("cafe_id"),
        bank_line.c.counterparty_account.in_(any_of("payer")),
        payment.c.customer_id.is_not(None),
    )
    .limit(1000)
)


def _awaited_of(row: Sequence[Any]) -> Awaited:
    payment_id, order_id, reference, total, state, initiated_at, customer_id, number, name, matched = row
    return Awaited(
        payment_id=payment_id,
        order_id=order_id,
        order_number=number,
        reference=reference,
        total_minor=total,
        matched_minor=matched,
        state=state,
        initiated_at=initiated_at,
        customer_id=customer_id,
        payer_name=name,
    )


async def awaited_by_references(reader: Reader, references: Iterable[str]) -> dict[str, Awaited]:
    """The transfers that were asked for under these references; those nobody asked for are left out."""
    found: dict[str, Awaited] = {}
    for some in portions(references):
        given = {"cafe_id": reader.cafe_id, **named("reference", some)}
        for row in await reader.rows(_AWAITED_BY_REFERENCE, given, False):
            found[row[2]] = _awaited_of(row)
    return found


async def awaited(reader: Reader, payment_id: str) -> Awaited | None:
    """One transfer that was asked for, as it is now."""
    rows = await reader.rows(_AWAITED_BY_ID, {"cafe_id": reader.cafe_id, "id": payment_id}, False)
    return _awaited_of(rows[0]) if rows else None


async def awaited_since(reader: Reader, since: datetime, before: str, limit: int) -> list[Awaited]:
    """Transfers that were asked for since then and of which something was not seen on a statement; newest first."""
    given = {"cafe_id": reader.cafe_id, "since": since, "before": before, "limit": limit}
    return [_awaited_of(row) for row in await reader.rows(_AWAITED_SINCE, given, False)]


async def returning(reader: Reader, since: datetime, limit: int) -> list[Returning]:
    """Refunds by hand that were not seen on a statement, the oldest first."""
    given = {"cafe_id": reader.cafe_id, "since": since, "limit": limit}
    rows = await reader.rows(_RETURNING, given, False)
    came_from = await _came_from(reader, (row[1] for row in rows))
    return [
        Returning(
            refund_id=row[0],
            payment_id=row[1],
            order_id=row[2],
            reference=row[3],
            amount_minor=row[4],
            status=row[5],
            bank_reference=row[6],
            created_at=row[7],
            payer_accounts=frozenset(came_from.get(row[1], ())),
        )
        for row in rows
    ]


async def _came_from(reader: Reader, payment_ids: Iterable[str]) -> dict[str, set[str]]:
    """The bank accounts that payments came from."""
    found: dict[str, set[str]] = {}
    for some in portions(payment_ids):
        given = {"cafe_id": reader.cafe_id, **named("payment", some)}
        for payment_id, account in await reader.rows(_CAME_FROM, given, False):
            found.setdefault(payment_id, set()).add(account)
    return found


async def overpaid(reader: Reader, until: str) -> tuple[int, int, str | None]:
    """Lines that brought too much and that nobody has decided yet: how many, what waits of them, the oldest day."""
    rows = await reader.rows(_OVERPAID, {"cafe_id": reader.cafe_id, "until": until}, False)
    count, amount, oldest = rows[0]
    return count, int(amount), oldest


async def payers(reader: Reader, accounts: Iterable[str]) -> dict[str, set[str]]:
    """Which customers paid from these bank accounts before."""
    found: dict[str, set[str]] = {}
    for some in portions(accounts):
        given = {"cafe_id": reader.cafe_id, **named("payer", some)}
        for account, customer_id, _ in await reader.rows(_PAYERS, given, False):
            found.setdefault(account, set()).add(customer_id)
    return found
