"""Closing days and reading their reports."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, timedelta

import msgspec

from tabletap.cafes import store as cafes
from tabletap.cafes.business_day import BusinessDay, business_day, business_day_of
from tabletap.cafes.model import Cafe, business_details_of
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Duplicate, Reader, Transaction
from tabletap.infra.paging import Page, page_of
from tabletap.kernel.errors import FieldError, NotAllowed
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Actor, Role
from tabletap.ledger.audit import store as audit_store
from tabletap.ledger.audit.model import SignedHead, signed_head
from tabletap.ledger.audit.service import AuditService
from tabletap.till import store as till
from tabletap.till.days import store
from tabletap.till.days.errors import DayHasOpenItems, DayNotClosed, DayNotFound, DayNotOver, DayOutOfOrder
from tabletap.till.days.events import DayClosed
from tabletap.till.days.model import (
    BEGINNING,
    ClosedDayView,
    DayClose,
    DayReport,
    DayView,
    DrawerFigures,
    OpenItem,
    Totals,
    accounts,
    added,
    nested,
    since,
)

FindOpenItems = Callable[[Reader, BusinessDay], Awaitable[list[OpenItem]]]
"""What of a domain is not settled at the end of a day."""
CountTotals = Callable[[Reader, datetime, datetime], Awaitable[Totals]]
"""A domain's figures from a moment on and before another."""
BeforeClose = Callable[[Transaction, BusinessDay, Actor], Awaitable[None]]
"""What a domain does as a day is closed, in the same transaction: tips of the day are shared out."""

_LATE = timedelta(hours=1)
"""No transaction takes so long: by then it is written, or it never will be."""


class CloseDay(msgspec.Struct, frozen=True, kw_only=True):
    """A request to close a day."""

    reason: str | None = None
    early: bool = False


class _Counted(msgspec.Struct, frozen=True):
    """What was counted from the beginning up to a moment."""

    until: datetime = BEGINNING
    totals: Totals = msgspec.field(default_factory=dict)


