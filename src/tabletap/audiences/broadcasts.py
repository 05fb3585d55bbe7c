"""Saying something to a stream, to people or to the whole cafe (contract 2, `/announcements`).

This is the seed's WebSocketService: `emitToRoom` names streams, `emitToUser` people, `emitToCafe` roles and exclusions,
`broadcastToCafe` nobody. Who is addressed is decided in the transaction that writes the events, each person once, and
nothing is sent by hand: people hear of it from their streams, also those who connect later.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from tabletap.audiences import access
from tabletap.audiences.events import AnnouncementMade
from tabletap.audiences.registry import EVENTS
from tabletap.audiences.streams import Audience, of_cafe, of_user
from tabletap.identity import store as people
from tabletap.identity.errors import PersonNotFound
from tabletap.identity.model import Addressee
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.infra.idempotency import Once, Outcome, remember, run_once
from tabletap.kernel.errors import FieldError, InvalidRequest, Refusal
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Actor, Role

ANNOUNCEMENT = "announcement"
MOST_ADDRESSED = 500
"""People that one announcement may be written to: each is a row, and all are written in one transaction."""
_TO_EVERYBODY = (Audience.STAFF, Audience.BOARD)


class TooManyAddressed(Refusal):
    """An announcement reaches 500 people at most; name fewer roles."""

    code = "too_many_addressed"


class Announce(msgspec.Struct, frozen=True, kw_only=True):
    """What to say, and to whom. With nobody named it goes to the streams of the staff and of the board."""

    message: str
    include_roles: frozenset[Role] = frozenset()
    include_users: frozenset[Id] = frozenset()
    exclude_roles: frozenset[Role] = frozenset()
    exclude_users: frozenset[Id] = frozenset()
    streams: frozenset[str] = frozenset()
    """Streams of the cafe instead of people: its staff, its board, or those of a role."""

    @property
    def names_people(self) -> bool:
        """Whether it goes to people, each by themselves."""
        return bool(self.include_roles or self.include_users or self.exclude_roles or self.exclude_users)


class AnnouncementView(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """What was said, and how many it was written to."""

    announcement_id: Id
    message: str
    announced_at: datetime
    streams: list[str] | None = None
    people: int | None = None
    """How many people it was addressed to, each by themselves."""


class Broadcasts:
    """Announcements to streams, people and cafes."""

    def __init__(self, db: AnyDatabase) -> None:
        self.db = db

    async def announce(self, request: Announce, by: Actor, once: Once | None = None) -> Outcome[AnnouncementView]:
        """Say something. Safe to repeat with a key; without one it is said again.

        Raises NotAllowed, InvalidRequest, OtherCafe, PersonNotFound, TooManyAddressed.
        """
        by.require(Role.MANAGER)
        message = _checked_message(request.message)
        if request.streams and request.names_people:
            raise _invalid("streams", "Name streams or people, not both.")
        if Role.BOARD in request.include_roles:
            raise _invalid("includeRoles", "A board is nobody's: it hears what is announced to everybody.")

        async def decide(tx: Transaction) -> AnnouncementView:
            keys = await _addressed(tx, request, by)
            view = AnnouncementView(
                announcement_id=new_id(),
                message=message,
                announced_at=tx.now,
                streams=None if request.names_people else keys,
                people=len(keys) if request.names_people else None,
            )
            remember(tx, once, view)
            fact = AnnouncementMade(
                cafe_id=tx.cafe_id,
                at=tx.now,
                announcement_id=view.announcement_id,
                message=message,
                announced_by=by.person_id,
                streams=tuple(keys),
            )
            tx.emit(fact)
            return view

        return await run_once(self.db, by.cafe_id, once, AnnouncementView, decide)


async def _addressed(reader: Reader, request: Announce, by: Actor) -> list[str]:
    """The streams it is written to: each of them once."""
    if request.names_people:
        found = await _people(reader, request)
        if len(found) > MOST_ADDRESSED:
            raise TooManyAddressed
        return sorted(of_user(id_).key for id_ in found)
    if request.streams:
        return sorted(_checked_stream(key, by) for key in request.streams)
    return sorted(of_cafe(audience, by.cafe_id).key for audience in _TO_EVERYBODY)


async def _people(reader: Reader, request: Announce) -> set[Id]:
    """Who is addressed: whoever is named by role or by themselves, or else all who work here; exclusion wins.

    A role is meant as it was given: a manager is not also counted as counter and staff. Customers are addressed only
    where their role is named, and then those who are signed in: nobody writes to the guests of last year.
    """
    found = [await _named(reader, id_) for id_ in sorted(request.include_users)]
    if request.include_roles or not request.include_users:
        found += [
            person
            for person in await people.staff(reader, reader.cafe_id, MOST_ADDRESSED + 1)
            if not request.include_roles or request.include_roles & person.role_set
        ]
    if Role.CUSTOMER in request.include_roles:
        found += await people.customers_signed_in(reader, reader.cafe_id, MOST_ADDRESSED + 1)
    return {
        person.id
        for person in found
        if person.id not in request.exclude_users and not request.exclude_roles & person.role_set
    }


async def _named(reader: Reader, id_: Id) -> Addressee:
    person = await people.get_person(reader, reader.cafe_id, id_)
    if person is None:
        raise PersonNotFound(f"There is nobody with the id {id_} at this cafe.")
    return Addressee(person.id, person.roles)


def _checked_stream(key: str, by: Actor) -> str:
    stream = access.stream_named(key)
    if stream.is_of_a_cafe:
        by.require_cafe(stream.id)
    if not stream.is_of_a_cafe or stream.audience not in EVENTS[ANNOUNCEMENT].payloads:
        raise _invalid("streams", f"Nothing is announced in {key[:80]}: name the cafe's staff, board or role streams.")
    return stream.key


def _checked_message(given: str) -> str:
    message = given.strip()
    if not message or not _is_readable(message):
        raise _invalid("message", "message is what people read: some words, without control characters.")
    return message


def _is_readable(text: Iterable[str]) -> bool:
    return all(character.isprintable() or character == "\n" for character in text)


def _invalid(field: str, sentence: str) -> InvalidRequest:
    return InvalidRequest(sentence, errors=[FieldError(field, sentence)])
