"""What is shared, and what everybody gets of it. Pure.

An amount is divided among the roles by the rule's basis points, then within a role by points × minutes worked (points
alone for a single payment). The part of a role in which nobody worked belongs to nobody (`unassigned`): it waits for a
manager, and keeps the day from being closed silently.
"""

from datetime import datetime
from typing import Literal

import msgspec

from tabletap.kernel.ids import Id
from tabletap.tips.model import TipRole

DistributionKind = Literal["shared", "clawback", "restored", "assigned"]


class TipPool(msgspec.Struct, frozen=True):
    """The tips of one business day that are shared together, by one version of the rule: a row of `tip_pool`.

    A rule that changes in the middle of a day holds for the tips that follow, which join a pool of their own.
    """

    cafe_id: Id
    id: Id
    business_day: str
    status: Literal["open", "distributed"]
    currency: str
    amount_minor: int
    sequence: int
    rule_version: int
    version: int
    opened_at: datetime
    distributed_at: datetime | None


class TipIncome(msgspec.Struct, frozen=True):
    """A tip that came into a pool, or left it with a refund: a row of `tip_income`, never changed."""

    cafe_id: Id
    id: Id
    pool_id: Id
    payment_id: Id
    amount_minor: int
    cause_id: Id | None
    """The refund or dispute that took it out, or gave it again."""
    at: datetime


class TipDistribution(msgspec.Struct, frozen=True):
    """One sharing-out, or one taking-back: a row of `tip_distribution`, never changed. Its shares sum to it."""

    cafe_id: Id
    id: Id
    kind: DistributionKind
    group_id: Id
    """What was shared: a pool, or a payment."""
    payment_id: Id | None
    cause_id: Id | None
    """The refund or dispute that took it back."""
    business_day: str
    currency: str
    amount_minor: int
    sequence: int
    rule_version: int
    n: int
    """1, 2, 3 … within what was shared: of two at once that take back or assign, the second sees the first."""
    reason: str | None
    done_by: Id
    at: datetime


class TipShare(msgspec.Struct, frozen=True):
    """What one worker gets of a distribution: a row of `tip_share`, never changed. Without a worker: unassigned."""

    cafe_id: Id
    distribution_id: Id
    n: int
    staff_id: Id | None
    role: TipRole
    points: int
    minutes: int
    amount_minor: int


class Worker(msgspec.Struct, frozen=True):
    """Somebody who worked while the tips came in."""

    staff_id: Id
    role: TipRole
    points: int
    minutes: int | None
    """Of a single payment, whoever is there has a part of it, however long: none."""

    @property
    def weight(self) -> int:
        """What their work counts."""
        return self.points if self.minutes is None else self.points * self.minutes


class Part(msgspec.Struct, frozen=True):
    """What somebody gets, or nobody yet."""

    staff_id: Id | None
    role: TipRole
    points: int
    minutes: int
    amount_minor: int
