"""The business day: the day that takings, tips, drawers and reports belong to, in the cafe's own time zone. Pure."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from tabletap.cafes.model import Cafe


class BusinessDay(msgspec.Struct, frozen=True):
    """One business day of a cafe: every moment from `starts_at` on and before `ends_at` belongs to it.

    Days follow each other without gap or overlap, also where clocks are put forward or back: such a day is 23 or 25
    hours long.
    """

    date: date
    starts_at: datetime
    ends_at: datetime


def business_day(cafe: Cafe, day: date) -> BusinessDay:
    """The business day of a date. Raises OverflowError at the ends of the calendar."""
    return BusinessDay(day, _start(cafe, day), _start(cafe, day + timedelta(days=1)))


def business_day_of(cafe: Cafe, at: datetime) -> BusinessDay:
    """The business day that a moment belongs to."""
    day = at.astimezone(ZoneInfo(cafe.time_zone)).date()
    return business_day(cafe, day if at >= _start(cafe, day) else day - timedelta(days=1))


def _start(cafe: Cafe, day: date) -> datetime:
    wall = time(cafe.day_starts_minute // 60, cafe.day_starts_minute % 60)
    return datetime.combine(day, wall, ZoneInfo(cafe.time_zone)).astimezone(UTC)
