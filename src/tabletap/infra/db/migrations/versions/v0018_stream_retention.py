"""Old events of streams are found by their age, and new streams begin in the epoch of their cafe."""

import sqlalchemy as sa
from alembic import op

from tabletap.infra.db.schema import Id

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add to the tables."""
    op.create_index("ix_stream_event_at", "stream_event", ["at"])
    op.create_table(
        "stream_epoch",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("cafe_id", name=op.f("pk_stream_epoch")),
    )