class DayService:
    """The business days of a cafe. What they count and what keeps them open is said by each domain."""

    def __init__(
        self,
        db: AnyDatabase,
        audit: AuditService,
        open_items: Sequence[FindOpenItems] = (),
        figures: Sequence[CountTotals] = (),
        before_close: Sequence[BeforeClose] = (),
    ) -> None:
        self.db, self.audit = db, audit
        self.open_items, self.figures, self.before_close = open_items, (store.ledger_totals, *figures), before_close

    async def close(self, day: date, request: CloseDay, by: Actor) -> DayView:
        """Close a business day. Safe to repeat: a closed day is answered as it is, by whoever closed it.

        Days are closed in order. One that is not over needs `early`; what follows goes to the next report. Open items
        need a reason. Raises DayNotFound, DayOutOfOrder, DayNotOver, DayHasOpenItems, NotAllowed.
        """
        by.require(Role.MANAGER)

        async def decide(tx: Transaction) -> DayClose:
            known = await store.of_day(tx, day.isoformat())
            if known is not None:
                return known
            return await self._closed(tx, day, request, by, early)

        # All but the last hour is counted before the transaction, in which everybody else who writes may have to wait.
        early = await self.db.read(by.cafe_id, lambda reader: self._counted_early(reader, day), consistent=True)
        try:
            closed = await self.db.transaction(by.cafe_id, decide)
        except Duplicate:
            closed = await self._of_day(by.cafe_id, day)
        return _closed_view(closed, await self.audit.close_day(by.cafe_id, day))

    async def _counted_early(self, reader: Reader, day: date) -> _Counted:
        """What no transaction under way can add to any more; nothing where the day is closed already."""
        if await store.of_day(reader, day.isoformat()) is not None:
            return _Counted()
        until = min(reader.now - _LATE, _present(await _cafe(reader), day).ends_at)
        return _Counted(until, await self._counted(reader, BEGINNING, until))

    async def _counted(self, reader: Reader, since: datetime, until: datetime) -> Totals:
        totals: Totals = {}
        for count in self.figures:
            totals |= await count(reader, since, until)
        return totals

    async def _closed(self, tx: Transaction, day: date, request: CloseDay, by: Actor, early: _Counted) -> DayClose:
        cafe, last = await _cafe(tx), await store.last(tx)
        due = _next_day(cafe, last)
        present = _present(cafe, day)
        if day != due:
            raise DayOutOfOrder(f"The next day to close is {due.isoformat()}.")
        if tx.now < present.starts_at:
            raise DayNotOver("This business day has not begun yet.")
        if tx.now < present.ends_at and not request.early:
            raise DayNotOver
        for before_close in self.before_close:
            await before_close(tx, present, by)
        items = await self._items(tx, present)
        if items and not request.reason:
            faults = [FieldError(item.kind, item.message) for item in items]
            raise DayHasOpenItems(f"{len(items)} things are still open on {day.isoformat()}.", errors=faults)
        report, totals = await self._report(tx, cafe, present, last, early)
        z_number = last.z_number + 1 if last else 1
        report = msgspec.structs.replace(
            report, z_number=z_number, open_items=items, reason=request.reason if items else None,
            closed_by=by.person_id, closed_at=tx.now,
        )  # fmt: skip
        closed = DayClose(
            tx.cafe_id, new_id(), z_number, day.isoformat(), report.from_at, report.until_at, report.reason,
            msgspec.to_builtins(items), totals, msgspec.to_builtins(report), by.person_id, tx.now,
        )  # fmt: skip
        tx.add(store.day_close, closed)
        tx.emit(DayClosed(cafe_id=tx.cafe_id, at=tx.now, closed=closed))
        return closed

    async def _items(self, reader: Reader, day: BusinessDay) -> list[OpenItem]:
        return [item for find in self.open_items for item in await find(reader, day)]

    async def _report(
        self, reader: Reader, cafe: Cafe, day: BusinessDay, last: DayClose | None, early: _Counted
    ) -> tuple[DayReport, Totals]:
        """What was added since the last report, up to the day's end or to now; and what there is up to then."""
        from_at, before = (last.until_at, last.totals) if last else (min(cafe.created_at, day.starts_at), {})
        until_at = max(from_at, min(reader.now, day.ends_at))
        totals = added(early.totals, await self._counted(reader, early.until, until_at))
        moved = since(totals, before)
        report = DayReport(
            business_day=day.date.isoformat(),
            currency=cafe.currency,
            from_at=from_at,
            until_at=until_at,
            figures=nested({path: amount for path, amount in moved.items() if path != "journals"}),
            accounts=accounts(totals, before),
            drawers=await _drawers(reader, from_at, until_at, last),
            journals=moved.get("journals", 0),
            cafe=cafe.name,
            time_zone=cafe.time_zone,
            business=business_details_of(cafe),
        )  # fmt: skip
        return report, totals

    async def get(self, day: date, by: Actor) -> DayView:
        """A day as it was closed, or as it stands now (X) with what is open. Raises DayNotFound and NotAllowed."""
        by.require(Role.MANAGER)

        async def look(reader: Reader) -> DayClose | DayView:
            closed = await store.of_day(reader, day.isoformat())
            if closed is not None:
                return closed
            cafe, last = await _cafe(reader), await store.last(reader)
            present = _present(cafe, day)
            if day < _next_day(cafe, last) or present.starts_at > reader.now:
                raise DayNotFound
            report, _ = await self._report(reader, cafe, present, last, _Counted())
            return DayView("open", msgspec.structs.replace(report, open_items=await self._items(reader, present)))

        found = await self.db.read(by.cafe_id, look, consistent=True)
        if isinstance(found, DayView):
            return found
        return _closed_view(found, await self._signature(by.cafe_id, day))

    async def report(self, day: date, by: Actor) -> DayView:
        """The report of a closed day. Raises DayNotClosed and NotAllowed."""
        by.require(Role.MANAGER)
        return _closed_view(await self._of_day(by.cafe_id, day), await self._signature(by.cafe_id, day))

    async def page(self, by: Actor, limit: int, cursor: str | None) -> Page[ClosedDayView]:
        """Closed days, newest first. Raises NotAllowed."""
        by.require(Role.MANAGER)

        async def look(reader: Reader) -> Page[ClosedDayView]:
            return await page_of(
                lambda before, count: store.page(reader, before, count),
                limit, cursor, key=lambda closed: closed.id, view=_listed,
            )  # fmt: skip

        return await self.db.read(by.cafe_id, look)

    async def _signature(self, cafe_id: Id, day: date) -> SignedHead | None:
        head = await self.db.read(cafe_id, lambda reader: audit_store.head_of(reader, day.isoformat()))
        return signed_head(head) if head is not None else None

    async def _of_day(self, cafe_id: Id, day: date) -> DayClose:
        closed = await self.db.read(cafe_id, lambda reader: store.of_day(reader, day.isoformat()))
        if closed is None:
            raise DayNotClosed
        return closed


