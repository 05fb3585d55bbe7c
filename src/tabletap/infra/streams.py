"""Streams: the events of one audience with a dense numbering of its own (live.md, "Streams").

Appending is part of every Transaction (`tell`); here are the tables and the readers.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from tabletap.infra.db.schema import AT_ONCE, Bytes, Id, Instant, Text, Whole, column, metadata, param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.kernel.errors import Kind, Refusal
from tabletap.kernel.events import Event

MAX_REPLAY = 5_000
"""A reader further behind than this is told to take a snapshot."""

stream = sa.Table(
    "stream",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("key", Text, primary_key=True),
    column("head", sa.BigInteger()),
    column("epoch", Whole, server_default="1"),
    postgresql_with={"fillfactor": 50},
)
stream_event = sa.Table(
    "stream_event",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("key", Text, primary_key=True),
    column("seq", sa.BigInteger(), primary_key=True),
    column("event_id", Id),
    column("cause_id", Id),
    column("name", Text),
    column("at", Instant),
    column("schema_version", Whole),
    column("data", Bytes),
    sa.Index("ix_stream_event_at", "at"),
)
stream_epoch = sa.Table(
    "stream_epoch",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("epoch", Whole),
)
"""In which epoch a cafe's streams begin that nobody wrote to yet; no row: the first."""
_EPOCHS_COUNT_FROM = datetime(2020, 1, 1, tzinfo=UTC)


class SnapshotRequired(Refusal):
    """The events you ask for cannot all be replayed; take a snapshot and continue from its seq."""

    code, kind = "snapshot_required", Kind.CONFLICT


RESTARTED = "This stream was restarted since; take a snapshot and continue from its seq."
GONE = "The oldest of these events are no longer kept; take a snapshot."


class Head(msgspec.Struct, frozen=True):
    """Where a stream stands: the seq of its last event."""

    head: int
    epoch: int


class CafeEpoch(msgspec.Struct, frozen=True):
    """A row of stream_epoch."""

    cafe_id: str
    epoch: int


class StoredEvent(msgspec.Struct, frozen=True):
    """A row of stream_event."""

    seq: int
    event_id: str
    cause_id: str
    name: str
    at: datetime
    schema_version: int
    data: bytes


_HEAD = Statement(
    sa.select(stream.c.head, stream.c.epoch).where(stream.c.cafe_id == param("cafe_id"), stream.c.key == param("key"))
)
_AFTER = Statement(
    sa.select(*(stream_event.c[name] for name in StoredEvent.__struct_fields__))
    .where(
        stream_event.c.cafe_id == param("cafe_id"),
        stream_event.c.key == param("key"),
        stream_event.c.seq > param("seq"),
    )
    .order_by(stream_event.c.seq)
    .limit(param("limit"))
)
_OLDEST = Statement(
    sa.select(sa.func.min(stream_event.c.seq)).where(
        stream_event.c.cafe_id == param("cafe_id"), stream_event.c.key == param("key")
    )
)


_FIRST_EPOCH = Statement(sa.select(stream_epoch.c.epoch).where(stream_epoch.c.cafe_id == param("cafe_id")))
_LAST_EPOCH = Statement(sa.select(sa.func.max(stream.c.epoch)).where(stream.c.cafe_id == param("cafe_id")))
_BEGIN_EPOCH = Statement(sa.update(stream).where(stream.c.cafe_id == param("cafe_id")).values(epoch=param("new_epoch")))


def _elsewhere(index: int) -> sa.Select[int, Any, Any]:
    """A stream's number and where it stands, unless that is where one thinks; without a row as `head` says it."""
    cafe_id, key = param(f"cafe_id{index}"), param(f"key{index}")
    row = sa.select(stream).where(stream.c.cafe_id == cafe_id, stream.c.key == key)
    first = sa.select(stream_epoch.c.epoch).where(stream_epoch.c.cafe_id == cafe_id).scalar_subquery()
    at = sa.func.coalesce(row.with_only_columns(stream.c.head).scalar_subquery(), _number(0))
    epoch = sa.func.coalesce(row.with_only_columns(stream.c.epoch).scalar_subquery(), first, _number(1))
    moved = sa.or_(at != param(f"head{index}"), epoch != param(f"epoch{index}"))
    return sa.select(_number(index), at, epoch).where(moved)


def _number(number: int) -> sa.ColumnElement[int]:
    return sa.literal_column(str(number), Whole)


