"""Receipts, and their mails."""

import sqlalchemy as sa
from alembic import op

from tabletap.infra.db.schema import Id, Instant

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add to the tables."""
    _receipt()
    _receipt_mail()


def _receipt() -> None:
    op.create_table(
        "receipt",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("issued_at", Instant, nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("ck_receipt_number")),
        sa.ForeignKeyConstraint(
            ["cafe_id", "order_id"], ["cafe_order.cafe_id", "cafe_order.id"], name=op.f("fk_receipt_cafe_id_order_id")
        ),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_receipt")),
        sa.UniqueConstraint("cafe_id", "number", name=op.f("uq_receipt_cafe_id_number")),
        sa.UniqueConstraint("cafe_id", "order_id", name=op.f("uq_receipt_cafe_id_order_id")),
    )


def _receipt_mail() -> None:
    op.create_table(
        "receipt_mail",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("asked_by", Id, nullable=False),
        sa.Column("asked_at", Instant, nullable=False),
        sa.Column("sent_at", Instant, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("status IN ('waiting', 'sent', 'failed')", name=op.f("ck_receipt_mail_status")),
        sa.ForeignKeyConstraint(
            ["cafe_id", "order_id"],
            ["cafe_order.cafe_id", "cafe_order.id"],
            name=op.f("fk_receipt_mail_cafe_id_order_id"),
        ),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_receipt_mail")),
    )
    op.create_index("ix_receipt_mail_order", "receipt_mail", ["cafe_id", "order_id"], unique=False)
