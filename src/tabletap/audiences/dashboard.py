"""What a manager's dashboard shows of a cafe right now, and what changed of it (contract 4.3, `dashboard_delta`)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import add

import msgspec

from tabletap.audiences import store
from tabletap.audiences.payloads import Payload
from tabletap.infra.db.transaction import Reader
from tabletap.kernel.ids import Id, first_id_at
from tabletap.reports.statistics.model import Figures
from tabletap.reports.statistics.period import Period, period_of

DUE_AFTER = timedelta(minutes=5)
LATE_AFTER = timedelta(minutes=8)
"""How long a ticket may wait: what the kitchen's screen goes by, too."""


class OpenOrders(Payload, frozen=True, kw_only=True):
    """How many orders are not finished, by where they stand."""

    pending: int
    paid: int
    preparing: int
    ready: int


class KitchenLoad(Payload, frozen=True, kw_only=True):
    """What the kitchen has to make: how many tickets, and how many of them have waited for 5 and for 8 minutes."""

    waiting: int
    due: int
    late: int
    oldest_at: datetime | None = None
    """Since when the oldest of them waits."""


class Dashboard(msgspec.Struct, frozen=True, kw_only=True):
    """A cafe at one moment."""

    business_day: str
    currency: str
    open_orders: OpenOrders
    sales: Figures
    kitchen: KitchenLoad
    payments_in_review: int
    open_shares: int


class DashboardDelta(Payload, frozen=True, kw_only=True):
    """What a cafe's dashboard shows: all of it at first (`full`), then the parts that changed, each part whole.

    `sales` are those of the business day, net of what went back, as `GET /payments/statistics` counts them.
    """

    cafe_id: Id
    at: datetime
    full: bool = False
    business_day: str | None = None
    currency: str | None = None
    open_orders: OpenOrders | None = None
    sales: Figures | None = None
    kitchen: KitchenLoad | None = None
    payments_in_review: int | None = None
    open_shares: int | None = None


class Earlier(msgspec.Struct, frozen=True):
    """What came in and went back today of payments that are older than today: little, and dear to find.

    It has to be found again only when one of them moved: their ids are below `before`.
    """

    before: Id
    figures: Figures


class Look(msgspec.Struct, frozen=True):
    """A dashboard, when it was true, and when it will be another although nothing happens."""

    dashboard: Dashboard
    at: datetime
    changes_at: datetime
    earlier: Earlier


async def look(reader: Reader, earlier: Earlier | None) -> Look:
    """A cafe's dashboard as it is now. `earlier` as it was found the last time, None to find it again."""
    period = await period_of(reader, None, None)
    begin = first_id_at(period.starts_at)
    if earlier is None or earlier.before != begin:
        earlier = Earlier(begin, await store.sales(reader, period.starts_at, period.ends_at, to_id=begin))
    today = await store.sales(reader, period.starts_at, period.ends_at, from_id=begin)
    counted = await store.open_order_counts(reader)
    waiting = await store.waiting_since(reader)
    dashboard = Dashboard(
        business_day=period.first.isoformat(),
        currency=period.cafe.currency,
        open_orders=OpenOrders(**{status: counted.get(status, 0) for status in OpenOrders.__struct_fields__}),
        sales=_together(today, earlier.figures),
        kitchen=_load(waiting, reader.now),
        payments_in_review=await store.count_in_review(reader),
        open_shares=await store.count_open_shares(reader),
    )
    return Look(dashboard, reader.now, _changes_at(period, waiting, reader.now), earlier)


def delta(cafe_id: Id, at: datetime, before: Dashboard | None, after: Dashboard) -> DashboardDelta | None:
    """What is to be told to somebody who has seen `before`: everything if that is nothing, None if there is no news."""
    fields = msgspec.structs.asdict(after)
    if before is not None:
        fields = {name: value for name, value in fields.items() if value != getattr(before, name)}
    return DashboardDelta(cafe_id=cafe_id, at=at, full=before is None, **fields) if fields else None


def _together(one: Figures, other: Figures) -> Figures:
    return Figures(*map(add, msgspec.structs.astuple(one), msgspec.structs.astuple(other)))


def _load(waiting: Sequence[datetime], now: datetime) -> KitchenLoad:
    return KitchenLoad(
        waiting=len(waiting),
        due=sum(now - since >= DUE_AFTER for since in waiting),
        late=sum(now - since >= LATE_AFTER for since in waiting),
        oldest_at=min(waiting, default=None),
    )


def _changes_at(period: Period, waiting: Sequence[datetime], now: datetime) -> datetime:
    """The next ticket that becomes due or late, or the end of the business day."""
    coming = [since + after for since in waiting for after in (DUE_AFTER, LATE_AFTER) if since + after > now]
    return min(*coming, period.ends_at) if coming else period.ends_at
