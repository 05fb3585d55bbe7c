"""Audit chain."""

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add to the tables."""