async def _cafe(reader: Reader) -> Cafe:
    cafe = await cafes.get_cafe(reader, reader.cafe_id)
    if cafe is None:
        raise NotAllowed("This cafe does not exist any more.")
    return cafe


async def _drawers(reader: Reader, from_at: datetime, until_at: datetime, last: DayClose | None) -> list[DrawerFigures]:
    """The drawers closed since the last report, and what that one missed because it was being written just then."""
    missed_from = max(from_at - _LATE, last.from_at) if last else from_at
    sessions = await till.closed_between(reader, missed_from, until_at)
    found = [
        DrawerFigures(
            each.drawer, each.opened_at, each.closed_at, each.float_minor, each.counted_minor or 0,
            each.difference_minor or 0,
        )
        for each in sessions
    ]  # fmt: skip
    reported = msgspec.convert(last.report, DayReport).drawers if last else []
    return [each for each in found if each not in reported]


def _present(cafe: Cafe, day: date) -> BusinessDay:
    """The business day of a date. The ends of the calendar were never one: DayNotFound."""
    try:
        return business_day(cafe, day)
    except OverflowError:
        raise DayNotFound from None


def _next_day(cafe: Cafe, last: DayClose | None) -> date:
    """The day to close next: the one after the last, or the cafe's first."""
    if last is None:
        return business_day_of(cafe, cafe.created_at).date
    return date.fromisoformat(last.business_day) + timedelta(days=1)


def _listed(closed: DayClose) -> ClosedDayView:
    return ClosedDayView(closed.business_day, closed.z_number, closed.closed_at, closed.closed_by, closed.reason)


def _closed_view(closed: DayClose, signature: SignedHead | None) -> DayView:
    return DayView("closed", msgspec.convert(closed.report, DayReport), signature)


async def check(reader: Reader) -> list[str]:
    """What is wrong with the closed days, sentence by sentence, for `tabletap verify`.

    Reports follow one another without a gap, say what their totals say, and never counted more than there is.
    """
    closed_days: list[DayClose] = []
    after = "ffffffff-ffff-ffff-ffff-ffffffffffff"
    while rows := await store.page(reader, after, 200):
        closed_days.extend(rows)
        after = rows[-1].id
    before: DayClose | None = None
    faults = []
    for closed in sorted(closed_days, key=lambda each: each.z_number):
        faults += _faults(closed, before)
        before = closed
    if before is not None:
        now = await store.ledger_totals(reader, BEGINNING, before.until_at)
        lost = [
            path for path, amount in before.totals.items() if path.startswith("ledger/") and now.get(path, 0) < amount
        ]
        faults += [f"the report of {before.business_day} counted more in {path} than there is" for path in lost]
    return faults


def _faults(closed: DayClose, before: DayClose | None) -> list[str]:
    found = []
    if closed.z_number != (before.z_number + 1 if before else 1):
        found.append(f"the report of {closed.business_day} has number {closed.z_number}: one is missing before it")
    if before is not None and closed.from_at != before.until_at:
        found.append(f"the report of {closed.business_day} does not begin where the one before it ended")
    counted = accounts(closed.totals, before.totals if before else {})
    if closed.report.get("accounts") != msgspec.to_builtins(counted):
        found.append(f"the report of {closed.business_day} does not say what was counted")
    return found
