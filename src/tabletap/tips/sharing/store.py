"""The tables and statements of pools and shares."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tabletap.infra.db.schema import Id, Instant, Minor, Text, Whole, column, columns_of, metadata, of_cafe, param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.tips.sharing.model import TipDistribution, TipIncome, TipPool, TipShare

AnId = str

_ROLES = "role IN ('kitchen_staff', 'service_staff', 'management')"
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
    column("rule_version", Whole),
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
        "rule_version",
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
    sa.Index("ix_tip_distribution_payment", "cafe_id", "payment_id"),
    sa.Index("ix_tip_distribution_at", "cafe_id", "at"),
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


def _of(table: sa.Table) -> sa.ColumnElement[bool]:
    return table.c.cafe_id == param("cafe_id")


_SAME = sa.and_(tip_distribution.c.cafe_id == tip_share.c.cafe_id, tip_distribution.c.id == tip_share.c.distribution_id)
_ANY = "any_"
"""Before the name of a parameter: whether any value will do."""


def _asked(column: sa.ColumnElement[str], name: str) -> sa.ColumnElement[bool]:
    return sa.or_(param(_ANY + name) == sa.true(), column == param(name))


_POOL = Statement(sa.select(*columns_of(tip_pool, TipPool)).where(_of(tip_pool), tip_pool.c.id == param("id")))
_OPEN_POOL = Statement(
    sa.select(*columns_of(tip_pool, TipPool)).where(
        _of(tip_pool),
        tip_pool.c.business_day == param("business_day"),
        tip_pool.c.rule_version == param("rule_version"),
        tip_pool.c.status == "open",
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
_NEWEST_FIRST = (
    sa.select(*columns_of(tip_distribution, TipDistribution))
    .where(
        _of(tip_distribution),
        tip_distribution.c.id < param("before"),
        _asked(tip_distribution.c.group_id, "group_id"),
        _asked(tip_distribution.c.business_day, "business_day"),
    )
    .order_by(tip_distribution.c.id.desc())
    .limit(param("limit"))
)
_DISTRIBUTIONS = Statement(_NEWEST_FIRST)
_WITH_A_SHARE_OF = Statement(
    _NEWEST_FIRST.join_from(tip_distribution, tip_share, _SAME)
    .where(tip_share.c.staff_id == param("staff_id"))
    .distinct()
)
_OF_PAYMENT = Statement(
    sa.select(*columns_of(tip_distribution, TipDistribution))
    .where(_of(tip_distribution), tip_distribution.c.payment_id == param("payment_id"))
    .order_by(tip_distribution.c.group_id, tip_distribution.c.n)
)
_OF_GROUP = Statement(
    sa.select(*columns_of(tip_distribution, TipDistribution))
    .where(_of(tip_distribution), tip_distribution.c.group_id == param("group_id"))
    .order_by(tip_distribution.c.n)
)
_SHARES_OF_GROUP = Statement(
    sa.select(*columns_of(tip_share, TipShare))
    .join_from(tip_share, tip_distribution, _SAME)
    .where(_of(tip_share), tip_distribution.c.group_id == param("group_id"))
)
_SHARES = Statement(
    sa.select(*columns_of(tip_share, TipShare))
    .where(_of(tip_share), tip_share.c.distribution_id == param("distribution_id"))
    .order_by(tip_share.c.n)
)
_SHARED_WITH = Statement(
    sa.select(*columns_of(tip_distribution, TipDistribution), *columns_of(tip_share, TipShare))
    .join_from(tip_share, tip_distribution, _SAME)
    .where(
        _of(tip_share),
        tip_share.c.staff_id == param("staff_id"),
        tip_distribution.c.at < param("ends_at"),
    )
    .order_by(tip_distribution.c.at, tip_distribution.c.id, tip_share.c.n)
)
_UNASSIGNED = Statement(
    sa.select(
        tip_distribution.c.group_id,
        sa.func.min(tip_distribution.c.business_day),
        sa.func.sum(tip_share.c.amount_minor),
    )
    .join_from(tip_share, tip_distribution, _SAME)
    .where(_of(tip_share), tip_share.c.staff_id.is_(None))
    .group_by(tip_distribution.c.group_id)
    .having(
        sa.func.sum(tip_share.c.amount_minor) != 0,
        sa.func.min(tip_distribution.c.business_day) <= param("business_day"),
    )
)
_SHARED_BETWEEN = Statement(
    sa.select(sa.func.sum(tip_distribution.c.amount_minor)).where(
        _of(tip_distribution), tip_distribution.c.at >= param("starts_at"), tip_distribution.c.at < param("ends_at")
    )
)
_OPEN_AMOUNT = Statement(
    sa.select(sa.func.sum(tip_pool.c.amount_minor)).where(_of(tip_pool), tip_pool.c.status == "open")
)
_OWED = Statement(
    sa.select(tip_share.c.staff_id, sa.func.sum(tip_share.c.amount_minor))
    .where(_of(tip_share), tip_share.c.staff_id.is_not(None))
    .group_by(tip_share.c.staff_id)
)
_DISTRIBUTION_SUMS = Statement(
    sa.select(tip_distribution.c.id, tip_distribution.c.amount_minor, sa.func.sum(tip_share.c.amount_minor))
    .join_from(tip_distribution, tip_share, _SAME, isouter=True)
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


async def pool(reader: Reader, pool_id: AnId, *, lock: bool = False) -> TipPool | None:
    """A pool; within a transaction, as that transaction will leave it."""
    known = reader.recall(("tip_pool", pool_id)) if isinstance(reader, Transaction) else None
    return known or await reader.one(_POOL, TipPool, lock=lock, cafe_id=reader.cafe_id, id=pool_id)


async def open_pool(tx: Transaction, business_day: str, rule_version: int) -> TipPool | None:
    """The open pool of a business day by a version of the rule, as this transaction will leave it."""
    known: TipPool | None = tx.recall(("tip_pool of", business_day, rule_version))
    asked = {"business_day": business_day, "rule_version": rule_version}
    return known or await tx.one(_OPEN_POOL, TipPool, lock=True, cafe_id=tx.cafe_id, **asked)


def know_pool(tx: Transaction, pool: TipPool) -> None:
    """Keep a pool as this transaction will leave it."""
    tx.remember(("tip_pool", pool.id), pool)
    tx.remember(("tip_pool of", pool.business_day, pool.rule_version), pool)


async def open_pools(tx: Transaction, business_day: str) -> list[TipPool]:
    """The pools up to a business day that were not shared out, to be changed."""
    return await tx.all(_OPEN_POOLS, TipPool, lock=True, cafe_id=tx.cafe_id, business_day=business_day)


async def pools(reader: Reader, before: AnId, limit: int) -> list[TipPool]:
    """Pools older than an id, newest first."""
    return await reader.all(_POOLS, TipPool, cafe_id=reader.cafe_id, before=before, limit=limit)


async def next_sequence(reader: Reader) -> int:
    """The number of the next pool."""
    return int(await reader.value(_LAST_SEQUENCE, cafe_id=reader.cafe_id) or 0) + 1


async def income(reader: Reader, payment_id: AnId) -> list[TipIncome]:
    """What a payment brought into pools and took out of them, this transaction's own included."""
    found = await reader.all(_INCOME, TipIncome, cafe_id=reader.cafe_id, payment_id=payment_id)
    return [*found, *_own(reader, ("tip_income", payment_id))]


