"""The chain's tables, and the statements that find what is not sealed yet and read again what was."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from tabletap.cafes.store import cafe
from tabletap.infra.db.guards import APPEND_ONLY
from tabletap.infra.db.schema import Bytes, Id, Instant, Text, Whole, column, columns_of, metadata, param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.kernel.ids import Id as AnId
from tabletap.ledger.audit.model import Chain, Head, Key, Row, Seal, canonical_row
from tabletap.ledger.store import entry

audit_chain = sa.Table(
    "audit_chain",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("seq", sa.BigInteger()),
    column("hash", Bytes),
)
audit_seal = sa.Table(
    "audit_seal",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
    column("source", Text),
    column("row_id", Id),
    column("row_n", Whole),
    column("content_hash", Bytes),
    column("previous_hash", Bytes),
    column("hash", Bytes),
    column("sealed_at", Instant),
    sa.CheckConstraint("length(content_hash) = 32 AND length(previous_hash) = 32 AND length(hash) = 32", name="hashes"),
    # A row is sealed once, whoever seals and however many do.
    sa.UniqueConstraint("cafe_id", "source", "row_id", "row_n"),
)
audit_head = sa.Table(
    "audit_head",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("business_day", Text),
    column("n", Whole),
    column("seq", sa.BigInteger()),
    column("hash", Bytes),
    column("key_id", Text),
    column("signature", Bytes),
    column("signed_at", Instant),
    sa.UniqueConstraint("cafe_id", "business_day", "n"),
)
audit_key = sa.Table(
    "audit_key",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("n", Whole, primary_key=True, autoincrement=False),
    column("key_id", Text),
    column("public_key", Bytes),
    column("sealed_private_key", Text),
    column("created_at", Instant),
)

_NOT_AUDITED = {"entry", "stream_event", "audit_seal", "audit_head"}
"""A journal's entries are sealed with it, stream events are told and forgotten, and the chain does not seal itself."""
AUDITED = tuple(sorted(set(APPEND_ONLY) - _NOT_AUDITED))
"""The sealed tables: whatever is never changed (infra/db/guards.py). Each has the key (cafe_id, an id[, a number])."""
FIRST_ID: AnId = "00000000-0000-0000-0000-000000000000"
LAST_ID: AnId = "ffffffff-ffff-ffff-ffff-ffffffffffff"
ALL = 2**31 - 1
"""No limit."""

_CHAIN = Statement(sa.select(*columns_of(audit_chain, Chain)).where(audit_chain.c.cafe_id == param("cafe_id")))
_SEALS = Statement(
    sa.select(*columns_of(audit_seal, Seal))
    .where(audit_seal.c.cafe_id == param("cafe_id"), audit_seal.c.seq > param("after"))
    .order_by(audit_seal.c.seq)
    .limit(param("limit"))
)
_HEADS = Statement(
    sa.select(*columns_of(audit_head, Head))
    .where(audit_head.c.cafe_id == param("cafe_id"))
    .order_by(audit_head.c.seq, audit_head.c.id)
)
_HEADS_PAGE = Statement(
    sa.select(*columns_of(audit_head, Head))
    .where(audit_head.c.cafe_id == param("cafe_id"), audit_head.c.id < param("before"))
    .order_by(audit_head.c.id.desc())
    .limit(param("limit"))
)
_HEADS_OF_DAY = Statement(
    sa.select(*columns_of(audit_head, Head))
    .where(audit_head.c.cafe_id == param("cafe_id"), audit_head.c.business_day == param("business_day"))
    .order_by(audit_head.c.n.desc())
    .limit(1)
)
_KEYS = Statement(
    sa.select(*columns_of(audit_key, Key)).where(audit_key.c.cafe_id == param("cafe_id")).order_by(audit_key.c.n.desc())
)
_EVERY_KEY = Statement(sa.select(*columns_of(audit_key, Key)).order_by(audit_key.c.cafe_id, audit_key.c.n))
_CAFES = Statement(
    sa.select(cafe.c.cafe_id).where(cafe.c.cafe_id > param("after")).order_by(cafe.c.cafe_id).limit(param("limit"))
)
_LINES = (entry.c.n, entry.c.account, entry.c.amount_minor)


