"""Credit beside another method, and credit that is bought."""

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add to the tables."""
