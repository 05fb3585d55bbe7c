"""Audit chain."""

import sqlalchemy as sa
from alembic import op

from tabletap.infra.db.schema import Id, Instant

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add to the tables."""
    op.create_table(
        "audit_chain",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("cafe_id", name=op.f("pk_audit_chain")),
    )
    _seal()
    _head()
    op.create_table(
        "audit_key",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_private_key", sa.Text(), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("cafe_id", "n", name=op.f("pk_audit_key")),
    )
    op.drop_index("ix_entry_account", table_name="entry")
    op.create_index("ix_entry_statement", "entry", ["cafe_id", "account", "journal_id"], unique=False)
    op.create_index("ix_journal_at", "journal", ["cafe_id", "at", "id"], unique=False)
    for name in ("order", "payment"):
        op.create_index(
            f"ix_journal_{name}",
            "journal",
            ["cafe_id", f"{name}_id"],
            unique=False,
            postgresql_where=sa.text(f"{name}_id IS NOT NULL"),
            sqlite_where=sa.text(f"{name}_id IS NOT NULL"),
        )


def _seal() -> None:
    op.create_table(
        "audit_seal",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("row_id", Id, nullable=False),
        sa.Column("row_n", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", Instant, nullable=False),
        sa.CheckConstraint(
            "length(content_hash) = 32 AND length(previous_hash) = 32 AND length(hash) = 32",
            name=op.f("ck_audit_seal_hashes"),
        ),
        sa.PrimaryKeyConstraint("cafe_id", "seq", name=op.f("pk_audit_seal")),
        sa.UniqueConstraint(
            "cafe_id", "source", "row_id", "row_n", name=op.f("uq_audit_seal_cafe_id_source_row_id_row_n")
        ),
    )


def _head() -> None:
    op.create_table(
        "audit_head",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("business_day", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("signed_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_audit_head")),
        sa.UniqueConstraint("cafe_id", "business_day", "n", name=op.f("uq_audit_head_cafe_id_business_day_n")),
    )
