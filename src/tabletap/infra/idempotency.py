"""The same key gives the same answer, whoever asks how often (money.md, "Idempotency").

The answer is stored in the transaction of its effect. Looking for it first would cost every request a round trip, so
the key is only looked up when the effect was refused or the key turned out to exist.
"""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

import msgspec
import sqlalchemy as sa

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.schema import Bytes, Id, Instant, Text, column, columns_of, metadata, param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Duplicate, Reader, Transaction, correlation_id
from tabletap.kernel.errors import REFUSALS, FieldError, InvalidRequest, Kind, Refusal

V = TypeVar("V", bound=msgspec.Struct)
LEASE = timedelta(seconds=60)
"""A request that has not finished by then died with its process; the next one resumes it. No provider has so long."""
KEPT_FOR = timedelta(days=30)
"""After that a key is as good as new: nobody repeats a request for so long."""
_BATCH = 500
"""Rows that one upkeep transaction forgets: it never holds up the requests of the day for long."""
_STORED_KINDS = {Kind.NOT_FOUND, Kind.REFUSED}
_canonical = msgspec.json.Encoder(order="deterministic")

idempotency = sa.Table(
    "idempotency",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("person_id", Id, primary_key=True),
    column("route", Text, primary_key=True),
    column("key", Text, primary_key=True),
    column("fingerprint", Bytes),
    column("state", Text),
    column("resource_id", Id, null=True),
    column("body", Bytes, null=True),
    column("at", Instant),
    sa.CheckConstraint("state IN ('running', 'done', 'refused')", name="state"),
    sa.Index("ix_idempotency_at", "at"),
)


class Stored(msgspec.Struct, frozen=True):
    """What is known about a key: a row of `idempotency`."""

    cafe_id: str
    person_id: str
    route: str
    key: str
    fingerprint: bytes
    state: str
    resource_id: str | None
    body: bytes | None
    at: datetime


class _StoredRefusal(msgspec.Struct):
    code: str
    detail: str
    errors: list[FieldError]
    correlation_id: str | None


class IdempotencyKeyRequired(Refusal):
    """This request moves money: send an Idempotency-Key header, so that repeating it is safe."""

    code, kind = "idempotency_key_required", Kind.MALFORMED


class IdempotencyKeyReused(Refusal):
    """This Idempotency-Key was used before for another request; use a new key for a new request."""

    code = "idempotency_key_reused"


class RequestInProgress(Refusal):
    """The first request with this Idempotency-Key is still running; ask again in a moment."""

    code, kind, retryable = "request_in_progress", Kind.CONFLICT, True


class Once(msgspec.Struct, frozen=True):
    """Who asks for what under which key: scope cafe, person, route and key, and the request's fingerprint."""

    cafe_id: str
    person_id: str
    route: str
    key: str
    fingerprint: bytes

    def row(self, at: datetime, state: str, body: bytes | None, resource_id: str | None = None) -> Stored:
        """The row that remembers it."""
        return Stored(
            self.cafe_id, self.person_id, self.route, self.key, self.fingerprint, state, resource_id, body, at
        )


class Outcome(Generic[V]):
    """A use-case's answer and whether it is the stored one of an earlier request."""

    __slots__ = ("_into", "_value", "body", "replayed")

    def __init__(self, value: V, replayed: bool = False) -> None:
        self._value: V | None = value
        self._into: type[V] = type(value)
        self.replayed = replayed
        self.body: bytes | None = None
        """The very bytes that were stored: what an edge gives again, also when our shapes have changed since."""

    @classmethod
    def stored(cls, body: bytes, into: type[V]) -> "Outcome[V]":
        """The answer of an earlier request, as it was then."""
        outcome = cls.__new__(cls)
        outcome._value, outcome._into = None, into  # noqa: SLF001 - our own, made here without a value
        outcome.replayed, outcome.body = True, body
        return outcome

    @property
    def value(self) -> V:
        """The answer."""
        if self._value is None:
            self._value = msgspec.json.decode(self.body or b"", type=self._into)
        return self._value


