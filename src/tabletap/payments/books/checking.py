"""Payments, orders, refunds, disputes and credit against what was written about them and never changes."""

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TypeVar

from tabletap.credits import store as credits_store
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader
from tabletap.kernel.ids import Id
from tabletap.ledger.checking import unlike_the_entries
from tabletap.ledger.model import customer_credit
from tabletap.orders import store as orders_store
from tabletap.orders.model import Order
from tabletap.payments import store as payments_store
from tabletap.payments.books import store
from tabletap.payments.disputes import store as disputes_store
from tabletap.payments.disputes.model import Dispute
from tabletap.payments.model import Payment, Refund
from tabletap.payments.store import OF_ANOTHER_MODE, REFUNDED_BEYOND

Row = TypeVar("Row", Order, Payment)
_PAGE = 200
_AFTER_ALL: Id = "ffffffff-ffff-ffff-ffff-ffffffffffff"


async def check_credit(reader: Reader) -> list[str]:
    """Every customer's balance is what their entries, and their transactions, come to."""
    accounts = await credits_store.accounts(reader)
    kept = {customer_credit(each.customer_id): (f"customer {each.customer_id}", each.posted_minor) for each in accounts}
    faults = await unlike_the_entries(reader, customer_credit(""), kept)
    faults += await _found(
        reader,
        store.CREDIT_UNLIKE_ITS_TRANSACTIONS,
        "customer {} has a balance of {}, the credit transactions say {}",
    )
    return faults + await _found(
        reader, store.CREDIT_UNLIKE_ITS_CHANGES, "the credit of customer {} is {}, its history says {}"
    )


async def check_history(reader: Reader) -> list[str]:
    """Every payment, refund, dispute, order and code stands where its history and its journals say."""
    sentences = (
        (store.UNLIKE_ITS_CHANGES, "payment {} is {}, its history says {}"),
        (store.UNLIKE_ITS_JOURNALS, "payment {} captured {}, its journals say {}"),
        (store.REFUND_UNLIKE_ITS_JOURNALS, "refund {} gave back {}, its journals say {}"),
        (store.DISPUTE_UNLIKE_ITS_CHANGES, "dispute {} is {}, its history says {}"),
        (store.ORDER_UNLIKE_ITS_ITEMS, "order {} comes to {}, its lines to {}"),
        (store.QR_PAID_FOR_NOTHING, "the code {} is paid, its payment is {}"),
    )
    return [fault for statement, sentence in sentences for fault in await _found(reader, statement, sentence)]


async def _found(reader: Reader, statement: Statement, sentence: str) -> list[str]:
    return [sentence.format(*row) for row in await reader.rows(statement, {"cafe_id": reader.cafe_id}, False)]


class Counted:
    """How many orders and payments there were to look at."""

    def __init__(self) -> None:
        self.orders = 0
        self.payments = 0


async def check_payments(reader: Reader, counted: Counted) -> list[str]:
    """No payment is refunded beyond what it captured, and bills, refunds and disputes say what their payments say."""
    faults = await _found(reader, REFUNDED_BEYOND, "payment {} was refunded beyond what it captured")
    faults += await _found(reader, OF_ANOTHER_MODE, "journal {} mixes live and test money")
    of_order: dict[Id, list[Payment]] = defaultdict(list)
    returned: dict[Id, int] = defaultdict(int)
    async for payment in _all(lambda before: payments_store.page(reader, before, _PAGE, None)):
        counted.payments += 1
        of_order[payment.order_id].append(payment)
        if payment.refunded_minor or payment.refund_pending_minor:
            refunds = await payments_store.refunds(reader, payment.id)
            faults += _refund_faults(payment, refunds)
            returned[payment.order_id] += sum(each.order_minor for each in refunds if each.status == "completed")
        if payment.provider_account_id is not None:
            faults += _dispute_faults(payment, await disputes_store.of_payment(reader, payment.id))
    async for order in _all(lambda before: orders_store.page(reader, before, _PAGE, None, None, None)):
        counted.orders += 1
        faults += _order_faults(order, of_order[order.id], returned[order.id])
    return faults


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