def add_income(tx: Transaction, came: TipIncome) -> None:
    """Write what came into a pool or left it."""
    tx.add(tip_income, came)
    _keep(tx, ("tip_income", came.payment_id), came)


def _own(reader: Reader, key: object) -> tuple[Any, ...]:
    """What this transaction will write, which its reads do not see yet."""
    return (reader.recall(key) or ()) if isinstance(reader, Transaction) else ()


def _keep(tx: Transaction, key: object, *rows: object) -> None:
    tx.remember(key, (*_own(tx, key), *rows))


async def distribution(reader: Reader, distribution_id: AnId) -> TipDistribution | None:
    """One distribution."""
    return await reader.one(_DISTRIBUTION, TipDistribution, cafe_id=reader.cafe_id, id=distribution_id)


async def distributions(
    reader: Reader, before: AnId, limit: int, group_id: AnId | None, business_day: str | None, staff_id: AnId | None
) -> list[TipDistribution]:
    """Distributions older than an id, newest first: of a pool or payment, of a day, with a share of somebody."""
    asked = {"group_id": group_id, "business_day": business_day}
    flags = {_ANY + name: value is None for name, value in asked.items()}
    scope = {"cafe_id": reader.cafe_id, "before": before, "limit": limit}
    statement, who = (_DISTRIBUTIONS, {}) if staff_id is None else (_WITH_A_SHARE_OF, {"staff_id": staff_id})
    return [TipDistribution(*row) for row in await reader.rows(statement, {**scope, **asked, **flags, **who}, False)]


async def of_payment(reader: Reader, payment_id: AnId) -> list[TipDistribution]:
    """What was shared of one payment alone, and what of it was taken back or given again; also just now."""
    found = await reader.all(_OF_PAYMENT, TipDistribution, cafe_id=reader.cafe_id, payment_id=payment_id)
    return [*found, *_own(reader, ("tips of payment", payment_id))]


