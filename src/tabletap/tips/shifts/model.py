"""When somebody worked, in which role. Pure."""

from datetime import datetime
from typing import Literal

import msgspec

from tabletap.kernel.ids import Id

TipRole = Literal["kitchen_staff", "service_staff", "management"]
DEFAULT_POINTS = 10


class Shift(msgspec.Struct, frozen=True):
    """When somebody worked: a row of `shift`. A correction is a shift of its own, beside the corrected one."""

    cafe_id: Id
    id: Id
    person_id: Id
    role: TipRole
    points: int
    started_at: datetime
    ended_at: datetime | None
    noted_by: Id
    corrects_id: Id | None
    is_corrected: bool
    version: int
