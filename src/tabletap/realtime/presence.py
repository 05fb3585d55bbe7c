"""Who is connected right now, and how far their screens have come (the seed's ConnectionTrackingService)."""

from datetime import datetime

import msgspec

from tabletap.kernel.ids import Id
from tabletap.kernel.people import Role
from tabletap.realtime.messages import Cursor
from tabletap.realtime.sessions import Session, Sessions


class Connection(msgspec.Struct, frozen=True):
    """A socket of a person in a namespace."""

    socket_id: str
    namespace: str
    cafe_id: Id
    person_id: Id
    roles: frozenset[Role]
    audience: str
    connected_at: datetime
    streams: frozenset[str]
    acknowledged: dict[str, Cursor]
    """The last `seq` of each stream that the screen says it has applied."""


class Presence:
    """What the open sessions of this process say about who is here."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def acknowledge(self, session: Session, cursors: dict[str, Cursor]) -> None:
        """Note how far a screen has come with the streams it follows; others are not its to speak of."""
        session.acknowledged.update({key: at for key, at in cursors.items() if key in session.streams})

    def connections_of(self, cafe_id: Id, person_id: Id) -> list[Connection]:
        """Everything a person has open (the seed's getUserConnections)."""
        return [each for each in self.active(cafe_id) if each.person_id == person_id]

    def active(self, cafe_id: Id, role: Role | None = None) -> list[Connection]:
        """Who is connected at a cafe, with a role if one is named (getActiveConnections)."""
        return [
            _connection(session)
            for session in self._sessions
            if session.actor.cafe_id == cafe_id and (role is None or role in session.actor.roles)
        ]

    def connection(self, namespace: str, socket_id: str) -> Connection | None:
        """One socket (getConnection)."""
        session = self._sessions.find(namespace, socket_id)
        return _connection(session) if session else None


def _connection(session: Session) -> Connection:
    actor = session.actor
    return Connection(
        session.socket_id, session.namespace, actor.cafe_id, actor.person_id, actor.roles, actor.audience,
        session.connected_at, frozenset(session.streams), dict(session.acknowledged),
    )  # fmt: skip
