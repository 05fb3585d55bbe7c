"""Bank statements and payouts."""

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add to the tables."""
