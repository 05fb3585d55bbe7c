"""The figures of a cafe's payments over business days."""

from collections.abc import Callable, Hashable
from datetime import date, datetime, timedelta
from typing import Literal, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from tabletap.cafes import store as cafes
from tabletap.cafes.business_day import business_day, business_day_of
from tabletap.cafes.model import Cafe
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.quarters import moment_of
from tabletap.infra.db.transaction import Reader
from tabletap.kernel.csv_text import Cell, amount, csv_text
from tabletap.kernel.errors import NotAllowed
from tabletap.kernel.people import Actor, Role
from tabletap.reports.statistics import store
from tabletap.reports.statistics.errors import PeriodInvalid
from tabletap.reports.statistics.model import (
    CREDIT,
    DayFigures,
    DayMethodFigures,
    HourFigures,
    MethodFigures,
    Moved,
    StatisticsView,
    StatusCount,
    summed,
)

MAX_DAYS = 400
Mode = Literal["live", "test", "all"]
K = TypeVar("K", bound=Hashable)


class StatisticsService:
    """Reading what payments came to."""

    def __init__(self, db: AnyDatabase) -> None:
        self.db = db

    async def figures(self, from_: date | None, to: date | None, mode: Mode, by: Actor) -> StatisticsView:
        """The figures of business days, the last included; of the present one where none is named.

        Raises PeriodInvalid and NotAllowed.
        """
        return (await self._counted(from_, to, mode, by))[0]

    async def table(self, from_: date | None, to: date | None, mode: Mode, by: Actor) -> bytes:
        """The same by business day and method, as CSV. Raises PeriodInvalid and NotAllowed."""
        view, moved = await self._counted(from_, to, mode, by)
        grouped = _grouped(moved, lambda each: (each.day, each.method))
        lines = [
            DayMethodFigures(**msgspec.structs.asdict(summed(those)), business_day=day, payment_method=method)
            for (day, method), those in grouped.items()
        ]
        head = ("business day", "method", "count", "gross", "tips", "refunded", "charged back", "net", "currency")
        return csv_text(head, [_row(line, view.currency) for line in lines])

    async def _counted(
        self, from_: date | None, to: date | None, mode: Mode, by: Actor
    ) -> tuple[StatisticsView, list[Moved]]:
        by.require(Role.MANAGER)

        async def look(reader: Reader) -> tuple[StatisticsView, list[Moved]]:
            cafe = await cafes.get_cafe(reader, reader.cafe_id)
            if cafe is None:
                raise NotAllowed("This cafe does not exist any more.")
            today = business_day_of(cafe, reader.now).date
            first = from_ or to or today
            last = to or max(first, today)
            if not timedelta() <= last - first < timedelta(days=MAX_DAYS):
                raise PeriodInvalid
            starts_at, ends_at = business_day(cafe, first).starts_at, business_day(cafe, last).ends_at
            moved = await _moved(reader, cafe, starts_at, ends_at, mode)
            states = await store.rows(reader, store.STATES, starts_at, ends_at, mode)
            return _view(cafe, first, last, mode, moved, [StatusCount(state, int(n)) for state, n in states]), moved

        return await self.db.read(by.cafe_id, look, consistent=True)


def _row(line: DayMethodFigures, currency: str) -> tuple[Cell, ...]:
    figures = (
        line.gross_amount, line.tip_amount, line.refunded_amount, line.charged_back_amount, line.net_amount
    )  # fmt: skip
    written = (amount(figure, currency) for figure in figures)
    return line.business_day.isoformat(), line.payment_method, line.count, *written, currency


async def _moved(reader: Reader, cafe: Cafe, starts_at: datetime, ends_at: datetime, mode: Mode) -> list[Moved]:
    """All money that moved, with the business day and the hour of the cafe's clocks."""
    zone, found = ZoneInfo(cafe.time_zone), list[Moved]()

    def at(quarter: int) -> tuple[date, int]:
        # A quarter that began before the first day, or holds the day's odd beginning, belongs to its later moments.
        moment = min(max(moment_of(quarter), starts_at), ends_at - timedelta(microseconds=1))
        return business_day_of(cafe, moment).date, moment.astimezone(zone).hour

    for quarter, method, count, gross, tip in await store.rows(reader, store.PAYMENTS, starts_at, ends_at, mode):
        found.append(Moved(*at(int(quarter)), method, int(count), int(gross), int(tip)))
    for quarter, method, refunded in await store.rows(reader, store.REFUNDS, starts_at, ends_at, mode):
        found.append(Moved(*at(int(quarter)), method, refunded=int(refunded)))
    for quarter, method, taken in await store.rows(reader, store.CHARGE_BACKS, starts_at, ends_at, mode):
        found.append(Moved(*at(int(quarter)), method, charged_back=int(taken)))
    return found


def _grouped(moved: list[Moved], key: Callable[[Moved], K]) -> dict[K, list[Moved]]:
    groups: dict[K, list[Moved]] = {}
    for each in sorted(moved, key=lambda one: (one.day, one.hour, one.method)):
        groups.setdefault(key(each), []).append(each)
    return groups


def _view(
    cafe: Cafe, first: date, last: date, mode: Mode, moved: list[Moved], states: list[StatusCount]
) -> StatisticsView:
    def of(those: list[Moved]) -> dict[str, int]:
        return msgspec.structs.asdict(summed(those))

    by_hour, by_method = _grouped(moved, lambda each: each.hour), _grouped(moved, lambda each: each.method)
    return StatisticsView(
        from_=first,
        to=last,
        currency=cafe.currency,
        time_zone=cafe.time_zone,
        mode=mode,
        totals=summed(moved),
        takings=summed(each for each in moved if each.method != CREDIT),
        by_method=[MethodFigures(**of(by_method[method]), payment_method=method) for method in sorted(by_method)],
        by_status=states,
        by_hour=[HourFigures(**of(by_hour[hour]), hour=hour) for hour in sorted(by_hour)],
        by_day=[
            DayFigures(**of(those), business_day=day) for day, those in _grouped(moved, lambda each: each.day).items()
        ],
    )
