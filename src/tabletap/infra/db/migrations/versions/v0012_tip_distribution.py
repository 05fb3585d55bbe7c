"""Shifts, tip rules, pools, shares and payouts."""

import sqlalchemy as sa
from alembic import op

from tabletap.infra.db.schema import Id, Instant, Json

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add to the tables."""
    _shift()
    _tip_rule()
    _tip_pool()
    _tip_income()
    _tip_distribution()
    _tip_share()
    _tip_account()
    _tip_payout()


def _shift() -> None:
    op.create_table(
        "shift",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("is_manager", sa.Boolean(), nullable=False),
        sa.Column("started_at", Instant, nullable=False),
        sa.Column("ended_at", Instant, nullable=True),
        sa.Column("noted_by", Id, nullable=False),
        sa.Column("corrects_id", Id, nullable=True),
        sa.Column("is_corrected", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("role IN ('kitchen_staff', 'service_staff', 'management')", name=op.f("ck_shift_role")),
        sa.CheckConstraint("ended_at >= started_at", name=op.f("ck_shift_ends_after_it_began")),
        sa.CheckConstraint("points > 0", name=op.f("ck_shift_points")),
        sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"], name=op.f("fk_shift_cafe_id")),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_shift")),
    )
    op.create_index("ix_shift_started", "shift", ["cafe_id", "started_at"], unique=False)
    op.create_index(
        "uq_shift_open",
        "shift",
        ["cafe_id", "person_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL AND NOT is_corrected"),
        sqlite_where=sa.text("ended_at IS NULL AND NOT is_corrected"),
    )


def _tip_rule() -> None:
    op.create_table(
        "tip_rule",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("pack", sa.Text(), nullable=False),
        sa.Column("kitchen_basis_points", sa.Integer(), nullable=False),
        sa.Column("service_basis_points", sa.Integer(), nullable=False),
        sa.Column("management_basis_points", sa.Integer(), nullable=False),
        sa.Column("points", Json, nullable=False),
        sa.Column("has_written_policy", sa.Boolean(), nullable=False),
        sa.Column("set_by", Id, nullable=False),
        sa.Column("set_at", Instant, nullable=False),
        sa.CheckConstraint("mode IN ('per_payment', 'shift_pool')", name=op.f("ck_tip_rule_mode")),
        sa.CheckConstraint(
            "kitchen_basis_points >= 0 AND service_basis_points >= 0 AND management_basis_points >= 0 "
            "AND kitchen_basis_points + service_basis_points + management_basis_points = 10000",
            name=op.f("ck_tip_rule_shares"),
        ),
        sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"], name=op.f("fk_tip_rule_cafe_id")),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_tip_rule")),
        sa.UniqueConstraint("cafe_id", "version", name=op.f("uq_tip_rule_cafe_id_version")),
    )


def _tip_pool() -> None:
    op.create_table(
        "tip_pool",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("business_day", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("opened_at", Instant, nullable=False),
        sa.Column("distributed_at", Instant, nullable=True),
        sa.CheckConstraint("status IN ('open', 'distributed')", name=op.f("ck_tip_pool_status")),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_tip_pool_amount")),
        sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"], name=op.f("fk_tip_pool_cafe_id")),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_tip_pool")),
        sa.UniqueConstraint("cafe_id", "sequence", name=op.f("uq_tip_pool_cafe_id_sequence")),
    )
    op.create_index(
        "uq_tip_pool_open",
        "tip_pool",
        ["cafe_id", "business_day", "rule_version"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
        sqlite_where=sa.text("status = 'open'"),
    )


def _tip_income() -> None:
    op.create_table(
        "tip_income",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("pool_id", Id, nullable=False),
        sa.Column("payment_id", Id, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("cause_id", Id, nullable=True),
        sa.Column("at", Instant, nullable=False),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("ck_tip_income_amount")),
        sa.ForeignKeyConstraint(
            ["cafe_id", "pool_id"], ["tip_pool.cafe_id", "tip_pool.id"], name=op.f("fk_tip_income_cafe_id_pool_id")
        ),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_tip_income")),
    )
    op.create_index("ix_tip_income_payment", "tip_income", ["cafe_id", "payment_id"], unique=False)


def _tip_distribution() -> None:
    op.create_table(
        "tip_distribution",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("group_id", Id, nullable=False),
        sa.Column("payment_id", Id, nullable=True),
        sa.Column("cause_id", Id, nullable=True),
        sa.Column("business_day", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("done_by", Id, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.CheckConstraint(
            "kind IN ('shared', 'clawback', 'restored', 'assigned')", name=op.f("ck_tip_distribution_kind")
        ),
        sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"], name=op.f("fk_tip_distribution_cafe_id")),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_tip_distribution")),
        sa.UniqueConstraint("cafe_id", "group_id", "n", name=op.f("uq_tip_distribution_cafe_id_group_id_n")),
    )
    op.create_index("ix_tip_distribution_payment", "tip_distribution", ["cafe_id", "payment_id"], unique=False)
    op.create_index("ix_tip_distribution_at", "tip_distribution", ["cafe_id", "at"], unique=False)


def _tip_share() -> None:
    op.create_table(
        "tip_share",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("distribution_id", Id, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("staff_id", Id, nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("role IN ('kitchen_staff', 'service_staff', 'management')", name=op.f("ck_tip_share_role")),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("ck_tip_share_amount")),
        sa.ForeignKeyConstraint(
            ["cafe_id", "distribution_id"],
            ["tip_distribution.cafe_id", "tip_distribution.id"],
            name=op.f("fk_tip_share_cafe_id_distribution_id"),
        ),
        sa.PrimaryKeyConstraint("cafe_id", "distribution_id", "n", name=op.f("pk_tip_share")),
    )
    op.create_index("ix_tip_share_staff", "tip_share", ["cafe_id", "staff_id"], unique=False)


def _tip_account() -> None:
    op.create_table(
        "tip_account",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("staff_id", Id, nullable=False),
        sa.Column("posted_minor", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"], name=op.f("fk_tip_account_cafe_id")),
        sa.PrimaryKeyConstraint("cafe_id", "staff_id", name=op.f("pk_tip_account")),
    )


def _tip_payout() -> None:
    op.create_table(
        "tip_payout",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("staff_id", Id, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("paid_by", Id, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.CheckConstraint("method IN ('cash', 'payroll')", name=op.f("ck_tip_payout_method")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_tip_payout_amount")),
        sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"], name=op.f("fk_tip_payout_cafe_id")),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_tip_payout")),
    )
    op.create_index("ix_tip_payout_staff", "tip_payout", ["cafe_id", "staff_id", "id"], unique=False)
