"""From committed events to sockets: in order, without gap or repeat, whatever the broker loses, doubles or reorders.

An event is delivered at once when its seq follows the last one; anything else is read from the database, which is also
looked at every second. All members of a feed are at the same position.
"""

import asyncio
import logging
from collections.abc import Iterator
from typing import Protocol

from tabletap.infra import streams
from tabletap.infra.broker import Broker
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.schema import AT_ONCE
from tabletap.infra.db.transaction import Reader
from tabletap.infra.streams import Head
from tabletap.kernel.events import Event
from tabletap.kernel.ids import Id
from tabletap.realtime import rooms
from tabletap.realtime.messages import Position, SnapshotNeeded
from tabletap.realtime.sessions import Session

_log = logging.getLogger(__name__)
BATCH = 500
"""Events read from the database at once."""
RESTARTED = "This stream was restarted."
GONE = "The events that follow are no longer kept."
UNREADABLE = "The stream could not be read just now."


class Outlet(Protocol):
    """Where events leave this process."""

    def tell(self, namespace: str, to: str, event: Event) -> None:
        """Send an event to a room."""
        ...

    def tell_one(self, namespace: str, socket_id: str, events: list[Event]) -> None:
        """Send events to one socket, in this order."""
        ...

    async def say(self, namespace: str, socket_id: str, name: str, payload: SnapshotNeeded) -> None:
        """Send one socket something that belongs to no stream."""
        ...

    async def enter_room(self, sid: str, room: str, namespace: str) -> None:
        """Put a socket into a room."""
        ...

    async def leave_room(self, sid: str, room: str, namespace: str) -> None:
        """Take a socket out of a room."""
        ...


