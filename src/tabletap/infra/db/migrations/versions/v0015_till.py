"""Drawers and day close."""

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add to the tables."""
