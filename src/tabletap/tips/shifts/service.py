"""Clocking in and out. A correction is written beside what was noted, never over it."""

from datetime import datetime, timedelta

import msgspec

from tabletap.identity import store as identity
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.kernel.errors import NotAllowed
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Actor, Role
from tabletap.tips.shifts import store
from tabletap.tips.shifts.errors import ShiftInvalid, ShiftIsOpen, ShiftNotFound, ShiftNotOpen, WorkerNotFound
from tabletap.tips.shifts.model import DEFAULT_POINTS, Shift, TipRole

LONGEST = timedelta(hours=24)


class ClockIn(msgspec.Struct, frozen=True, kw_only=True):
    """A request to begin a shift; `person_id` is for managers."""

    person_id: Id | None = None
    role: TipRole | None = None
    points: int = DEFAULT_POINTS


class CorrectShift(msgspec.Struct, frozen=True, kw_only=True):
    """How a shift really was."""

    started_at: datetime
    ended_at: datetime
    role: TipRole | None = None
    points: int | None = None


class ShiftView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """A shift. `correctsId` names the one that it replaces."""

    shift_id: Id
    person_id: Id
    role: TipRole
    points: int
    started_at: datetime
    noted_by: Id
    ended_at: datetime | None = None
    corrects_id: Id | None = None


class ShiftListView(msgspec.Struct, rename="camel", frozen=True):
    """The shifts of a while."""

    items: list[ShiftView]


def _view(shift: Shift) -> ShiftView:
    return ShiftView(
        shift.id, shift.person_id, shift.role, shift.points, shift.started_at, shift.noted_by, shift.ended_at,
        shift.corrects_id,
    )  # fmt: skip


class ShiftService:
    """Who works, and who worked."""

    def __init__(self, db: AnyDatabase) -> None:
        self.db = db

    async def clock_in(self, request: ClockIn, by: Actor) -> ShiftView:
        """Begin a shift: one's own, or as a manager somebody else's. A repetition is refused: the shift is open.

        Raises ShiftIsOpen, WorkerNotFound, NotAllowed.
        """
        by.require(Role.STAFF, Role.KITCHEN)

        async def decide(tx: Transaction) -> ShiftView:
            person_id, roles = await _worker(tx, request.person_id, by)
            if not by.is_(Role.MANAGER) and (request.role is not None or request.points != DEFAULT_POINTS):
                raise NotAllowed("A manager says which role and points a shift has.")
            if await store.open_shift(tx, person_id) is not None:
                raise ShiftIsOpen
            shift = Shift(
                tx.cafe_id, new_id(), person_id, request.role or _role_of(roles), request.points, tx.now, None,
                by.person_id, None, False, 1,
            )  # fmt: skip
            tx.add(store.shift, shift, retry_on_duplicate=True)
            return _view(shift)

        return await self.db.transaction(by.cafe_id, decide)

    async def clock_out(self, person_id: Id | None, by: Actor) -> ShiftView:
        """End the shift one is in, or as a manager somebody else's. Raises ShiftNotOpen, WorkerNotFound, NotAllowed."""
        by.require(Role.STAFF, Role.KITCHEN)

        async def decide(tx: Transaction) -> ShiftView:
            worker, _ = await _worker(tx, person_id, by)
            shift = await store.open_shift(tx, worker, lock=True)
            if shift is None:
                raise ShiftNotOpen
            after = msgspec.structs.replace(shift, ended_at=tx.now, version=shift.version + 1)
            tx.save(store.shift, shift, after, ("cafe_id", "id"), ("version",))
            return _view(after)

        return await self.db.transaction(by.cafe_id, decide)

    async def correct(self, shift_id: Id, request: CorrectShift, by: Actor) -> ShiftView:
        """Say how a shift really was; what was noted stays. Raises ShiftNotFound, ShiftInvalid, NotAllowed."""
        by.require(Role.MANAGER)

        async def decide(tx: Transaction) -> ShiftView:
            before = await store.get_shift(tx, shift_id, lock=True)
            if before is None or before.is_corrected:
                raise ShiftNotFound
            if not request.started_at <= request.ended_at <= tx.now or request.ended_at - request.started_at > LONGEST:
                raise ShiftInvalid
            after = msgspec.structs.replace(before, is_corrected=True, version=before.version + 1)
            tx.save(store.shift, before, after, ("cafe_id", "id"), ("version",))
            corrected = Shift(
                tx.cafe_id, new_id(), before.person_id, request.role or before.role, request.points or before.points,
                request.started_at, request.ended_at, by.person_id, before.id, False, 1,
            )  # fmt: skip
            tx.add(store.shift, corrected)
            return _view(corrected)

        return await self.db.transaction(by.cafe_id, decide)

    async def between(self, starts_at: datetime, ends_at: datetime, by: Actor) -> ShiftListView:
        """The shifts of a while: the cafe's for managers, otherwise one's own. Raises NotAllowed."""
        by.require(Role.STAFF, Role.KITCHEN)

        async def look(reader: Reader) -> list[Shift]:
            return await store.shifts(reader, starts_at, ends_at)

        found = await self.db.read(by.cafe_id, look)
        sees_all = by.is_(Role.MANAGER)
        return ShiftListView([_view(shift) for shift in found if sees_all or shift.person_id == by.person_id])


async def _worker(tx: Transaction, named: Id | None, by: Actor) -> tuple[Id, frozenset[Role]]:
    """Who is meant, and in which roles they work. Raises NotAllowed and WorkerNotFound."""
    if named is None or named == by.person_id:
        return by.person_id, by.roles
    by.require(Role.MANAGER)
    person = await identity.get_person(tx, tx.cafe_id, named)
    if person is None or person.kind != "staff":
        raise WorkerNotFound
    return person.id, person.role_set


def _role_of(roles: frozenset[Role]) -> TipRole:
    if roles & {Role.MANAGER, Role.ADMIN}:
        return "management"
    return "kitchen_staff" if Role.KITCHEN in roles else "service_staff"
