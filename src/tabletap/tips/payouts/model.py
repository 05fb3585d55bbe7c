"""What workers are still to get, and what they got. Pure."""

from datetime import datetime
from typing import Literal

import msgspec

from tabletap.kernel.ids import Id

PayoutMethod = Literal["cash", "payroll"]


class TipAccount(msgspec.Struct, frozen=True):
    """What a worker is still to get: a row of `tip_account`. Below zero after tips were taken back."""

    cafe_id: Id
    staff_id: Id
    posted_minor: int
    version: int


class TipPayout(msgspec.Struct, frozen=True):
    """Tips that a worker got: a row of `tip_payout`, never changed."""

    cafe_id: Id
    id: Id
    staff_id: Id
    amount_minor: int
    method: PayoutMethod
    paid_by: Id
    at: datetime
