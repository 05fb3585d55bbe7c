"""Access that ends before its token does."""

import sqlalchemy as sa
from alembic import op

from tabletap.infra.db.schema import Id, Instant

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add to the tables."""
    op.create_table(
        "revocation",
        sa.Column("cafe_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("subject_id", Id, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("cafe_id", "id", name=op.f("pk_revocation")),
    )
    op.create_index("ix_revocation_subject", "revocation", ["cafe_id", "subject_id"], unique=False)
    op.create_index("ix_revocation_at", "revocation", ["at"], unique=False)
