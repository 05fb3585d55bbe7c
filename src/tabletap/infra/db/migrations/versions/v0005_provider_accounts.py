"""Provider accounts with sealed, rotating secrets, and an inbox that says what became of each notice."""

import sqlalchemy as sa
from alembic import op

from tabletap.infra.db.schema import Instant

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add to the tables.

    A migration knows no key, so it seals nothing: what is stored in clear is sealed at the next start of the server
    and taken out of the old columns then (payments/accounts/service.py).
    """
    for name in ("sealed_api_key", "sealed_webhook_secret", "sealed_previous_secret"):
        op.add_column("provider_account", sa.Column(name, sa.Text(), nullable=True))
    for name in ("previous_secret_until", "api_key_set_at", "webhook_secret_set_at", "refused_at"):
        op.add_column("provider_account", sa.Column(name, Instant, nullable=True))
    op.add_column("provider_account", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("provider_account", sa.Column("refused_count", sa.Integer(), nullable=False, server_default="0"))
    for name in ("outcome", "error", "status_before", "status_after", "refund_status"):
        op.add_column("webhook_inbox", sa.Column(name, sa.Text(), nullable=True))
    for name in ("tried_at", "held_at", "body_until"):
        op.add_column("webhook_inbox", sa.Column(name, Instant, nullable=True))
    op.add_column("webhook_inbox", sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"))
    op.execute("UPDATE webhook_inbox SET body_until = received_at")
    op.create_index("ix_webhook_inbox_body_until", "webhook_inbox", ["body_until"])
