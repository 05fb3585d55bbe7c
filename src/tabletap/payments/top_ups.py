"""Buying prepaid credit: an order of its own kind, paid like any bill, whose money becomes credit when it is here.

The credit is given in the transaction that captures the money, whatever the account has become meanwhile: money taken
and no credit cannot be (seed fault 71). A refund takes back only credit that is still there, when it is reserved; one
that fails gives it again.
"""

from collections.abc import Awaitable, Callable

import msgspec

from tabletap.cafes.model import credit_settings_of
from tabletap.credits import service as credits
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.kernel.errors import CustomerNotFound, NotAllowed
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.money import require_positive
from tabletap.kernel.people import Actor, Role, require_currency
from tabletap.ledger.model import REFUNDS_PENDING, SALES, TAX_PAYABLE, customer_credit
from tabletap.ledger.service import post
from tabletap.orders import service as orders
from tabletap.orders import store as orders_store
from tabletap.orders.events import OrderCreated
from tabletap.orders.model import Order, OrderView, Taken, view_of
from tabletap.payments.errors import PaymentNotRefundable
from tabletap.payments.model import Payment, Refund

REASON = "Credit bought"
TAKEN_BACK = "Bought credit given back"
RESTORED = "Bought credit: its refund failed"

IsCustomer = Callable[[Reader, Id], Awaitable[bool]]


class TopUp(msgspec.Struct, frozen=True, kw_only=True):
    """A request to buy credit."""

    amount_minor: int
    customer_id: Id | None = None
    client_order_id: str | None = None
    cafe_id: Id | None = None
    currency: str | None = None


class TopUpService:
    """Ordering prepaid credit; it is paid with `POST /payments`."""

    def __init__(self, db: AnyDatabase, is_customer: IsCustomer) -> None:
        self.db, self.is_customer = db, is_customer

    async def order(self, request: TopUp, by: Actor) -> OrderView:
        """Order credit for a customer's account. Safe to repeat with the same `clientOrderId`.

        Raises InvalidAmount, NotAllowed, CustomerNotFound, CurrencyMismatch, and what the cafe's limit refuses.
        """
        by.require(Role.STAFF, Role.CUSTOMER)
        by.require_cafe(request.cafe_id)
        if by.is_guest:
            raise NotAllowed("Credit needs a customer account; guests pay in another way.")
        if not by.is_staff and request.customer_id not in (None, by.person_id):
            raise NotAllowed("You may not buy credit in another customer's name.")
        customer_id = request.customer_id or by.person_id

        async def decide(tx: Transaction) -> OrderView:
            if request.client_order_id is not None:
                known = await orders_store.by_client_id(tx, by.person_id, request.client_order_id)
                if known is not None:
                    return view_of(known, [])
            amount = require_positive(request.amount_minor)
            if not await self.is_customer(tx, customer_id):
                raise CustomerNotFound
            cafe = await orders.cafe_of(tx)
            require_currency(request.currency, cafe.currency)
            order = await orders.numbered(
                tx, cafe, by, new_id(), amount, 0,
                customer_id=customer_id, client_order_id=request.client_order_id, kind="top_up",
            )  # fmt: skip
            await credits.require_room(tx, customer_id, amount, credit_settings_of(cafe))  # locked after the counter
            orders_store.add(tx, order, [])
            tx.emit(OrderCreated(cafe_id=tx.cafe_id, at=tx.now, order=order, items=[]))
            return view_of(order, [])

        return await self.db.transaction(by.cafe_id, decide)


def income(taken: Taken) -> dict[str, int]:
    """What the money that a bill took is booked to: sales and the tax in them, or what we owe who bought credit."""
    if taken.order.kind == "top_up":
        return {customer_credit(taken.order.customer_id or ""): -taken.applied_minor}
    return {SALES: taken.tax_minor - taken.applied_minor, TAX_PAYABLE: -taken.tax_minor}


async def give(tx: Transaction, taken: Taken, payment: Payment) -> None:
    """The bill took money: where it was for credit, the customer has it now. The caller books the journal."""
    order = taken.order
    if order.kind == "top_up" and taken.applied_minor and order.customer_id is not None:
        await credits.top_up(
            tx, order.customer_id, taken.applied_minor, order.currency,
            payment_id=payment.id, order_id=order.id, staff_id=payment.staff_id,
        )  # fmt: skip


async def take_back(tx: Transaction, refund: Refund, payment: Payment) -> None:
    """A refund of bought credit was reserved: the credit is taken now, so that nobody spends it meanwhile.

    Raises PaymentNotRefundable for a refund to credit, and what credits says when too little of it is left.
    """
    order = await _bought(tx, refund)
    if order is None or order.customer_id is None:
        return
    if refund.destination == "credit":
        raise PaymentNotRefundable("Bought credit goes back to where its money came from.")
    await credits.take_back_top_up(
        tx, payment.id, refund.order_minor, order_id=order.id, staff_id=refund.staff_id, reason=TAKEN_BACK
    )
    _book(tx, refund, payment, order.customer_id, refund.order_minor)


async def give_again(tx: Transaction, refund: Refund, payment: Payment) -> None:
    """A refund of bought credit failed: the customer has the credit again."""
    order = await _bought(tx, refund)
    if order is None or order.customer_id is None:
        return
    await credits.top_up(
        tx, order.customer_id, refund.order_minor, order.currency,
        payment_id=payment.id, order_id=order.id, staff_id=refund.staff_id, reason=RESTORED,
    )  # fmt: skip
    _book(tx, refund, payment, order.customer_id, -refund.order_minor)


async def outgoing(tx: Transaction, refund: Refund) -> dict[str, int]:
    """The bill has less money now: what the order's part of a settled refund is taken from."""
    order = await orders_store.get(tx, refund.order_id, lock=True) if refund.order_minor else None
    if order is None:
        return {}
    tax = orders.take_refund(tx, order, refund.order_minor)
    if order.kind == "top_up":
        return {REFUNDS_PENDING: refund.order_minor}
    return {SALES: refund.order_minor - tax, TAX_PAYABLE: tax}


async def _bought(tx: Transaction, refund: Refund) -> Order | None:
    order = await orders_store.get(tx, refund.order_id) if refund.order_minor else None
    return order if order is not None and order.kind == "top_up" else None


def _book(tx: Transaction, refund: Refund, payment: Payment, customer_id: Id, amount_minor: int) -> None:
    post(
        tx, "top_up_refund", payment.currency,
        {customer_credit(customer_id): amount_minor, REFUNDS_PENDING: -amount_minor},
        mode=payment.mode, order_id=payment.order_id, payment_id=payment.id, refund_id=refund.id,
    )  # fmt: skip
