"""Orders, payments and what hangs on them."""

import sqlalchemy as sa
from alembic import op

from tabletap.infra.db.schema import Id, Instant, Json

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    _qr_payment()
    _provider_account()
    _cafe_order()
    _customer_credit()
    _webhook_inbox()
    _credit_transaction()
    _order_item()
    _payment()
    _split()
    _payment_change()
    _provider_call()
    _refund()


def _qr_payment() -> None:
    op.create_table(
        "qr_payment",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("payment_id", Id, nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("bank_details", Json, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("bank_reference", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=True),
        sa.CheckConstraint(
            "status IN ('generated', 'scanned', 'paid', 'expired', 'cancelled')", name=op.f("ck_qr_payment_status")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_qr_payment_amount")),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_qr_payment")),
        sa.UniqueConstraint("cafe_id", "payment_id", name=op.f("uq_qr_payment_cafe_id_payment_id")),
        sa.UniqueConstraint("cafe_id", "reference", name=op.f("uq_qr_payment_cafe_id_reference")),
    )


def _provider_account() -> None:
    op.create_table(
        "provider_account",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("api_url", sa.Text(), nullable=False),
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("api_key", sa.Text(), nullable=False),
        sa.Column("webhook_secret", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.CheckConstraint("mode IN ('live', 'test')", name=op.f("ck_provider_account_mode")),
        sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"], name=op.f("fk_provider_account_cafe_id")),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_provider_account")),
        sa.UniqueConstraint("cafe_id", "provider", name=op.f("uq_provider_account_cafe_id_provider")),
        sa.UniqueConstraint("token", name=op.f("uq_provider_account_token")),
    )


