"""Lots of credit, what was taken from them, and what is set aside."""

import sqlalchemy as sa
from alembic import op

from tabletap.infra.db.schema import Id, Instant

revision = "0011"
down_revision = "0010"

_LOT_OF_WHAT_THERE_IS = """
INSERT INTO credit_lot
  (cafe_id, id, customer_id, kind, amount_minor, remaining_minor, held_minor, expires_at, payment_id, transaction_id,
   created_at)
SELECT cafe_id, customer_id, customer_id, 'paid', posted_minor, posted_minor, held_minor, NULL, NULL, NULL, created_at
FROM customer_credit WHERE posted_minor > 0
"""
"""What customers have had so far is one lot without expiry. Nobody noted then what was bought and what was given: as
bought credit it is used last and is never lost. Its id is its customer's, which no other lot has."""


def upgrade() -> None:
    """Add to the tables."""
    op.add_column(
        "customer_credit", sa.Column("total_expired_minor", sa.BigInteger(), nullable=False, server_default="0")
    )
    _lot()
    _consumption()
    _hold()
    _account_change()
    op.execute(_LOT_OF_WHAT_THERE_IS)


def _lot() -> None:
    op.create_table(
        "credit_lot",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("remaining_minor", sa.BigInteger(), nullable=False),
        sa.Column("held_minor", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", Instant, nullable=True),
        sa.Column("payment_id", Id, nullable=True),
        sa.Column("transaction_id", Id, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.CheckConstraint("kind IN ('paid', 'promotional', 'refund')", name=op.f("ck_credit_lot_kind")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_credit_lot_amount")),
        sa.CheckConstraint(
            "remaining_minor >= 0 AND remaining_minor <= amount_minor", name=op.f("ck_credit_lot_remaining")
        ),
        sa.CheckConstraint("held_minor >= 0 AND held_minor <= remaining_minor", name=op.f("ck_credit_lot_held")),
        _to("credit_lot", "customer_id", "customer_credit", "customer_id", deferred=False),
        _to("credit_lot", "transaction_id", "credit_transaction"),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_credit_lot")),
    )
    _partial_index("ix_credit_lot_open", ["cafe_id", "customer_id", "remaining_minor"], "remaining_minor > 0")
    _partial_index("ix_credit_lot_expiry", ["expires_at"], "remaining_minor > 0")
    _partial_index("ix_credit_lot_bought", ["cafe_id", "payment_id"], "kind = 'paid' AND payment_id IS NOT NULL")
    op.create_index("ix_credit_lot_customer", "credit_lot", ["cafe_id", "customer_id", "id"], unique=False)


def _partial_index(name: str, columns: list[str], where: str) -> None:
    op.create_index(
        name, "credit_lot", columns, unique=False, postgresql_where=sa.text(where), sqlite_where=sa.text(where)
    )


def _to(
    table: str, column: str, target: str, target_column: str = "id", *, deferred: bool = True
) -> sa.ForeignKeyConstraint:
    """A foreign key within the cafe."""
    return sa.ForeignKeyConstraint(
        ["cafe_id", column],
        [f"{target}.cafe_id", f"{target}.{target_column}"],
        name=op.f(f"fk_{table}_cafe_id_{column}"),
        deferrable=True if deferred else None,
        initially="DEFERRED" if deferred else None,
    )


def _consumption() -> None:
    op.create_table(
        "credit_consumption",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("transaction_id", Id, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("lot_id", Id, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("payment_id", Id, nullable=True),
        sa.Column("at", Instant, nullable=False),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("ck_credit_consumption_amount")),
        _to("credit_consumption", "transaction_id", "credit_transaction"),
        _to("credit_consumption", "lot_id", "credit_lot"),
        sa.PrimaryKeyConstraint("cafe_id", "transaction_id", "n", name=op.f("pk_credit_consumption")),
    )
    op.create_index("ix_credit_consumption_lot", "credit_consumption", ["cafe_id", "lot_id"], unique=False)
    op.create_index("ix_credit_consumption_payment", "credit_consumption", ["cafe_id", "payment_id"], unique=False)


def _hold() -> None:
    op.create_table(
        "credit_hold",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("payment_id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("ended_at", Instant, nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_credit_hold_amount")),
        sa.CheckConstraint("state IN ('held', 'spent', 'released')", name=op.f("ck_credit_hold_state")),
        _to("credit_hold", "customer_id", "customer_credit", "customer_id", deferred=False),
        sa.PrimaryKeyConstraint("cafe_id", "payment_id", name=op.f("pk_credit_hold")),
    )
    op.create_table(
        "credit_hold_part",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("payment_id", Id, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("lot_id", Id, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_credit_hold_part_amount")),
        _to("credit_hold_part", "payment_id", "credit_hold", "payment_id"),
        _to("credit_hold_part", "lot_id", "credit_lot"),
        sa.PrimaryKeyConstraint("cafe_id", "payment_id", "n", name=op.f("pk_credit_hold_part")),
    )
    op.create_index("ix_credit_hold_part_lot", "credit_hold_part", ["cafe_id", "lot_id"], unique=False)


def _account_change() -> None:
    op.create_table(
        "credit_account_change",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("from_status", sa.Text(), nullable=False),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("staff_id", Id, nullable=False),
        sa.Column("at", Instant, nullable=False),
        _to("credit_account_change", "customer_id", "customer_credit", "customer_id", deferred=False),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_credit_account_change")),
    )
