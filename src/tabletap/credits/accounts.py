"""Suspending, reactivating and closing a customer's credit account.

Suspended: nothing is spent or set aside; what is set aside already may still be spent by its payment. More may be
added, refunds arrive, and nothing expires. Closed: the same, and nothing is added by hand or bought. An account with
credit left is not closed: what customers are owed does not vanish by a click. Money that is on its way to a closed
account still arrives, and waits there until somebody reactivates it.
"""

from tabletap.credits import book, store
from tabletap.credits.errors import CreditAccountNotOpen, CreditLeft
from tabletap.credits.events import CreditAccountChanged
from tabletap.credits.expiring import expire_account, grace
from tabletap.credits.model import AccountChange, AccountStatus, CreditAccount
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import Id, new_id


async def change_status(
    tx: Transaction, customer_id: Id, currency: str, to: AccountStatus, reason: str, staff_id: Id
) -> None:
    """Change an account's status and keep who did it and why. Safe to repeat: no change, no trace.

    Raises CreditLeft and CreditAccountNotOpen.
    """
    account = await book.account(tx, customer_id)
    if to == (account.status if account is not None else "active"):
        return
    before = account or book.opened(tx, customer_id, currency)
    if before.status == "closed" and to == "suspended":
        raise CreditAccountNotOpen
    if to == "closed":
        before = await _emptied(tx, before)
    book.save_account(tx, before, status=to)
    change = AccountChange(tx.cafe_id, new_id(), customer_id, before.status, to, reason, staff_id, tx.now)
    tx.add(store.credit_account_change, change)
    tx.emit(CreditAccountChanged(cafe_id=tx.cafe_id, at=tx.now, change=change))
    if to == "active":
        await _give_time(tx, customer_id)


async def _emptied(tx: Transaction, account: CreditAccount) -> CreditAccount:
    """What has expired need not wait for its hour. Raises CreditLeft."""
    if account.status == "active":
        account, _ = await expire_account(tx, account)
    if account.posted_minor:
        raise CreditLeft(f"{account.posted_minor} of credit is left: it is spent, taken back or expires before.")
    return account


async def _give_time(tx: Transaction, customer_id: Id) -> None:
    """What expired while nobody could spend it can be spent for a while."""
    for lot in await book.open_lots(tx, customer_id):
        if lot.is_over(tx.now):
            book.save_lot(tx, lot, expires_at=await grace(tx))
