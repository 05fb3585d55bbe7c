"""Refunds know their parts: order, tip and rounding."""

import sqlalchemy as sa
from alembic import op

from tabletap.infra.db.schema import Id

revision = "0003"
down_revision = "0002"

_BOOKED = """
UPDATE payment SET {column} = -COALESCE((
  SELECT SUM(e.amount_minor) FROM journal j JOIN entry e ON e.cafe_id = j.cafe_id AND e.journal_id = j.id
  WHERE j.cafe_id = payment.cafe_id AND j.payment_id = payment.id AND j.refund_id IS NULL AND e.account = '{account}'
), 0) WHERE state = 'completed'
"""
_EARLIER = """COALESCE((
  SELECT SUM(e.amount_minor) FROM refund e
  WHERE e.cafe_id = refund.cafe_id AND e.payment_id = refund.payment_id AND e.id < refund.id AND e.status <> 'failed'
), 0)"""
_ORDER_LEFT = (
    f"(SELECT p.amount_minor FROM payment p WHERE p.cafe_id = refund.cafe_id AND p.id = refund.payment_id) - {_EARLIER}"
)
_ORDER_PART = f"""
UPDATE refund SET order_minor = CASE
  WHEN {_ORDER_LEFT} <= 0 THEN 0
  WHEN {_ORDER_LEFT} >= amount_minor THEN amount_minor
  ELSE {_ORDER_LEFT}
END
"""


def upgrade() -> None:
    """Add to the tables."""
    _payment()
    _refund()


def _payment() -> None:
    """What the books say of earlier payments becomes theirs to know."""
    for name in ("rounding_minor", "suspense_minor"):
        op.add_column("payment", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    op.execute(_BOOKED.format(column="rounding_minor", account="cash_rounding"))
    op.execute(_BOOKED.format(column="suspense_minor", account="suspense"))


def _refund() -> None:
    """Earlier refunds gave back the order's money first and the tip last."""
    for name in ("order_minor", "tip_minor", "suspense_minor", "rounding_minor"):
        op.add_column("refund", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("refund", sa.Column("error", sa.Text(), nullable=True))
    op.add_column("refund", sa.Column("needs_review", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("refund", sa.Column("batch_id", Id, nullable=True))
    op.add_column("refund", sa.Column("settled_by", Id, nullable=True))
    op.create_index("ix_refund_order", "refund", ["cafe_id", "order_id", "id"], unique=False)
    op.execute(_ORDER_PART)
    op.execute("UPDATE refund SET tip_minor = amount_minor - order_minor")
