"""The tables and statements of tip rules, pools, shares and payouts."""

from datetime import datetime

import sqlalchemy as sa

from tabletap.infra.db.schema import (
    Id,
    Instant,
    Minor,
    Text,
    Whole,
    column,
    columns_of,
    metadata,
    of_cafe,
    param,
)
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.tips.sharing.model import (
    TipAccount,
    TipDistribution,
    TipIncome,
    TipPayout,
    TipPool,
    TipRule,
    TipShare,
)

AnId = str

_ROLES = "role IN ('kitchen_staff', 'service_staff', 'management')"
tip_rule = sa.Table(
    "tip_rule",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("version", Whole),
    column("mode", Text),
    column("pack", Text),
    column("kitchen_basis_points", Whole),
    column("service_basis_points", Whole),
    column("management_basis_points", Whole),
    column("set_by", Id),
    column("set_at", Instant),
    sa.CheckConstraint("mode IN ('per_payment', 'shift_pool')", name="mode"),
    sa.CheckConstraint(
        "kitchen_basis_points >= 0 AND service_basis_points >= 0 AND management_basis_points >= 0 "
        "AND kitchen_basis_points + service_basis_points + management_basis_points = 10000",
        name="shares",
    ),
    sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"]),
    sa.UniqueConstraint("cafe_id", "version"),
)
tip_pool = sa.Table(
    "tip_pool",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("business_day", Text),
    column("status", Text),
    column("currency", Text),
    column("amount_minor", Minor),
    column("sequence", Whole),
    column("version", Whole),
    column("opened_at", Instant),
    column("distributed_at", Instant, null=True),
    sa.CheckConstraint("status IN ('open', 'distributed')", name="status"),
    sa.CheckConstraint("amount_minor >= 0", name="amount"),
    sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"]),
    sa.UniqueConstraint("cafe_id", "sequence"),
    sa.Index(
        "uq_tip_pool_open",
        "cafe_id",
        "business_day",
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
        sqlite_where=sa.text("status = 'open'"),
    ),
)
tip_income = sa.Table(
    "tip_income",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("pool_id", Id),
    column("payment_id", Id),
    column("amount_minor", Minor),
    column("cause_id", Id, null=True),
    column("at", Instant),
    sa.CheckConstraint("amount_minor <> 0", name="amount"),
    of_cafe("tip_pool", "pool_id"),
    sa.Index("ix_tip_income_payment", "cafe_id", "payment_id"),
)
tip_distribution = sa.Table(
    "tip_distribution",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("kind", Text),
    column("group_id", Id),
    column("payment_id", Id, null=True),
    column("cause_id", Id, null=True),
    column("business_day", Text),
    column("currency", Text),
    column("amount_minor", Minor),
    column("sequence", Whole),
    column("rule_version", Whole),
    column("n", Whole),
    column("reason", Text, null=True),
    column("done_by", Id),
    column("at", Instant),
    sa.CheckConstraint("kind IN ('shared', 'clawback', 'restored', 'assigned')", name="kind"),
    sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"]),
    sa.UniqueConstraint("cafe_id", "group_id", "n"),
)
tip_share = sa.Table(
    "tip_share",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("distribution_id", Id, primary_key=True),
    column("n", Whole, primary_key=True),
    column("staff_id", Id, null=True),
    column("role", Text),
    column("points", Whole),
    column("minutes", Whole),
    column("amount_minor", Minor),
    sa.CheckConstraint(_ROLES, name="role"),
    sa.CheckConstraint("amount_minor <> 0", name="amount"),
    of_cafe("tip_distribution", "distribution_id"),
    sa.Index("ix_tip_share_staff", "cafe_id", "staff_id"),
)
tip_account = sa.Table(
    "tip_account",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("staff_id", Id, primary_key=True),
    column("posted_minor", Minor),
    column("version", Whole),
    sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"]),
)
tip_payout = sa.Table(
    "tip_payout",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("staff_id", Id),
    column("amount_minor", Minor),
    column("method", Text),
    column("paid_by", Id),
    column("at", Instant),
    sa.CheckConstraint("amount_minor > 0", name="amount"),
    sa.CheckConstraint("method IN ('cash', 'payroll')", name="method"),
    sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"]),
    sa.Index("ix_tip_payout_staff", "cafe_id", "staff_id", "id"),
)


