"""Moving credit as part of a larger transaction, which books the journal for it."""

from datetime import datetime
from typing import Any

from tabletap.cafes.model import CreditSettings
from tabletap.credits import book
from tabletap.credits.book import Cause, Moved
from tabletap.credits.errors import CreditAccountClosed, CreditAlreadySpent, CreditBalanceLimit, InsufficientCredit
from tabletap.credits.expiring import expiry_of, revived
from tabletap.credits.lots import Part, given_back, spendable, taken
from tabletap.credits.model import CreditAccount, CreditKind, CreditTransaction, CreditType
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import Id

TOP_UP = "Credit bought"


async def move(
    tx: Transaction,
    customer_id: Id,
    amount_minor: int,
    type_: CreditType,
    reason: str,
    currency: str,
    *,
    order_id: Id | None = None,
    payment_id: Id | None = None,
    staff_id: Id | None = None,
    metadata: dict[str, Any] | None = None,
) -> CreditTransaction:
    """Move credit. Negative amounts spend, soonest expiry first; a refund goes back to the lots that its payment took
    from, and what was not taken from any is a new lot without expiry.

    Raises InsufficientCredit and CreditAccountClosed.
    """
    cause = Cause(reason=reason, order_id=order_id, payment_id=payment_id, staff_id=staff_id, metadata=metadata)
    if amount_minor < 0:
        return (await spend(tx, customer_id, -amount_minor, type_, cause)).transaction
    kind: CreditKind = "refund" if type_ == "refund" else "promotional"
    return await give(tx, customer_id, amount_minor, currency, type_, kind, cause)


async def spend(tx: Transaction, customer_id: Id, amount_minor: int, type_: CreditType, cause: Cause) -> Moved:
    """Take credit from its lots. Raises InsufficientCredit and CreditAccountClosed."""
    account = await account_to_spend_from(tx, customer_id)
    parts = taken(await book.open_lots(tx, customer_id), amount_minor, tx.now)
    moved = book.record(tx, account, -amount_minor, type_, cause)
    book.consume(tx, moved, parts)
    return Moved(moved, parts)


async def account_to_spend_from(tx: Transaction, customer_id: Id) -> CreditAccount:
    """The account, if it may be spent from. Raises InsufficientCredit and CreditAccountClosed."""
    account = await book.account(tx, customer_id)
    if account is None:
        raise InsufficientCredit
    if account.status != "active":
        raise CreditAccountClosed
    return account


async def give(
    tx: Transaction,
    customer_id: Id,
    amount_minor: int,
    currency: str,
    type_: CreditType,
    kind: CreditKind,
    cause: Cause,
    *,
    expires_at: datetime | None = None,
) -> CreditTransaction:
    """Give credit, whatever the account has become: to the lots that its payment took from, and to a new one."""
    account = await book.account(tx, customer_id) or book.opened(tx, customer_id, currency)
    parts = await _taken_before(tx, cause.payment_id, amount_minor, bought=type_ == "credit")
    usable: list[Part] = []
    for part in parts:
        account, lot = await revived(tx, account, part.lot)
        usable.append(Part(lot, part.amount_minor))
    moved = book.record(tx, account, amount_minor, type_, cause)
    book.restore(tx, moved, usable)
    new = amount_minor - sum(part.amount_minor for part in usable)
    if new:
        book.add_lot(tx, moved, kind, new, expires_at)
    return moved


async def _taken_before(tx: Transaction, payment_id: Id | None, amount_minor: int, *, bought: bool) -> list[Part]:
    """What the payment took from lots and may get back: what it spent, or, of what it bought, what was taken back."""
    if payment_id is None:
        return []
    found = await book.consumptions(tx, payment_id)
    lots = await book.lots_of(tx, [each.lot_id for each in found])
    wanted = [each for each in found if (lots[each.lot_id].payment_id == payment_id) is bought]
    return given_back(wanted, lots, amount_minor)


async def require_room(tx: Transaction, customer_id: Id, amount_minor: int, settings: CreditSettings) -> None:
    """Ask before somebody pays for credit. Raises CreditBalanceLimit, and CreditAccountClosed for a closed account.

    When the money is here, the credit is always given (seed fault 71): two top-ups that are under way at the same time
    may together come above the limit.
    """
    account = await book.account(tx, customer_id)
    if account is not None and account.status == "closed":
        raise CreditAccountClosed
    limit = settings.max_balance_amount
    if limit is not None and (account.posted_minor if account else 0) + amount_minor > limit:
        raise CreditBalanceLimit(f"A customer may hold at most {limit} of credit at this cafe, in minor units.")


async def top_up(
    tx: Transaction,
    customer_id: Id,
    amount_minor: int,
    currency: str,
    *,
    payment_id: Id,
    order_id: Id | None,
    staff_id: Id | None,
    reason: str = TOP_UP,
) -> CreditTransaction:
    """Give credit that was paid for; never refused, the money is here. What `take_back_top_up` took for the same
    payment comes back to its lot first: call this again when that refund failed."""
    expires_at = await expiry_of(tx, "paid")
    cause = Cause(reason=reason, order_id=order_id, payment_id=payment_id, staff_id=staff_id)
    return await give(tx, customer_id, amount_minor, currency, "credit", "paid", cause, expires_at=expires_at)


async def take_back_top_up(
    tx: Transaction,
    payment_id: Id,
    amount_minor: int,
    *,
    order_id: Id | None,
    staff_id: Id | None,
    reason: str,
) -> CreditTransaction:
    """Take bought credit back because its payment is refunded, whatever became of the account.

    Raises CreditAlreadySpent for more than is neither spent nor set aside nor expired of what it bought.
    """
    customer_id = await book.buyer(tx, payment_id)
    account = await book.account(tx, customer_id) if customer_id is not None else None
    if account is None:
        raise CreditAlreadySpent
    open_lots = await book.open_lots(tx, account.customer_id)
    lots = [lot for lot in open_lots if lot.payment_id == payment_id and lot.kind == "paid"]
    if spendable(lots, tx.now) < amount_minor:
        raise CreditAlreadySpent
    cause = Cause(reason=reason, order_id=order_id, payment_id=payment_id, staff_id=staff_id)
    moved = book.record(tx, account, -amount_minor, "debit", cause, undoes=True)
    book.consume(tx, moved, taken(lots, amount_minor, tx.now))
    return moved
