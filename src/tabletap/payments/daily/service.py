"""What payments and orders say as a day is closed: figures between two moments, and what is not settled."""

from datetime import datetime

from tabletap.cafes.business_day import BusinessDay
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader
from tabletap.payments.daily import store
from tabletap.till import store as till
from tabletap.till.days.model import OpenItem, Totals
from tabletap.tips.sharing import store as sharing
from tabletap.tips.shifts import store as shifts

_WAITING: tuple[tuple[str, Statement, str], ...] = (
    ("payments_under_way", store.UNDER_WAY, "payments are not settled yet"),
    ("payments_under_review", store.UNDER_REVIEW, "payments wait for a manager's decision"),
    ("refunds_pending", store.REFUNDS_PENDING, "refunds have not arrived yet"),
    ("disputes_open", store.DISPUTES_OPEN, "disputes are open"),
    ("orders_unpaid", store.UNPAID, "orders are not paid in full"),
    ("orders_unfinished", store.UNFINISHED, "paid orders were not handed over"),
)


async def totals(reader: Reader, since: datetime, until: datetime) -> Totals:
    """Completed payments and refunds by method, and what was sold and paid in full, between two moments.

    What was sold of the menu by tax rate; prepaid credit apart: no tax is due on it, and it is owed to who bought it.
    """
    found: Totals = {}
    for method, count, amount, tips, rounding in await store.counted(reader, store.PAYMENTS, since, until):
        _note(found, f"payments/{method}", count=count, amount=amount, tips=tips, rounding=rounding)
    for method, destination, count, amount, tips, rounding in await store.counted(reader, store.REFUNDS, since, until):
        _note(found, f"refunds/{method}/{destination}", count=count, amount=amount, tips=tips, rounding=rounding)
    for basis_points, gross, tax in await store.counted(reader, store.SOLD, since, until):
        _note(found, f"sold/{basis_points}", gross=gross, tax=tax)
    for count, amount in await store.counted(reader, store.CREDIT_SOLD, since, until):
        _note(found, "credit_sold", count=count, amount=amount)
    return found


def _note(found: Totals, path: str, **figures: int) -> None:
    found.update({f"{path}/{name}": int(figure) for name, figure in figures.items()})


async def open_items(reader: Reader, day: BusinessDay) -> list[OpenItem]:
    """What began on the day or before it and is not settled; open drawers, and cash that no drawer was open for."""
    found = []
    for kind, statement, what in _WAITING:
        count, amount = await store.waiting(reader, statement, day.ends_at)
        if count:
            found.append(OpenItem(kind, f"{count} {what}, {amount} in all.", count, amount))
    sessions = [each for each in await till.open_sessions(reader) if each.drawer and each.opened_at < day.ends_at]
    found += [OpenItem("drawer_open", f"The drawer {each.drawer} was not counted and closed.") for each in sessions]
    found += await _tips(reader, day)
    loose = await till.loose_cash(reader)
    if loose:
        sentence = f"Cash of {loose} was taken with no drawer open; open one and collect it."
        found.append(OpenItem("cash_without_drawer", sentence, 1, loose))
    return found


async def _tips(reader: Reader, day: BusinessDay) -> list[OpenItem]:
    """Tips that belong to nobody, and shifts without an end, which keep the day's pool from being shared out.

    The pool itself is no open item: it is shared out as the day is closed.
    """
    found = []
    nobodys = await sharing.unassigned(reader, day.date.isoformat())
    if nobodys:
        total = sum(nobodys.values())
        found.append(OpenItem("tips_unassigned", f"Tips of {total} belong to nobody yet.", len(nobodys), total))
    working = [each for each in await shifts.shifts(reader, day.starts_at, day.ends_at) if each.ended_at is None]
    if working:
        sentence = f"{len(working)} people have not clocked out; the tips of the day wait for that."
        found.append(OpenItem("shifts_open", sentence, len(working)))
    return found
