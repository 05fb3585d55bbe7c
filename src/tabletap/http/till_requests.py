"""The bodies of requests about drawers and days."""

from typing import Annotated, Literal

import msgspec

from tabletap.http.requests import Given, LongText, ShortText
from tabletap.infra.paging import DEFAULT_LIMIT
from tabletap.till.days.service import CloseDay
from tabletap.till.model import DEFAULT_DRAWER, MAX_DENOMINATIONS, HandMove, SessionStatus
from tabletap.till.service import CollectCash, CountDrawer, MoveCash, OpenDrawer


class OpenDrawerRequest(Given, frozen=True):
    """`POST /drawers/sessions`."""

    float_amount: int
    drawer: ShortText = DEFAULT_DRAWER

    def wanted(self) -> OpenDrawer:
        """As the service takes it."""
        return OpenDrawer(float_minor=self.float_amount, drawer=self.drawer)


class MoveCashRequest(Given, frozen=True):
    """`POST /drawers/sessions/{id}/moves`."""

    type: HandMove
    amount: int
    reason: LongText

    def wanted(self) -> MoveCash:
        """As the service takes it."""
        return MoveCash(kind=self.type, amount_minor=self.amount, reason=self.reason)


class CountDrawerRequest(Given, frozen=True):
    """`POST /drawers/sessions/{id}/count`: one sum, or how many of which coins and notes."""

    counted_amount: int | None = None
    denominations: (
        Annotated[
            dict[Annotated[str, msgspec.Meta(max_length=9)], Annotated[int, msgspec.Meta(ge=0, le=100_000)]],
            msgspec.Meta(max_length=MAX_DENOMINATIONS),
        ]
        | None
    ) = None

    def wanted(self) -> CountDrawer:
        """As the service takes it."""
        return CountDrawer(counted_minor=self.counted_amount, denominations=self.denominations)


class CollectCashRequest(Given, frozen=True):
    """`POST /drawers/sessions/{id}/collect`: all of it unless an amount is given."""

    amount: int | None = None
    reason: LongText | None = None

    def wanted(self) -> CollectCash:
        """As the service takes it."""
        return CollectCash(amount_minor=self.amount, reason=self.reason)


ALL_OF_IT = CollectCashRequest()


class CloseDrawerRequest(Given, frozen=True):
    """`POST /drawers/sessions/{id}/close`: `reason` says why there was a difference."""

    reason: LongText | None = None


AS_COUNTED = CloseDrawerRequest()


class CloseDayRequest(Given, frozen=True):
    """`POST /days/{date}/close`: `reason` closes over open items, `early` before the day is over."""

    reason: LongText | None = None
    early: bool = False

    def wanted(self) -> CloseDay:
        """As the service takes it."""
        return CloseDay(reason=self.reason, early=self.early)


AS_IT_IS = CloseDayRequest()


class DrawersQuery(Given, frozen=True):
    """`GET /drawers/sessions`."""

    status: SessionStatus | None = None
    limit: int = DEFAULT_LIMIT
    cursor: ShortText | None = None


class DayReportQuery(Given, frozen=True):
    """`GET /days/{date}/report`."""

    format: Literal["json", "html"] = "json"


class DaysQuery(Given, frozen=True):
    """`GET /days`."""

    limit: int = DEFAULT_LIMIT
    cursor: ShortText | None = None
