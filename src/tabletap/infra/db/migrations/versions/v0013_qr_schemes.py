"""When a pay page was opened, and how its link finds it."""

import sqlalchemy as sa
from alembic import op

from tabletap.infra.db.schema import Instant

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add to the tables."""
    op.add_column("qr_payment", sa.Column("scanned_at", Instant, nullable=True))
    op.create_index("ix_qr_payment_id", "qr_payment", ["id"], unique=False)
