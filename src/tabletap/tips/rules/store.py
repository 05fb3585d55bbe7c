"""The table and statements of tip rules."""

import sqlalchemy as sa

from tabletap.infra.db.schema import Flag, Id, Instant, Json, Text, Whole, column, columns_of, metadata, param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader
from tabletap.tips.rules.model import TipRule

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
    column("points", Json),
    column("has_written_policy", Flag),
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

_NEWEST_FIRST = (
    sa.select(*columns_of(tip_rule, TipRule))
    .where(tip_rule.c.cafe_id == param("cafe_id"))
    .order_by(tip_rule.c.version.desc())
)
_RULE = Statement(_NEWEST_FIRST.limit(1))
_RULES = Statement(_NEWEST_FIRST)
_OF_VERSION = Statement(
    sa.select(*columns_of(tip_rule, TipRule)).where(
        tip_rule.c.cafe_id == param("cafe_id"), tip_rule.c.version == param("version")
    )
)


async def rule(reader: Reader) -> TipRule | None:
    """The rule in force, None while nobody has set one."""
    return await reader.one(_RULE, TipRule, cafe_id=reader.cafe_id)


async def rules(reader: Reader) -> list[TipRule]:
    """Every version, the newest first."""
    return await reader.all(_RULES, TipRule, cafe_id=reader.cafe_id)


async def of_version(reader: Reader, version: int) -> TipRule | None:
    """One version."""
    return await reader.one(_OF_VERSION, TipRule, cafe_id=reader.cafe_id, version=version)
