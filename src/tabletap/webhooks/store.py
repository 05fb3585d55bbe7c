"""The inbox's table and statements."""

from datetime import datetime

import msgspec
import sqlalchemy as sa

from tabletap.infra.db.schema import Bytes, Id, Instant, Text, column, columns_of, metadata, param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader


class InboxEntry(msgspec.Struct, frozen=True):
    """A provider's notice, kept as it came: a row of `webhook_inbox`."""

    cafe_id: str
    id: str
    account_id: str
    dedupe_id: str
    event_type: str
    reference: str | None
    refund_reference: str | None
    body: bytes
    state: str
    received_at: datetime
    handled_at: datetime | None


webhook_inbox = sa.Table(
    "webhook_inbox",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("account_id", Id),
    column("dedupe_id", Text),
    column("event_type", Text),
    column("reference", Id, null=True),
    column("refund_reference", Id, null=True),
    column("body", Bytes),
    column("state", Text),
    column("received_at", Instant),
    column("handled_at", Instant, null=True),
    sa.CheckConstraint("state IN ('received', 'handled', 'kept')", name="state"),
    sa.UniqueConstraint("cafe_id", "account_id", "dedupe_id"),
    sa.ForeignKeyConstraint(["cafe_id", "account_id"], ["provider_account.cafe_id", "provider_account.id"]),
)

_GET = Statement(
    sa.select(*columns_of(webhook_inbox, InboxEntry)).where(
        webhook_inbox.c.cafe_id == param("cafe_id"), webhook_inbox.c.id == param("id")
    )
)


async def get(reader: Reader, entry_id: str) -> InboxEntry | None:
    """A notice by its id."""
    return await reader.one(_GET, InboxEntry, cafe_id=reader.cafe_id, id=entry_id)