def _of(table: sa.Table) -> sa.ColumnElement[bool]:
    return table.c.cafe_id == param("cafe_id")


_RULE = Statement(
    sa.select(*columns_of(tip_rule, TipRule)).where(_of(tip_rule)).order_by(tip_rule.c.version.desc()).limit(1)
)
_RULES = Statement(
    sa.select(*columns_of(tip_rule, TipRule)).where(_of(tip_rule)).order_by(tip_rule.c.version.desc()).limit(200)
)
_POOL = Statement(sa.select(*columns_of(tip_pool, TipPool)).where(_of(tip_pool), tip_pool.c.id == param("id")))
_OPEN_POOL = Statement(
    sa.select(*columns_of(tip_pool, TipPool)).where(
        _of(tip_pool), tip_pool.c.business_day == param("business_day"), tip_pool.c.status == "open"
    )
)
_OPEN_POOLS = Statement(
    sa.select(*columns_of(tip_pool, TipPool))
    .where(_of(tip_pool), tip_pool.c.business_day <= param("business_day"), tip_pool.c.status == "open")
    .order_by(tip_pool.c.sequence)
)
_POOLS = Statement(
    sa.select(*columns_of(tip_pool, TipPool))
    .where(_of(tip_pool), tip_pool.c.id < param("before"))
    .order_by(tip_pool.c.id.desc())
    .limit(param("limit"))
)
_LAST_SEQUENCE = Statement(sa.select(sa.func.max(tip_pool.c.sequence)).where(_of(tip_pool)))
_INCOME = Statement(
    sa.select(*columns_of(tip_income, TipIncome))
    .where(_of(tip_income), tip_income.c.payment_id == param("payment_id"))
    .order_by(tip_income.c.id)
)
_DISTRIBUTION = Statement(
    sa.select(*columns_of(tip_distribution, TipDistribution)).where(
        _of(tip_distribution), tip_distribution.c.id == param("id")
    )
)
_DISTRIBUTIONS = Statement(
    sa.select(*columns_of(tip_distribution, TipDistribution))
    .where(_of(tip_distribution), tip_distribution.c.id < param("before"))
    .order_by(tip_distribution.c.id.desc())
    .limit(param("limit"))
)
_OF_GROUP = Statement(
    sa.select(*columns_of(tip_distribution, TipDistribution)).where(
        _of(tip_distribution), tip_distribution.c.group_id == param("group_id")
    )
)
_SHARES_OF_GROUP = Statement(
    sa.select(*columns_of(tip_share, TipShare))
    .join_from(
        tip_share,
        tip_distribution,
        sa.and_(
            tip_distribution.c.cafe_id == tip_share.c.cafe_id, tip_distribution.c.id == tip_share.c.distribution_id
        ),
    )
    .where(_of(tip_share), tip_distribution.c.group_id == param("group_id"))
)
_SHARES = Statement(
    sa.select(*columns_of(tip_share, TipShare))
    .where(_of(tip_share), tip_share.c.distribution_id == param("distribution_id"))
    .order_by(tip_share.c.n)
)
_SHARED_WITH = Statement(
    sa.select(*columns_of(tip_distribution, TipDistribution), *columns_of(tip_share, TipShare))
    .join_from(
        tip_share,
        tip_distribution,
        sa.and_(
            tip_distribution.c.cafe_id == tip_share.c.cafe_id, tip_distribution.c.id == tip_share.c.distribution_id
        ),
    )
    .where(
        _of(tip_share),
        tip_share.c.staff_id == param("staff_id"),
        tip_distribution.c.at < param("ends_at"),
    )
    .order_by(tip_distribution.c.at, tip_distribution.c.id, tip_share.c.n)
)
_PAYOUTS = Statement(
    sa.select(*columns_of(tip_payout, TipPayout))
    .where(_of(tip_payout), tip_payout.c.staff_id == param("staff_id"), tip_payout.c.at < param("ends_at"))
    .order_by(tip_payout.c.at, tip_payout.c.id)
)
_ACCOUNT = Statement(
    sa.select(*columns_of(tip_account, TipAccount)).where(_of(tip_account), tip_account.c.staff_id == param("staff_id"))
)
_ACCOUNTS = Statement(
    sa.select(*columns_of(tip_account, TipAccount)).where(_of(tip_account)).order_by(tip_account.c.staff_id)
)
_UNASSIGNED = Statement(
    sa.select(tip_distribution.c.group_id, sa.func.sum(tip_share.c.amount_minor))
    .join_from(
        tip_share,
        tip_distribution,
        sa.and_(
            tip_distribution.c.cafe_id == tip_share.c.cafe_id, tip_distribution.c.id == tip_share.c.distribution_id
        ),
    )
    .where(_of(tip_share), tip_share.c.staff_id.is_(None), tip_distribution.c.business_day <= param("business_day"))
    .group_by(tip_distribution.c.group_id)
    .having(sa.func.sum(tip_share.c.amount_minor) != 0)
)
_DISTRIBUTION_SUMS = Statement(
    sa.select(tip_distribution.c.id, tip_distribution.c.amount_minor, sa.func.sum(tip_share.c.amount_minor))
    .join_from(
        tip_distribution,
        tip_share,
        sa.and_(
            tip_share.c.cafe_id == tip_distribution.c.cafe_id, tip_share.c.distribution_id == tip_distribution.c.id
        ),
        isouter=True,
    )
    .where(_of(tip_distribution))
    .group_by(tip_distribution.c.id, tip_distribution.c.amount_minor)
    .having(sa.func.coalesce(sa.func.sum(tip_share.c.amount_minor), 0) != tip_distribution.c.amount_minor)
)
_POOL_SUMS = Statement(
    sa.select(tip_pool.c.id, tip_pool.c.amount_minor, sa.func.sum(tip_income.c.amount_minor))
    .join_from(
        tip_pool,
        tip_income,
        sa.and_(tip_income.c.cafe_id == tip_pool.c.cafe_id, tip_income.c.pool_id == tip_pool.c.id),
        isouter=True,
    )
    .where(_of(tip_pool))
    .group_by(tip_pool.c.id, tip_pool.c.amount_minor)
    .having(sa.func.coalesce(sa.func.sum(tip_income.c.amount_minor), 0) != tip_pool.c.amount_minor)
)