class Audited:
    """One sealed table: how its rows are found, sealed or not."""

    def __init__(self, table: sa.Table) -> None:
        _, row_id, *rest = table.primary_key.columns
        self.name = table.name
        n: Any = rest[0] if rest else sa.literal(0, Whole)
        seal = audit_seal.c
        of_row = (seal.source == self.name, seal.row_id == row_id, seal.row_n == n)
        same = sa.and_(seal.cafe_id == table.c.cafe_id, *of_row)
        own, between = table.c.cafe_id == param("cafe_id"), (row_id > param("after"), row_id <= param("upto"))
        columns: list[Any] = list(table.columns)
        self.names = tuple(each.name for each in columns)
        order = (row_id, *rest)
        self.boundary = Statement(
            sa.select(row_id).where(own, row_id > param("after")).order_by(*order).offset(param("skip")).limit(1)
        )
        is_newer = sa.exists().where(own, row_id > param("after"))
        self.is_used = sa.select(sa.literal_column(f"'{self.name}'", Text)).where(is_newer)
        unsealed = table.outerjoin(audit_seal, same)
        self.unsealed = Statement(
            sa.select(row_id.label("row_id"), n.label("row_n"), *columns)
            .select_from(unsealed)
            .where(own, *between, seal.seq.is_(None))
            .order_by(*order)
            .limit(param("limit"))
        )
        stretch = (seal.seq > param("first"), seal.seq <= param("last"))
        within = (seal.cafe_id == param("cafe_id"), seal.source == self.name, *stretch)
        self.sealed = Statement(
            sa.select(row_id.label("row_id"), n.label("row_n"), *columns)
            .select_from(audit_seal.join(table, same))
            .where(*within)
        )
        of_entry = sa.and_(entry.c.cafe_id == table.c.cafe_id, entry.c.journal_id == row_id)
        self.unsealed_lines = Statement(
            sa.select(entry.c.journal_id, *_LINES)
            .select_from(unsealed.join(entry, of_entry))
            .where(own, *between, seal.seq.is_(None))
            .order_by(entry.c.journal_id, entry.c.n)
        )
        # From the seals to their entries, never the other way round: an outer join leaves the planner no choice.
        self.sealed_lines = Statement(
            sa.select(entry.c.journal_id, *_LINES)
            .select_from(
                audit_seal.outerjoin(entry, sa.and_(entry.c.cafe_id == seal.cafe_id, entry.c.journal_id == seal.row_id))
            )
            .where(*within)
            .order_by(entry.c.journal_id, entry.c.n)
        )


@cache
def audited(source: str) -> Audited:
    """The statements of a sealed table. Its domain's store has to be imported (tabletap.tables)."""
    return Audited(metadata.tables[source])


async def boundary(reader: Reader, source: str, after: AnId, skip: int) -> AnId:
    """The id that so many rows of a table lie before, after a given one; the last id there can be when fewer do."""
    found: AnId | None = await reader.value(audited(source).boundary, cafe_id=reader.cafe_id, after=after, skip=skip)
    return found if found is not None else LAST_ID


@cache
def _with_rows() -> Statement:
    return Statement(sa.union_all(*(audited(source).is_used for source in AUDITED)))


async def with_rows(reader: Reader, after: AnId) -> list[str]:
    """The sealed tables in which the cafe has rows with ids above `after`: mostly few, so they are found in one go."""
    found = await reader.rows(_with_rows(), {"cafe_id": reader.cafe_id, "after": after}, False)
    return sorted(source for (source,) in found)


async def unsealed(reader: Reader, source: str, after: AnId, upto: AnId, limit: int) -> list[Row]:
    """Rows of a table that no seal names, in the order of their keys: ids above `after`, up to `upto`."""
    found = audited(source)
    span = {"cafe_id": reader.cafe_id, "after": after, "upto": upto}
    rows = await reader.rows(found.unsealed, {**span, "limit": limit}, False)
    if source != "journal" or not rows:
        return [canonical_row(source, found.names, row, ()) for row in rows]
    # Its lines lie between the first and the last of these journals: a late one far back costs no more than its own.
    lines = _by_journal(await reader.rows(found.unsealed_lines, {**span, "upto": rows[-1][0]}, False))
    return [canonical_row(source, found.names, row, lines.get(row[0], ())) for row in rows]


