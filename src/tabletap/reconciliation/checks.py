"""What of the bank waits for a person, for the close of a day, and whether lines and ledger agree, for `verify`."""

from datetime import date, timedelta

from tabletap.cafes.business_day import BusinessDay
from tabletap.infra.db.transaction import Reader
from tabletap.reconciliation import store
from tabletap.reconciliation.deciding import LOOK_BACK, all_awaited
from tabletap.reconciliation.expected import store as expected
from tabletap.till.days.model import OpenItem

UNSEEN_AFTER = timedelta(days=7)
"""A transfer that somebody confirmed by hand should be on a statement by then."""
_NEWEST = "ffffffff-ffff-ffff-ffff-ffffffffffff"


async def open_items(reader: Reader, business_day: BusinessDay) -> list[OpenItem]:
    """What of bank transfers waits at the end of a day; none: nothing."""
    until, items = business_day.date.isoformat(), list[OpenItem]()
    for status, (count, amount, oldest) in sorted((await store.waiting(reader, until)).items()):
        what = "could belong to a payment" if status == "suggested" else "belong to nothing that is known"
        message = f"{_lines(count)} {what}, the oldest {_age(oldest, business_day)}"
        items.append(OpenItem(f"bank_{status}", message, count, amount))
    count, amount, first = await expected.overpaid(reader, until)
    if count and first is not None:
        message = f"{_lines(count)} brought more than was asked for, the oldest {_age(first, business_day)}"
        items.append(OpenItem("bank_overpaid", message, count, amount))
    return [*items, *await _unseen(reader, business_day)]


async def _unseen(reader: Reader, business_day: BusinessDay) -> list[OpenItem]:
    """Transfers that were confirmed by hand and that no statement has shown, where statements are taken in at all."""
    if not await store.statements(reader, _NEWEST, 1):
        return []
    until = business_day.ends_at - UNSEEN_AFTER
    awaited = await all_awaited(reader, business_day.ends_at - LOOK_BACK)
    unseen = [each for each in awaited if each.is_completed and each.initiated_at < until]
    if not unseen:
        return []
    message = f"Transfers confirmed by hand that no statement has shown: {len(unseen)}"
    return [OpenItem("bank_unseen", message, len(unseen), sum(each.due_minor for each in unseen))]


def _lines(count: int) -> str:
    return f"{count} line{'' if count == 1 else 's'} of bank statements"


def _age(booked_on: str, business_day: BusinessDay) -> str:
    days = max(0, (business_day.date - date.fromisoformat(booked_on)).days)
    return "of the day" if days == 0 else f"{days} day{'' if days == 1 else 's'} old"


async def check(reader: Reader) -> list[str]:
    """Where lines, decisions and ledger disagree; none: they agree.

    The decisions about each line sum to it, and what the ledger holds in suspense for a line is what waits of it.
    """
    faults = [f"the decisions about bank line {each} do not sum to it" for each in await store.uneven_lines(reader)]
    return faults + [
        f"bank line {each} says that another amount of it waits than lies in suspense"
        for each in await store.misplaced_lines(reader)
    ]