def fingerprint_of(*parts: Any) -> bytes:
    """What exactly a request asks: SHA-256 of its parts as JSON with sorted names and no spaces."""
    return hashlib.sha256(_canonical.encode(parts)).digest()


_FIND = Statement(
    sa.select(*columns_of(idempotency, Stored)).where(
        idempotency.c.cafe_id == param("cafe_id"),
        idempotency.c.person_id == param("person_id"),
        idempotency.c.route == param("route"),
        idempotency.c.key == param("key"),
    )
)
_older = idempotency.alias("older")
_FORGET_OLD = Statement(
    sa.delete(idempotency).where(
        idempotency.c.cafe_id == param("cafe_id"),
        sa.tuple_(idempotency.c.person_id, idempotency.c.route, idempotency.c.key).in_(
            sa.select(_older.c.person_id, _older.c.route, _older.c.key)
            .where(_older.c.cafe_id == param("cafe_id"), _older.c.at < param("before"))
            .order_by(_older.c.at)
            .limit(param("limit"))
        ),
    )
)
# Across cafes (infra/tenancy.py): whose keys are old enough to be forgotten.
_CAFE_WITH_OLD = Statement(sa.select(idempotency.c.cafe_id).where(idempotency.c.at < param("before")).limit(1))


async def find(reader: Reader, once: Once, *, lock: bool = False) -> Stored | None:
    """What is stored under the key; raises IdempotencyKeyReused when it belongs to another request."""
    found = await reader.one(
        _FIND, Stored, lock=lock, cafe_id=once.cafe_id, person_id=once.person_id, route=once.route, key=once.key
    )
    if found is not None and found.fingerprint != once.fingerprint:
        raise IdempotencyKeyReused
    return found


def replay(stored: Stored, into: type[V]) -> Outcome[V]:
    """The stored answer again; a stored refusal is raised again, marked as replayed."""
    body = stored.body or b""
    if stored.state == "done":
        return Outcome.stored(body, into)
    refused = msgspec.json.decode(body, type=_StoredRefusal)
    refusal = REFUSALS.get(refused.code, InvalidRequest)(refused.detail, errors=refused.errors)
    refusal.replayed = True
    refusal.correlation_id = refused.correlation_id
    raise refusal


def remember(tx: Transaction, once: Once | None, value: msgspec.Struct) -> None:
    """Store the answer together with its effect (a request that is done within one transaction)."""
    if once is not None:
        tx.add(idempotency, once.row(tx.now, "done", msgspec.json.encode(value)))


def begin(tx: Transaction, once: Once | None, resource_id: str) -> None:
    """Note that a request with a provider call in its middle is running, and what it works on."""
    if once is not None:
        tx.add(idempotency, once.row(tx.now, "running", None, resource_id))


def finish(tx: Transaction, once: Once | None, value: msgspec.Struct) -> None:
    """Store the answer of a request that was noted as running. Safe to repeat with the same answer."""
    if once is not None:
        tx.update(idempotency, _key_of(once), {"state": "done", "body": msgspec.json.encode(value)}, {})


async def run_once(
    db: AnyDatabase,
    cafe_id: str,
    once: Once | None,
    into: type[V],
    work: Callable[[Transaction], Awaitable[V]],
    resume: Callable[[str], Awaitable[V]] | None = None,
) -> Outcome[V]:
    """Run a decision under a key: its own stored answer is given again, its refusal by a rule too.

    `work` calls `remember` or `begin` itself, in its transaction. `resume` finishes what a died process began,
    given the resource's id. Raises IdempotencyKeyReused, RequestInProgress and whatever the decision refuses.
    """
    try:
        return Outcome(await db.transaction(cafe_id, work))
    except Duplicate as duplicate:
        if once is None or duplicate.table != idempotency.name:
            raise
        refusal = None
    except Refusal as refused:
        if once is None:
            raise
        refusal = refused
    stored = await db.read(cafe_id, lambda reader: find(reader, once))
    if stored is None and refusal is not None and refusal.kind in _STORED_KINDS:
        stored = await _remember_refusal(db, once, refusal)
    elif stored is None:
        raise refusal or RequestInProgress(retry_after_seconds=1)  # none: the first one was rolled back just now
    if stored is None:
        assert refusal is not None
        raise refusal
    return await _answer(db, once, stored, into, resume)


