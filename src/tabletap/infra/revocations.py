"""Access that ends before its token does: a row with the decision, known in every process within a second.

Access tokens are good for an hour, and asking the database at each use would make every request wait for it. So what
ends earlier is written down here: a sign-in (its family of tokens), a person, or the session of a table. Each
process reads the new rows twice a second and keeps the few that still matter in memory, where looking costs nothing.
That needs no broker, and a process that starts knows them as well; with one, others look at once.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
import sqlalchemy as sa

from tabletap.infra.broker import Broker
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.schema import Id as IdColumn
from tabletap.infra.db.schema import Instant, column, columns_of, metadata, param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Database, Reader, Transaction
from tabletap.kernel.clock import Clock
from tabletap.kernel.errors import NotSignedIn
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Actor

_log = logging.getLogger(__name__)
KEPT_FOR = timedelta(hours=6)
"""Longer than any token that was given out before: access tokens last an hour, a guest's refresh token four."""
OVERLAP = timedelta(seconds=60)
"""A row is read although it was committed so long after its time, or by a machine whose clock is so far behind."""
TOPIC = "revoked"
"""Under which a process says to the others that something ended; what it was they read in the database."""
_FORGET_EVERY = timedelta(minutes=5)

revocation = sa.Table(
    "revocation",
    metadata,
    column("cafe_id", IdColumn, primary_key=True),
    column("id", IdColumn, primary_key=True),
    column("subject_id", IdColumn),
    column("at", Instant),
    sa.Index("ix_revocation_subject", "cafe_id", "subject_id"),
    sa.Index("ix_revocation_at", "at"),
)


class Revocation(msgspec.Struct, frozen=True):
    """What ended: a family of tokens, a person or a table session."""

    cafe_id: Id
    id: Id
    subject_id: Id
    at: datetime


# Across cafes (infra/tenancy.py): what ended lately, wherever it was.
_SINCE = Statement(sa.select(*columns_of(revocation, Revocation)).where(revocation.c.at > param("since")))
_CAFE_WITH_OLD = Statement(sa.select(revocation.c.cafe_id).where(revocation.c.at < param("before")).limit(1))

_OF_SUBJECT = Statement(
    sa.select(revocation.c.id)
    .where(revocation.c.cafe_id == param("cafe_id"), revocation.c.subject_id == param("subject_id"))
    .limit(1)
)
_FORGET_OLD = Statement(
    sa.delete(revocation).where(revocation.c.cafe_id == param("cafe_id"), revocation.c.at < param("before"))
)


def revoke(tx: Transaction, *subject_ids: Id) -> None:
    """End what these give access to, with the transaction. Safe to repeat."""
    tx.add(revocation, *(Revocation(tx.cafe_id, new_id(), subject_id, tx.now) for subject_id in subject_ids))


async def has_ended(reader: Reader, subject_id: Id) -> bool:
    """Whether it was ended within the last hours, as the database knows it."""
    return await reader.value(_OF_SUBJECT, cafe_id=reader.cafe_id, subject_id=subject_id) is not None


async def prune(db: AnyDatabase, kept_for: timedelta = KEPT_FOR) -> None:
    """Forget what ended so long ago that no token of then is good any more. Safe to repeat."""
    before = db.clock.now() - kept_for

    async def forget(tx: Transaction) -> int:
        return await tx.run(_FORGET_OLD, cafe_id=tx.cafe_id, before=before)

    while (cafe_id := await db.across_cafes(lambda reader: reader.value(_CAFE_WITH_OLD, before=before))) is not None:
        await db.transaction(str(cafe_id), forget, lock=True)


class Revocations:
    """What this process knows to have ended."""

    def __init__(self, db: Database, clock: Clock, broker: Broker | None = None) -> None:
        self.db, self.clock, self._broker = db, clock, broker
        self._ended: dict[Id, dict[Id, datetime]] = {}
        """By cafe and subject, since when."""
        self._looked_at: datetime | None = None
        self._forgot_at: datetime | None = None
        self._listeners: list[Callable[[list[Revocation]], None]] = []

    def is_revoked(self, actor: Actor) -> bool:
        """Whether the actor's sign-in or person has ended."""
        ended = self._ended.get(actor.cafe_id)
        return ended is not None and (actor.family_id in ended or actor.person_id in ended)

    def current(self, actor: Actor) -> Actor:
        """The actor as they may act now: outside a table session that was closed. Raises NotSignedIn."""
        ended = self._ended.get(actor.cafe_id)
        if ended is None:
            return actor
        if actor.family_id in ended or actor.person_id in ended:
            raise NotSignedIn("You were signed out.")
        return msgspec.structs.replace(actor, session_id=None) if actor.session_id in ended else actor

    def listen(self, listener: Callable[[list[Revocation]], None]) -> None:
        """Hear of what ends from now on, each once."""
        self._listeners.append(listener)

    async def took_effect(self) -> None:
        """Know at once what this process just committed, and have the others look now, not at their next look."""
        await self.look()
        if self._broker is not None:
            self._broker.say(TOPIC, b"")

    async def look(self) -> None:
        """Read what ended since the last look, everything that still matters the first time. Safe to repeat."""
        now = self.clock.now()
        since = now - KEPT_FOR if self._looked_at is None else self._looked_at - OVERLAP
        rows = await self.db.across_cafes(lambda reader: reader.all(_SINCE, Revocation, since=since))
        self._looked_at = now
        news = [row for row in rows if row.subject_id not in self._ended.get(row.cafe_id, ())]
        for row in news:
            self._ended.setdefault(row.cafe_id, {})[row.subject_id] = row.at
        self._forget(now)
        if news:
            _log.info("%d revoked", len(news))
            for listener in self._listeners:
                listener(news)

    def _forget(self, now: datetime) -> None:
        if self._forgot_at is not None and now - self._forgot_at < _FORGET_EVERY:
            return
        self._forgot_at = now
        for cafe_id, ended in list(self._ended.items()):
            kept = {subject_id: at for subject_id, at in ended.items() if now - at < KEPT_FOR}
            self._ended[cafe_id] = kept
            if not kept:
                del self._ended[cafe_id]
