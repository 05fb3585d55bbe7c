"""What of the bank waits for a person, for the close of a day, and whether lines and ledger agree, for `verify`."""

from datetime import date, timedelta
from typing import Literal

import msgspec

from tabletap.cafes.business_day import BusinessDay
from tabletap.infra.db.transaction import Reader
from tabletap.reconciliation import store
from tabletap.reconciliation.deciding import LOOK_BACK, all_awaited
from tabletap.reconciliation.expected import store as expected

UNSEEN_AFTER = timedelta(days=7)
"""A transfer that somebody confirmed by hand should be on a statement by then."""
_NEWEST = "ffffffff-ffff-ffff-ffff-ffffffffffff"


class OpenItem(msgspec.Struct, frozen=True, rename="camel"):
    """Something that waits for a person."""

    kind: Literal["bank_suggested", "bank_suspense", "bank_overpaid", "bank_unseen"]
    count: int
    amount: int
    oldest_days: int
    sentence: str


async def open_items(reader: Reader, business_day: BusinessDay) -> list[OpenItem]:
    """What of bank transfers waits at the end of a day; none: nothing."""
    until = business_day.date.isoformat()
    items: list[OpenItem] = []
    for status, (count, amount, oldest) in sorted((await store.waiting(reader, until)).items()):
        if status == "suggested":
            sentence = f"{_lines(count)} could belong to a payment and wait for a word"
            items.append(OpenItem("bank_suggested", count, amount, _age(oldest, business_day), sentence))
        else:
            sentence = f"{_lines(count)} belong to nothing that is known and wait in suspense"
            items.append(OpenItem("bank_suspense", count, amount, _age(oldest, business_day), sentence))
    count, amount, first = await expected.overpaid(reader, until)
    if count and first is not None:
        sentence = f"{_lines(count)} brought more than was asked for: give it to credit or back"
        items.append(OpenItem("bank_overpaid", count, amount, _age(first, business_day), sentence))
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
    oldest = min(each.initiated_at for each in unseen)
    sentence = f"{len(unseen)} transfers were confirmed by hand, and no statement shows them"
    amount = sum(each.due_minor for each in unseen)
    return [OpenItem("bank_unseen", len(unseen), amount, (business_day.ends_at - oldest).days, sentence)]


def _lines(count: int) -> str:
    return f"{count} line{'' if count == 1 else 's'} of bank statements"


def _age(booked_on: str, business_day: BusinessDay) -> int:
    return max(0, (business_day.date - date.fromisoformat(booked_on)).days)


async def check(reader: Reader) -> list[str]:
    """Where lines, decisions and ledger disagree; none: they agree.

    The decisions about each line sum to it, and what the ledger holds in suspense for a line is what waits of it.
    """
    faults = [f"the decisions about bank line {each} do not sum to it" for each in await store.uneven_lines(reader)]
    return faults + [
        f"bank line {each} says that another amount of it waits than lies in suspense"
        for each in await store.misplaced_lines(reader)
    ]
