"""Cafes, people, streams, the ledger and what else stands below orders."""

import sqlalchemy as sa
from alembic import op

from tabletap.infra.db.schema import Id, Instant, Json

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    _cafe()
    _idempotency()
    _journal()
    _order_counter()
    _stream()
    _stream_event()
    _cafe_table()
    _entry()
    _menu_item()
    _person()
    _tip_configuration()
    _refresh_token()
    _table_session()


def _cafe() -> None:
    op.create_table(
        "cafe",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("payment_policy", sa.Text(), nullable=False),
        sa.Column("expiry_minutes", Json, nullable=False),
        sa.Column("cash_rounding_minor", sa.BigInteger(), nullable=False),
        sa.Column("late_money_policy", sa.Text(), nullable=False),
        sa.Column("bank_details", Json, nullable=True),
        sa.Column("counter_credit_limit_minor", sa.BigInteger(), nullable=False),
        sa.Column("refund_limit_minor", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.CheckConstraint(
            "late_money_policy IN ('credit', 'refund', 'review')", name=op.f("ck_cafe_late_money_policy")
        ),
        sa.CheckConstraint("payment_policy IN ('pay_first', 'pay_later')", name=op.f("ck_cafe_payment_policy")),
        sa.CheckConstraint("cash_rounding_minor >= 0", name=op.f("ck_cafe_cash_rounding")),
        sa.CheckConstraint("counter_credit_limit_minor >= 0", name=op.f("ck_cafe_counter_credit_limit")),
        sa.CheckConstraint("length(currency) = 3", name=op.f("ck_cafe_currency")),
        sa.CheckConstraint("refund_limit_minor >= 0", name=op.f("ck_cafe_refund_limit")),
        sa.PrimaryKeyConstraint("cafe_id", name=op.f("pk_cafe")),
    )


def _idempotency() -> None:
    op.create_table(
        "idempotency",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("resource_id", Id, nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("at", Instant, nullable=False),
        sa.CheckConstraint("state IN ('running', 'done', 'refused')", name=op.f("ck_idempotency_state")),
        sa.PrimaryKeyConstraint("cafe_id", "person_id", "route", "key", name=op.f("pk_idempotency")),
    )
    op.create_index("ix_idempotency_at", "idempotency", ["at"], unique=False)


def _journal() -> None:
    op.create_table(
        "journal",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("order_id", Id, nullable=True),
        sa.Column("payment_id", Id, nullable=True),
        sa.Column("refund_id", Id, nullable=True),
        sa.Column("at", Instant, nullable=False),
        sa.CheckConstraint("mode IN ('live', 'test')", name=op.f("ck_journal_mode")),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_journal")),
    )


def _order_counter() -> None:
    op.create_table(
        "order_counter",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("business_day", sa.Text(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("cafe_id", "business_day", name=op.f("pk_order_counter")),
    )


def _stream() -> None:
    op.create_table(
        "stream",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("head", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("cafe_id", "key", name=op.f("pk_stream")),
        postgresql_with={"fillfactor": 50},
    )


def _stream_event() -> None:
    op.create_table(
        "stream_event",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("event_id", Id, nullable=False),
        sa.Column("cause_id", Id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("schema_version", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("cafe_id", "key", "seq", name=op.f("pk_stream_event")),
    )


def _cafe_table() -> None:
    op.create_table(
        "cafe_table",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.CheckConstraint("length(code) >= 22", name=op.f("ck_cafe_table_code_cannot_be_guessed")),
        sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"], name=op.f("fk_cafe_table_cafe_id")),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_cafe_table")),
        sa.UniqueConstraint("cafe_id", "number", name=op.f("uq_cafe_table_cafe_id_number")),
        sa.UniqueConstraint("code", name=op.f("uq_cafe_table_code")),
    )


def _entry() -> None:
    op.create_table(
        "entry",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("journal_id", Id, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("ck_entry_amount")),
        sa.ForeignKeyConstraint(
            ["cafe_id", "journal_id"],
            ["journal.cafe_id", "journal.id"],
            name=op.f("fk_entry_cafe_id_journal_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("cafe_id", "journal_id", "n", name=op.f("pk_entry")),
    )
    op.create_index("ix_entry_account", "entry", ["cafe_id", "account"], unique=False)


def _menu_item() -> None:
    op.create_table(
        "menu_item",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("tax_basis_points", sa.Integer(), nullable=False),
        sa.Column("station", sa.Text(), nullable=True),
        sa.Column("allergens", Json, nullable=False),
        sa.Column("modifiers", Json, nullable=False),
        sa.Column("available", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.CheckConstraint("price_minor >= 0", name=op.f("ck_menu_item_price")),
        sa.CheckConstraint("tax_basis_points BETWEEN 0 AND 10000", name=op.f("ck_menu_item_tax")),
        sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"], name=op.f("fk_menu_item_cafe_id")),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_menu_item")),
        sa.UniqueConstraint("cafe_id", "name", name=op.f("uq_menu_item_cafe_id_name")),
    )


def _person() -> None:
    op.create_table(
        "person",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("roles", Json, nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("disabled_at", Instant, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.CheckConstraint(
            "kind <> 'guest' OR (email IS NULL AND name IS NULL)", name=op.f("ck_person_guest_is_anonymous")
        ),
        sa.CheckConstraint("kind IN ('staff', 'customer', 'guest')", name=op.f("ck_person_kind")),
        sa.CheckConstraint("tier IN ('standard', 'premium')", name=op.f("ck_person_tier")),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_person_email_lower_case")),
        sa.CheckConstraint("password_hash IS NULL OR email IS NOT NULL", name=op.f("ck_person_password_needs_email")),
        sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"], name=op.f("fk_person_cafe_id")),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_person")),
        sa.UniqueConstraint("cafe_id", "email", name=op.f("uq_person_cafe_id_email")),
    )
    op.create_index("ix_person_email", "person", ["email"], unique=False)
    op.create_index("ix_person_kind", "person", ["cafe_id", "kind", "id"], unique=False)


def _tip_configuration() -> None:
    op.create_table(
        "tip_configuration",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("configuration", Json, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"], name=op.f("fk_tip_configuration_cafe_id")),
        sa.PrimaryKeyConstraint("cafe_id", name=op.f("pk_tip_configuration")),
    )


def _refresh_token() -> None:
    op.create_table(
        "refresh_token",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("family_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("table_id", Id, nullable=True),
        sa.Column("session_id", Id, nullable=True),
        sa.Column("issued_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
        sa.Column("used_at", Instant, nullable=True),
        sa.Column("revoked_at", Instant, nullable=True),
        sa.CheckConstraint("audience IN ('access', 'guest', 'device')", name=op.f("ck_refresh_token_audience")),
        sa.CheckConstraint("expires_at > issued_at", name=op.f("ck_refresh_token_expires")),
        sa.ForeignKeyConstraint(
            ["cafe_id", "person_id"], ["person.cafe_id", "person.id"], name=op.f("fk_refresh_token_cafe_id_person_id")
        ),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_refresh_token")),
        sa.UniqueConstraint("hash", name=op.f("uq_refresh_token_hash")),
    )
    op.create_index("ix_refresh_token_expires_at", "refresh_token", ["expires_at"], unique=False)
    op.create_index("ix_refresh_token_family", "refresh_token", ["cafe_id", "family_id"], unique=False)
    op.create_index("ix_refresh_token_person", "refresh_token", ["cafe_id", "person_id"], unique=False)
    op.create_index(
        "uq_refresh_token_usable",
        "refresh_token",
        ["cafe_id", "family_id"],
        unique=True,
        postgresql_where=sa.text("used_at IS NULL AND revoked_at IS NULL"),
        sqlite_where=sa.text("used_at IS NULL AND revoked_at IS NULL"),
    )


def _table_session() -> None:
    op.create_table(
        "table_session",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("table_id", Id, nullable=False),
        sa.Column("opened_at", Instant, nullable=False),
        sa.Column("closed_at", Instant, nullable=True),
        sa.CheckConstraint("closed_at >= opened_at", name=op.f("ck_table_session_closed_after_opened")),
        sa.ForeignKeyConstraint(
            ["cafe_id", "table_id"],
            ["cafe_table.cafe_id", "cafe_table.id"],
            name=op.f("fk_table_session_cafe_id_table_id"),
        ),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_table_session")),
    )
    op.create_index(
        "uq_table_session_open",
        "table_session",
        ["cafe_id", "table_id"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
        sqlite_where=sa.text("closed_at IS NULL"),
    )
