"""The same key gives the same answer, whoever asks how often (money.md, "Idempotency").

The answer is stored in the transaction of its effect. Looking for it first would cost every request a round trip, so
the key is only looked up when the effect was refused or the key turned out to exist.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import msgspec
import sqlalchemy as sa

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.schema import Bytes, Id, Instant, Text, column, columns_of, metadata, param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Duplicate, Reader, Transaction, correlation_id
from tabletap.kernel.errors import REFUSALS, FieldError, InvalidRequest, Kind, Refusal

V = TypeVar("V", bound=msgspec.Struct)
LEASE = timedelta(seconds=60)
"""A request that has not finished by then died with its process; the next one resumes it."""
_STORED_KINDS = {Kind.NOT_FOUND, Kind.REFUSED}

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


class Outcome(msgspec.Struct, Generic[V], frozen=True):
    """A use-case's answer and whether it is the stored one of an earlier request."""

    value: V
    replayed: bool = False


_FIND = Statement(
    sa.select(*columns_of(idempotency, Stored)).where(
        idempotency.c.cafe_id == param("cafe_id"),
        idempotency.c.person_id == param("person_id"),
        idempotency.c.route == param("route"),
        idempotency.c.key == param("key"),
    )
)


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
        return Outcome(msgspec.json.decode(body, type=into), True)
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
        key = {"cafe_id": once.cafe_id, "person_id": once.person_id, "route": once.route, "key": once.key}
        tx.update(idempotency, key, {"state": "done", "body": msgspec.json.encode(value)}, {})


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
    if stored is not None:
        return await _answer(db, once, stored, into, resume)
    if refusal is None:
        raise RequestInProgress(retry_after_seconds=1)  # it was rolled back just now
    if refusal.kind in _STORED_KINDS:
        await _remember_refusal(db, once, refusal)
    raise refusal


async def _answer(
    db: AnyDatabase, once: Once, stored: Stored, into: type[V], resume: Callable[[str], Awaitable[V]] | None
) -> Outcome[V]:
    if stored.state != "running":
        return replay(stored, into)
    if resume is None or stored.resource_id is None or db.clock.now() - stored.at < LEASE:
        raise RequestInProgress(retry_after_seconds=1)
    return Outcome(await resume(stored.resource_id), True)


async def _remember_refusal(db: AnyDatabase, once: Once, refusal: Refusal) -> None:
    kept = _StoredRefusal(refusal.code, refusal.detail, list(refusal.errors), correlation_id.get())

    async def keep(tx: Transaction) -> None:
        tx.add(idempotency, once.row(tx.now, "refused", msgspec.json.encode(kept)))

    with suppress(Duplicate):  # the same request was refused twice at once: either answer is the right one
        await db.transaction(once.cafe_id, keep)


def abandon(tx: Transaction, once: Once | None) -> None:
    """Forget a key whose request came to nothing and may be sent again as it was (409, 429, 503 are not stored)."""
    if once is not None:
        tx.remove(
            idempotency,
            {"cafe_id": once.cafe_id, "person_id": once.person_id, "route": once.route, "key": once.key},
        )
