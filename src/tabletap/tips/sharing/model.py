"""How tips are shared: by roles, points and minutes, to the cent. Pure.

An amount is divided among the roles by the rule's basis points, then within a role by points × minutes worked (points
alone for a single payment), each time by largest remainder. Ties go round: a pool's or payment's sequence number says
who is first, so that over many of them nobody is ahead by more than a cent. The part of a role in which nobody worked
belongs to nobody (`unassigned`): it waits for a manager, and keeps the day from being closed silently.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from tabletap.kernel.ids import Id
from tabletap.tips.sharing.packs import PackName
from tabletap.tips.shifts.model import Shift, TipRole

ROLES: tuple[TipRole, ...] = ("kitchen_staff", "service_staff", "management")
Mode = Literal["per_payment", "shift_pool"]
DistributionKind = Literal["shared", "clawback", "restored", "assigned"]
PayoutMethod = Literal["cash", "payroll"]


class TipRule(msgspec.Struct, frozen=True):
    """How tips are shared from now on: a row of `tip_rule`, never changed. The highest version is in force."""

    cafe_id: Id
    id: Id
    version: int
    mode: Mode
    pack: PackName
    kitchen_basis_points: int
    service_basis_points: int
    management_basis_points: int
    set_by: Id
    set_at: datetime

    @property
    def weights(self) -> tuple[int, int, int]:
        """The roles' parts, in the order of ROLES."""
        return self.kitchen_basis_points, self.service_basis_points, self.management_basis_points


class TipPool(msgspec.Struct, frozen=True):
    """The tips of one business day that are shared together: a row of `tip_pool`."""

    cafe_id: Id
    id: Id
    business_day: str
    status: Literal["open", "distributed"]
    currency: str
    amount_minor: int
    sequence: int
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


class Worker(msgspec.Struct, frozen=True):
    """Somebody who worked while the tips came in."""

    staff_id: Id
    role: TipRole
    points: int
    minutes: int

    @property
    def weight(self) -> int:
        """What their work counts."""
        return self.points * self.minutes


class Part(msgspec.Struct, frozen=True):
    """What somebody gets, or nobody yet."""

    staff_id: Id | None
    role: TipRole
    points: int
    minutes: int
    amount_minor: int


def shared_by(total_minor: int, weights: Sequence[int], first: int) -> list[int]:
    """Divide a total by whole weights: largest remainder, ties in turn, beginning with number `first`.

    Raises ValueError when there is nobody to share with.
    """
    whole = sum(weights)
    if total_minor < 0 or whole <= 0 or min(weights) < 0:
        raise ValueError("a total of at least zero is shared by weights of which one is above zero")
    parts = [total_minor * weight // whole for weight in weights]
    count = len(weights)
    turn = sorted(range(count), key=lambda n: (-(total_minor * weights[n] % whole), (n - first) % count))
    for n in turn[: total_minor - sum(parts)]:
        parts[n] += 1
    return parts


def distributed(amount_minor: int, rule: TipRule, workers: Iterable[Worker], sequence: int) -> list[Part]:
    """Who gets how much; the parts sum to the amount, in whatever order the workers are named."""
    by_role: dict[TipRole, list[Worker]] = {role: [] for role in ROLES}
    for worker in _merged(workers):
        by_role[worker.role].append(worker)
    parts: list[Part] = []
    for role, part in zip(ROLES, shared_by(amount_minor, rule.weights, sequence), strict=True):
        there = [worker for worker in by_role[role] if worker.weight]
        if there:
            amounts = shared_by(part, [worker.weight for worker in there], sequence)
            parts += [
                Part(worker.staff_id, role, worker.points, worker.minutes, amount)
                for worker, amount in zip(there, amounts, strict=True)
            ]
        elif part:
            parts.append(Part(None, role, 0, 0, part))
    return [part for part in parts if part.amount_minor]


def _merged(workers: Iterable[Worker]) -> list[Worker]:
    """One worker a person and role, whatever the number of their shifts; in one order for all time."""
    minutes: dict[tuple[Id, TipRole, int], int] = defaultdict(int)
    for worker in workers:
        minutes[worker.staff_id, worker.role, worker.points] += worker.minutes
    return [Worker(staff, role, points, worked) for (staff, role, points), worked in sorted(minutes.items())]


def taken_back(amount_minor: int, shares: Iterable[TipShare], sequence: int) -> list[Part]:
    """What goes back of shares when part of the tip does: in proportion to what each has, never more.

    The parts sum to the amount, or to all there is where that is less; they are below zero.
    """
    has: dict[tuple[Id, TipRole], int] = defaultdict(int)
    for share in shares:
        has[share.staff_id or "", share.role] += share.amount_minor
    holders = sorted(key for key, amount in has.items() if amount > 0)
    amount = min(amount_minor, sum(has[key] for key in holders))
    if not amount:
        return []
    parts = shared_by(amount, [has[key] for key in holders], sequence)
    return [Part(staff or None, role, 0, 0, -part) for (staff, role), part in zip(holders, parts, strict=True) if part]


def minutes_within(shift: Shift, starts_at: datetime, ends_at: datetime) -> int:
    """The whole minutes of a shift within a window; one without an end lasts to the window's end."""
    worked = min(shift.ended_at or ends_at, ends_at) - max(shift.started_at, starts_at)
    return max(0, int(worked.total_seconds()) // 60)
