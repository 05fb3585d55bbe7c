"""Clocking in and out. A correction is written beside what was noted, never over it."""

from datetime import UTC, datetime, timedelta

import msgspec

from tabletap.cafes import store as cafes
from tabletap.cafes.model import Cafe
from tabletap.identity import store as identity
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.kernel.errors import FieldError, InvalidRequest, NotAllowed
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Actor, Role
from tabletap.tips.model import TipRole
from tabletap.tips.rules.service import rule_in_force
from tabletap.tips.shifts import store
from tabletap.tips.shifts.errors import (
    ShiftForgotten,
    ShiftInvalid,
    ShiftIsOpen,
    ShiftNotFound,
    ShiftNotOpen,
    ShiftsOverlap,
    WorkerNotFound,
)
from tabletap.tips.shifts.model import LONGEST, Shift, is_forgotten, minutes_within

LONGEST_LIST = timedelta(days=62)
OLDEST = timedelta(days=366)
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
_MANAGING = frozenset({Role.MANAGER, Role.ADMIN})


class ClockIn(msgspec.Struct, frozen=True, kw_only=True):
    """A request to begin a shift; who, in which role and for how many points is for managers to say."""

    person_id: Id | None = None
    role: TipRole | None = None
    points: int | None = None


class CorrectShift(msgspec.Struct, frozen=True, kw_only=True):
    """How a shift really was."""

    started_at: datetime
    ended_at: datetime
    role: TipRole | None = None
    points: int | None = None


class AddShift(CorrectShift, frozen=True, kw_only=True):
    """A shift that nobody clocked in for."""

    person_id: Id


class ShiftView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True, kw_only=True):
    """A shift. `correctsId` names the one that it replaces; one that was replaced `isCorrected`."""

    shift_id: Id
    person_id: Id
    role: TipRole
    points: int
    started_at: datetime
    noted_by: Id
    ended_at: datetime | None = None
    corrects_id: Id | None = None
    is_corrected: bool = False
    is_forgotten: bool = False
    """It has no end though its day is over: it counts to the end of that day, until a manager says how it was."""


class ShiftListView(msgspec.Struct, rename="camel", frozen=True):
    """The shifts of a while."""

    items: list[ShiftView]


class _Worker(msgspec.Struct, frozen=True):
    id: Id
    roles: frozenset[Role]

    @property
    def is_manager(self) -> bool:
        return bool(self.roles & _MANAGING)

    @property
    def role(self) -> TipRole:
        if self.is_manager:
            return "management"
        return "kitchen_staff" if Role.KITCHEN in self.roles else "service_staff"


def _view(shift: Shift, cafe: Cafe, now: datetime) -> ShiftView:
    return ShiftView(
        shift_id=shift.id,
        person_id=shift.person_id,
        role=shift.role,
        points=shift.points,
        started_at=shift.started_at,
        noted_by=shift.noted_by,
        ended_at=shift.ended_at,
        corrects_id=shift.corrects_id,
        is_corrected=shift.is_corrected,
        is_forgotten=not shift.is_corrected and is_forgotten(shift, cafe, now),
    )


