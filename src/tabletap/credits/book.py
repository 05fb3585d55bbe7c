"""A customer's credit within one transaction: the account, its lots and what is written about them.

Reads do not see what a transaction is about to write. Whatever is decided here is remembered, so that a second decision
of the same transaction stands on the first. The account is read before its lots and is guarded by its version, which
every change of a lot raises: it is the lock on them.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from tabletap.credits import store
from tabletap.credits.events import CreditMoved
from tabletap.credits.lots import Part
from tabletap.credits.model import Consumption, CreditAccount, CreditKind, CreditLot, CreditTransaction, CreditType
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import Id, new_id


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """Why credit moves, as its transaction says it."""

    reason: str
    order_id: Id | None = None
    payment_id: Id | None = None
    staff_id: Id | None = None
    metadata: dict[str, Any] | None = None


class Moved(msgspec.Struct, frozen=True):
    """A movement and the lots that it took from, or gave to."""

    transaction: CreditTransaction
    parts: Sequence[Part]


# --- the account ------------------------------------------------------------------------


async def account(tx: Transaction, customer_id: Id) -> CreditAccount | None:
    """The account as this transaction leaves it."""
    return tx.recall(("credit", customer_id)) or await store.account(tx, customer_id, lock=True)


def opened(tx: Transaction, customer_id: Id, currency: str) -> CreditAccount:
    """A new account with nothing in it."""
    new = CreditAccount(tx.cafe_id, customer_id, currency, 0, 0, 0, 0, "active", 0, tx.now, tx.now)
    tx.add(store.customer_credit, new, retry_on_duplicate=True)
    tx.remember(("credit", customer_id), new)
    return new


def save_account(tx: Transaction, before: CreditAccount, **changes: Any) -> CreditAccount:
    """Write the account with these changes."""
    after = msgspec.structs.replace(before, version=before.version + 1, updated_at=tx.now, **changes)
    tx.save(store.customer_credit, before, after, ("cafe_id", "customer_id"), ("version",))
    tx.remember(("credit", before.customer_id), after)
    return after


def record(
    tx: Transaction, before: CreditAccount, amount_minor: int, type_: CreditType, cause: Cause, *, undoes: bool = False
) -> CreditTransaction:
    """Move the account's balance and note why.

    What was spent is less after a refund, which is no new earning (seed fault 70). `undoes`: a purchase of credit is
    taken back, or that is undone: it is earned less, or again.
    """
    earned = amount_minor if type_ == "credit" or undoes else 0
    spent = -amount_minor if type_ in ("debit", "refund") and not undoes else 0
    after = save_account(
        tx,
        before,
        posted_minor=before.posted_minor + amount_minor,
        total_earned_minor=before.total_earned_minor + earned,
        total_spent_minor=before.total_spent_minor + spent,
        total_expired_minor=before.total_expired_minor - (amount_minor if type_ == "expiry" else 0),
    )
    moved = CreditTransaction(
        tx.cafe_id, _next_id(tx), before.customer_id, type_, amount_minor, before.posted_minor, after.posted_minor,
        cause.reason, cause.order_id, cause.payment_id, cause.staff_id, cause.metadata, tx.now,
    )  # fmt: skip
    tx.add(store.credit_transaction, moved)
    tx.emit(CreditMoved(cafe_id=tx.cafe_id, at=tx.now, transaction=moved))
    return moved


def _next_id(tx: Transaction) -> Id:
    """Ids of one millisecond are in no order: the movements of one transaction get theirs in the order they happen."""
    last, following = tx.recall("last_credit_transaction") or "", new_id()
    while following <= last:
        following = new_id()
    tx.remember("last_credit_transaction", following)
    return following


# --- its lots ---------------------------------------------------------------------------


async def open_lots(tx: Transaction, customer_id: Id) -> list[CreditLot]:
    """The lots in which something remains, as this transaction leaves them."""
    found = {lot.id: lot for lot in await store.open_lots(tx, customer_id)} | _changed(tx)
    return [lot for lot in found.values() if lot.customer_id == customer_id and lot.remaining_minor]


async def lots_of(tx: Transaction, ids: Sequence[Id]) -> dict[Id, CreditLot]:
    """These lots, as this transaction leaves them."""
    known, found = _changed(tx), dict[Id, CreditLot]()
    for id_ in dict.fromkeys(ids):
        lot = known.get(id_) or await store.lot(tx, id_)
        assert lot is not None, f"credit lot {id_} is gone, though nothing deletes lots"
        found[id_] = lot
    return found


async def buyer(tx: Transaction, payment_id: Id) -> Id | None:
    """Whose credit a payment bought."""
    bought = [lot.customer_id for lot in _changed(tx).values() if lot.payment_id == payment_id and lot.kind == "paid"]
    return bought[0] if bought else await store.buyer(tx, payment_id)


def _changed(tx: Transaction) -> dict[Id, CreditLot]:
    changed: dict[Id, CreditLot] = tx.recall("credit_lots") or {}
    tx.remember("credit_lots", changed)
    return changed


def save_lot(tx: Transaction, before: CreditLot, **changes: Any) -> CreditLot:
    """Write the lot with these changes. Whoever does so raises the version of the account, too."""
    after = msgspec.structs.replace(before, **changes)
    tx.save(store.credit_lot, before, after, ("cafe_id", "id"), ("remaining_minor", "held_minor"))
    _changed(tx)[before.id] = after
    return after


def add_lot(
    tx: Transaction, moved: CreditTransaction, kind: CreditKind, amount_minor: int, expires_at: datetime | None
) -> CreditLot:
    """A new lot for what a movement brought."""
    lot = CreditLot(
        tx.cafe_id, new_id(), moved.customer_id, kind, amount_minor, amount_minor, 0, expires_at, moved.payment_id,
        moved.id, tx.now,
    )  # fmt: skip
    tx.add(store.credit_lot, lot)
    _changed(tx)[lot.id] = lot
    return lot


async def consumptions(tx: Transaction, payment_id: Id) -> list[Consumption]:
    """What was taken for a payment from lots, and given back to them, this transaction's own included."""
    return [*await store.consumptions(tx, payment_id), *_noted(tx, payment_id)]


