"""The business days that figures are asked of."""

from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

from tabletap.cafes import store as cafes
from tabletap.cafes.business_day import business_day, business_day_of
from tabletap.cafes.model import Cafe
from tabletap.infra.db.transaction import Reader
from tabletap.kernel.errors import NotAllowed
from tabletap.reports.statistics.errors import PeriodInvalid

MAX_DAYS = 400
Mode = Literal["live", "test", "all"]


class Period(NamedTuple):
    """Business days of a cafe, the last included: every moment from `starts_at` on and before `ends_at`."""

    cafe: Cafe
    first: date
    last: date
    starts_at: datetime
    ends_at: datetime


async def period_of(reader: Reader, from_: date | None, to: date | None) -> Period:
    """The days that are meant; the present one where none is named. Raises PeriodInvalid."""
    cafe = await cafes.get_cafe(reader, reader.cafe_id)
    if cafe is None:
        raise NotAllowed("This cafe does not exist any more.")
    today = business_day_of(cafe, reader.now).date
    first = from_ or to or today
    last = to or max(first, today)
    if not timedelta() <= last - first < timedelta(days=MAX_DAYS):
        raise PeriodInvalid
    try:
        return Period(cafe, first, last, business_day(cafe, first).starts_at, business_day(cafe, last).ends_at)
    except OverflowError:
        raise PeriodInvalid from None
