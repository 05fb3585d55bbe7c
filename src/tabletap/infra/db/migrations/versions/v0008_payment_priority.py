"""A payment knows how urgent its background work is."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add to the tables."""
    op.add_column("payment", sa.Column("priority", sa.Integer(), nullable=False, server_default="0"))
