"""Subscribing to streams, from now or from a cursor: the answer, then the replay, then live (contract 4.3)."""

import asyncio
import logging
from functools import partial

from tabletap.audiences import access
from tabletap.audiences.streams import StreamName, parse
from tabletap.infra import streams
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader
from tabletap.infra.streams import SnapshotRequired
from tabletap.kernel.errors import InvalidRequest, Kind, Refusal
from tabletap.kernel.events import Event
from tabletap.kernel.ids import Id
from tabletap.kernel.people import Actor
from tabletap.realtime.dispatcher import UNREADABLE, Dispatcher
from tabletap.realtime.messages import MAX_CURSORS, Cursor, Position, Subscribed
from tabletap.realtime.sessions import Session
from tabletap.realtime.transport import Transport

_log = logging.getLogger(__name__)


class TooManyStreams(Refusal):
    """One connection follows a limited number of streams; leave some of them first."""

    code, kind = "too_many_streams", Kind.TOO_MANY


REPLAYED_AT_ONCE = 20
AT_ONCE = 8
"""Streams that are being begun at the same time: when everybody comes back at once, payments still get through."""


class Subscriptions:
    """Who follows what."""

    def __init__(self, db: AnyDatabase, dispatcher: Dispatcher, transport: Transport) -> None:
        self.db, self.dispatcher, self.transport = db, dispatcher, transport
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def subscribe(self, session: Session, key: str, cursor: Cursor | None = None) -> Subscribed:
        """Follow a stream from now, or from the event after the cursor. Safe to repeat.

        Without a cursor a stream that is followed already simply goes on; with one it starts again from there.
        Raises InvalidRequest, NotAllowed, OtherCafe, OrderNotFound, PaymentNotFound, TooManyStreams, SnapshotRequired;
        after the last the stream is not subscribed.
        """
        try:
            return await self._subscribe(session, key, cursor)
        except SnapshotRequired as refusal:
            await self.dispatcher.give_up(session, key, refusal.detail)
            raise

    async def _subscribe(self, session: Session, key: str, cursor: Cursor | None) -> Subscribed:
        stream = access.stream_named(key)
        going_on = self.dispatcher.position(session, key) if cursor is None else None
        if going_on is not None:
            return Subscribed(stream=key, epoch=going_on.epoch, head=going_on.seq, replayed=0)
        await self.unsubscribe(session, key)
        if len(session.streams) >= MAX_CURSORS:
            raise TooManyStreams
        at, events = await self._begin_at(session, stream, cursor)
        session.streams.add(key)
        session.after_answer(partial(self._begin, session, key, at, events))
        return Subscribed(stream=key, epoch=at.epoch, head=at.seq, replayed=len(events))

    async def _begin_at(
        self, session: Session, stream: StreamName, cursor: Cursor | None
    ) -> tuple[Position, list[Event]]:
        """Where live begins, and what has to be replayed before."""
        async with self._gate:
            while True:
                actor = session.actor
                found = await self.db.read(actor.cafe_id, partial(self._look, actor, session.namespace, stream, cursor))
                if session.actor is actor:  # else what they may hear has changed meanwhile
                    return found

    async def _look(
        self, actor: Actor, namespace: str, stream: StreamName, cursor: Cursor | None, reader: Reader
    ) -> tuple[Position, list[Event]]:
        await access.require(reader, actor, stream, namespace)
        if cursor is None:
            head = await streams.head(reader, actor.cafe_id, stream.key)
            return Position(epoch=head.epoch, seq=head.head), []
        events = await streams.replay(reader, actor.cafe_id, stream.key, cursor.epoch, cursor.seq)
        return Position(epoch=cursor.epoch, seq=events[-1].seq if events else cursor.seq), events

    async def _begin(self, session: Session, key: str, at: Position, events: list[Event]) -> None:
        """Replay, then join those who are live. What is committed meanwhile is read again when joining.

        A long replay takes its time, and what is committed in it may be long again.
        """
        try:
            while await self._replay(session, key, events):
                if len(events) <= REPLAYED_AT_ONCE:
                    async with self._gate:
                        await self.dispatcher.join(session, key, at)
                    return
                at, events = await self._begin_at(session, access.stream_named(key), Cursor(epoch=at.epoch, seq=at.seq))
        except SnapshotRequired as refusal:
            await self.dispatcher.give_up(session, key, refusal.detail)
        except Exception:  # noqa: BLE001 - never a part: whoever cannot be brought up to date has to begin again
            _log.exception("could not begin %s for %s", key, session)
            await self.dispatcher.leave(session, key)
            await self.dispatcher.give_up(session, key, UNREADABLE)

    async def _replay(self, session: Session, key: str, events: list[Event]) -> bool:
        """Send events as the client takes them; False when it is gone, or the stream is theirs no longer."""
        for start in range(0, len(events), REPLAYED_AT_ONCE):
            if not session.is_open or key not in session.streams:
                return False
            part = events[start : start + REPLAYED_AT_ONCE]
            self.transport.tell_one(session.namespace, session.socket_id, part)
            await self.transport.drained(session.socket_id)
        return session.is_open and key in session.streams

    async def unsubscribe(self, session: Session, key: str) -> None:
        """Follow a stream no longer. Safe to repeat. Raises InvalidRequest for what is no stream's name."""
        if parse(key) is None:
            raise InvalidRequest(f"There is no stream of the name {key[:80]!r}.")
        await self.dispatcher.leave(session, key)
        session.streams.discard(key)

    async def join_cafe(self, session: Session, cafe_id: Id) -> list[Subscribed]:
        """Follow everything of the cafe that this person may hear in this namespace, or nothing more than before.

        Raises OtherCafe and what `subscribe` raises.
        """
        session.actor.require_cafe(cafe_id)
        before = frozenset(session.streams)
        found = [stream.key for stream in access.in_cafe(session.actor, session.namespace)]
        try:
            return [await self.subscribe(session, key) for key in found]
        except Exception:
            for key in found:
                if key not in before:
                    await self.unsubscribe(session, key)
            raise

    async def resume(self, session: Session) -> tuple[list[Subscribed], dict[str, Refusal]]:
        """Go on where the handshake's cursors say; each stream succeeds or fails by itself."""
        resumed: list[Subscribed] = []
        refused: dict[str, Refusal] = {}
        for key, cursor in session.cursors.items():
            try:
                resumed.append(await self._subscribe(session, key, cursor))
            except Refusal as refusal:
                refused[key] = refusal
        session.cursors = {}
        return resumed, refused

    async def check_again(self, session: Session) -> dict[str, Refusal]:
        """Leave the streams that the session's person may no longer hear, and say which and why."""
        refused: dict[str, Refusal] = {}
        for key in sorted(session.streams):
            stream = access.stream_named(key)
            try:
                await self.db.read(
                    session.actor.cafe_id,
                    partial(access.require, by=session.actor, stream=stream, namespace=session.namespace),
                )
            except Refusal as refusal:
                refused[key] = refusal
                await self.unsubscribe(session, key)
        return refused

    def forget(self, session: Session) -> None:
        """The session's socket is gone."""
        self.dispatcher.forget(session)
        session.streams.clear()
