"""`tabletap verify`: whether a cafe's books agree with themselves and with its payments (money.md, invariants)."""

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TypeVar

import msgspec

from tabletap.cafes import store as cafes_store
from tabletap.cafes.errors import CafeNotFound
from tabletap.cli.console import say
from tabletap.cli.running import begin_logs
from tabletap.credits import store as credits_store
from tabletap.infra.broker import MemoryBroker
from tabletap.infra.db.open import AnyDatabase, open_database
from tabletap.infra.db.revision import require_current
from tabletap.infra.db.transaction import Reader
from tabletap.infra.settings import load_settings
from tabletap.kernel.clock import SystemClock
from tabletap.kernel.errors import Refusal
from tabletap.kernel.ids import Id, is_id
from tabletap.ledger.model import customer_credit
from tabletap.ledger.service import balances, unbalanced
from tabletap.orders import store as orders_store
from tabletap.orders.model import Order
from tabletap.payments import store as payments_store
from tabletap.payments.disputes import store as disputes_store
from tabletap.payments.disputes.model import Dispute
from tabletap.payments.model import Payment, Refund
from tabletap.payments.store import OF_ANOTHER_MODE, REFUNDED_BEYOND
from tabletap.reactions import follow

Row = TypeVar("Row", Order, Payment)
_PAGE = 200
_AFTER_ALL: Id = "ffffffff-ffff-ffff-ffff-ffffffffffff"


class BooksDisagree(Refusal):
    """The books do not agree."""

    code = "books_disagree"


class Audit(msgspec.Struct):
    """What was looked at and what was found."""

    orders: int = 0
    payments: int = 0
    credit_accounts: int = 0
    faults: list[str] = []

    def require_in_order(self) -> None:
        """Raise BooksDisagree, with every fault, unless there is none."""
        if self.faults:
            raise BooksDisagree("The books disagree: " + "; ".join(self.faults) + ".")

    def __str__(self) -> str:
        return (
            "Every journal sums to zero, every balance equals its entries, no refund exceeds its payment: "
            f"{self.orders} orders, {self.payments} payments, customers with credit: {self.credit_accounts}."
        )


async def verify_cafe(cafe_id: Id) -> None:
    """Check a cafe's books and say what was checked. Changes nothing. Raises CafeNotFound and BooksDisagree."""
    settings = load_settings()
    begin_logs(settings, quiet=True)
    await require_current(settings.database_url)
    db = open_database(settings.database_url, SystemClock(), follow, MemoryBroker().publish, 1)
    await db.start()
    try:
        audit = await audited(db, cafe_id)
    finally:
        await db.stop()
    audit.require_in_order()
    say(str(audit))


async def audited(db: AnyDatabase, cafe_id: Id) -> Audit:
    """The state of a cafe's books at one moment. Raises CafeNotFound."""
    if not is_id(cafe_id):
        raise CafeNotFound

    async def look(reader: Reader) -> Audit:
        if await cafes_store.get_cafe(reader, cafe_id) is None:
            raise CafeNotFound
        audit = Audit()
        await _journals(reader, audit)
        await _credit(reader, audit)
        await _payments(reader, audit)
        return audit

    return await db.read(cafe_id, look, consistent=True)


async def _journals(reader: Reader, audit: Audit) -> None:
    for journal_id in await unbalanced(reader, reader.cafe_id):
        audit.faults.append(f"journal {journal_id} does not sum to zero")


async def _credit(reader: Reader, audit: Audit) -> None:
    booked = {name: -amount for name, amount in (await balances(reader, reader.cafe_id)).items()}
    prefix = customer_credit("")
    unclaimed = {name for name, amount in booked.items() if name.startswith(prefix) and amount}
    for account in await credits_store.accounts(reader):
        audit.credit_accounts += 1
        name = customer_credit(account.customer_id)
        unclaimed.discard(name)
        entries = booked.get(name, 0)
        if entries != account.posted_minor:
            audit.faults.append(
                f"customer {account.customer_id} has a balance of {account.posted_minor}, the entries say {entries}"
            )
    audit.faults += [f"the entries of {name} belong to no credit account" for name in sorted(unclaimed)]


