"""Shares made of items."""

import sqlalchemy as sa
from alembic import op

from tabletap.infra.db.schema import Json

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add to the tables."""
    op.add_column("split", sa.Column("items", Json, nullable=True))
    op.add_column("split", sa.Column("weight", sa.Integer(), nullable=True))
