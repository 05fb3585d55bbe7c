"""The open sockets: who sits at each, until when, and what happens as their time runs out.

A token is verified once, at the handshake; its expiry is enforced on the open socket (contract 4, "Resuming").
"""

import heapq
import logging
import math
from collections.abc import Awaitable, Callable, Collection, Iterator
from datetime import datetime

import msgspec

from tabletap.infra.revocations import Revocation
from tabletap.kernel.clock import Clock
from tabletap.kernel.errors import NotAllowed
from tabletap.kernel.ids import Id
from tabletap.kernel.people import Actor
from tabletap.realtime.connections import Caller, holder_of
from tabletap.realtime.messages import AuthExpiring, Cursor, SessionExpired
from tabletap.realtime.transport import Transport

_log = logging.getLogger(__name__)
WARNING_SECONDS = 60
REVOKED = "You were signed out."
EXPIRED = "Your session has expired; sign in again."


class Session:
    """One socket in one namespace."""

    def __init__(
        self,
        namespace: str,
        socket_id: str,
        actor: Actor,
        cursors: dict[str, Cursor],
        now: datetime,
        caller: Caller | None = None,
    ) -> None:
        self.namespace, self.socket_id, self.actor = namespace, socket_id, actor
        self.caller = caller or Caller()
        self.holder = holder_of(actor)
        self.cursors = cursors
        """What the handshake asked to go on from."""
        self.connected_at = now
        self.streams: set[str] = set()
        """Subscribed streams, those that are about to be replayed among them."""
        self.acknowledged: dict[str, Cursor] = {}
        self.is_open = True
        self.turned_down = 0
        """Messages over the limit since the last one that was handled."""
        self.ends: str | None = None
        self.due: int | None = None
        """The second in which its token is to be looked at."""
        self._later: list[Callable[[], Awaitable[None]]] = []

    def __str__(self) -> str:
        return f"socket {self.socket_id} in {self.namespace}, person {self.actor.person_id}, cafe {self.actor.cafe_id}"

    def after_answer(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do this once the answer to the present message is on its way."""
        self._later.append(work)

    async def settle(self) -> None:
        """Do what was put off."""
        later, self._later = self._later, []
        for work in later:
            await work()


class Deadlines:
    """Which sessions are to be looked at in which second; nobody is looked at before, however many there are."""

    def __init__(self) -> None:
        self._in: dict[int, set[Session]] = {}
        self._seconds: list[int] = []
        """A heap."""

    def put(self, session: Session, second: int) -> None:
        """Look at the session in that second and in no other."""
        self.remove(session)
        if second not in self._in:
            self._in[second] = set()
            heapq.heappush(self._seconds, second)
        self._in[second].add(session)
        session.due = second

    def remove(self, session: Session) -> None:
        """Look at the session no more."""
        if session.due is not None:
            self._in[session.due].discard(session)
            session.due = None

    def due(self, second: int) -> list[Session]:
        """Those whose second has come."""
        found: list[Session] = []
        while self._seconds and self._seconds[0] <= second:
            found += self._in.pop(heapq.heappop(self._seconds))
        for session in found:
            session.due = None
        return found


class Sessions:
    """Every open socket of this process."""

    def __init__(self, transport: Transport, clock: Clock) -> None:
        self.transport, self.clock = transport, clock
        self._deadlines = Deadlines()
        self._open: dict[tuple[str, str], Session] = {}

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._open.values()))

    def __len__(self) -> int:
        return len(self._open)

    def add(self, session: Session) -> None:
        """A socket was admitted."""
        self._open[session.namespace, session.socket_id] = session
        self._watch(session)

    def find(self, namespace: str, socket_id: str) -> Session | None:
        """The session of a socket, None when it has ended."""
        return self._open.get((namespace, socket_id))

    def remove(self, namespace: str, socket_id: str) -> Session | None:
        """The socket is gone."""
        session = self._open.pop((namespace, socket_id), None)
        if session is not None:
            session.is_open = False
            self._deadlines.remove(session)
        return session

    def renew(self, session: Session, actor: Actor) -> None:
        """Go on with another token of the same person. Raises NotAllowed for anybody else's."""
        if holder_of(actor) != session.holder:
            raise NotAllowed("This token is somebody else's; sign out first.")
        session.actor = actor
        self._watch(session)

    def _watch(self, session: Session) -> None:
        """Look at the session again a minute before its token expires."""
        if session.actor.expires_at is not None:
            self._deadlines.put(session, math.ceil(session.actor.expires_at.timestamp()) - WARNING_SECONDS)

    async def look_after(self) -> None:
        """Warn whose token is about to expire, and end the sessions whose time is over."""
        now = self.clock.now()
        for session in self._deadlines.due(int(now.timestamp())):
            try:
                await self._look_after(session, now)
            except Exception:  # noqa: BLE001 - one socket's trouble must not keep the others from being looked after
                _log.exception("could not look after %s", session)

    async def _look_after(self, session: Session, now: datetime) -> None:
        expires_at = session.actor.expires_at
        if expires_at is None or not session.is_open:
            return
        if expires_at <= now:
            await self.end(session, EXPIRED)
            return
        self._deadlines.put(session, math.ceil(expires_at.timestamp()))
        await self.say(session, "auth_expiring", AuthExpiring(seconds=int((expires_at - now).total_seconds())))

    async def revoke(self, revoked: Collection[Revocation]) -> list[Session]:
        """End the sessions whose sign-in or person has ended; answer those whose table session was closed.

        It looks at every session once for all that was revoked meanwhile: 10,000 take 2 ms, and an index of them would
        take 6 MB.
        """
        ended: dict[Id, set[Id]] = {}
        for each in revoked:
            ended.setdefault(each.cafe_id, set()).add(each.subject_id)
        left: list[Session] = []
        for session in self:
            actor, here = session.actor, ended.get(session.actor.cafe_id)
            if here is None:
                continue
            if actor.person_id in here or actor.family_id in here:
                await self.end(session, REVOKED)
            elif actor.session_id in here:
                session.actor = msgspec.structs.replace(actor, session_id=None)
                left.append(session)
        return left

    async def end(self, session: Session, reason: str) -> None:
        """Say goodbye and disconnect: safe to repeat."""
        if session.ends is not None or not session.is_open:
            return
        session.ends = reason
        _log.info("ended: %s (%s)", session, reason)
        await self.say(session, "session_expired", SessionExpired(reason=reason))
        await self.transport.disconnect(session.socket_id, namespace=session.namespace)

    async def end_person(self, cafe_id: Id, person_id: Id, reason: str = REVOKED) -> None:
        """End every session of a person at a cafe."""
        for session in self:
            if session.holder[:2] == (cafe_id, person_id):
                await self.end(session, reason)

    async def say(self, session: Session, name: str, payload: msgspec.Struct) -> None:
        """Send one session something that belongs to no stream."""
        if session.is_open:
            await self.transport.say(session.namespace, session.socket_id, name, payload)
