"""Opening, moving, counting and closing drawers, and the cash that payments bring."""

from typing import Any

import msgspec

from tabletap.cafes import store as cafes
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.infra.idempotency import Once, Outcome, remember, run_once
from tabletap.infra.paging import Page, page_of
from tabletap.kernel.errors import InvalidAmount, NotAllowed
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.money import MAX_AMOUNT_MINOR, require_positive
from tabletap.kernel.people import SYSTEM_ID, Actor, Role
from tabletap.ledger.model import CASH_DRAWER
from tabletap.ledger.service import balances, post
from tabletap.till import store
from tabletap.till.errors import (
    DrawerIsClosed,
    DrawerIsOpen,
    DrawerNotCounted,
    DrawerSessionNotFound,
    NothingToCollect,
)
from tabletap.till.events import DrawerChanged
from tabletap.till.model import (
    DEFAULT_DRAWER,
    NO_DRAWER,
    DrawerCount,
    DrawerMove,
    DrawerSession,
    DrawerSessionView,
    HandMove,
    MoveKind,
    SessionStatus,
    booking,
    counted_sum,
    session_view,
    with_moves,
)


class OpenDrawer(msgspec.Struct, frozen=True, kw_only=True):
    """A request to open a drawer."""

    float_minor: int
    drawer: str = DEFAULT_DRAWER


class MoveCash(msgspec.Struct, frozen=True, kw_only=True):
    """A request to put cash into a drawer or to take some out."""

    kind: HandMove
    amount_minor: int
    reason: str


class CollectCash(msgspec.Struct, frozen=True, kw_only=True):
    """A request to put cash that was taken with no drawer open into one; no amount means all of it.

    More may have been given back than taken: then all of it comes out of the drawer.
    """

    amount_minor: int | None = None
    reason: str | None = None