class ShiftService:
    """Who works, and who worked."""

    def __init__(self, db: AnyDatabase) -> None:
        self.db = db

    async def clock_in(self, request: ClockIn, by: Actor) -> ShiftView:
        """Begin a shift: one's own, or as a manager somebody else's. A repetition is refused: the shift is open.

        Raises ShiftIsOpen, WorkerNotFound, NotAllowed.
        """
        by.require(Role.STAFF, Role.KITCHEN)
        if not by.is_(Role.MANAGER) and (request.role is not None or request.points is not None):
            raise NotAllowed("A manager says which role and points a shift has.")

        async def decide(tx: Transaction) -> ShiftView:
            worker = await _worker(tx, request.person_id, by)
            if await store.open_shift(tx, worker.id) is not None:
                raise ShiftIsOpen
            role = request.role or worker.role
            points = request.points or (await rule_in_force(tx)).counted.of(worker.id, role)
            shift = Shift(
                tx.cafe_id, new_id(), worker.id, role, points, worker.is_manager, tx.now, None, by.person_id, None,
                False, 1,
            )  # fmt: skip
            tx.add(store.shift, shift, retry_on_duplicate=True)
            return _view(shift, await _cafe(tx), tx.now)

        return await self.db.transaction(by.cafe_id, decide)

    async def clock_out(self, person_id: Id | None, by: Actor) -> ShiftView:
        """End the shift one is in, or as a manager somebody else's. A repetition is refused: there is none to end.

        Raises ShiftNotOpen, ShiftForgotten, WorkerNotFound, NotAllowed.
        """
        by.require(Role.STAFF, Role.KITCHEN)

        async def decide(tx: Transaction) -> ShiftView:
            worker = await _worker(tx, person_id, by)
            shift = await store.open_shift(tx, worker.id, lock=True)
            if shift is None:
                raise ShiftNotOpen
            if tx.now - shift.started_at > LONGEST:
                raise ShiftForgotten
            after = msgspec.structs.replace(shift, ended_at=tx.now, version=shift.version + 1)
            tx.save(store.shift, shift, after, ("cafe_id", "id"), ("version",))
            return _view(after, await _cafe(tx), tx.now)

        return await self.db.transaction(by.cafe_id, decide)

    async def correct(self, shift_id: Id, request: CorrectShift, by: Actor) -> ShiftView:
        """Say how a shift really was; what was noted stays to be seen, and tips shared by it stay where they are.

        One that ends as it begins was not worked at all. A repetition is refused: the shift is corrected already.
        Raises ShiftNotFound, ShiftInvalid, ShiftsOverlap, NotAllowed.
        """
        by.require(Role.MANAGER)

        async def decide(tx: Transaction) -> ShiftView:
            before = await store.get_shift(tx, shift_id, lock=True)
            if before is None or before.is_corrected:
                raise ShiftNotFound
            await _require_possible(tx, before.person_id, request, besides=before.id)
            after = msgspec.structs.replace(before, is_corrected=True, version=before.version + 1)
            tx.save(store.shift, before, after, ("cafe_id", "id"), ("version",))
            corrected = Shift(
                tx.cafe_id, new_id(), before.person_id, request.role or before.role, request.points or before.points,
                before.is_manager, request.started_at, request.ended_at, by.person_id, before.id, False, 1,
            )  # fmt: skip
            tx.add(store.shift, corrected)
            return _view(corrected, await _cafe(tx), tx.now)

        return await self.db.transaction(by.cafe_id, decide, lock=True)

    async def add(self, request: AddShift, by: Actor) -> ShiftView:
        """Note a shift that nobody clocked in for. A repetition is refused: it overlaps with itself.

        Raises ShiftInvalid, ShiftsOverlap, WorkerNotFound, NotAllowed.
        """
        by.require(Role.MANAGER)

        async def decide(tx: Transaction) -> ShiftView:
            worker = await _worker(tx, request.person_id, by)
            await _require_possible(tx, worker.id, request)
            role = request.role or worker.role
            points = request.points or (await rule_in_force(tx)).counted.of(worker.id, role)
            shift = Shift(
                tx.cafe_id, new_id(), worker.id, role, points, worker.is_manager, request.started_at,
                request.ended_at, by.person_id, None, False, 1,
            )  # fmt: skip
            tx.add(store.shift, shift)
            return _view(shift, await _cafe(tx), tx.now)

        return await self.db.transaction(by.cafe_id, decide, lock=True)

    async def between(
        self, starts_at: datetime, ends_at: datetime, by: Actor, *, corrected: bool = False
    ) -> ShiftListView:
        """The shifts of a while: the cafe's for managers, otherwise one's own; with those that were corrected if asked.

        Raises InvalidRequest and NotAllowed.
        """
        by.require(Role.STAFF, Role.KITCHEN)
        if not timedelta() <= ends_at - starts_at <= LONGEST_LIST or not _FIRST < starts_at < _LAST:
            sentence = f"to is after from, by at most {LONGEST_LIST.days} days."
            raise InvalidRequest(sentence, errors=[FieldError("to", sentence)])

        async def look(reader: Reader) -> ShiftListView:
            found = await store.shifts(reader, starts_at, ends_at, corrected=corrected)
            cafe, sees_all = await _cafe(reader), by.is_(Role.MANAGER)
            return ShiftListView(
                [_view(shift, cafe, reader.now) for shift in found if sees_all or shift.person_id == by.person_id]
            )

        return await self.db.read(by.cafe_id, look)


async def _require_possible(tx: Transaction, person_id: Id, wanted: CorrectShift, besides: Id | None = None) -> None:
    """Raises ShiftInvalid and ShiftsOverlap: nobody's minutes count twice, nor if two managers note them at once."""
    await identity.get_person(tx, tx.cafe_id, person_id, lock=True)  # one after the other, in a locked transaction
    in_order = wanted.started_at <= wanted.ended_at <= tx.now
    if not in_order or wanted.ended_at - wanted.started_at > LONGEST or tx.now - wanted.started_at > OLDEST:
        raise ShiftInvalid
    cafe = await _cafe(tx)
    for other in await store.shifts(tx, wanted.started_at, wanted.ended_at):
        is_own = other.person_id == person_id and other.id != besides
        if is_own and minutes_within(other, cafe, wanted.started_at, wanted.ended_at):
            raise ShiftsOverlap


async def _worker(tx: Transaction, named: Id | None, by: Actor) -> _Worker:
    """Who is meant, and in which roles they work. Raises NotAllowed and WorkerNotFound."""
    if named is None or named == by.person_id:
        return _Worker(by.person_id, by.roles)
    by.require(Role.MANAGER)
    person = await identity.get_person(tx, tx.cafe_id, named)
    if person is None or person.kind != "staff":
        raise WorkerNotFound
    return _Worker(person.id, person.role_set)


async def _cafe(reader: Reader) -> Cafe:
    cafe = await cafes.get_cafe(reader, reader.cafe_id)
    if cafe is None:
        raise NotAllowed("This cafe does not exist any more.")
    return cafe
