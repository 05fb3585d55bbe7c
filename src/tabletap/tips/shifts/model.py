"""When somebody worked, in which role. Pure."""

from datetime import datetime, timedelta

import msgspec

from tabletap.cafes.business_day import business_day_of
from tabletap.cafes.model import Cafe
from tabletap.kernel.ids import Id
from tabletap.tips.model import TipRole

LONGEST = timedelta(hours=24)
"""Whoever clocks out later than that forgot it: a manager has to say how it was."""


class Shift(msgspec.Struct, frozen=True):
    """When somebody worked: a row of `shift`. A correction is a shift of its own, beside the corrected one."""

    cafe_id: Id
    id: Id
    person_id: Id
    role: TipRole
    points: int
    is_manager: bool
    """Whether the person managed the cafe at that time, whatever role the shift has."""
    started_at: datetime
    ended_at: datetime | None
    noted_by: Id
    corrects_id: Id | None
    is_corrected: bool
    version: int


def counts_until(shift: Shift, cafe: Cafe) -> datetime:
    """The end of a shift. One without an end counts to the end of the business day that it began on, no longer."""
    return shift.ended_at or business_day_of(cafe, shift.started_at).ends_at


def is_forgotten(shift: Shift, cafe: Cafe, now: datetime) -> bool:
    """Whether somebody seems to have gone without clocking out."""
    return shift.ended_at is None and now >= counts_until(shift, cafe)


def minutes_within(shift: Shift, cafe: Cafe, starts_at: datetime, ends_at: datetime) -> int:
    """The whole minutes of a shift within a window."""
    worked = min(counts_until(shift, cafe), ends_at) - max(shift.started_at, starts_at)
    return max(0, worked // timedelta(minutes=1))
