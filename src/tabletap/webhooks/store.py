"""The inbox's table and statements."""

from datetime import datetime

import sqlalchemy as sa

from tabletap.infra.db.schema import Bytes, Id, Instant, Text, Whole, column, columns_of, metadata, param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.webhooks.model import InboxEntry, Notice, NoticeState

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
    column("outcome", Text, null=True),
    column("error", Text, null=True),
    column("status_before", Text, null=True),
    column("status_after", Text, null=True),
    column("refund_status", Text, null=True),
    column("tried_at", Instant, null=True),
    column("held_at", Instant, null=True),
    column("attempts", Whole, server_default="0"),
    column("body_until", Instant, null=True),
    sa.CheckConstraint("state IN ('received', 'handled', 'kept')", name="state"),
    sa.UniqueConstraint("cafe_id", "account_id", "dedupe_id"),
    sa.ForeignKeyConstraint(["cafe_id", "account_id"], ["provider_account.cafe_id", "provider_account.id"]),
    sa.Index("ix_webhook_inbox_body_until", "body_until"),
)

_shown_state = sa.case(
    (sa.and_(webhook_inbox.c.state == "received", webhook_inbox.c.held_at.is_not(None)), "held"),
    else_=webhook_inbox.c.state,
)
_GET = Statement(
    sa.select(*columns_of(webhook_inbox, InboxEntry)).where(
        webhook_inbox.c.cafe_id == param("cafe_id"), webhook_inbox.c.id == param("id")
    )
)
_NOTICE = Statement(
    sa.select(*columns_of(webhook_inbox, Notice)).where(
        webhook_inbox.c.cafe_id == param("cafe_id"), webhook_inbox.c.id == param("id")
    )
)
_PAGE = Statement(
    sa.select(*columns_of(webhook_inbox, Notice))
    .where(
        webhook_inbox.c.cafe_id == param("cafe_id"),
        webhook_inbox.c.id < param("before"),
        sa.or_(param("any_state") == sa.true(), _shown_state == param("state")),
    )
    .order_by(webhook_inbox.c.id.desc())
    .limit(param("limit"))
)
_SINCE = Statement(
    sa.select(*columns_of(webhook_inbox, Notice))
    .where(
        webhook_inbox.c.cafe_id == param("cafe_id"),
        webhook_inbox.c.received_at >= param("since"),
        webhook_inbox.c.id > param("after"),
        webhook_inbox.c.reference.is_not(None),
    )
    .order_by(webhook_inbox.c.id)
    .limit(param("limit"))
)

_HELD_BEFORE = Statement(
    sa.select(sa.func.count()).where(
        webhook_inbox.c.cafe_id == param("cafe_id"),
        webhook_inbox.c.state == "received",
        webhook_inbox.c.held_at.is_not(None),
        webhook_inbox.c.received_at < param("before"),
    )
)
_CAFE_WITH_OLD = Statement(
    sa.select(webhook_inbox.c.cafe_id).where(webhook_inbox.c.body_until <= param("now")).limit(1)
)
_FORGET_OLD = Statement(
    sa.update(webhook_inbox)
    .where(webhook_inbox.c.cafe_id == param("cafe_id"), webhook_inbox.c.body_until <= param("now"))
    .values(body=b"", body_until=sa.null())
)


async def get(reader: Reader, entry_id: str) -> InboxEntry | None:
    """A notice with its body."""
    return await reader.one(_GET, InboxEntry, cafe_id=reader.cafe_id, id=entry_id)


async def notice(reader: Reader, entry_id: str, *, lock: bool = False) -> Notice | None:
    """A notice without its body."""
    return await reader.one(_NOTICE, Notice, lock=lock, cafe_id=reader.cafe_id, id=entry_id)


async def page(reader: Reader, before: str, limit: int, state: NoticeState | None) -> list[Notice]:
    """Notices older than an id, newest first."""
    return await reader.all(
        _PAGE, Notice, cafe_id=reader.cafe_id, before=before, limit=limit, any_state=state is None, state=state or ""
    )


async def since(reader: Reader, moment: datetime, after: str, limit: int) -> list[Notice]:
    """Notices about something of a moment or later, oldest first, continued after an id."""
    return await reader.all(_SINCE, Notice, cafe_id=reader.cafe_id, since=moment, after=after, limit=limit)


async def held_before(reader: Reader, before: datetime) -> int:
    """How many notices that came before a moment are held."""
    return int(await reader.value(_HELD_BEFORE, cafe_id=reader.cafe_id, before=before) or 0)


async def cafe_with_old_bodies(reader: Reader) -> str | None:
    """Some cafe with a notice whose body has been kept long enough (infra/tenancy.py)."""
    found: str | None = await reader.value(_CAFE_WITH_OLD, now=reader.now)
    return found


async def forget_old_bodies(tx: Transaction) -> int:
    """Forget what the cafe's old notices said, not that they came; answer how many those were."""
    return await tx.run(_FORGET_OLD, cafe_id=tx.cafe_id, now=tx.now)


def add(tx: Transaction, row: InboxEntry) -> None:
    """A notice that has just come."""
    tx.add(webhook_inbox, row)


def save(tx: Transaction, before: Notice, after: Notice) -> None:
    """What became of a notice, guarded by its attempts and its state."""
    tx.save(webhook_inbox, before, after, ("cafe_id", "id"), ("attempts", "state"))