class Feed:
    """One stream as this process delivers it."""

    def __init__(self, cafe_id: Id, key: str) -> None:
        self.cafe_id, self.key = cafe_id, key
        self.room = rooms.of_stream(cafe_id, key)
        self.epoch = self.seq = 0
        self.members: dict[str, set[Session]] = {}
        """By namespace."""
        self.lock = asyncio.Lock()
        """Held by whoever delivers or changes the members in a way that depends on the position."""
        self.waiting: list[Event] = []
        self.pump: asyncio.Task[None] | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether nobody is about to deliver anything, so that the next event may go out at once."""
        return self.pump is None and not self.waiting and not self.lock.locked()

    def __iter__(self) -> Iterator[Session]:
        return iter([member for members in self.members.values() for member in members])

    def __contains__(self, session: object) -> bool:
        return isinstance(session, Session) and session in self.members.get(session.namespace, ())

    def add(self, session: Session) -> None:
        """Another member, who is where the feed is."""
        self.members.setdefault(session.namespace, set()).add(session)

    def remove(self, session: Session) -> None:
        """One member less."""
        members = self.members.get(session.namespace, set())
        members.discard(session)
        if not members:
            self.members.pop(session.namespace, None)

    def stand_at(self, at: Position) -> None:
        """Begin, or begin again, at a position."""
        self.epoch, self.seq = at.epoch, at.seq
        self.waiting.clear()


class Dispatcher:
    """Delivers streams to the sessions of this process that follow them."""

    def __init__(self, db: AnyDatabase, outlet: Outlet) -> None:
        self.db, self.outlet = db, outlet
        self._feeds: dict[tuple[Id, str], Feed] = {}

    def listen_to(self, broker: Broker) -> None:
        """Hear from the broker of what was committed."""
        broker.listen(self.hear)

    async def stop(self) -> None:
        """Deliver nothing more."""
        pumps = [feed.pump for feed in self._feeds.values() if feed.pump is not None]
        self._feeds.clear()
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)

    def hear(self, events: list[Event]) -> None:
        """A hint that these were committed: it may be lost, doubled or late."""
        for event in events:
            feed = self._feeds.get((event.cafe_id, event.stream))
            if feed is None or not feed.members:
                continue
            if feed.is_quiet and event.epoch == feed.epoch and event.seq == feed.seq + 1:
                self._deliver(feed, event)
            else:
                feed.waiting.append(event)
                if feed.pump is None:
                    feed.pump = asyncio.create_task(self._pump(feed))

    @property
    def feeds(self) -> int:
        """How many streams are delivered here."""
        return len(self._feeds)

    # --- members ----------------------------------------------------------------------

    def position(self, session: Session, key: str) -> Position | None:
        """Where a stream that the session follows stands for it; None where it does not follow it (yet)."""
        feed = self._feeds.get((session.actor.cafe_id, key))
        if feed is None or session not in feed:
            return None
        return Position(epoch=feed.epoch, seq=feed.seq)

    async def join(self, session: Session, key: str, at: Position) -> None:
        """Deliver to the session everything after a position, from now on. It must not be a member already."""
        name = session.actor.cafe_id, key
        feed = self._feeds.setdefault(name, Feed(*name))
        async with feed.lock:
            if self._feeds.get(name) is not feed:  # the last member left, and `look` put it away before our turn
                await self.join(session, key, at)
                return
            if feed.members and (feed.epoch != at.epoch or feed.seq < at.seq):
                await self._catch_up(feed)
            is_first = not feed.members
            if is_first:
                feed.stand_at(at)
            elif not await self._bring_up(feed, session, at):
                return
            if session.is_open and key in session.streams:
                feed.add(session)
                await self.outlet.enter_room(session.socket_id, feed.room, session.namespace)
                if is_first:  # of what was committed since the position was read, nobody here was told
                    await self._catch_up(feed)

    async def leave(self, session: Session, key: str) -> None:
        """Deliver no more of the stream to the session; when this returns nothing of it is on its way."""
        feed = self._feeds.get((session.actor.cafe_id, key))
        if feed is None:
            return
        async with feed.lock:
            if session in feed:
                feed.remove(session)
                await self.outlet.leave_room(session.socket_id, feed.room, session.namespace)

    def forget(self, session: Session) -> None:
        """The session's socket is gone; its rooms went with it."""
        for key in session.streams:
            feed = self._feeds.get((session.actor.cafe_id, key))
            if feed is not None:
                feed.remove(session)

    async def give_up(self, session: Session, key: str, reason: str) -> None:
        """Tell a session that it has to begin this stream again from a snapshot; never a part of it."""
        session.streams.discard(key)
        needed = SnapshotNeeded(stream=key, reason=reason)
        await self.outlet.say(session.namespace, session.socket_id, "snapshot_required", needed)

    # --- delivering -------------------------------------------------------------------

    async def look(self) -> None:
        """See in the database whether a hint was lost. Called every second."""
        for name, feed in list(self._feeds.items()):
            if not feed.members and not feed.lock.locked() and feed.pump is None:
                del self._feeds[name]
        feeds = list(self._feeds.values())
        for start in range(0, len(feeds), AT_ONCE):
            await self._look_at(feeds[start : start + AT_ONCE])
            await asyncio.sleep(0)  # others get their turn

    async def _look_at(self, feeds: list[Feed]) -> None:
        known = [(feed.cafe_id, feed.key, Head(feed.seq, feed.epoch)) for feed in feeds]
        moved = await self.db.across_cafes(lambda reader: streams.moved(reader, known))
        for feed, (cafe_id, key, then) in zip(feeds, known, strict=True):
            at = moved.get((cafe_id, key), then)
            if at.epoch != feed.epoch or at.head > feed.seq or at.head < then.head:
                async with feed.lock:
                    await self._mend(feed, backwards=at.head < then.head)

    async def _mend(self, feed: Feed, *, backwards: bool) -> None:
        if backwards:
            await self._break(feed, RESTARTED)
        else:
            await self._catch_up(feed)

    async def _pump(self, feed: Feed) -> None:
        """Deliver what waits, until nothing does."""
        try:
            async with feed.lock:
                while feed.waiting:
                    waiting, feed.waiting = sorted(feed.waiting, key=lambda event: event.seq), []
                    for event in waiting:
                        await self._take(feed, event)
        except Exception:  # noqa: BLE001 - the database may be away: the next look will deliver
            _log.exception("could not deliver %s", feed.key)
        finally:
            feed.pump = None

    async def _take(self, feed: Feed, event: Event) -> None:
        if event.epoch == feed.epoch and event.seq <= feed.seq:
            return
        if event.epoch == feed.epoch and event.seq == feed.seq + 1:
            self._deliver(feed, event)
        else:
            await self._catch_up(feed)

    def _deliver(self, feed: Feed, event: Event) -> None:
        feed.seq = event.seq
        for namespace in feed.members:
            self.outlet.tell(namespace, feed.room, event)

    async def _catch_up(self, feed: Feed) -> None:
        """Deliver what the database has and the members have not."""
        while feed.members:
            at, events = await self._read(feed, feed.seq, BATCH)
            if at.epoch != feed.epoch:
                await self._break(feed, RESTARTED)
                return
            if _gap(feed.seq, at, events):
                await self._break(feed, GONE)
                return
            for event in events:
                self._deliver(feed, event)
            if len(events) < BATCH:
                return

    async def _bring_up(self, feed: Feed, session: Session, at: Position) -> bool:
        """Send one session what lies between its position and the feed's. False when that cannot be had whole."""
        missing = feed.seq - at.seq
        if at.epoch != feed.epoch:
            await self.give_up(session, feed.key, RESTARTED)
            return False
        events = (await self._read(feed, at.seq, missing))[1] if missing > 0 else []
        if len(events) != max(0, missing):
            await self.give_up(session, feed.key, GONE)
            return False
        self.outlet.tell_one(session.namespace, session.socket_id, events)
        return True

    async def _read(self, feed: Feed, seq: int, limit: int) -> tuple[Head, list[Event]]:
        async def look(reader: Reader) -> tuple[Head, list[Event]]:
            at = await streams.head(reader, feed.cafe_id, feed.key)
            return at, await streams.events_after(reader, feed.cafe_id, feed.key, seq, limit, at)

        return await self.db.read(feed.cafe_id, look)

    async def _break(self, feed: Feed, reason: str) -> None:
        """Everybody who follows the stream has to begin again."""
        for session in feed:
            feed.remove(session)
            await self.outlet.leave_room(session.socket_id, feed.room, session.namespace)
            await self.give_up(session, feed.key, reason)


def _gap(seq: int, at: Head, events: list[Event]) -> bool:
    """Whether what was read does not follow on without a gap."""
    return events[0].seq != seq + 1 if events else at.head > seq
