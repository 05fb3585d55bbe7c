"""The table and statements of shifts."""

from datetime import datetime

import sqlalchemy as sa

from tabletap.infra.db.schema import Flag, Id, Instant, Text, Whole, column, columns_of, metadata, param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader
from tabletap.tips.shifts.model import Shift

_ROLES = "role IN ('kitchen_staff', 'service_staff', 'management')"
shift = sa.Table(
    "shift",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("person_id", Id),
    column("role", Text),
    column("points", Whole),
    column("is_manager", Flag),
    column("started_at", Instant),
    column("ended_at", Instant, null=True),
    column("noted_by", Id),
    column("corrects_id", Id, null=True),
    column("is_corrected", Flag),
    column("version", Whole),
    sa.CheckConstraint(_ROLES, name="role"),
    sa.CheckConstraint("points > 0", name="points"),
    sa.CheckConstraint("ended_at >= started_at", name="ends_after_it_began"),
    sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"]),
    sa.Index(
        "uq_shift_open",
        "cafe_id",
        "person_id",
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL AND NOT is_corrected"),
        sqlite_where=sa.text("ended_at IS NULL AND NOT is_corrected"),
    ),
    sa.Index("ix_shift_started", "cafe_id", "started_at"),
)


def _of(table: sa.Table) -> sa.ColumnElement[bool]:
    return table.c.cafe_id == param("cafe_id")


_SHIFT = Statement(sa.select(*columns_of(shift, Shift)).where(_of(shift), shift.c.id == param("id")))
_OPEN_SHIFT = Statement(
    sa.select(*columns_of(shift, Shift)).where(
        _of(shift),
        shift.c.person_id == param("person_id"),
        shift.c.ended_at.is_(None),
        shift.c.is_corrected.is_(sa.false()),
    )
)
_SHIFTS = Statement(
    sa.select(*columns_of(shift, Shift))
    .where(
        _of(shift),
        shift.c.started_at < param("ends_at"),
        sa.or_(shift.c.ended_at.is_(None), shift.c.ended_at > param("starts_at")),
        sa.or_(shift.c.is_corrected.is_(sa.false()), param("corrected") == sa.true()),
    )
    .order_by(shift.c.started_at, shift.c.id)
)


async def get_shift(reader: Reader, shift_id: str, *, lock: bool = False) -> Shift | None:
    """A shift, corrected or not."""
    return await reader.one(_SHIFT, Shift, lock=lock, cafe_id=reader.cafe_id, id=shift_id)


async def open_shift(reader: Reader, person_id: str, *, lock: bool = False) -> Shift | None:
    """The shift somebody is in now."""
    return await reader.one(_OPEN_SHIFT, Shift, lock=lock, cafe_id=reader.cafe_id, person_id=person_id)


async def shifts(reader: Reader, starts_at: datetime, ends_at: datetime, *, corrected: bool = False) -> list[Shift]:
    """The shifts that lie in a window, wholly or in part; with `corrected` also those that corrections replaced."""
    return await reader.all(
        _SHIFTS, Shift, cafe_id=reader.cafe_id, starts_at=starts_at, ends_at=ends_at, corrected=corrected
    )
