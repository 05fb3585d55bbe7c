"""A closed day and its report (Z). Pure.

**Nothing falls between two days.** Every figure is counted from the beginning up to a moment; the report of a day is
the difference to what the report before it had counted. So the reports sum to the books, whatever was committed late
and whenever a day was closed: what a report missed is in the next one.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from tabletap.cafes.model import BusinessDetails
from tabletap.kernel.ids import Id
from tabletap.ledger.audit.model import SignedHead

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
Totals = dict[str, int]
"""Figures counted from the beginning, by path: `payments/cash/amount`, `ledger/bank/debit`."""


def added(earlier: Totals, later: Totals) -> Totals:
    """What two spans of time that follow each other come to together."""
    return {path: earlier.get(path, 0) + later.get(path, 0) for path in earlier | later}


class OpenItem(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Something that is not settled: what kind, one sentence for people, how many, and what it comes to."""

    kind: str
    message: str
    count: int = 1
    amount: int | None = None


class DayClose(msgspec.Struct, frozen=True):
    """A closed business day: a row of `day_close`, never changed."""

    cafe_id: Id
    id: Id
    z_number: int
    """1, 2, 3 … without a gap, cafe by cafe."""
    business_day: str
    from_at: datetime
    until_at: datetime
    """The report is of what happened from the one moment on and before the other."""
    reason: str | None
    """Why it was closed over open items."""
    open_items: list[dict[str, Any]]
    totals: Totals
    """Counted from the beginning up to `until_at`."""
    report: dict[str, Any]
    """JSON of `DayReport`, as it was when the day was closed."""
    closed_by: Id
    closed_at: datetime


class DrawerFigures(msgspec.Struct, frozen=True, rename="camel"):
    """One drawer that was closed that day."""

    drawer: str
    opened_at: datetime
    closed_at: datetime | None
    float_amount: int
    counted_amount: int
    difference_amount: int


class AccountFigures(msgspec.Struct, frozen=True, rename="camel"):
    """One account of the ledger over a day; debits are positive."""

    account: str
    opening: int
    debit: int
    credit: int
    closing: int


class DayReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a day came to: the X report while it goes on, the Z report once it is closed."""

    business_day: str
    currency: str
    from_at: datetime = msgspec.field(name="from")
    until_at: datetime = msgspec.field(name="until")
    figures: dict[str, Any]
    """By subject, as in `{"payments": {"cash": {"count": 12, "amount": 48300}}}`."""
    accounts: list[AccountFigures]
    drawers: list[DrawerFigures]
    journals: int
    z_number: int | None = None
    open_items: list[OpenItem] = []
    reason: str | None = None
    closed_by: Id | None = None
    closed_at: datetime | None = None
    cafe: str = ""
    time_zone: str = "UTC"
    business: BusinessDetails | None = None
    """Who stands on the report, as it was when the day was closed."""


class DayView(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A day with its report; `signature` once it is closed."""

    status: str
    report: DayReport
    signature: SignedHead | None = None
    """The signed end of the audit chain, as it is printed on the report."""


class ClosedDayView(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A closed day in a list."""

    business_day: str
    z_number: int
    closed_at: datetime
    closed_by: Id
    reason: str | None = None


def since(now: Totals, before: Totals) -> Totals:
    """What was added between two counts; what did not change is left out."""
    moved = {path: now.get(path, 0) - before.get(path, 0) for path in {**before, **now}}
    return {path: amount for path, amount in sorted(moved.items()) if amount}


def nested(totals: Mapping[str, int]) -> dict[str, Any]:
    """The figures by subject; those of the ledger have a table of their own."""
    tree: dict[str, Any] = {}
    for path, amount in totals.items():
        *above, last = path.split("/")
        if above and above[0] == "ledger":
            continue
        branch = tree
        for name in above:
            branch = branch.setdefault(name, {})
        branch[last] = amount
    return tree


def accounts(now: Totals, before: Totals) -> list[AccountFigures]:
    """Every account that moved or has a balance."""
    names = sorted({path.split("/")[1] for path in {**before, **now} if path.startswith("ledger/")})
    found = []
    for name in names:
        debit, credit = (_ledger(now, name, side) - _ledger(before, name, side) for side in ("debit", "credit"))
        opening = _ledger(before, name, "debit") - _ledger(before, name, "credit")
        if debit or credit or opening:
            found.append(AccountFigures(name, opening, debit, credit, opening + debit - credit))
    return found


def _ledger(totals: Totals, account: str, side: str) -> int:
    return totals.get(f"ledger/{account}/{side}", 0)
