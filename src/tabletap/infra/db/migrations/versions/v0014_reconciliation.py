"""Bank statements and payouts."""

import sqlalchemy as sa
from alembic import op

from tabletap.infra.db.schema import Id, Instant, Json

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add to the tables."""
    _statement()
    _line()
    _line_state()
    _match()
    _mapping()
    _payout()
    _payout_line()


def _statement() -> None:
    op.create_table(
        "bank_statement",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("file_hash", sa.Text(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("statement_id", sa.Text(), nullable=True),
        sa.Column("opening_minor", sa.BigInteger(), nullable=True),
        sa.Column("closing_minor", sa.BigInteger(), nullable=True),
        sa.Column("line_count", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("imported_by", Id, nullable=False),
        sa.Column("imported_at", Instant, nullable=False),
        sa.Column("finished_at", Instant, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("state IN ('importing', 'done')", name=op.f("ck_bank_statement_state")),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_bank_statement")),
        sa.UniqueConstraint("cafe_id", "file_hash", "part", name=op.f("uq_bank_statement_cafe_id_file_hash_part")),
    )


def _line() -> None:
    op.create_table(
        "bank_line",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("statement_id", Id, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("booked_on", sa.Text(), nullable=False),
        sa.Column("value_on", sa.Text(), nullable=True),
        sa.Column("bank_reference", sa.Text(), nullable=True),
        sa.Column("end_to_end_id", sa.Text(), nullable=True),
        sa.Column("structured_reference", sa.Text(), nullable=True),
        sa.Column("remittance", sa.Text(), nullable=False),
        sa.Column("counterparty_name", sa.Text(), nullable=True),
        sa.Column("counterparty_account", sa.Text(), nullable=True),
        sa.Column("reversal", sa.Boolean(), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("ck_bank_line_amount")),
        sa.CheckConstraint("occurrence > 0", name=op.f("ck_bank_line_occurrence")),
        sa.ForeignKeyConstraint(
            ["cafe_id", "statement_id"],
            ["bank_statement.cafe_id", "bank_statement.id"],
            name=op.f("fk_bank_line_cafe_id_statement_id"),
        ),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_bank_line")),
        sa.UniqueConstraint(
            "cafe_id",
            "account",
            "content_hash",
            "occurrence",
            name=op.f("uq_bank_line_cafe_id_account_content_hash_occurrence"),
        ),
    )
    op.create_index("ix_bank_line_payer", "bank_line", ["cafe_id", "counterparty_account"], unique=False)


def _line_state() -> None:
    op.create_table(
        "bank_line_state",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("waiting_minor", sa.BigInteger(), nullable=False),
        sa.Column("suggestions", Json, nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        sa.CheckConstraint(
            "status IN ('matched', 'partly_paid', 'overpaid', 'suggested', 'suspense', 'dismissed')",
            name=op.f("ck_bank_line_state_status"),
        ),
        sa.CheckConstraint(
            "(waiting_minor <> 0) = (status IN ('suggested', 'suspense'))", name=op.f("ck_bank_line_state_waiting")
        ),
        sa.ForeignKeyConstraint(
            ["cafe_id", "id"], ["bank_line.cafe_id", "bank_line.id"], name=op.f("fk_bank_line_state_cafe_id_id")
        ),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_bank_line_state")),
    )
    op.create_index("ix_bank_line_state_status", "bank_line_state", ["cafe_id", "status", "id"], unique=False)


def _match() -> None:
    op.create_table(
        "bank_match",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("line_id", Id, nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("target_id", Id, nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("booked", sa.Boolean(), nullable=False),
        sa.Column("undoes_id", Id, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("actor", Id, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("ck_bank_match_amount")),
        sa.CheckConstraint(
            "target IN ('payment', 'refund', 'payout', 'line', 'suspense', 'nothing') "
            "AND (target_id IS NULL) = (target IN ('suspense', 'nothing'))",
            name=op.f("ck_bank_match_target"),
        ),
        sa.ForeignKeyConstraint(
            ["cafe_id", "line_id"], ["bank_line.cafe_id", "bank_line.id"], name=op.f("fk_bank_match_cafe_id_line_id")
        ),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_bank_match")),
        sa.UniqueConstraint("cafe_id", "undoes_id", name=op.f("uq_bank_match_cafe_id_undoes_id")),
    )
    op.create_index("ix_bank_match_line", "bank_match", ["cafe_id", "line_id"], unique=False)
    op.create_index("ix_bank_match_target", "bank_match", ["cafe_id", "target_id"], unique=False)


def _mapping() -> None:
    op.create_table(
        "bank_csv_mapping",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("mapping", Json, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_by", Id, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("cafe_id", name=op.f("pk_bank_csv_mapping")),
    )


def _payout() -> None:
    op.create_table(
        "payout",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("provider_account_id", Id, nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("gross_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("refund_minor", sa.BigInteger(), nullable=False),
        sa.Column("dispute_minor", sa.BigInteger(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_on", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("differences", Json, nullable=True),
        sa.Column("imported_by", Id, nullable=False),
        sa.Column("imported_at", Instant, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "gross_minor - fee_minor - refund_minor - dispute_minor = net_minor", name=op.f("ck_payout_net")
        ),
        sa.CheckConstraint("state IN ('announced', 'received')", name=op.f("ck_payout_state")),
        sa.CheckConstraint("mode IN ('live', 'test')", name=op.f("ck_payout_mode")),
        sa.ForeignKeyConstraint(
            ["cafe_id", "provider_account_id"],
            ["provider_account.cafe_id", "provider_account.id"],
            name=op.f("fk_payout_cafe_id_provider_account_id"),
        ),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_payout")),
        sa.UniqueConstraint(
            "cafe_id",
            "provider_account_id",
            "external_id",
            name=op.f("uq_payout_cafe_id_provider_account_id_external_id"),
        ),
    )
    op.create_index("ix_payout_state", "payout", ["cafe_id", "state", "id"], unique=False)


def _payout_line() -> None:
    op.create_table(
        "payout_line",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("payout_id", Id, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("payment_id", Id, nullable=True),
        sa.Column("refund_id", Id, nullable=True),
        sa.Column("difference", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('payment', 'refund', 'dispute')", name=op.f("ck_payout_line_kind")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payout_line_amount")),
        sa.ForeignKeyConstraint(
            ["cafe_id", "payout_id"], ["payout.cafe_id", "payout.id"], name=op.f("fk_payout_line_cafe_id_payout_id")
        ),
        sa.PrimaryKeyConstraint("cafe_id", "payout_id", "n", name=op.f("pk_payout_line")),
    )