async def rule(reader: Reader) -> TipRule | None:
    """The rule in force, None while nobody has set one."""
    return await reader.one(_RULE, TipRule, cafe_id=reader.cafe_id)


async def rules(reader: Reader) -> list[TipRule]:
    """Every version, the newest first."""
    return await reader.all(_RULES, TipRule, cafe_id=reader.cafe_id)


async def pool(reader: Reader, pool_id: AnId, *, lock: bool = False) -> TipPool | None:
    """A pool; within a transaction, as that transaction will leave it."""
    known = reader.recall(("tip_pool", pool_id)) if isinstance(reader, Transaction) else None
    return known or await reader.one(_POOL, TipPool, lock=lock, cafe_id=reader.cafe_id, id=pool_id)


async def open_pool(tx: Transaction, business_day: str) -> TipPool | None:
    """The open pool of a business day, as this transaction will leave it."""
    known: TipPool | None = tx.recall(("tip_pool of", business_day))
    return known or await tx.one(_OPEN_POOL, TipPool, lock=True, cafe_id=tx.cafe_id, business_day=business_day)


async def open_pools(reader: Reader, business_day: str) -> list[TipPool]:
    """The pools up to a business day that were not shared out."""
    return await reader.all(_OPEN_POOLS, TipPool, cafe_id=reader.cafe_id, business_day=business_day)


async def pools(reader: Reader, before: AnId, limit: int) -> list[TipPool]:
    """Pools older than an id, newest first."""
    return await reader.all(_POOLS, TipPool, cafe_id=reader.cafe_id, before=before, limit=limit)


async def next_sequence(reader: Reader) -> int:
    """The number of the next pool."""
    return int(await reader.value(_LAST_SEQUENCE, cafe_id=reader.cafe_id) or 0) + 1