def consume(tx: Transaction, moved: CreditTransaction, parts: Sequence[Part], *, held: bool = False) -> None:
    """Take the parts of a movement from their lots; out of what is set aside there, if it was."""
    for n, part in enumerate(parts, 1):
        left = part.lot.remaining_minor - part.amount_minor
        still_held = part.lot.held_minor - (part.amount_minor if held else 0)
        save_lot(tx, part.lot, remaining_minor=left, held_minor=still_held)
        _note(tx, moved, n, part.lot.id, part.amount_minor)


def restore(tx: Transaction, moved: CreditTransaction, parts: Sequence[Part]) -> None:
    """Give the parts of a movement back to their lots."""
    for n, part in enumerate(parts, 1):
        save_lot(tx, part.lot, remaining_minor=part.lot.remaining_minor + part.amount_minor)
        _note(tx, moved, n, part.lot.id, -part.amount_minor)


def _note(tx: Transaction, moved: CreditTransaction, n: int, lot_id: Id, amount_minor: int) -> None:
    row = Consumption(tx.cafe_id, moved.id, n, lot_id, amount_minor, moved.payment_id, tx.now)
    tx.add(store.credit_consumption, row)
    if moved.payment_id is not None:
        _noted(tx, moved.payment_id).append(row)


def _noted(tx: Transaction, payment_id: Id) -> list[Consumption]:
    noted: list[Consumption] = tx.recall(("credit_consumption", payment_id)) or []
    tx.remember(("credit_consumption", payment_id), noted)
    return noted
