"""Who is connected right now, and how far their screens have come (the seed's ConnectionTrackingService).

Each process shows the others what it has, on a board that a dead process is wiped off within ten seconds. That somebody
came or went is said to the counters and managers of the cafe, once a second at most.
"""

import logging

import msgspec
from prometheus_client import Gauge

from tabletap.audiences.roll_call import Connection, Reached, RollCall, RollCalls, by_screen
from tabletap.infra.broker import Broker
from tabletap.kernel.ids import Id
from tabletap.kernel.people import Actor, Role
from tabletap.realtime.messages import Cursor, PresenceChanged
from tabletap.realtime.sessions import Session, Sessions

_log = logging.getLogger(__name__)
TOPIC = "presence"
"""Under which processes tell each other at which cafes somebody came or went."""
TOLD = frozenset({"/counter", "/admin"})
"""The namespaces in which people hear of it."""
OPEN = Gauge("tabletap_live_connections", "Sockets that are open in this process", ["namespace"])
PROCESSES = Gauge("tabletap_live_processes", "Processes that gave a sign of life lately, as this one knows")
_encode = msgspec.msgpack.Encoder().encode
_cafes = msgspec.msgpack.Decoder(list[Id]).decode


class Presence:
    """Shows what the open sessions of this process say, and reads what the others show."""

    def __init__(self, sessions: Sessions, roll_calls: RollCalls, broker: Broker) -> None:
        self._sessions, self._roll_calls, self._broker = sessions, roll_calls, broker
        self._board = roll_calls.board
        self._moved: set[Id] = set()
        """Cafes where somebody came to us or left us since the last round."""
        self._stirred: set[Id] = set()
        """Cafes whose people are to be told that somebody came or went, wherever that was."""

    # --- what happens here --------------------------------------------------------------

    async def start(self) -> None:
        """Begin to be seen by other processes."""
        await self._board.start()
        self._broker.attend(TOPIC, self._hear)

    async def stop(self) -> None:
        """Nobody is connected to this process any more."""
        cafes = sorted({session.actor.cafe_id for session in self._sessions})
        await self._board.stop()
        self._broker.say(TOPIC, _encode(cafes))

    def entered(self, session: Session) -> None:
        """Somebody connected."""
        OPEN.labels(session.namespace).inc()
        self._moved.add(session.actor.cafe_id)
        self.show(session)

    def left(self, session: Session) -> None:
        """Somebody is gone."""
        OPEN.labels(session.namespace).dec()
        self._moved.add(session.actor.cafe_id)
        self._board.take_down(session.actor.cafe_id, _key(session))

    def show(self, session: Session) -> None:
        """Show the others what a session follows and how far it has come."""
        self._board.put(session.actor.cafe_id, _key(session), _encode(_connection(session, self._board.process_id)))

    def acknowledge(self, session: Session, cursors: dict[str, Cursor]) -> None:
        """Note how far a screen has come with the streams it follows; others are not its to speak of."""
        session.acknowledged.update({key: at for key, at in cursors.items() if key in session.streams})

    def _hear(self, word: bytes) -> None:
        try:
            self._stirred.update(_cafes(word))
        except msgspec.DecodeError:
            _log.warning("another process says in a way of its own who came or went")

    async def round(self) -> None:
        """Show what changed, and tell those who want to know. Called every second."""
        swept = await self._board.keep()
        PROCESSES.set(self._board.processes)
        moved, self._moved = self._moved | swept, set()
        if moved:
            self._broker.say(TOPIC, _encode(sorted(moved)))
        stirred, self._stirred = self._stirred, set()
        for cafe_id in stirred:
            await self._tell(cafe_id)

    async def _tell(self, cafe_id: Id) -> None:
        told = [each for each in self._sessions if each.actor.cafe_id == cafe_id and each.namespace in TOLD]
        if not told:
            return
        found = (await self._roll_calls.attendance(cafe_id)).connections
        screens, guests = (by_screen(each for each in found if each.is_of_a_guest is guest) for guest in (False, True))
        changed = PresenceChanged(cafe_id=cafe_id, screens=len(screens), guests=len(guests))
        for session in told:
            await self._sessions.say(session, "presence_changed", changed)

    # --- what may be asked --------------------------------------------------------------

    async def connections_of(self, cafe_id: Id, person_id: Id) -> list[Connection]:
        """Everything a person has open, in whichever process (the seed's getUserConnections)."""
        return [each for each in await self.active(cafe_id) if each.person_id == person_id]

    async def active(self, cafe_id: Id, role: Role | None = None) -> list[Connection]:
        """Who is connected at a cafe, with a role if one is named (getActiveConnections)."""
        found = (await self._roll_calls.attendance(cafe_id)).connections
        return [each for each in found if role is None or role in each.roles]

    async def connection(self, cafe_id: Id, namespace: str, socket_id: str) -> Connection | None:
        """One socket, in whichever process (getConnection)."""
        found = await self.active(cafe_id)
        return next((each for each in found if (each.namespace, each.socket_id) == (namespace, socket_id)), None)

    async def roll_call(self, by: Actor) -> RollCall:
        """Who is connected to one's own cafe and how far behind they are. Raises NotAllowed."""
        return await self._roll_calls.call(by)


def _key(session: Session) -> str:
    return f"{session.namespace}|{session.socket_id}"


def _connection(session: Session, process_id: Id) -> Connection:
    actor = session.actor
    return Connection(
        socket_id=session.socket_id,
        namespace=session.namespace,
        screen_id=session.caller.id,
        process_id=process_id,
        cafe_id=actor.cafe_id,
        person_id=actor.person_id,
        roles=actor.roles,
        audience=actor.audience,
        connected_at=session.connected_at,
        streams=frozenset(session.streams),
        acknowledged={key: Reached(at.epoch, at.seq) for key, at in session.acknowledged.items()},
    )
