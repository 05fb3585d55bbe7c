"""The ledger's tables and statements."""

from typing import Any

import sqlalchemy as sa

from tabletap.infra.db.schema import Id, Instant, Minor, Text, Whole, column, metadata, param
from tabletap.infra.db.statement import Statement


def _where(condition: str) -> dict[str, Any]:
    """A partial index on both engines."""
    return {"postgresql_where": sa.text(condition), "sqlite_where": sa.text(condition)}


journal = sa.Table(
    "journal",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("kind", Text),
    column("currency", Text),
    column("mode", Text),
    column("order_id", Id, null=True),
    column("payment_id", Id, null=True),
    column("refund_id", Id, null=True),
    column("at", Instant),
    column("source_id", Id, null=True),
    sa.CheckConstraint("mode IN ('live', 'test')", name="mode"),
    sa.Index("ix_journal_at", "cafe_id", "at", "id"),
    sa.Index("ix_journal_order", "cafe_id", "order_id", **_where("order_id IS NOT NULL")),
    sa.Index("ix_journal_payment", "cafe_id", "payment_id", **_where("payment_id IS NOT NULL")),
)
entry = sa.Table(
    "entry",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("journal_id", Id, primary_key=True),
    column("n", Whole, primary_key=True),
    column("account", Text),
    column("amount_minor", Minor),
    sa.CheckConstraint("amount_minor <> 0", name="amount"),
    # Entries are written before the journal that seals them, hence deferred.
    sa.ForeignKeyConstraint(
        ["cafe_id", "journal_id"], ["journal.cafe_id", "journal.id"], deferrable=True, initially="DEFERRED"
    ),
    sa.Index("ix_entry_statement", "cafe_id", "account", "journal_id"),
)

UNBALANCED = Statement(
    sa.select(entry.c.journal_id, sa.func.sum(entry.c.amount_minor))
    .where(entry.c.cafe_id == param("cafe_id"))
    .group_by(entry.c.journal_id)
    .having(sa.func.sum(entry.c.amount_minor) != 0)
)
BALANCES = Statement(
    sa.select(entry.c.account, sa.func.sum(entry.c.amount_minor))
    .where(entry.c.cafe_id == param("cafe_id"))
    .group_by(entry.c.account)
    .order_by(entry.c.account)
)