async def _remember_refusal(db: AnyDatabase, once: Once, refusal: Refusal) -> Stored | None:
    """Store a refusal. None: it is stored; else what the same request came to at the same moment: that counts."""
    kept = _StoredRefusal(refusal.code, refusal.detail, list(refusal.errors), correlation_id.get())

    async def keep(tx: Transaction) -> None:
        tx.add(idempotency, once.row(tx.now, "refused", msgspec.json.encode(kept)))

    try:
        await db.transaction(once.cafe_id, keep)
    except Duplicate:
        return await db.read(once.cafe_id, lambda reader: find(reader, once))
    return None


async def _answer(
    db: AnyDatabase, once: Once, stored: Stored, into: type[V], resume: Callable[[str], Awaitable[V]] | None
) -> Outcome[V]:
    if stored.state != "running":
        return replay(stored, into)
    if resume is None or stored.resource_id is None or not await _taken_over(db, once, stored):
        raise RequestInProgress(retry_after_seconds=1)
    return await _settled(db, once, await resume(stored.resource_id))


async def _taken_over(db: AnyDatabase, once: Once, stored: Stored) -> bool:
    """Whether the request's process is dead and we are the one who finishes its work: a new lease, twice as long.

    Finishing may take two calls to the provider, to ask and to start once more.
    """
    if db.clock.now() - stored.at < LEASE:
        return False

    async def take(tx: Transaction) -> bool:
        current = await find(tx, once, lock=True)
        if current != stored:
            return False
        tx.update(idempotency, _key_of(once), {"at": tx.now + LEASE}, {"at": stored.at, "state": "running"})
        return True

    return await db.transaction(once.cafe_id, take)


async def _settled(db: AnyDatabase, once: Once, value: V) -> Outcome[V]:
    """The answer of a resumed request: whatever is stored by now, else this one, so that it never changes again."""

    async def keep(tx: Transaction) -> Outcome[V]:
        current = await find(tx, once, lock=True)
        if current is not None and current.state != "running":
            return replay(current, type(value))
        if current is not None:
            finish(tx, once, value)
        return Outcome(value, True)

    return await db.transaction(once.cafe_id, keep)


def abandon(tx: Transaction, once: Once | None) -> None:
    """Forget a key whose request came to nothing and may be sent again as it was (409, 429, 503 are not stored)."""
    if once is not None:
        tx.remove(idempotency, _key_of(once))


def _key_of(once: Once) -> dict[str, str]:
    return {"cafe_id": once.cafe_id, "person_id": once.person_id, "route": once.route, "key": once.key}


async def prune(db: AnyDatabase, kept_for: timedelta = KEPT_FOR) -> int:
    """Forget keys that are older than that, cafe by cafe and a few at a time; answer how many. Safe to repeat.

    Also those that still run: whatever they began is settled by its own jobs, or waits for a person, long since.
    """
    before, forgotten = db.clock.now() - kept_for, 0

    async def forget(tx: Transaction) -> int:
        return await tx.run(_FORGET_OLD, cafe_id=tx.cafe_id, before=before, limit=_BATCH)

    while (cafe_id := await db.across_cafes(lambda reader: reader.value(_CAFE_WITH_OLD, before=before))) is not None:
        forgotten += await db.transaction(str(cafe_id), forget, lock=True)
    return forgotten
