"""Payments under review, disputes, and the word of a manager."""

import sqlalchemy as sa
from alembic import op

from tabletap.infra.db.schema import Id, Instant

revision = "0004"
down_revision = "0003"

_WHY = """
UPDATE payment SET review_reason = CASE state
  WHEN 'completed' THEN 'late_money' WHEN 'processing' THEN 'outcome_unknown' ELSE 'wrong_amount' END
WHERE needs_review
"""


def upgrade() -> None:
    """Add to the tables."""
    _payment()
    _payment_change()
    _dispute()
    _dispute_change()


def _payment() -> None:
    op.add_column("payment", sa.Column("review_reason", sa.Text(), nullable=True))
    op.add_column("payment", sa.Column("released", sa.Boolean(), nullable=False, server_default=sa.false()))
    for name in ("disputed_minor", "charged_back_minor"):
        op.execute(
            f"ALTER TABLE payment ADD COLUMN {name} BIGINT DEFAULT 0 NOT NULL "
            f"CONSTRAINT ck_payment_{name} CHECK ({name} >= 0)"
        )
    op.execute(_WHY)
    op.create_index(
        "ix_payment_review",
        "payment",
        ["cafe_id", "id"],
        unique=False,
        postgresql_where=sa.text("needs_review"),
        sqlite_where=sa.text("needs_review"),
    )


def _payment_change() -> None:
    op.add_column("payment_change", sa.Column("kind", sa.Text(), nullable=False, server_default="moved"))
    op.add_column("payment_change", sa.Column("note", sa.Text(), nullable=True))


def _dispute() -> None:
    op.create_table(
        "dispute",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("payment_id", Id, nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("order_minor", sa.BigInteger(), nullable=False),
        sa.Column("tip_minor", sa.BigInteger(), nullable=False),
        sa.Column("suspense_minor", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("opened_at", Instant, nullable=False),
        sa.Column("closed_at", Instant, nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_dispute_amount")),
        sa.CheckConstraint("status IN ('open', 'won', 'lost')", name=op.f("ck_dispute_status")),
        sa.CheckConstraint("mode IN ('live', 'test')", name=op.f("ck_dispute_mode")),
        sa.CheckConstraint(
            "order_minor >= 0 AND tip_minor >= 0 AND suspense_minor >= 0 "
            "AND order_minor + tip_minor + suspense_minor <= amount_minor",
            name=op.f("ck_dispute_parts"),
        ),
        sa.ForeignKeyConstraint(
            ["cafe_id", "payment_id"], ["payment.cafe_id", "payment.id"], name=op.f("fk_dispute_cafe_id_payment_id")
        ),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_dispute")),
        sa.UniqueConstraint(
            "cafe_id", "payment_id", "external_id", name=op.f("uq_dispute_cafe_id_payment_id_external_id")
        ),
    )


def _dispute_change() -> None:
    op.create_table(
        "dispute_change",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("dispute_id", Id, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("actor", Id, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["cafe_id", "dispute_id"],
            ["dispute.cafe_id", "dispute.id"],
            name=op.f("fk_dispute_change_cafe_id_dispute_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("cafe_id", "dispute_id", "n", name=op.f("pk_dispute_change")),
    )
