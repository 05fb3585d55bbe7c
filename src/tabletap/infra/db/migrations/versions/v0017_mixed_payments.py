"""Credit beside another method, credit that is bought, and the tax in what was paid."""

import sqlalchemy as sa
from alembic import op

from tabletap.infra.db.schema import Id

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add to the tables."""
    op.execute(
        "ALTER TABLE cafe_order ADD COLUMN kind TEXT DEFAULT 'sale' NOT NULL "
        "CONSTRAINT ck_cafe_order_kind CHECK (kind IN ('sale', 'top_up'))"
    )
    op.add_column("payment", sa.Column("credit_payment_id", Id, nullable=True))
    op.add_column("payment", sa.Column("goes_with_id", Id, nullable=True))
    # What was paid before was booked to sales as a whole, and what goes back of it is taken from there.
    for name in ("tax_paid_minor", "tax_refunded_minor"):
        op.add_column("cafe_order", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
