"""The table and statements of closed days."""

from datetime import datetime

import sqlalchemy as sa

from tabletap.infra.db.schema import Id, Instant, Json, Text, Whole, column, columns_of, metadata, param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader
from tabletap.ledger.store import entry, journal
from tabletap.till.days.model import DayClose, Totals

day_close = sa.Table(
    "day_close",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("z_number", Whole),
    column("business_day", Text),
    column("from_at", Instant),
    column("until_at", Instant),
    column("reason", Text, null=True),
    column("open_items", Json),
    column("totals", Json),
    column("report", Json),
    column("closed_by", Id),
    column("closed_at", Instant),
    sa.CheckConstraint("z_number > 0", name="z_number"),
    sa.CheckConstraint("until_at >= from_at", name="until"),
    sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"]),
    sa.UniqueConstraint("cafe_id", "z_number"),
    sa.UniqueConstraint("cafe_id", "business_day"),
)

_OF_DAY = Statement(
    sa.select(*columns_of(day_close, DayClose)).where(
        day_close.c.cafe_id == param("cafe_id"), day_close.c.business_day == param("business_day")
    )
)
_PAGE = Statement(
    sa.select(*columns_of(day_close, DayClose))
    .where(day_close.c.cafe_id == param("cafe_id"), day_close.c.id < param("before"))
    .order_by(day_close.c.id.desc())
    .limit(param("limit"))
)
_LAST = Statement(
    sa.select(*columns_of(day_close, DayClose))
    .where(day_close.c.cafe_id == param("cafe_id"))
    .order_by(day_close.c.z_number.desc())
    .limit(1)
)
_IN_TIME = sa.and_(journal.c.cafe_id == param("cafe_id"), journal.c.at >= param("since"), journal.c.at < param("until"))
_BOOKED = sa.select(journal.c.cafe_id, journal.c.id).where(_IN_TIME).cte("booked").prefix_with("MATERIALIZED")
"""Found first: else SQLite begins with every entry that was ever made."""
_ACCOUNTS = Statement(
    sa.select(
        entry.c.account,
        sa.func.sum(sa.case((entry.c.amount_minor > 0, entry.c.amount_minor), else_=0)),
        sa.func.sum(sa.case((entry.c.amount_minor < 0, -entry.c.amount_minor), else_=0)),
    )
    .join_from(_BOOKED, entry, sa.and_(entry.c.cafe_id == _BOOKED.c.cafe_id, entry.c.journal_id == _BOOKED.c.id))
    .group_by(entry.c.account)
)
_JOURNALS = Statement(sa.select(sa.func.count()).select_from(journal).where(_IN_TIME))


async def of_day(reader: Reader, business_day: str) -> DayClose | None:
    """The closing of a business day."""
    return await reader.one(_OF_DAY, DayClose, cafe_id=reader.cafe_id, business_day=business_day)


async def last(reader: Reader) -> DayClose | None:
    """The day that was closed last."""
    return await reader.one(_LAST, DayClose, cafe_id=reader.cafe_id)


async def page(reader: Reader, before: str, limit: int) -> list[DayClose]:
    """Closed days, newest first."""
    return await reader.all(_PAGE, DayClose, cafe_id=reader.cafe_id, before=before, limit=limit)


async def ledger_totals(reader: Reader, since: datetime, until: datetime) -> Totals:
    """Every account's debits and credits, and how many journals there are, from a moment on and before another."""
    asked = {"cafe_id": reader.cafe_id, "since": since, "until": until}
    totals: Totals = {}
    for account, debit, credit in await reader.rows(_ACCOUNTS, asked, False):
        totals[f"ledger/{account}/debit"], totals[f"ledger/{account}/credit"] = int(debit), int(credit)
    totals["journals"] = int(await reader.value(_JOURNALS, **asked) or 0)
    return totals