class CountDrawer(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted: one sum, or how many of which coins and notes."""

    counted_minor: int | None = None
    denominations: dict[str, int] | None = None


async def note_cash(
    tx: Transaction,
    kind: MoveKind,
    amount_minor: int,
    moved_by: Id,
    *,
    payment_id: Id | None = None,
    refund_id: Id | None = None,
) -> None:
    """Cash came or went, and its journal is booked by whoever calls: note which drawer it is in.

    It is the drawer of the person who took it, else the only one that is open, else none: then it stands apart.
    """
    if amount_minor == 0:
        return
    sessions = await store.open_sessions(tx, lock=True)
    drawers = [each for each in sessions if each.drawer != NO_DRAWER]
    own = [each for each in drawers if each.opened_by == moved_by]
    session = own[0] if own else drawers[0] if len(drawers) == 1 else None
    if session is None:
        session = next((each for each in sessions if each.drawer == NO_DRAWER), None) or await _apart(tx)
    _move(tx, session, kind, amount_minor, moved_by, payment_id=payment_id, refund_id=refund_id)


async def _apart(tx: Transaction) -> DrawerSession:
    """Where cash stands while no drawer is open; made when there is some for the first time."""
    return await _begun(tx, NO_DRAWER, 0, SYSTEM_ID)


async def _begun(tx: Transaction, drawer: str, float_minor: int, opened_by: Id) -> DrawerSession:
    cafe = await cafes.get_cafe(tx, tx.cafe_id)
    if cafe is None:
        raise NotAllowed("This cafe does not exist any more.")
    session = DrawerSession(
        tx.cafe_id, new_id(), drawer, "open", cafe.currency, float_minor, 0, None, None, opened_by, tx.now, None, None,
        None, None, 1,
    )  # fmt: skip
    store.add(tx, session)
    return session


def _move(
    tx: Transaction,
    session: DrawerSession,
    kind: MoveKind,
    amount_minor: int,
    moved_by: Id,
    reason: str | None = None,
    **of: Id | None,
) -> DrawerSession:
    move = DrawerMove(
        tx.cafe_id, new_id(), session.id, kind, amount_minor, reason, of.get("payment_id"), of.get("refund_id"),
        moved_by, tx.now, session.version,
    )  # fmt: skip
    tx.add(store.drawer_move, move)
    after = _changed(session, expected_minor=session.expected_minor + amount_minor)
    store.save(tx, session, after)
    return after


def _changed(session: DrawerSession, **changes: Any) -> DrawerSession:
    return msgspec.structs.replace(session, version=session.version + 1, **changes)


def _booked(
    tx: Transaction, session: DrawerSession, kind: MoveKind, amount_minor: int, by: Actor, reason: str | None = None
) -> DrawerSession:
    """A move that the till books itself."""
    if amount_minor == 0:
        return session
    after = _move(tx, session, kind, amount_minor, by.person_id, reason)
    post(tx, f"drawer_{kind}", session.currency, booking(kind, amount_minor), source_id=session.id)
    return after


class TillService:
    """The drawers of a cafe."""

    def __init__(self, db: AnyDatabase) -> None:
        self.db = db

    async def open(self, request: OpenDrawer, by: Actor, once: Once | None = None) -> Outcome[DrawerSessionView]:
        """Open a drawer with a float out of the safe. Safe to repeat under one key.

        Raises DrawerIsOpen, InvalidAmount, NotAllowed.
        """
        by.require(Role.COUNTER)

        async def decide(tx: Transaction) -> DrawerSessionView:
            if not 0 <= request.float_minor <= MAX_AMOUNT_MINOR:
                raise InvalidAmount("A float is zero or more.")
            name = " ".join(request.drawer.split()) or DEFAULT_DRAWER
            if any(each.drawer == name for each in await store.open_sessions(tx)):
                raise DrawerIsOpen
            session = await _begun(tx, name, request.float_minor, by.person_id)
            session = _booked(tx, session, "float", request.float_minor, by)
            return self._told(tx, session, by, once)

        return await run_once(self.db, by.cafe_id, once, DrawerSessionView, decide)

    async def move(
        self, session_id: Id, request: MoveCash, by: Actor, once: Once | None = None
    ) -> Outcome[DrawerSessionView]:
        """Put cash in, take some out, or bring some to the safe. Safe to repeat under one key.

        Raises DrawerSessionNotFound, DrawerIsClosed, InvalidAmount, NotAllowed.
        """
        by.require(Role.COUNTER)

        async def decide(tx: Transaction) -> DrawerSessionView:
            amount = require_positive(request.amount_minor)
            session = await _open(tx, session_id)
            signed = amount if request.kind == "paid_in" else -amount
            if session.expected_minor + signed < 0:
                raise InvalidAmount("There is not so much in this drawer.")
            return self._told(tx, _booked(tx, session, request.kind, signed, by, request.reason), by, once)

        return await run_once(self.db, by.cafe_id, once, DrawerSessionView, decide)

    async def collect(
        self, session_id: Id, request: CollectCash, by: Actor, once: Once | None = None
    ) -> Outcome[DrawerSessionView]:
        """Put cash that was taken while no drawer was open into this one. Safe to repeat under one key.

        Raises DrawerSessionNotFound, DrawerIsClosed, NothingToCollect, InvalidAmount, NotAllowed.
        """
        by.require(Role.COUNTER)

        async def decide(tx: Transaction) -> DrawerSessionView:
            # All of them first: both are locked in the order in which whoever takes cash locks them.
            apart = [each for each in await store.open_sessions(tx, lock=True) if each.drawer == NO_DRAWER]
            session = await _open(tx, session_id)
            if not apart or apart[0].expected_minor == 0:
                raise NothingToCollect
            loose = apart[0].expected_minor
            amount = loose if request.amount_minor is None else require_positive(request.amount_minor)
            if request.amount_minor is not None and amount > loose:
                raise InvalidAmount(f"Only {loose} was taken while no drawer was open.")
            _move(tx, apart[0], "collected", -amount, by.person_id, request.reason)
            after = _move(tx, session, "collected", amount, by.person_id, request.reason)
            return self._told(tx, after, by, once)

        return await run_once(self.db, by.cafe_id, once, DrawerSessionView, decide)

    async def count(self, session_id: Id, request: CountDrawer, by: Actor) -> DrawerSessionView:
        """Note what was counted; again as often as wished, every count is kept.

        Raises DrawerSessionNotFound, DrawerIsClosed, DrawerCountInvalid, NotAllowed.
        """
        by.require(Role.COUNTER)
        counted = counted_sum(request.counted_minor, request.denominations)

        async def decide(tx: Transaction) -> DrawerSessionView:
            session = await _open(tx, session_id)
            row = DrawerCount(
                tx.cafe_id, new_id(), session.id, counted, session.expected_minor, request.denominations, by.person_id,
                tx.now,
            )  # fmt: skip
            tx.add(store.drawer_count, row)
            difference = counted - session.expected_minor
            after = _changed(
                session, counted_minor=counted, difference_minor=difference, counted_by=by.person_id, counted_at=tx.now
            )
            store.save(tx, session, after)
            return self._told(tx, after, by, None)

        return await self.db.transaction(by.cafe_id, decide)

    async def close(
        self, session_id: Id, by: Actor, once: Once | None = None, reason: str | None = None
    ) -> Outcome[DrawerSessionView]:
        """Close a drawer as it was counted: book the difference (`reason`: why), bring what was counted to the safe.

        Safe to repeat under one key. Raises DrawerSessionNotFound, DrawerIsClosed, DrawerNotCounted, NotAllowed.
        """
        by.require(Role.COUNTER)

        async def decide(tx: Transaction) -> DrawerSessionView:
            session = await _open(tx, session_id)
            counted, difference = session.counted_minor, session.difference_minor
            if counted is None or difference is None or counted - difference != session.expected_minor:
                raise DrawerNotCounted
            after = _booked(tx, session, "difference", difference, by, reason)
            after = _booked(tx, after, "taken_out", -counted, by)
            closed = _changed(after, status="closed", closed_by=by.person_id, closed_at=tx.now)
            store.save(tx, after, closed)
            return self._told(tx, closed, by, once)

        return await run_once(self.db, by.cafe_id, once, DrawerSessionView, decide)

    def _told(self, tx: Transaction, session: DrawerSession, by: Actor, once: Once | None) -> DrawerSessionView:
        tx.emit(DrawerChanged(cafe_id=tx.cafe_id, at=tx.now, session=session))
        view = session_view(session, sees_expected=by.is_(Role.MANAGER))
        remember(tx, once, view)
        return view

    async def get(self, session_id: Id, by: Actor) -> DrawerSessionView:
        """A session with its moves and counts; what is expected only for whoever may know. Raises as it says."""
        by.require(Role.COUNTER)

        async def look(reader: Reader) -> DrawerSessionView:
            session = await store.session(reader, session_id)
            if session is None or session.drawer == NO_DRAWER:
                raise DrawerSessionNotFound
            view = session_view(session, sees_expected=by.is_(Role.MANAGER))
            if view.expected_amount is None:
                return view  # the moves would give the sum away before it is counted
            return with_moves(view, await store.moves(reader, session_id), await store.counts(reader, session_id))

        return await self.db.read(by.cafe_id, look, consistent=True)

    async def page(
        self, by: Actor, status: SessionStatus | None, limit: int, cursor: str | None
    ) -> Page[DrawerSessionView]:
        """Sessions, newest first. Raises NotAllowed."""
        by.require(Role.COUNTER)

        async def look(reader: Reader) -> Page[DrawerSessionView]:
            return await page_of(
                lambda before, count: store.page(reader, before, count, status),
                limit, cursor, key=lambda session: session.id,
                view=lambda session: session_view(session, sees_expected=by.is_(Role.MANAGER)),
            )  # fmt: skip

        return await self.db.read(by.cafe_id, look)


async def _open(tx: Transaction, session_id: Id) -> DrawerSession:
    session = await store.session(tx, session_id, lock=True)
    if session is None or session.drawer == NO_DRAWER:
        raise DrawerSessionNotFound
    if not session.is_open:
        raise DrawerIsClosed
    return session


async def check(reader: Reader) -> list[str]:
    """What is wrong with the drawers, sentence by sentence, for `tabletap verify`."""
    sums = await store.sums(reader)
    faults = [
        f"drawer session {session_id} expects {expected}, its moves sum to {moved}"
        for session_id, expected, moved in sums
        if expected != moved
    ]
    in_drawers = sum(expected for _, expected, _ in sums)
    booked = (await balances(reader, reader.cafe_id)).get(CASH_DRAWER, 0)
    if booked != in_drawers:
        faults.append(f"the drawers hold {in_drawers}, the entries of {CASH_DRAWER} say {booked}")
    return faults