async def _payments(reader: Reader, audit: Audit) -> None:
    for row in await reader.rows(REFUNDED_BEYOND, {"cafe_id": reader.cafe_id}, False):
        audit.faults.append(f"payment {row[0]} was refunded beyond what it captured")
    for row in await reader.rows(OF_ANOTHER_MODE, {"cafe_id": reader.cafe_id}, False):
        audit.faults.append(f"journal {row[0]} mixes live and test money")
    of_order: dict[Id, list[Payment]] = defaultdict(list)
    returned: dict[Id, int] = defaultdict(int)
    async for payment in _all(lambda before: payments_store.page(reader, before, _PAGE, None)):
        audit.payments += 1
        of_order[payment.order_id].append(payment)
        if payment.refunded_minor or payment.refund_pending_minor:
            refunds = await payments_store.refunds(reader, payment.id)
            audit.faults += _refund_faults(payment, refunds)
            returned[payment.order_id] += sum(each.order_minor for each in refunds if each.status == "completed")
        if payment.provider_account_id is not None:
            audit.faults += _dispute_faults(payment, await disputes_store.of_payment(reader, payment.id))
    async for order in _all(lambda before: orders_store.page(reader, before, _PAGE, None, None, None)):
        audit.orders += 1
        audit.faults += _order_faults(order, of_order[order.id], returned[order.id])


async def _all(page: Callable[[Id], Awaitable[list[Row]]]) -> AsyncIterator[Row]:
    """Every row, newest first, a page at a time."""
    before = _AFTER_ALL
    while rows := await page(before):
        for row in rows:
            yield row
        before = rows[-1].id


def _refund_faults(payment: Payment, refunds: list[Refund]) -> list[str]:
    parts = [each.order_minor + each.tip_minor + each.suspense_minor for each in refunds]
    if parts != [each.amount_minor for each in refunds]:
        return [f"the parts of a refund of payment {payment.id} do not sum to it"]
    done = sum(refund.amount_minor for refund in refunds if refund.status == "completed")
    pending = sum(refund.amount_minor for refund in refunds if refund.status == "pending")
    if (done, pending) == (payment.refunded_minor, payment.refund_pending_minor):
        return []
    return [
        f"payment {payment.id} says that {payment.refunded_minor} went back and {payment.refund_pending_minor} is "
        f"under way, its refunds say {done} and {pending}"
    ]


def _dispute_faults(payment: Payment, disputes: list[Dispute]) -> list[str]:
    held, taken = sum(each.held_minor for each in disputes), sum(each.taken_minor for each in disputes)
    if (held, taken) == (payment.disputed_minor, payment.charged_back_minor):
        return []
    return [
        f"payment {payment.id} says that {payment.disputed_minor} is disputed and {payment.charged_back_minor} was "
        f"lost, its disputes say {held} and {taken}"
    ]


def _order_faults(order: Order, payments: list[Payment], returned: int) -> Iterator[str]:
    """What the bill says against what its payments say.

    A payment may have brought more than the bill could take: that lies in suspense, until it goes back.
    """
    done = [payment for payment in payments if payment.state == "completed"]
    captured = sum(payment.amount_minor - payment.suspense_minor for payment in done)
    reserved = sum(payment.amount_minor for payment in payments if payment.holds_bill)
    if order.paid_minor != captured:
        yield f"order {order.id} says that {order.paid_minor} was paid, its payments say {captured}"
    if order.reserved_minor != reserved:
        yield f"order {order.id} holds {order.reserved_minor} for open payments, they come to {reserved}"
    if order.refunded_minor != returned:
        yield f"order {order.id} says that {order.refunded_minor} went back, its payments say {returned}"
