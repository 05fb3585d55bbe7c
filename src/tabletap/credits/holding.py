"""Credit set aside for a payment that is under way: spent when that completes, free again when it does not.

Which lots it will take is decided when it is set aside, not when it is spent: what was promised to a payment cannot
expire or be spent meanwhile, and what another payment takes is decided by what is free. A part of a lot that expires
while it is set aside can still be spent by its payment; given free again, it has `GRACE_DAYS` more, for it was our
payment that was not done in time.
"""

import msgspec

from tabletap.credits import book, store
from tabletap.credits.book import Cause
from tabletap.credits.errors import CreditNotHeld
from tabletap.credits.expiring import revived
from tabletap.credits.lots import Part, taken
from tabletap.credits.model import CreditHold, CreditTransaction, HeldPart
from tabletap.credits.moving import account_to_spend_from
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import Id
from tabletap.kernel.people import require_currency


async def hold(tx: Transaction, customer_id: Id, amount_minor: int, currency: str, payment_id: Id) -> CreditHold:
    """Set credit aside for a payment; once for each.

    Raises InsufficientCredit, CreditAccountClosed and CurrencyMismatch.
    """
    account = await account_to_spend_from(tx, customer_id)
    require_currency(currency, account.currency)
    parts = taken(await book.open_lots(tx, customer_id), amount_minor, tx.now)
    book.save_account(tx, account, held_minor=account.held_minor + amount_minor)
    rows = [
        HeldPart(tx.cafe_id, payment_id, n, part.lot.id, part.amount_minor) for n, part in enumerate(parts, 1)
    ]  # fmt: skip
    for part in parts:
        book.save_lot(tx, part.lot, held_minor=part.lot.held_minor + part.amount_minor)
    held = CreditHold(tx.cafe_id, payment_id, customer_id, amount_minor, "held", tx.now, None)
    tx.add(store.credit_hold, held)
    tx.add(store.credit_hold_part, *rows)
    tx.remember(("credit_hold", payment_id), (held, rows))
    return held


async def release(tx: Transaction, payment_id: Id) -> None:
    """Give free what is set aside for a payment. Safe to repeat; nothing set aside, nothing done."""
    held, rows = await _held(tx, payment_id)
    if held is None or held.state != "held":
        return
    account = await book.account(tx, held.customer_id)
    assert account is not None, "what is set aside is of an account"
    account = book.save_account(tx, account, held_minor=account.held_minor - held.amount_minor)
    for part in await _parts(tx, rows):
        account, lot = await revived(tx, account, part.lot)
        book.save_lot(tx, lot, held_minor=lot.held_minor - part.amount_minor)
    _end(tx, held, rows, "released")


async def spend_held(
    tx: Transaction, payment_id: Id, reason: str, *, order_id: Id | None, staff_id: Id | None
) -> CreditTransaction:
    """Spend what is set aside for a payment, whatever became of the account. Raises CreditNotHeld the second time."""
    held, rows = await _held(tx, payment_id)
    if held is None or held.state != "held":
        raise CreditNotHeld
    account = await book.account(tx, held.customer_id)
    assert account is not None, "what is set aside is of an account"
    parts = await _parts(tx, rows)
    account = book.save_account(tx, account, held_minor=account.held_minor - held.amount_minor)
    cause = Cause(reason=reason, order_id=order_id, payment_id=payment_id, staff_id=staff_id)
    moved = book.record(tx, account, -held.amount_minor, "debit", cause)
    book.consume(tx, moved, parts, held=True)
    _end(tx, held, rows, "spent")
    return moved


async def _held(tx: Transaction, payment_id: Id) -> tuple[CreditHold | None, list[HeldPart]]:
    known: tuple[CreditHold, list[HeldPart]] | None = tx.recall(("credit_hold", payment_id))
    if known is not None:
        return known
    found = await store.hold(tx, payment_id)
    return found, await store.held_parts(tx, payment_id) if found is not None and found.state == "held" else []


async def _parts(tx: Transaction, rows: list[HeldPart]) -> list[Part]:
    lots = await book.lots_of(tx, [row.lot_id for row in rows])
    return [Part(lots[row.lot_id], row.amount_minor) for row in rows]


def _end(tx: Transaction, held: CreditHold, rows: list[HeldPart], state: str) -> None:
    """Its state is guarded: whoever ends it first, ended it."""
    after = msgspec.structs.replace(held, state=state, ended_at=tx.now)
    tx.save(store.credit_hold, held, after, ("cafe_id", "payment_id"), ("state",))
    tx.remember(("credit_hold", held.payment_id), (after, rows))
