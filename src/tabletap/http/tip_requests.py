"""The bodies and query parameters of requests about shifts and shared tips."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec

from tabletap.http.requests import Given, LongText, ShortText
from tabletap.infra.paging import DEFAULT_LIMIT
from tabletap.kernel.ids import GivenId
from tabletap.tips.model import TipDistributionShares, TipRole
from tabletap.tips.payouts.model import PayoutMethod
from tabletap.tips.rules.model import Mode, Points, TipPoints
from tabletap.tips.rules.packs import PackName
from tabletap.tips.rules.service import SetTipRule
from tabletap.tips.sharing.service import AssignTips, PayTips
from tabletap.tips.sharing.statements import DistributionsAsked
from tabletap.tips.shifts.service import AddShift, ClockIn, CorrectShift

Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class ClockInRequest(Given, frozen=True):
    """`POST /shifts/clock-in`: nothing for oneself; managers may say who, in which role, for how many points."""

    person_id: GivenId | None = None
    role: TipRole | None = None
    points: Points | None = None

    def wanted(self) -> ClockIn:
        """As the service takes it."""
        return ClockIn(person_id=self.person_id, role=self.role, points=self.points)


class ClockOutRequest(Given, frozen=True):
    """`POST /shifts/clock-out`."""

    person_id: GivenId | None = None


MYSELF_IN, MYSELF_OUT = ClockInRequest(), ClockOutRequest()


class CorrectShiftRequest(Given, frozen=True):
    """`POST /shifts/{id}/correct`."""

    started_at: Moment
    ended_at: Moment
    role: TipRole | None = None
    points: Points | None = None

    def wanted(self) -> CorrectShift:
        """As the service takes it."""
        return CorrectShift(started_at=self.started_at, ended_at=self.ended_at, role=self.role, points=self.points)


class AddShiftRequest(CorrectShiftRequest, frozen=True, kw_only=True):
    """`POST /shifts`."""

    person_id: GivenId

    def wanted(self) -> AddShift:
        """As the service takes it."""
        return AddShift(
            person_id=self.person_id, started_at=self.started_at, ended_at=self.ended_at, role=self.role,
            points=self.points,
        )  # fmt: skip


class ShiftsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`GET /shifts`; `corrected` shows those that were replaced, too."""

    from_: Moment = msgspec.field(name="from")
    to: Moment
    corrected: Literal["true", "false"] = "false"


class TipRuleRequest(Given, frozen=True):
    """`PUT /tips/rules`: what is not named stays."""

    mode: Mode | None = None
    pack: PackName | None = None
    distribution: TipDistributionShares | None = None
    points: TipPoints | None = None
    written_policy: bool | None = None

    def wanted(self) -> SetTipRule:
        """As the service takes it."""
        return SetTipRule(
            mode=self.mode, pack=self.pack, shares=self.distribution, points=self.points,
            has_written_policy=self.written_policy,
        )  # fmt: skip


class ShareOutRequest(Given, frozen=True):
    """`POST /tips/pools/{id}/distribute`."""

    reason: LongText | None = None


NO_REASON = ShareOutRequest()


class AssignTipsRequest(Given, frozen=True):
    """`POST /tips/distributions/{id}/assign`; nobody named: to those who have a part already."""

    reason: LongText
    staff_id: GivenId | None = None

    def wanted(self) -> AssignTips:
        """As the service takes it."""
        return AssignTips(staff_id=self.staff_id, reason=self.reason)


class PayTipsRequest(Given, frozen=True):
    """`POST /tips/payouts`; no amount means all there is."""

    staff_id: GivenId
    method: PayoutMethod
    amount: int | None = None

    def wanted(self) -> PayTips:
        """As the service takes it."""
        return PayTips(staff_id=self.staff_id, method=self.method, amount_minor=self.amount)


class TipPoolsQuery(Given, frozen=True):
    """`GET /tips/pools`."""

    limit: int = DEFAULT_LIMIT
    cursor: ShortText | None = None


class TipDistributionsQuery(Given, frozen=True):
    """`GET /tips/distributions`: all, of a pool or payment (`groupId`), of a business day."""

    limit: int = DEFAULT_LIMIT
    cursor: ShortText | None = None
    group_id: GivenId | None = None
    business_day: date | None = None

    def wanted(self) -> DistributionsAsked:
        """As the service takes it."""
        return DistributionsAsked(
            limit=self.limit, cursor=self.cursor, group_id=self.group_id, business_day=self.business_day
        )


class TipStatementQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """`GET /tips/statements`: business days, the last included; one's own without `staffId`."""

    from_: date = msgspec.field(name="from")
    to: date
    staff_id: GivenId | None = None
    format: Literal["json", "csv", "html"] = "json"
