"""Tips that were shared, as managers and workers see them."""

from datetime import date, datetime

import msgspec

from tabletap.kernel.ids import Id
from tabletap.tips.model import TipRole
from tabletap.tips.payouts.model import PayoutMethod
from tabletap.tips.sharing.model import DistributionKind, TipDistribution, TipPool, TipShare


class TipShareView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """What one worker got; without `staffId` it belongs to nobody yet."""

    role: TipRole
    amount: int
    points: int
    minutes: int
    staff_id: Id | None = None


class DistributionView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """One sharing-out, or one taking-back (below zero). `groupId` is the pool or payment that was shared."""

    distribution_id: Id
    kind: DistributionKind
    group_id: Id
    business_day: str
    amount: int
    unassigned_amount: int
    currency: str
    rule_version: int
    done_by: Id
    at: datetime
    shares: list[TipShareView]
    payment_id: Id | None = None
    cause_id: Id | None = None
    reason: str | None = None


class PoolView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """The tips of a business day that are shared together."""

    pool_id: Id
    business_day: str
    status: str
    amount: int
    currency: str
    rule_version: int
    opened_at: datetime
    distributed_at: datetime | None = None


class PayoutView(msgspec.Struct, rename="camel", frozen=True):
    """Tips that a worker was paid, and what is still to come."""

    payout_id: Id
    staff_id: Id
    amount: int
    method: PayoutMethod
    balance: int
    at: datetime


class UnassignedView(msgspec.Struct, rename="camel", frozen=True):
    """What belongs to nobody of a pool or payment, and the distribution by which to assign it."""

    group_id: Id
    distribution_id: Id
    business_day: str
    amount: int


class UnassignedListView(msgspec.Struct, rename="camel", frozen=True):
    """Everything that belongs to nobody: it keeps days from being closed."""

    items: list[UnassignedView]


class TipBalanceView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True, kw_only=True):
    """What a worker is still to get (below zero: what is still to be set off), and by when the oldest of it is due."""

    staff_id: Id
    balance: int
    currency: str
    name: str | None = None
    due_on: date | None = None


class TipBalanceListView(msgspec.Struct, rename="camel", frozen=True):
    """What workers are still to get."""

    items: list[TipBalanceView]


def distribution_view(done: TipDistribution, shares: list[TipShare]) -> DistributionView:
    """A distribution with its shares."""
    return DistributionView(
        distribution_id=done.id,
        kind=done.kind,
        group_id=done.group_id,
        business_day=done.business_day,
        amount=done.amount_minor,
        unassigned_amount=sum(share.amount_minor for share in shares if share.staff_id is None),
        currency=done.currency,
        rule_version=done.rule_version,
        done_by=done.done_by,
        at=done.at,
        shares=[
            TipShareView(share.role, share.amount_minor, share.points, share.minutes, share.staff_id)
            for share in shares
        ],
        payment_id=done.payment_id,
        cause_id=done.cause_id,
        reason=done.reason,
    )


def pool_view(pool: TipPool) -> PoolView:
    """A pool."""
    return PoolView(
        pool.id, pool.business_day, pool.status, pool.amount_minor, pool.currency, pool.rule_version, pool.opened_at,
        pool.distributed_at,
    )  # fmt: skip