_MOVED = Statement(sa.union_all(*(_elsewhere(index) for index in range(AT_ONCE))))


async def head(reader: Reader, cafe_id: str, key: str) -> Head:
    """Where the stream stands; a stream that nobody wrote to yet stands at 0."""
    known = await reader.one(_HEAD, Head, cafe_id=cafe_id, key=key)
    return known or Head(0, await _first_epoch(reader, cafe_id))


async def moved(reader: Reader, known: Sequence[tuple[str, str, Head]]) -> dict[tuple[str, str], Head]:
    """Which of these streams (cafe, key) stand elsewhere than one thinks, and where, each as `head` says it.

    Most stand where they stood, and a row less is a moment more for everybody else: only the others come back.
    """
    found: dict[tuple[str, str], Head] = {}
    for start in range(0, len(known), AT_ONCE):
        some = known[start : start + AT_ONCE]
        given: dict[str, Any] = {}
        for index in range(AT_ONCE):
            cafe_id, key, at = some[index] if index < len(some) else some[0]
            given[f"cafe_id{index}"], given[f"key{index}"] = cafe_id, key
            given[f"head{index}"], given[f"epoch{index}"] = at.head, at.epoch
        for index, at, epoch in await reader.rows(_MOVED, given, False):
            if index < len(some):
                found[some[index][:2]] = Head(at, epoch)
    return found


async def _first_epoch(reader: Reader, cafe_id: str) -> int:
    return int(await reader.value(_FIRST_EPOCH, cafe_id=cafe_id) or 1)


async def events_after(
    reader: Reader, cafe_id: str, key: str, seq: int, limit: int, at: Head | None = None
) -> list[Event]:
    """The events that follow a seq, in order, at most `limit`. Who has read where the stream stands says so."""
    at = at or await head(reader, cafe_id, key)
    rows = await reader.all(_AFTER, StoredEvent, cafe_id=cafe_id, key=key, seq=seq, limit=limit)
    return [_event(cafe_id, key, at.epoch, row) for row in rows]


async def replay(reader: Reader, cafe_id: str, key: str, epoch: int, seq: int) -> list[Event]:
    """Everything after a cursor, complete and in order.

    Raises SnapshotRequired when that cannot be given whole: another epoch, too far back, or a seq that never was.
    """
    at = await head(reader, cafe_id, key)
    if epoch != at.epoch:
        raise SnapshotRequired(RESTARTED)
    if seq > at.head or at.head - seq > MAX_REPLAY:
        raise SnapshotRequired
    if seq == at.head:
        return []
    events = await events_after(reader, cafe_id, key, seq, MAX_REPLAY, at)
    if not events or events[0].seq != seq + 1:
        raise SnapshotRequired(GONE)
    return events


async def oldest(reader: Reader, cafe_id: str, key: str) -> int:
    """The seq of the oldest event that is kept, 0 if there is none."""
    found: Any = await reader.value(_OLDEST, cafe_id=cafe_id, key=key)
    return int(found or 0)


async def restart(tx: Transaction) -> int:
    """Begin a new epoch in all streams of the cafe, also in those that nobody wrote to yet, and answer it.

    For a restored backup: what was told after it was made is forgotten here and known to clients, so every cursor has
    to be refused. Epochs come from the clock, so that the same backup restored twice never gives the same one.
    It needs a transaction that began with locks. Done again, it begins another epoch.
    """
    begun = await tx.value(_FIRST_EPOCH, cafe_id=tx.cafe_id)
    last = int(await tx.value(_LAST_EPOCH, cafe_id=tx.cafe_id) or 1)
    epoch = max(int(begun or 1) + 1, last + 1, int((tx.now - _EPOCHS_COUNT_FROM).total_seconds()))
    await tx.run(_BEGIN_EPOCH, cafe_id=tx.cafe_id, new_epoch=epoch)
    if begun is None:
        tx.add(stream_epoch, CafeEpoch(tx.cafe_id, epoch))
    else:
        tx.update(stream_epoch, {"cafe_id": tx.cafe_id}, {"epoch": epoch}, {})
    return epoch


def _event(cafe_id: str, key: str, epoch: int, row: StoredEvent) -> Event:
    fields = msgspec.structs.asdict(row)
    return Event(cafe_id=cafe_id, stream=key, epoch=epoch, **fields)
