"""Tips shared out."""

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add to the tables."""
