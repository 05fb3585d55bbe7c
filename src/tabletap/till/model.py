"""Drawers of cash: sessions from the float to the count, and every move in between. Pure.

A session begins with a float out of the safe. What is paid in cash, given back, put in and taken out moves what is
expected in it. It is counted, blind for whoever is not a manager, as often as wished; closing books the difference and
puts what was counted into the safe. Cash that is taken while no drawer is open is nobody's: it stands apart until a
session collects it, and it keeps the day from being closed silently.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from tabletap.kernel.ids import Id
from tabletap.kernel.money import MAX_AMOUNT_MINOR
from tabletap.ledger.model import CASH_DIFFERENCE, CASH_DRAWER, PETTY_CASH, SAFE
from tabletap.till.errors import DrawerCountInvalid

DEFAULT_DRAWER = "Main"
NO_DRAWER = ""
"""Where cash stands that is taken while no drawer is open: a session of its own, which is never counted or closed."""
MoveKind = Literal[
    "float", "payment", "refund", "tips", "paid_in", "paid_out", "drop", "collected", "difference", "taken_out"
]
HandMove = Literal["paid_in", "paid_out", "drop"]
"""What people do by hand: change from the safe, something bought, cash brought to the safe."""
SessionStatus = Literal["open", "closed"]
MAX_DENOMINATIONS = 30

_COUNTER_ACCOUNT: Mapping[str, str] = {
    "float": SAFE,
    "paid_in": SAFE,
    "drop": SAFE,
    "taken_out": SAFE,
    "paid_out": PETTY_CASH,
    "difference": CASH_DIFFERENCE,
}
"""Where the cash of a move comes from or goes to, where the till itself books it."""


class DrawerSession(msgspec.Struct, frozen=True):
    """One drawer from its float to its count: a row of `drawer_session`. A drawer has at most one open session."""

    cafe_id: Id
    id: Id
    drawer: str
    status: SessionStatus
    currency: str
    float_minor: int
    expected_minor: int
    """What should be in it: the sum of its moves."""
    counted_minor: int | None
    difference_minor: int | None
    """Counted less expected; below zero it was short."""
    opened_by: Id
    opened_at: datetime
    counted_by: Id | None
    counted_at: datetime | None
    closed_by: Id | None
    closed_at: datetime | None
    version: int

    @property
    def is_open(self) -> bool:
        """Whether cash still goes into it."""
        return self.status == "open"


class DrawerMove(msgspec.Struct, frozen=True):
    """Cash that moved: a row of `drawer_move`, never changed."""

    cafe_id: Id
    id: Id
    session_id: Id
    kind: MoveKind
    amount_minor: int
    reason: str | None
    payment_id: Id | None
    refund_id: Id | None
    moved_by: Id
    at: datetime
    n: int
    """Which version of its session it changed: moves of one session are in this order."""


class DrawerCount(msgspec.Struct, frozen=True):
    """One count of a drawer: a row of `drawer_count`, never changed."""

    cafe_id: Id
    id: Id
    session_id: Id
    counted_minor: int
    expected_minor: int
    denominations: dict[str, int] | None
    counted_by: Id
    at: datetime


def booking(kind: MoveKind, amount_minor: int) -> dict[str, int]:
    """The journal of a move that the till books itself; payments, refunds and tips are booked where they happen."""
    return {CASH_DRAWER: amount_minor, _COUNTER_ACCOUNT[kind]: -amount_minor}


def counted_sum(counted_minor: int | None, denominations: Mapping[str, int] | None) -> int:
    """What was counted: one sum, or coins and notes (value in minor units) and how many. Raises DrawerCountInvalid."""
    if (counted_minor is None) == (denominations is None):
        raise DrawerCountInvalid("Send countedAmount, or denominations, and not both.")
    if denominations is None:
        if counted_minor is None or not 0 <= counted_minor <= MAX_AMOUNT_MINOR:
            raise DrawerCountInvalid("What was counted is zero or more, and not beyond any drawer.")
        return counted_minor
    if not 0 < len(denominations) <= MAX_DENOMINATIONS:
        raise DrawerCountInvalid(f"A count names 1 to {MAX_DENOMINATIONS} coins and notes.")
    total = 0
    for value, count in denominations.items():
        if not value.isascii() or not value.isdigit() or not 1 <= len(value) <= 9 or int(value) == 0 or count < 0:
            raise DrawerCountInvalid('Coins and notes are named by their value in minor units: {"200": 3}.')
        total += int(value) * count
    if total > MAX_AMOUNT_MINOR:
        raise DrawerCountInvalid("What was counted is not beyond any drawer.")
    return total


# --- what callers see -------------------------------------------------------------------


class DrawerMoveView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """Cash that moved; negative amounts left the drawer."""

    id: Id
    kind: MoveKind
    amount: int
    moved_by: Id
    at: datetime
    reason: str | None = None
    payment_id: Id | None = None
    refund_id: Id | None = None


class DrawerCountView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """One count of a drawer."""

    counted_amount: int
    difference_amount: int
    counted_by: Id
    at: datetime
    denominations: dict[str, int] | None = None


class DrawerSessionView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """A drawer session. What is expected in it is shown to managers, and to everybody once it was counted."""

    session_id: Id
    drawer: str
    status: SessionStatus
    currency: str
    float_amount: int
    opened_by: Id
    opened_at: datetime
    expected_amount: int | None = None
    counted_amount: int | None = None
    difference_amount: int | None = None
    counted_by: Id | None = None
    counted_at: datetime | None = None
    closed_by: Id | None = None
    closed_at: datetime | None = None
    moves: list[DrawerMoveView] | None = None
    counts: list[DrawerCountView] | None = None


def session_view(session: DrawerSession, *, sees_expected: bool) -> DrawerSessionView:
    """A session without its moves."""
    shown = sees_expected or session.counted_minor is not None
    return DrawerSessionView(
        session_id=session.id,
        drawer=session.drawer,
        status=session.status,
        currency=session.currency,
        float_amount=session.float_minor,
        opened_by=session.opened_by,
        opened_at=session.opened_at,
        expected_amount=session.expected_minor if shown else None,
        counted_amount=session.counted_minor,
        difference_amount=session.difference_minor,
        counted_by=session.counted_by,
        counted_at=session.counted_at,
        closed_by=session.closed_by,
        closed_at=session.closed_at,
    )


def with_moves(view: DrawerSessionView, moves: list[DrawerMove], counts: list[DrawerCount]) -> DrawerSessionView:
    """The session with everything that moved in it, oldest first, and every count."""
    return msgspec.structs.replace(
        view,
        moves=[
            DrawerMoveView(
                move.id, move.kind, move.amount_minor, move.moved_by, move.at, move.reason, move.payment_id,
                move.refund_id,
            )
            for move in moves
        ],
        counts=[
            DrawerCountView(
                count.counted_minor, count.counted_minor - count.expected_minor, count.counted_by, count.at,
                count.denominations,
            )
            for count in counts
        ],
    )  # fmt: skip