def _cafe_order() -> None:
    op.create_table(
        "cafe_order",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("order_number", sa.Integer(), nullable=False),
        sa.Column("business_day", sa.Text(), nullable=False),
        sa.Column("table_id", Id, nullable=True),
        sa.Column("table_number", sa.Text(), nullable=True),
        sa.Column("takeaway_name", sa.Text(), nullable=True),
        sa.Column("session_id", Id, nullable=True),
        sa.Column("customer_id", Id, nullable=True),
        sa.Column("placed_by", Id, nullable=False),
        sa.Column("client_order_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("subtotal_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("reserved_minor", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        sa.Column("paid_at", Instant, nullable=True),
        sa.CheckConstraint(
            "status IN ('pending', 'paid', 'preparing', 'ready', 'collected', 'cancelled')",
            name=op.f("ck_cafe_order_status"),
        ),
        sa.CheckConstraint("paid_minor >= 0 AND paid_minor <= total_minor", name=op.f("ck_cafe_order_never_overpaid")),
        sa.CheckConstraint("refunded_minor >= 0 AND refunded_minor <= paid_minor", name=op.f("ck_cafe_order_refunded")),
        sa.CheckConstraint("reserved_minor >= 0", name=op.f("ck_cafe_order_reserved")),
        sa.ForeignKeyConstraint(
            ["cafe_id", "table_id"],
            ["cafe_table.cafe_id", "cafe_table.id"],
            name=op.f("fk_cafe_order_cafe_id_table_id"),
        ),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_cafe_order")),
        sa.UniqueConstraint(
            "cafe_id", "business_day", "order_number", name=op.f("uq_cafe_order_cafe_id_business_day_order_number")
        ),
        sa.UniqueConstraint(
            "cafe_id", "placed_by", "client_order_id", name=op.f("uq_cafe_order_cafe_id_placed_by_client_order_id")
        ),
        postgresql_with={"fillfactor": 80},
    )
    op.create_index("ix_cafe_order_session", "cafe_order", ["cafe_id", "session_id"], unique=False)
    op.create_index("ix_cafe_order_status", "cafe_order", ["cafe_id", "status", "id"], unique=False)


def _customer_credit() -> None:
    op.create_table(
        "customer_credit",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("posted_minor", sa.BigInteger(), nullable=False),
        sa.Column("held_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_earned_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_spent_minor", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        sa.CheckConstraint("status IN ('active', 'suspended', 'closed')", name=op.f("ck_customer_credit_status")),
        sa.CheckConstraint("held_minor >= 0", name=op.f("ck_customer_credit_held")),
        sa.CheckConstraint("posted_minor - held_minor >= 0", name=op.f("ck_customer_credit_never_below_zero")),
        sa.ForeignKeyConstraint(
            ["cafe_id", "customer_id"],
            ["person.cafe_id", "person.id"],
            name=op.f("fk_customer_credit_cafe_id_customer_id"),
        ),
        sa.PrimaryKeyConstraint("cafe_id", "customer_id", name=op.f("pk_customer_credit")),
        postgresql_with={"fillfactor": 80},
    )


def _webhook_inbox() -> None:
    op.create_table(
        "webhook_inbox",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("account_id", Id, nullable=False),
        sa.Column("dedupe_id", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("reference", Id, nullable=True),
        sa.Column("refund_reference", Id, nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("received_at", Instant, nullable=False),
        sa.Column("handled_at", Instant, nullable=True),
        sa.CheckConstraint("state IN ('received', 'handled', 'kept')", name=op.f("ck_webhook_inbox_state")),
        sa.ForeignKeyConstraint(
            ["cafe_id", "account_id"],
            ["provider_account.cafe_id", "provider_account.id"],
            name=op.f("fk_webhook_inbox_cafe_id_account_id"),
        ),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_webhook_inbox")),
        sa.UniqueConstraint(
            "cafe_id", "account_id", "dedupe_id", name=op.f("uq_webhook_inbox_cafe_id_account_id_dedupe_id")
        ),
    )


def _credit_transaction() -> None:
    op.create_table(
        "credit_transaction",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("balance_before_minor", sa.BigInteger(), nullable=False),
        sa.Column("balance_after_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("order_id", Id, nullable=True),
        sa.Column("payment_id", Id, nullable=True),
        sa.Column("staff_id", Id, nullable=True),
        sa.Column("metadata", Json, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.CheckConstraint("type IN ('credit', 'debit', 'refund', 'expiry')", name=op.f("ck_credit_transaction_type")),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("ck_credit_transaction_amount")),
        sa.CheckConstraint(
            "balance_after_minor = balance_before_minor + amount_minor", name=op.f("ck_credit_transaction_sums")
        ),
        sa.ForeignKeyConstraint(
            ["cafe_id", "customer_id"],
            ["customer_credit.cafe_id", "customer_credit.customer_id"],
            name=op.f("fk_credit_transaction_cafe_id_customer_id"),
        ),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_credit_transaction")),
    )
    op.create_index(
        "ix_credit_transaction_customer", "credit_transaction", ["cafe_id", "customer_id", "id"], unique=False
    )


def _order_item() -> None:
    op.create_table(
        "order_item",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("menu_item_id", Id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price_minor", sa.BigInteger(), nullable=False),
        sa.Column("modifiers", Json, nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("station", sa.Text(), nullable=True),
        sa.Column("allergens", Json, nullable=False),
        sa.Column("tax_basis_points", sa.Integer(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("voided", sa.Boolean(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_order_item_quantity")),
        sa.ForeignKeyConstraint(
            ["cafe_id", "order_id"],
            ["cafe_order.cafe_id", "cafe_order.id"],
            name=op.f("fk_order_item_cafe_id_order_id"),
        ),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_order_item")),
    )
    op.create_index("ix_order_item_order", "order_item", ["cafe_id", "order_id"], unique=False)


def _payment() -> None:
    op.create_table(
        "payment",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=True),
        sa.Column("staff_id", Id, nullable=True),
        sa.Column("split_id", Id, nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("tip_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("needs_review", sa.Boolean(), nullable=False),
        sa.Column("external_transaction_id", sa.Text(), nullable=True),
        sa.Column("gateway_payment_id", sa.Text(), nullable=True),
        sa.Column("redirect_url", sa.Text(), nullable=True),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("refund_pending_minor", sa.BigInteger(), nullable=False),
        sa.Column("metadata", Json, nullable=True),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("initiated_by", Id, nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.Column("check_count", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("initiated_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=True),
        sa.Column("completed_at", Instant, nullable=True),
        sa.Column("failed_at", Instant, nullable=True),
        sa.Column("updated_at", Instant, nullable=False),
        sa.Column("provider_account_id", Id, nullable=True),
        sa.CheckConstraint("mode IN ('live', 'test')", name=op.f("ck_payment_mode")),
        sa.CheckConstraint(
            "refunded_minor + refund_pending_minor <= "
            "CASE WHEN state = 'completed' THEN amount_minor + tip_minor ELSE 0 END",
            name=op.f("ck_payment_never_refunded_beyond_captured"),
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'processing', 'completed', 'failed', 'cancelled', 'expired')",
            name=op.f("ck_payment_state"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payment_amount")),
        sa.CheckConstraint("refunded_minor >= 0 AND refund_pending_minor >= 0", name=op.f("ck_payment_refunds")),
        sa.CheckConstraint("tip_minor >= 0", name=op.f("ck_payment_tip")),
        sa.ForeignKeyConstraint(
            ["cafe_id", "order_id"], ["cafe_order.cafe_id", "cafe_order.id"], name=op.f("fk_payment_cafe_id_order_id")
        ),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_payment")),
        postgresql_with={"fillfactor": 80},
    )
    op.create_index("ix_payment_order", "payment", ["cafe_id", "order_id"], unique=False)


def _split() -> None:
    op.create_table(
        "split",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("claimed_by", Id, nullable=True),
        sa.Column("leased_until", Instant, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.CheckConstraint("status IN ('open', 'paying', 'paid', 'cancelled')", name=op.f("ck_split_status")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_split_amount")),
        sa.ForeignKeyConstraint(
            ["cafe_id", "order_id"], ["cafe_order.cafe_id", "cafe_order.id"], name=op.f("fk_split_cafe_id_order_id")
        ),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_split")),
    )
    op.create_index("ix_split_order", "split", ["cafe_id", "order_id", "position"], unique=False)


def _payment_change() -> None:
    op.create_table(
        "payment_change",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("payment_id", Id, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("actor", Id, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["cafe_id", "payment_id"],
            ["payment.cafe_id", "payment.id"],
            name=op.f("fk_payment_change_cafe_id_payment_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("cafe_id", "payment_id", "n", name=op.f("pk_payment_change")),
    )


def _provider_call() -> None:
    op.create_table(
        "provider_call",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("payment_id", Id, nullable=False),
        sa.Column("refund_id", Id, nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["cafe_id", "payment_id"],
            ["payment.cafe_id", "payment.id"],
            name=op.f("fk_provider_call_cafe_id_payment_id"),
        ),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_provider_call")),
    )
    op.create_index("ix_provider_call_payment", "provider_call", ["cafe_id", "payment_id", "id"], unique=False)


def _refund() -> None:
    op.create_table(
        "refund",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("payment_id", Id, nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("original_minor", sa.BigInteger(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("staff_id", Id, nullable=False),
        sa.Column("external_refund_id", sa.Text(), nullable=True),
        sa.Column("check_count", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("processed_at", Instant, nullable=True),
        sa.Column("updated_at", Instant, nullable=False),
        sa.CheckConstraint("destination IN ('original', 'credit')", name=op.f("ck_refund_destination")),
        sa.CheckConstraint("status IN ('pending', 'completed', 'failed')", name=op.f("ck_refund_status")),
        sa.CheckConstraint("amount_minor > 0 AND amount_minor <= original_minor", name=op.f("ck_refund_amount")),
        sa.ForeignKeyConstraint(
            ["cafe_id", "payment_id"], ["payment.cafe_id", "payment.id"], name=op.f("fk_refund_cafe_id_payment_id")
        ),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_refund")),
    )
    op.create_index("ix_refund_payment", "refund", ["cafe_id", "payment_id", "id"], unique=False)