async def sealed(reader: Reader, source: str, first: int, last: int) -> list[Row]:
    """The rows of a table that the seals above `first`, up to `last` name, as they are now."""
    found = audited(source)
    span = {"cafe_id": reader.cafe_id, "first": first, "last": last}
    rows = await reader.rows(found.sealed, span, False)
    lines: dict[AnId, list[dict[str, Any]]] = {}
    if source == "journal" and rows:
        lines = _by_journal(await reader.rows(found.sealed_lines, span, False))
    return [canonical_row(source, found.names, row, lines.get(row[0], ())) for row in rows]


def _by_journal(rows: Sequence[Sequence[Any]]) -> dict[AnId, list[dict[str, Any]]]:
    lines: dict[AnId, list[dict[str, Any]]] = {}
    for journal_id, n, account, amount in rows:  # a seal whose journal has lost its entries has one without values
        if journal_id is None:
            continue
        lines.setdefault(journal_id, []).append({"n": n, "account": account, "amount_minor": amount})
    return lines


async def chain(reader: Reader, *, lock: bool = False) -> Chain | None:
    """Where the cafe's chain ends; None before its first seal."""
    return await reader.one(_CHAIN, Chain, lock=lock, cafe_id=reader.cafe_id)


def append(tx: Transaction, before: Chain, seals: Sequence[Seal], *, is_new: bool) -> None:
    """More seals, and the chain's new end, which nobody else may have moved meanwhile."""
    after = Chain(before.cafe_id, seals[-1].seq, seals[-1].hash)
    tx.add(audit_seal, *seals)
    if is_new:
        tx.add(audit_chain, after, retry_on_duplicate=True)
    else:
        tx.save(audit_chain, before, after, ("cafe_id",), ("seq",))


async def seals(reader: Reader, after: int, limit: int) -> list[Seal]:
    """Seals in order."""
    return await reader.all(_SEALS, Seal, cafe_id=reader.cafe_id, after=after, limit=limit)


async def heads(reader: Reader) -> list[Head]:
    """Every head in the order of the chain: one or a few a day."""
    return await reader.all(_HEADS, Head, cafe_id=reader.cafe_id)


async def heads_page(reader: Reader, before: AnId, limit: int) -> list[Head]:
    """Heads, the last signed first."""
    return await reader.all(_HEADS_PAGE, Head, cafe_id=reader.cafe_id, before=before, limit=limit)


async def head_of(reader: Reader, business_day: str) -> Head | None:
    """A day's last head."""
    return await reader.one(_HEADS_OF_DAY, Head, cafe_id=reader.cafe_id, business_day=business_day)


async def keys(reader: Reader) -> list[Key]:
    """The cafe's keys, the newest first."""
    return await reader.all(_KEYS, Key, cafe_id=reader.cafe_id)


def add_head(tx: Transaction, head: Head) -> None:
    """A signed head. Two at once for one day are decided again."""
    tx.add(audit_head, head, retry_on_duplicate=True)


def add_key(tx: Transaction, key: Key) -> None:
    """A new key. Two at once are decided again."""
    tx.add(audit_key, key, retry_on_duplicate=True)


def save_key(tx: Transaction, before: Key, after: Key) -> None:
    """The same key, sealed anew."""
    tx.save(audit_key, before, after, ("cafe_id", "n"), ("sealed_private_key",))


async def every_key(reader: Reader) -> list[Key]:
    """The keys of all cafes, to see whether each is sealed with the present key (infra/tenancy.py)."""
    return await reader.all(_EVERY_KEY, Key)


async def cafes_after(reader: Reader, after: AnId, limit: int) -> list[AnId]:
    """Cafes in the order of their ids: the sealing goes from one to the next (infra/tenancy.py)."""
    return [row[0] for row in await reader.rows(_CAFES, {"after": after, "limit": limit}, False)]
