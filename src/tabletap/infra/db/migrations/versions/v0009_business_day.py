"""The business day, who stands on receipts, the terms of credit, and what else caused a journal."""

import sqlalchemy as sa
from alembic import op

from tabletap.infra.db.schema import Id, Json

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add to the tables."""
    op.add_column("cafe", sa.Column("day_starts_minute", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("cafe", sa.Column("business_details", Json, nullable=True))
    op.add_column("cafe", sa.Column("credit_settings", Json, nullable=True))
    op.add_column("journal", sa.Column("source_id", Id, nullable=True))
