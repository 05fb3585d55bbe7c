"""Who is in which room, kept ready for the hot path: a frame is built once and written to every member.

The library's own manager looks through every room when a client leaves, and makes a task and a queue entry for every
member of an emit. Here a client knows its rooms, and a room holds the `write` of each member's WebSocket.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Any

from socketio import AsyncManager

from tabletap.realtime.engine.connection import MESSAGE, Connection
from tabletap.realtime.engine.frames import frame

_log = logging.getLogger(__name__)
Write = Callable[[bytes], None]


class Member:
    """A client in a namespace."""

    __slots__ = ("connection", "is_connected", "namespace", "rooms", "sid")

    def __init__(self, sid: str, namespace: str, connection: Connection) -> None:
        self.sid, self.namespace, self.connection = sid, namespace, connection
        self.rooms: set[str] = set()
        self.is_connected = False


class Room:
    """The members of a room: those who are written to, and those who poll."""

    __slots__ = ("pollers", "sids", "writes")

    def __init__(self) -> None:
        self.writes: dict[str, Write] = {}
        self.pollers: dict[str, Connection] = {}
        self.sids: set[str] = set()

    def reach(self, member: Member) -> None:
        """Reach a member the way its connection goes now."""
        connection = member.connection
        self.unreach(member.sid)
        if connection.closed:
            return
        if connection.writer is not None:
            self.writes[member.sid] = connection.writer.write
        else:
            self.pollers[member.sid] = connection

    def unreach(self, sid: str) -> None:
        """Send a member nothing more."""
        self.writes.pop(sid, None)
        self.pollers.pop(sid, None)


class Members(AsyncManager):  # type: ignore[misc]  # the library has no types
    """The library's client manager, with the hot path in `deliver`."""

    def __init__(self, connection_of: Callable[[str], Connection | None]) -> None:
        super().__init__()
        self._connection_of = connection_of
        self._members: dict[str, Member] = {}
        self._by_connection: dict[str, dict[str, Member]] = {}
        """By the connection's id and the namespace."""
        self._rooms: dict[tuple[str, str], Room] = {}

    # --- the hot path ------------------------------------------------------------------

    def deliver(self, namespace: str, room: str, text: bytes) -> None:
        """Send a Socket.IO packet to everybody in a room, at once and without a task."""
        found = self._rooms.get((namespace, room))
        if found is None:
            return
        if found.writes:
            ready = frame(b"4" + text)
            for write in found.writes.values():
                try:
                    write(ready)
                except RuntimeError:  # closed a moment ago; `ended` takes it out of the room
                    _log.debug("a member was gone already")
        if found.pollers:
            packet = MESSAGE + text.decode()
            for connection in list(found.pollers.values()):
                connection.send(packet)

    def deliver_to(self, sid: str, *texts: bytes) -> None:
        """Send Socket.IO packets to one member, with one write."""
        member = self._members.get(sid)
        if member is not None:
            member.connection.send_all([MESSAGE + text.decode() for text in texts])

    async def drained(self, sid: str) -> None:
        """Wait until a member has taken most of what it was sent, or is gone."""
        member = self._members.get(sid)
        if member is not None:
            await member.connection.drained()

    def upgraded(self, connection: Connection) -> None:
        """The connection goes another way from now on."""
        for member, room in self._rooms_of(connection):
            room.reach(member)

    def ended(self, connection: Connection) -> None:
        """Nothing reaches the connection any more; its members leave once their end is handled."""
        for member, room in self._rooms_of(connection):
            room.unreach(member.sid)

    def _rooms_of(self, connection: Connection) -> Iterator[tuple[Member, Room]]:
        for member in self._by_connection.get(connection.id, {}).values():
            for name in member.rooms:
                yield member, self._rooms[member.namespace, name]

    # --- what the library asks of a manager ----------------------------------------------

    def get_namespaces(self) -> list[str]:
        """The namespaces in which anybody is."""
        return list({member.namespace for member in self._members.values()})

    def namespaces_of(self, connection_id: str) -> list[str]:
        """The namespaces in which a connection is."""
        return list(self._by_connection.get(connection_id, ()))

    def get_participants(self, namespace: str, room: Any) -> Iterator[tuple[str, str]]:
        """The members of a room, or of one of several, or of the whole namespace, with their connections' ids."""
        for sid in self._sids(namespace, room):
            yield sid, self._members[sid].connection.id

    def _sids(self, namespace: str, room: Any) -> set[str]:
        if room is None:
            return {sid for sid, member in self._members.items() if member.namespace == namespace}
        if not isinstance(room, str):
            return {sid for each in room for sid in self._sids(namespace, each)}
        if room in self._members:
            return {room} if self._members[room].namespace == namespace else set()
        found = self._rooms.get((namespace, room))
        return set(found.sids) if found else set()

    async def pre_connect(self, eio_sid: str, namespace: str) -> str | None:
        """A connection wants into a namespace; None when it is there already, or gone."""
        connection = self._connection_of(eio_sid)
        here = self._by_connection.setdefault(eio_sid, {}) if connection is not None else {}
        if connection is None or namespace in here:
            return None
        self.rooms.setdefault(namespace, {})  # the library asks it whether there is such a namespace
        member = Member(self.server.eio.generate_id(), namespace, connection)
        self._members[member.sid] = here[namespace] = member
        return member.sid

    async def connect(self, sid: str, namespace: str) -> str:
        """A member was admitted."""
        self._members[sid].is_connected = True
        return sid

    def is_connected(self, sid: str | None, namespace: str) -> bool:
        """Whether a member was admitted and is not about to go."""
        member = self._members.get(sid) if sid else None
        return member is not None and member.is_connected and member.namespace == namespace

    def pre_disconnect(self, sid: str, namespace: str) -> str | None:
        """A member is about to go."""
        member = self._members.get(sid)
        if member is None:
            return None
        member.is_connected = False
        return member.connection.id

    async def disconnect(self, sid: str, namespace: str, **_: Any) -> None:
        """A member is gone."""
        member = self._members.pop(sid, None)
        if member is None:
            return
        for room in list(member.rooms):
            self._leave(member, room)
        self.callbacks.pop(sid, None)
        here = self._by_connection.get(member.connection.id, {})
        here.pop(namespace, None)
        if not here:
            self._by_connection.pop(member.connection.id, None)

    def sid_from_eio_sid(self, eio_sid: str, namespace: str) -> str | None:
        """The member that a connection is in a namespace."""
        member = self._by_connection.get(eio_sid, {}).get(namespace)
        return member.sid if member else None

    def eio_sid_from_sid(self, sid: str, namespace: str) -> str | None:
        """The connection of a member."""
        member = self._members.get(sid)
        return member.connection.id if member and member.namespace == namespace else None

    async def enter_room(self, sid: str, namespace: str, room: str, eio_sid: str | None = None) -> None:
        """Put a member into a room. Safe to repeat; one who is gone stays out."""
        member = self._members.get(sid)
        if member is None or member.namespace != namespace:
            return
        found = self._rooms.setdefault((namespace, room), Room())
        found.sids.add(sid)
        member.rooms.add(room)
        found.reach(member)

    async def leave_room(self, sid: str, namespace: str, room: str) -> None:
        """Take a member out of a room. Safe to repeat."""
        member = self._members.get(sid)
        if member is not None:
            self._leave(member, room)

    def _leave(self, member: Member, name: str) -> None:
        member.rooms.discard(name)
        room = self._rooms.get((member.namespace, name))
        if room is not None:
            room.sids.discard(member.sid)
            room.unreach(member.sid)
            if not room.sids:
                del self._rooms[member.namespace, name]

    def get_rooms(self, sid: str, namespace: str) -> list[str]:
        """The rooms of a member."""
        member = self._members.get(sid)
        return sorted(member.rooms) if member else []
