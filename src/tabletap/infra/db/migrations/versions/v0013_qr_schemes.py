"""More schemes of QR codes."""

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add to the tables."""
