"""`dashboard_delta`: what managers' dashboards show, told at most once a second and only where something happened.

A cafe is looked at while somebody of it is connected to `/admin`, once for all of them, after events of it were
committed; else when a ticket becomes late or the day ends. For any other cafe an event costs one look into a dict.
"""

import asyncio
import logging

from tabletap.audiences import dashboard
from tabletap.audiences.dashboard import Dashboard, Earlier, Look
from tabletap.infra.broker import Broker
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader
from tabletap.kernel.events import Event
from tabletap.kernel.ids import Id
from tabletap.realtime.sessions import Session, Sessions

_log = logging.getLogger(__name__)
NAME = "dashboard_delta"
PAUSE_SECONDS = 1.0
"""Between two looks at a cafe."""
LONGEST_SECONDS = 30.0
"""The broker may lose a hint: a cafe that is watched is looked at this often in any case."""
_PAYMENT = "payment:"


class _Watched:
    """A cafe with somebody in `/admin`."""

    def __init__(self, cafe_id: Id) -> None:
        self.cafe_id = cafe_id
        self.seen: set[Session] = set()
        """They know `shown`."""
        self.new: set[Session] = set()
        """They know nothing yet."""
        self.shown: Dashboard | None = None
        self.earlier: Earlier | None = None
        self.news = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def hear(self, event: Event) -> None:
        """Something of the cafe was committed."""
        if event.stream.startswith(_PAYMENT) and self.earlier and event.stream[len(_PAYMENT) :] < self.earlier.before:
            self.earlier = None
        self.news.set()


class Dashboards:
    """Tells whoever is connected to `/admin` of their cafe."""

    def __init__(self, db: AnyDatabase, sessions: Sessions) -> None:
        self.db, self.sessions = db, sessions
        self._watched: dict[Id, _Watched] = {}

    def listen_to(self, broker: Broker) -> None:
        """Hear from the broker of what was committed."""
        broker.listen(self.hear)

    def hear(self, events: list[Event]) -> None:
        """A hint that these were committed."""
        if not self._watched:
            return
        for event in events:
            watched = self._watched.get(event.cafe_id)
            if watched is not None:
                watched.hear(event)

    def watch(self, session: Session) -> None:
        """Show the session its cafe: all of it at first, then what changes. Again: all of it again."""
        watched = self._watched.setdefault(session.actor.cafe_id, _Watched(session.actor.cafe_id))
        watched.seen.discard(session)
        watched.new.add(session)
        watched.news.set()
        if watched.task is None:
            watched.task = asyncio.create_task(self._show(watched), name="live-dashboard")

    def forget(self, session: Session) -> None:
        """The session's socket is gone. The last one of a cafe ends the looking."""
        watched = self._watched.get(session.actor.cafe_id)
        if watched is None:
            return
        watched.seen.discard(session)
        watched.new.discard(session)
        if not watched.seen and not watched.new:
            del self._watched[watched.cafe_id]
            if watched.task is not None:
                watched.task.cancel()

    async def stop(self) -> None:
        """Show nothing more."""
        tasks = [watched.task for watched in self._watched.values() if watched.task is not None]
        self._watched.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def cafes(self) -> int:
        """How many cafes are looked at here."""
        return len(self._watched)

    async def _show(self, watched: _Watched) -> None:
        """Look whenever there is news, with a pause between two looks."""
        patience = 0.0
        while True:
            await _until(watched.news, patience)
            watched.news.clear()
            try:
                patience = await self._look(watched)
            except Exception:  # noqa: BLE001 - the database may be away for a while: the next look will tell
                _log.exception("could not look at cafe %s", watched.cafe_id)
                patience = PAUSE_SECONDS
            await asyncio.sleep(PAUSE_SECONDS)

    async def _look(self, watched: _Watched) -> float:
        """Tell what changed, and answer after how many seconds it will change by itself."""
        earlier = watched.earlier

        async def look(reader: Reader) -> Look:
            return await dashboard.look(reader, earlier)

        found = await self.db.read(watched.cafe_id, look, consistent=True)
        if watched.earlier is earlier:  # else one of those payments moved meanwhile
            watched.earlier = found.earlier
        before, watched.shown = watched.shown, found.dashboard
        seen, new = list(watched.seen), list(watched.new)
        watched.seen |= watched.new
        watched.new.clear()
        await self._tell(watched, seen, before, found)
        await self._tell(watched, new, None, found)
        wait = (found.changes_at - found.at).total_seconds()
        return min(LONGEST_SECONDS, max(0.0, wait))

    async def _tell(self, watched: _Watched, sessions: list[Session], before: Dashboard | None, found: Look) -> None:
        told = dashboard.delta(watched.cafe_id, found.at, before, found.dashboard) if sessions else None
        if told is not None:
            for session in sessions:
                await self.sessions.say(session, NAME, told)


async def _until(news: asyncio.Event, seconds: float) -> None:
    """Wait for news, but no longer than that."""
    try:
        async with asyncio.timeout(seconds):
            await news.wait()
    except TimeoutError:
        return