async def income(reader: Reader, payment_id: AnId) -> list[TipIncome]:
    """What a payment brought into pools and took out of them."""
    return await reader.all(_INCOME, TipIncome, cafe_id=reader.cafe_id, payment_id=payment_id)


async def distribution(reader: Reader, distribution_id: AnId) -> TipDistribution | None:
    """One distribution."""
    return await reader.one(_DISTRIBUTION, TipDistribution, cafe_id=reader.cafe_id, id=distribution_id)


async def distributions(reader: Reader, before: AnId, limit: int) -> list[TipDistribution]:
    """Distributions older than an id, newest first."""
    return await reader.all(_DISTRIBUTIONS, TipDistribution, cafe_id=reader.cafe_id, before=before, limit=limit)


async def of_group(reader: Reader, group_id: AnId) -> list[TipDistribution]:
    """Everything that was shared of a pool or payment, and taken back."""
    return await reader.all(_OF_GROUP, TipDistribution, cafe_id=reader.cafe_id, group_id=group_id)


async def shares_of_group(reader: Reader, group_id: AnId) -> list[TipShare]:
    """The shares of a pool or payment, this transaction's own included."""
    found = await reader.all(_SHARES_OF_GROUP, TipShare, cafe_id=reader.cafe_id, group_id=group_id)
    own = reader.recall(("tip_shares", group_id)) if isinstance(reader, Transaction) else None
    return [*found, *(own or ())]


async def shares(reader: Reader, distribution_id: AnId) -> list[TipShare]:
    """The shares of one distribution."""
    return await reader.all(_SHARES, TipShare, cafe_id=reader.cafe_id, distribution_id=distribution_id)


async def shared_with(reader: Reader, staff_id: AnId, ends_at: datetime) -> list[tuple[TipDistribution, TipShare]]:
    """What a worker got and gave back before a moment, oldest first."""
    rows = await reader.rows(_SHARED_WITH, {"cafe_id": reader.cafe_id, "staff_id": staff_id, "ends_at": ends_at}, False)
    width = len(TipDistribution.__struct_fields__)
    return [(TipDistribution(*row[:width]), TipShare(*row[width:])) for row in rows]


async def payouts(reader: Reader, staff_id: AnId, ends_at: datetime) -> list[TipPayout]:
    """What a worker was paid before a moment, oldest first."""
    return await reader.all(_PAYOUTS, TipPayout, cafe_id=reader.cafe_id, staff_id=staff_id, ends_at=ends_at)


async def account(tx: Reader, staff_id: AnId, *, lock: bool = False) -> TipAccount | None:
    """What a worker is still to get; within a transaction, as that transaction will leave it."""
    known: TipAccount | None = tx.recall(("tip_account", staff_id)) if isinstance(tx, Transaction) else None
    found = known or await tx.one(_ACCOUNT, TipAccount, lock=lock, cafe_id=tx.cafe_id, staff_id=staff_id)
    if found is not None and isinstance(tx, Transaction):
        tx.remember(("tip_account", staff_id), found)  # what was judged is what is changed: a second read may see more
    return found


async def accounts(reader: Reader) -> list[TipAccount]:
    """What every worker is still to get."""
    return await reader.all(_ACCOUNTS, TipAccount, cafe_id=reader.cafe_id)


async def unassigned(reader: Reader, business_day: str) -> dict[AnId, int]:
    """What belongs to nobody, up to a business day, by pool or payment."""
    rows = await reader.rows(_UNASSIGNED, {"cafe_id": reader.cafe_id, "business_day": business_day}, False)
    return {row[0]: int(row[1]) for row in rows}


async def wrong_sums(reader: Reader) -> list[str]:
    """Distributions whose shares, and pools whose tips, do not sum to them."""
    scope = {"cafe_id": reader.cafe_id}
    shared = [f"tip distribution {row[0]}" for row in await reader.rows(_DISTRIBUTION_SUMS, scope, False)]
    return shared + [f"tip pool {row[0]}" for row in await reader.rows(_POOL_SUMS, scope, False)]
