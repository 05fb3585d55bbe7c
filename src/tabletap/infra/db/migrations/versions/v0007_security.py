"""Limits of payments, blocked addresses and security events."""

import sqlalchemy as sa
from alembic import op

from tabletap.infra.db.schema import Id, Instant, Json

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the tables."""
    _security_policy()
    _blocked_address()
    _payment_attempt()
    _payment_pace()
    _security_event()


def _security_policy() -> None:
    op.create_table(
        "security_policy",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("rules", Json, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_by", Id, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"], name=op.f("fk_security_policy_cafe_id")),
        sa.PrimaryKeyConstraint("cafe_id", name=op.f("pk_security_policy")),
    )


def _blocked_address() -> None:
    op.create_table(
        "blocked_address",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("blocked_by", Id, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("until", Instant, nullable=True),
        sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"], name=op.f("fk_blocked_address_cafe_id")),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_blocked_address")),
        sa.UniqueConstraint("cafe_id", "network", name=op.f("uq_blocked_address_cafe_id_network")),
    )


def _payment_attempt() -> None:
    op.create_table(
        "payment_attempt",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("payment_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("network", sa.Text(), nullable=True),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["cafe_id", "payment_id"],
            ["payment.cafe_id", "payment.id"],
            name=op.f("fk_payment_attempt_cafe_id_payment_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("cafe_id", "payment_id", name=op.f("pk_payment_attempt")),
    )
    op.create_index("ix_payment_attempt_person", "payment_attempt", ["cafe_id", "person_id", "at"], unique=False)
    op.create_index("ix_payment_attempt_network", "payment_attempt", ["cafe_id", "network", "at"], unique=False)


def _payment_pace() -> None:
    op.create_table(
        "payment_pace",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"], name=op.f("fk_payment_pace_cafe_id")),
        sa.PrimaryKeyConstraint("cafe_id", "subject", name=op.f("pk_payment_pace")),
    )


def _security_event() -> None:
    op.create_table(
        "security_event",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("person_id", Id, nullable=True),
        sa.Column("audience", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("order_id", Id, nullable=True),
        sa.Column("payment_id", Id, nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("method", sa.Text(), nullable=True),
        sa.Column("correlation_id", sa.Text(), nullable=True),
        sa.Column("first_at", Instant, nullable=False),
        sa.Column("last_at", Instant, nullable=False),
        sa.CheckConstraint("count > 0", name=op.f("ck_security_event_count")),
        sa.CheckConstraint("last_at >= first_at", name=op.f("ck_security_event_in_order")),
        sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"], name=op.f("fk_security_event_cafe_id")),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_security_event")),
    )
