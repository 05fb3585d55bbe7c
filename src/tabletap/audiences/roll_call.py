"""Who is connected to a cafe, in whichever process, and how far their screens have come: the roll-call.

Guests and customers are counted, not named.
"""

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby

import msgspec

from tabletap.audiences.streams import parse
from tabletap.identity import store as people
from tabletap.infra import streams
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader
from tabletap.infra.shared.board import Board
from tabletap.kernel.ids import Id
from tabletap.kernel.people import Actor, Role

MOST_SCREENS = 200
"""In one answer: the last that came. No cafe has more; whoever opens more does not slow down the others."""


class Reached(msgspec.Struct, frozen=True, array_like=True):
    """How far a screen says it has come in a stream."""

    epoch: int
    seq: int


class Connection(msgspec.Struct, frozen=True, array_like=True):
    """A socket of a person in a namespace, as its process shows it to the others."""

    socket_id: str
    namespace: str
    screen_id: Id
    """One connection of one page or device, which carries all its namespaces."""
    process_id: Id
    cafe_id: Id
    person_id: Id
    roles: frozenset[Role]
    audience: str
    connected_at: datetime
    streams: frozenset[str] = frozenset()
    acknowledged: dict[str, Reached] = {}

    @property
    def is_of_a_guest(self) -> bool:
        """Somebody who does not work here, and whom a roll-call does not name."""
        return self.roles <= {Role.CUSTOMER}


class View(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What people read."""


class StreamReached(View, frozen=True, kw_only=True):
    """How far a screen has come in one stream of the cafe; null while it has not said so."""

    stream: str
    head: int
    acknowledged_seq: int | None = None
    events_behind: int | None = None
    seconds_behind: int | None = None
    """How long the first event that it has not acknowledged has been there."""


class ScreenHere(View, frozen=True, kw_only=True):
    """One screen of somebody who works here."""

    screen_id: Id
    person_id: Id
    label: str
    """Their name, or what they are."""
    roles: list[Role]
    audience: str
    namespaces: list[str]
    process_id: Id
    connected_at: datetime
    streams: list[StreamReached]


class RollCall(View, frozen=True, kw_only=True):
    """Who is connected to the cafe."""

    at: datetime
    is_complete: bool
    """False while not all processes are known: Redis is away, or some run another version."""
    processes: list[Id]
    """Those that hold connections of this cafe."""
    screens: list[ScreenHere]
    guests: int
    """Connections of customers and guests."""


class Attendance(msgspec.Struct, frozen=True):
    """Every connection of a cafe that is known."""

    connections: list[Connection]
    is_complete: bool


class RollCalls:
    """Reads what the processes show each other."""

    def __init__(self, db: AnyDatabase, board: Board) -> None:
        self.db, self.board = db, board
        self._decode = msgspec.msgpack.Decoder(Connection).decode

    async def attendance(self, cafe_id: Id) -> Attendance:
        """Everybody who is connected to a cafe, the first that came first."""
        page = await self.board.read(cafe_id)
        notices = [notice for hung in page.by_process.values() for notice in hung.values()]
        found = [each for each in map(self._read, notices) if each is not None]
        is_complete = page.is_complete and len(found) == len(notices)
        return Attendance(sorted(found, key=lambda each: (each.connected_at, each.socket_id)), is_complete)

    def _read(self, notice: bytes) -> Connection | None:
        """A notice, None where a process of another version writes them in another way."""
        try:
            return self._decode(notice)
        except msgspec.DecodeError:
            return None

    async def call(self, by: Actor) -> RollCall:
        """The roll-call of one's own cafe, for the counter and above. Raises NotAllowed."""
        by.require(Role.COUNTER)
        attendance = await self.attendance(by.cafe_id)
        known = [each for each in attendance.connections if not each.is_of_a_guest]
        screens = by_screen(known)[-MOST_SCREENS:]

        async def look(reader: Reader) -> RollCall:
            heads = {key: await streams.head(reader, by.cafe_id, key) for key in _cafe_streams(known)}
            reached = {each for sockets in screens for each in _reached(sockets).items()}
            waiting = {at: await _seconds_waiting(reader, *at, heads) for at in reached if at[0] in heads}
            labels = {sockets[0].person_id: await _label(reader, sockets[0]) for sockets in screens}
            return RollCall(
                at=reader.now,
                is_complete=attendance.is_complete,
                processes=sorted({each.process_id for each in attendance.connections}),
                screens=[_screen(sockets, labels[sockets[0].person_id], heads, waiting) for sockets in screens],
                guests=len({each.screen_id for each in attendance.connections if each.is_of_a_guest}),
            )

        return await self.db.read(by.cafe_id, look)


def by_screen(connections: Iterable[Connection]) -> list[list[Connection]]:
    """The sockets of each screen together, the screens in the order in which they came."""
    found = [list(each) for _, each in groupby(sorted(connections, key=_of_screen), key=_of_screen)]
    return sorted(found, key=lambda sockets: (min(each.connected_at for each in sockets), sockets[0].screen_id))


def _of_screen(connection: Connection) -> tuple[Id, Id]:
    return connection.screen_id, connection.person_id


def _cafe_streams(connections: Iterable[Connection]) -> list[str]:
    """The streams that are the cafe's own: few, and the same for many screens."""
    found = {key for each in connections for key in each.streams}
    return sorted(key for key in found if (stream := parse(key)) is not None and stream.is_of_a_cafe)


def _reached(sockets: Iterable[Connection]) -> dict[str, Reached]:
    return {key: at for each in sockets for key, at in each.acknowledged.items()}


async def _label(reader: Reader, connection: Connection) -> str:
    person = await people.get_person(reader, reader.cafe_id, connection.person_id)
    if person is not None and person.name:
        return person.name
    role = min(connection.roles, key=list(Role).index, default=Role.STAFF)
    return f"{role} device" if connection.audience == "device" else str(role)


async def _seconds_waiting(reader: Reader, key: str, at: Reached, heads: dict[str, streams.Head]) -> int:
    """How long the first event after a position has been there; 0 when there is none."""
    head = heads[key]
    if at.epoch != head.epoch or at.seq >= head.head:
        return 0
    waiting = await streams.events_after(reader, reader.cafe_id, key, at.seq, 1)
    return max(0, int((reader.now - waiting[0].at).total_seconds())) if waiting else 0


def _screen(
    sockets: list[Connection], label: str, heads: dict[str, streams.Head], waiting: dict[tuple[str, Reached], int]
) -> ScreenHere:
    first, reached = sockets[0], _reached(sockets)
    return ScreenHere(
        screen_id=first.screen_id,
        person_id=first.person_id,
        label=label,
        roles=sorted(first.roles),
        audience=first.audience,
        namespaces=sorted({each.namespace for each in sockets}),
        process_id=first.process_id,
        connected_at=min(each.connected_at for each in sockets),
        streams=[_how_far(key, heads[key], reached.get(key), waiting) for key in _cafe_streams(sockets)],
    )


def _how_far(
    key: str, head: streams.Head, at: Reached | None, waiting: dict[tuple[str, Reached], int]
) -> StreamReached:
    if at is None or at.epoch != head.epoch:
        return StreamReached(stream=key, head=head.head)
    return StreamReached(
        stream=key,
        head=head.head,
        acknowledged_seq=at.seq,
        events_behind=max(0, head.head - at.seq),
        seconds_behind=waiting[key, at],
    )
