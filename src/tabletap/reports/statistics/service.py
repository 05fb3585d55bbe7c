"""The figures of a cafe's payments over business days."""

from bisect import bisect_right
from collections.abc import Callable, Hashable
from datetime import date, timedelta
from functools import cache
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec

from tabletap.cafes.business_day import business_day
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.quarters import moment_of
from tabletap.infra.db.transaction import Reader
from tabletap.kernel.csv_text import Cell, amount, csv_text
from tabletap.kernel.people import Actor, Role
from tabletap.reports.statistics import store
from tabletap.reports.statistics.model import (
    CREDIT,
    DayFigures,
    DayMethodFigures,
    HourFigures,
    MethodFigures,
    Moved,
    StatisticsView,
    StatusCount,
    joined,
    summed,
)
from tabletap.reports.statistics.period import Mode, Period, period_of

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
            period = await period_of(reader, from_, to)
            moved = await _moved(reader, period, mode)
            states = await store.rows(reader, store.STATES, period.starts_at, period.ends_at, mode)
            return _view(period, mode, moved, [StatusCount(state, int(n)) for state, n in states]), moved

        return await self.db.read(by.cafe_id, look, consistent=True)


def _row(line: DayMethodFigures, currency: str) -> tuple[Cell, ...]:
    figures = (
        line.gross_amount, line.tip_amount, line.refunded_amount, line.charged_back_amount, line.net_amount
    )  # fmt: skip
    written = (amount(figure, currency) for figure in figures)
    return line.business_day.isoformat(), line.payment_method, line.count, *written, currency


async def _moved(reader: Reader, period: Period, mode: Mode) -> list[Moved]:
    """All money that moved, by business day, hour of the cafe's clocks and method, in that order."""
    scope, place_of = (period.starts_at, period.ends_at, mode), _places(period)
    parts: dict[tuple[date, int, str], list[Moved]] = {}

    def note(quarter: int, method: str, **figures: int) -> None:
        day, hour = place_of(quarter)
        parts.setdefault((day, hour, method), []).append(Moved(day, hour, method, **figures))

    for quarter, method, count, gross, tip in await store.rows(reader, store.PAYMENTS, *scope):
        note(int(quarter), method, count=int(count), gross=int(gross), tip=int(tip))
    for quarter, method, refunded in await store.rows(reader, store.REFUNDS, *scope):
        note(int(quarter), method, refunded=int(refunded))
    for quarter, method, taken in await store.rows(reader, store.CHARGE_BACKS, *scope):
        note(int(quarter), method, charged_back=int(taken))
    return [joined(parts[place]) for place in sorted(parts)]


def _places(period: Period) -> Callable[[int], tuple[date, int]]:
    """To which business day and hour a quarter of an hour belongs: days begin with one, and so do hours."""
    cafe, zone = period.cafe, ZoneInfo(period.cafe.time_zone)
    days = [period.first + timedelta(days=n) for n in range((period.last - period.first).days + 1)]
    starts = [business_day(cafe, day).starts_at for day in days]

    @cache
    def place(quarter: int) -> tuple[date, int]:
        moment = max(moment_of(quarter), period.starts_at)
        return days[bisect_right(starts, moment) - 1], moment.astimezone(zone).hour

    return place


def _grouped(moved: list[Moved], key: Callable[[Moved], K]) -> dict[K, list[Moved]]:
    groups: dict[K, list[Moved]] = {}
    for each in moved:
        groups.setdefault(key(each), []).append(each)
    return groups


def _view(period: Period, mode: Mode, moved: list[Moved], states: list[StatusCount]) -> StatisticsView:
    def of(those: list[Moved]) -> dict[str, int]:
        return msgspec.structs.asdict(summed(those))

    by_hour, by_method = _grouped(moved, lambda each: each.hour), _grouped(moved, lambda each: each.method)
    return StatisticsView(
        from_=period.first,
        to=period.last,
        currency=period.cafe.currency,
        time_zone=period.cafe.time_zone,
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
