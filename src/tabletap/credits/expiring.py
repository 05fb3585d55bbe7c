"""Credit whose time is over: from that moment on it is not spent, and the books follow within the hour.

Bought and refunded credit becomes breakage, which is earned; given credit lessens what giving it away cost. What is
set aside for a payment waits until that has ended. The credit of an account that is not active waits, too: nobody
could have spent it. What comes back to such a lot later, by a refund or a payment that failed, has `GRACE_DAYS` more.
"""

import logging
from datetime import datetime, timedelta

from tabletap.cafes import store as cafes
from tabletap.cafes.business_day import business_day, business_day_of
from tabletap.cafes.model import Cafe, credit_settings_of
from tabletap.credits import book, store
from tabletap.credits.book import Cause
from tabletap.credits.lots import Part, order_of_use
from tabletap.credits.model import GRACE_DAYS, CreditAccount, CreditKind, CreditLot
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import Id
from tabletap.ledger.model import customer_credit
from tabletap.ledger.service import post

log = logging.getLogger(__name__)

REASON = "Credit expired"
_PAGE = 200
_BEFORE_ALL: Id = "00000000-0000-0000-0000-000000000000"


async def expiry_of(tx: Transaction, kind: CreditKind) -> datetime | None:
    """When credit of this kind that is given now expires, as the cafe's settings say. None: never."""
    cafe = await cafes.get_cafe(tx, tx.cafe_id)
    if cafe is None or kind == "refund":
        return None
    settings = credit_settings_of(cafe)
    days = settings.paid_days if kind == "paid" else settings.promotional_days
    return None if days is None else _end_of_day(cafe, tx.now, days)


async def grace(tx: Transaction) -> datetime | None:
    """Until when something can be used that comes back to credit whose time is over."""
    cafe = await cafes.get_cafe(tx, tx.cafe_id)
    return None if cafe is None else _end_of_day(cafe, tx.now, GRACE_DAYS)


def _end_of_day(cafe: Cafe, now: datetime, days: int) -> datetime:
    return business_day(cafe, business_day_of(cafe, now).date + timedelta(days=days)).ends_at


async def revived(tx: Transaction, account: CreditAccount, lot: CreditLot) -> tuple[CreditAccount, CreditLot]:
    """A lot that something comes back to, usable again if its time was over; what is left in it is gone before."""
    if not lot.is_over(tx.now):
        return account, lot
    if lot.free_minor and account.status == "active":
        account, lot = expire(tx, account, lot)
    return account, book.save_lot(tx, lot, expires_at=await grace(tx))


def expire(tx: Transaction, account: CreditAccount, lot: CreditLot) -> tuple[CreditAccount, CreditLot]:
    """What is free in a lot is nobody's any more; the journal is booked here."""
    amount = lot.free_minor
    moved = book.record(tx, account, -amount, "expiry", Cause(reason=REASON))
    book.consume(tx, moved, [Part(lot, amount)])
    amounts = {customer_credit(lot.customer_id): amount, lot.counter_account: -amount}
    post(tx, "credit_expiry", account.currency, amounts, source_id=lot.id)
    after = tx.recall(("credit", lot.customer_id))
    (left,) = (each for each in tx.recall("credit_lots").values() if each.id == lot.id)
    return after, left


async def expire_due(db: AnyDatabase) -> int:
    """Expire whatever is due, customer by customer; answer how many lots. Safe to repeat, and to run twice at once.

    An account that fails keeps nobody else's from its turn. Raises the first such failure, in the end.
    """
    expired, failure, page = 0, None, await _overdue(db, (_BEFORE_ALL, _BEFORE_ALL))
    while page:
        for cafe_id, customer_id in page:
            try:
                expired += await _expire_customer(db, cafe_id, customer_id)
            except Exception as error:  # noqa: BLE001 - whatever is wrong there, others' credit expires
                log.warning("credit of customer %s of cafe %s does not expire: %r", customer_id, cafe_id, error)
                failure = failure or error
        page = await _overdue(db, page[-1])
    if failure is not None:
        raise failure
    return expired


async def _overdue(db: AnyDatabase, after: tuple[Id, Id]) -> list[tuple[Id, Id]]:
    return await db.across_cafes(lambda reader: store.overdue(reader, after, _PAGE))


async def _expire_customer(db: AnyDatabase, cafe_id: Id, customer_id: Id) -> int:
    async def decide(tx: Transaction) -> int:
        account = await book.account(tx, customer_id)
        if account is None or account.status != "active":
            return 0
        return (await expire_account(tx, account))[1]

    return await db.transaction(cafe_id, decide, lock=True)


async def expire_account(tx: Transaction, account: CreditAccount) -> tuple[CreditAccount, int]:
    """Expire whatever is due of an account; answer how many lots were."""
    lots = await book.open_lots(tx, account.customer_id)
    due = sorted((lot for lot in lots if lot.is_over(tx.now) and lot.free_minor), key=order_of_use)
    for lot in due:
        account, _ = expire(tx, account, lot)
    return account, len(due)
