"""Drawers and closed days."""

import sqlalchemy as sa
from alembic import op

from tabletap.infra.db.schema import Id, Instant, Json

revision = "0015"
down_revision = "0014"

_CASH_THERE_IS = """
INSERT INTO drawer_session
  (cafe_id, id, drawer, status, currency, float_minor, expected_minor, opened_by, opened_at, version)
SELECT c.cafe_id, c.cafe_id, '', 'open', c.currency, 0, SUM(e.amount_minor), c.cafe_id, c.created_at, 1
FROM cafe c JOIN entry e ON e.cafe_id = c.cafe_id
WHERE e.account = 'cash_drawer' GROUP BY c.cafe_id, c.currency, c.created_at HAVING SUM(e.amount_minor) <> 0
"""
_ITS_MOVE = """
INSERT INTO drawer_move (cafe_id, id, session_id, kind, amount_minor, reason, moved_by, at, n)
SELECT cafe_id, id, id, 'paid_in', expected_minor, 'before drawers were kept', opened_by, opened_at, 0
FROM drawer_session
"""
"""Cash that was taken before there were drawers stands apart, until a drawer collects it."""


def upgrade() -> None:
    """Add to the tables."""
    _session()
    _move()
    _count()
    _day()
    op.execute(_CASH_THERE_IS)
    op.execute(_ITS_MOVE)


def _session() -> None:
    op.create_table(
        "drawer_session",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("drawer", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("float_minor", sa.BigInteger(), nullable=False),
        sa.Column("expected_minor", sa.BigInteger(), nullable=False),
        sa.Column("counted_minor", sa.BigInteger(), nullable=True),
        sa.Column("difference_minor", sa.BigInteger(), nullable=True),
        sa.Column("opened_by", Id, nullable=False),
        sa.Column("opened_at", Instant, nullable=False),
        sa.Column("counted_by", Id, nullable=True),
        sa.Column("counted_at", Instant, nullable=True),
        sa.Column("closed_by", Id, nullable=True),
        sa.Column("closed_at", Instant, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("status IN ('open', 'closed')", name=op.f("ck_drawer_session_status")),
        sa.CheckConstraint("float_minor >= 0 AND counted_minor >= 0", name=op.f("ck_drawer_session_cash")),
        sa.CheckConstraint("status = 'open' OR expected_minor = 0", name=op.f("ck_drawer_session_closed_is_empty")),
        sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"], name=op.f("fk_drawer_session_cafe_id")),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_drawer_session")),
    )
    op.create_index(
        "uq_drawer_session_open",
        "drawer_session",
        ["cafe_id", "drawer"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
        sqlite_where=sa.text("status = 'open'"),
    )


def _move() -> None:
    op.create_table(
        "drawer_move",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("session_id", Id, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("payment_id", Id, nullable=True),
        sa.Column("refund_id", Id, nullable=True),
        sa.Column("moved_by", Id, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("ck_drawer_move_amount")),
        sa.ForeignKeyConstraint(
            ["cafe_id", "session_id"],
            ["drawer_session.cafe_id", "drawer_session.id"],
            name=op.f("fk_drawer_move_cafe_id_session_id"),
        ),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_drawer_move")),
        sa.UniqueConstraint("cafe_id", "session_id", "n", name=op.f("uq_drawer_move_cafe_id_session_id_n")),
    )


def _count() -> None:
    op.create_table(
        "drawer_count",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("session_id", Id, nullable=False),
        sa.Column("counted_minor", sa.BigInteger(), nullable=False),
        sa.Column("expected_minor", sa.BigInteger(), nullable=False),
        sa.Column("denominations", Json, nullable=True),
        sa.Column("counted_by", Id, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.CheckConstraint("counted_minor >= 0", name=op.f("ck_drawer_count_counted")),
        sa.ForeignKeyConstraint(
            ["cafe_id", "session_id"],
            ["drawer_session.cafe_id", "drawer_session.id"],
            name=op.f("fk_drawer_count_cafe_id_session_id"),
        ),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_drawer_count")),
    )
    op.create_index("ix_drawer_count_session", "drawer_count", ["cafe_id", "session_id", "id"], unique=False)


def _day() -> None:
    op.create_table(
        "day_close",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("z_number", sa.Integer(), nullable=False),
        sa.Column("business_day", sa.Text(), nullable=False),
        sa.Column("from_at", Instant, nullable=False),
        sa.Column("until_at", Instant, nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("open_items", Json, nullable=False),
        sa.Column("totals", Json, nullable=False),
        sa.Column("report", Json, nullable=False),
        sa.Column("closed_by", Id, nullable=False),
        sa.Column("closed_at", Instant, nullable=False),
        sa.CheckConstraint("z_number > 0", name=op.f("ck_day_close_z_number")),
        sa.CheckConstraint("until_at >= from_at", name=op.f("ck_day_close_until")),
        sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"], name=op.f("fk_day_close_cafe_id")),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_day_close")),
        sa.UniqueConstraint("cafe_id", "business_day", name=op.f("uq_day_close_cafe_id_business_day")),
        sa.UniqueConstraint("cafe_id", "z_number", name=op.f("uq_day_close_cafe_id_z_number")),
    )