async def of_group(reader: Reader, group_id: AnId) -> list[TipDistribution]:
    """Everything that was shared of a pool or payment, and taken back, in order; also just now."""
    found = await reader.all(_OF_GROUP, TipDistribution, cafe_id=reader.cafe_id, group_id=group_id)
    return [*found, *_own(reader, ("tips of group", group_id))]


async def shares_of_group(reader: Reader, group_id: AnId) -> list[TipShare]:
    """The shares of a pool or payment, this transaction's own included."""
    found = await reader.all(_SHARES_OF_GROUP, TipShare, cafe_id=reader.cafe_id, group_id=group_id)
    return [*found, *_own(reader, ("tip_shares", group_id))]


def know_shares(tx: Transaction, done: TipDistribution, shares: list[TipShare]) -> None:
    """Keep the shares of a distribution that this transaction will write."""
    _keep(tx, ("tip_shares", done.group_id), *shares)
    _keep(tx, ("tips of group", done.group_id), done)
    _keep(tx, ("tips of payment", done.payment_id), done)
    nobodys = sum(share.amount_minor for share in shares if share.staff_id is None)
    if nobodys:
        known: dict[AnId, tuple[str, int]] = tx.recall("tips_unassigned") or {}
        day, amount = known.get(done.group_id, (done.business_day, 0))
        tx.remember("tips_unassigned", {**known, done.group_id: (day, amount + nobodys)})


async def shares(reader: Reader, distribution_id: AnId) -> list[TipShare]:
    """The shares of one distribution."""
    return await reader.all(_SHARES, TipShare, cafe_id=reader.cafe_id, distribution_id=distribution_id)


async def shared_with(reader: Reader, staff_id: AnId, ends_at: datetime) -> list[tuple[TipDistribution, TipShare]]:
    """What a worker got and gave back before a moment, oldest first."""
    rows = await reader.rows(_SHARED_WITH, {"cafe_id": reader.cafe_id, "staff_id": staff_id, "ends_at": ends_at}, False)
    width = len(TipDistribution.__struct_fields__)
    return [(TipDistribution(*row[:width]), TipShare(*row[width:])) for row in rows]


async def unassigned(reader: Reader, business_day: str) -> dict[AnId, int]:
    """What belongs to nobody of tips up to a business day, by pool or payment; this transaction's own included."""
    return {group_id: amount for group_id, (_, amount) in (await unassigned_since(reader, business_day)).items()}


async def unassigned_since(reader: Reader, business_day: str) -> dict[AnId, tuple[str, int]]:
    """The same with the day since which it belongs to nobody."""
    rows = await reader.rows(_UNASSIGNED, {"cafe_id": reader.cafe_id, "business_day": business_day}, False)
    found = {row[0]: (str(row[1]), int(row[2])) for row in rows}
    own: dict[AnId, tuple[str, int]] = {}
    if isinstance(reader, Transaction):
        own = reader.recall("tips_unassigned") or {}
    for group_id, (day, amount) in own.items():
        since, before = found.get(group_id, (day, 0))
        if since <= business_day:
            found[group_id] = since, before + amount
    return {group_id: each for group_id, each in found.items() if each[1]}


async def shared_between(reader: Reader, starts_at: datetime, ends_at: datetime) -> int:
    """What was shared with everybody from a moment on and before another, less what was taken back."""
    asked = {"starts_at": starts_at, "ends_at": ends_at}
    return int(await reader.value(_SHARED_BETWEEN, cafe_id=reader.cafe_id, **asked) or 0)


async def open_amount(reader: Reader) -> int:
    """What is in the pools that were not shared out."""
    return int(await reader.value(_OPEN_AMOUNT, cafe_id=reader.cafe_id) or 0)


async def owed(reader: Reader) -> dict[AnId, int]:
    """What every worker was given of all that was shared, less what was taken back."""
    rows = await reader.rows(_OWED, {"cafe_id": reader.cafe_id}, False)
    return {row[0]: int(row[1]) for row in rows}


async def wrong_sums(reader: Reader) -> list[str]:
    """Distributions whose shares, and pools whose tips, do not sum to them."""
    scope = {"cafe_id": reader.cafe_id}
    shared = [f"tip distribution {row[0]}" for row in await reader.rows(_DISTRIBUTION_SUMS, scope, False)]
    return shared + [f"tip pool {row[0]}" for row in await reader.rows(_POOL_SUMS, scope, False)]
