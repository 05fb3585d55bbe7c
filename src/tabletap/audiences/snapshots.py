"""Where a stream can be begun: the state its events go on from, and the position that state is at (contract 4.3)."""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, get_type_hints

import msgspec

from tabletap.audiences import access, store
from tabletap.audiences.all_day import AllDayCount, all_day
from tabletap.audiences.payloads import KitchenTicket, Payload, PaymentTold, kitchen_ticket
from tabletap.audiences.streams import Audience, StreamName
from tabletap.audiences.tell import payment_told
from tabletap.credits import store as credits_
from tabletap.infra import streams
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader
from tabletap.kernel.ids import Id
from tabletap.kernel.people import Actor
from tabletap.orders import store as orders
from tabletap.orders.errors import OrderNotFound
from tabletap.orders.model import Order, OrderItem, OrderStatus, OrderView, view_of
from tabletap.payments import store as payments
from tabletap.payments.errors import PaymentNotFound
from tabletap.payments.views import SplitView, split_view

LATEST_OWN_PAYMENTS = 20


class Snapshot(msgspec.Struct, frozen=True, rename="camel"):
    """A state and where in the stream it was true: the next event to apply is `seq + 1`."""

    state: Payload
    epoch: int
    seq: int


class KitchenState(Payload, frozen=True, kw_only=True):
    """What the kitchen has to do, in the order in which it learnt of it, and how many of each thing that is."""

    orders: list[KitchenTicket]
    all_day: list[AllDayCount]


class BoardState(Payload, frozen=True, kw_only=True):
    """Numbers for the whole room, first come first."""

    preparing: list[int]
    ready: list[int]


class OpenOrder(Payload, frozen=True, kw_only=True):
    """An order that is not finished, as the cafe's people see it in a list."""

    order_id: Id
    order_number: int
    status: OrderStatus
    payment_status: str
    total_amount: int
    outstanding_amount: int
    currency: str
    version: int
    table_number: str | None = None
    takeaway_name: str | None = None


class FloorState(Payload, frozen=True, kw_only=True):
    """What counter, staff and management begin with: what is open in the cafe, oldest first."""

    orders: list[OpenOrder]
    payments: list[PaymentTold]


class OrderState(Payload, frozen=True, kw_only=True):
    """One order, every attempt to pay it, and its shares when the bill is split."""

    order: OrderView
    payments: list[PaymentTold]
    split: SplitView | None = None


class PaymentStateNow(Payload, frozen=True, kw_only=True):
    """One payment."""

    payment: PaymentTold


class CreditNow(Payload, frozen=True, kw_only=True):
    """A person's credit."""

    balance: int
    held: int
    currency: str


class UserState(Payload, frozen=True, kw_only=True):
    """What concerns one person: their latest payments, newest first, and their credit if they have an account."""

    payments: list[PaymentTold]
    credit: CreditNow | None = None


class EmptyState(Payload, frozen=True, kw_only=True):
    """A stream that carries only messages begins with nothing."""


class Snapshots:
    """Takes snapshots of streams for those who may hear them."""

    def __init__(self, db: AnyDatabase) -> None:
        self.db = db

    async def take(self, key: str, by: Actor) -> Snapshot:
        """The state of a stream and its position, both of one moment.

        Raises InvalidRequest, NotAllowed, OtherCafe, OrderNotFound, PaymentNotFound.
        """
        stream = access.stream_named(key)

        async def look(reader: Reader) -> Snapshot:
            await access.require(reader, by, stream)
            # The position first: should anything ever slip between the two reads, its events are heard, not lost.
            at = await streams.head(reader, by.cafe_id, key)
            return Snapshot(await _STATES[stream.audience](reader, stream), at.epoch, at.head)

        return await self.db.read(by.cafe_id, look, consistent=True)


def _turn(order: Order) -> tuple[datetime, str, int]:
    """First paid, first made."""
    return order.paid_at or order.created_at, order.business_day, order.order_number


async def _kitchen(reader: Reader, _: StreamName) -> KitchenState:
    lines: defaultdict[Id, list[OrderItem]] = defaultdict(list)
    for item in await store.kitchen_items(reader):
        lines[item.order_id].append(item)
    waiting = sorted(await store.kitchen_orders(reader), key=_turn)
    tickets = [kitchen_ticket(order, lines[order.id]) for order in waiting]
    return KitchenState(orders=tickets, all_day=all_day(tickets))


async def _board(reader: Reader, _: StreamName) -> BoardState:
    waiting = sorted(await store.kitchen_orders(reader), key=_turn)
    return BoardState(
        preparing=[order.order_number for order in waiting if order.status != "ready"],
        ready=[order.order_number for order in waiting if order.status == "ready"],
    )


async def _floor(reader: Reader, _: StreamName) -> FloorState:
    return FloorState(
        orders=[_open_order(order) for order in reversed(await store.open_orders(reader))],
        payments=[payment_told(payment) for payment in reversed(await store.open_payments(reader))],
    )


def _open_order(order: Order) -> OpenOrder:
    return OpenOrder(
        order_id=order.id,
        order_number=order.order_number,
        status=order.status,
        payment_status=order.payment_status,
        total_amount=order.total_minor,
        outstanding_amount=order.outstanding_minor,
        currency=order.currency,
        version=order.version,
        table_number=order.table_number,
        takeaway_name=order.takeaway_name,
    )


async def _order(reader: Reader, stream: StreamName) -> OrderState:
    order = await orders.get(reader, stream.id)
    if order is None:
        raise OrderNotFound
    shares = await payments.shares(reader, order.id)
    return OrderState(
        order=view_of(order, await orders.items(reader, order.id)),
        payments=[payment_told(payment) for payment in await payments.of_order(reader, order.id)],
        split=split_view(order.id, order.outstanding_minor, shares, reader.now) if shares else None,
    )


async def _payment(reader: Reader, stream: StreamName) -> PaymentStateNow:
    payment = await payments.get(reader, stream.id)
    if payment is None:
        raise PaymentNotFound
    return PaymentStateNow(payment=payment_told(payment))


async def _user(reader: Reader, stream: StreamName) -> UserState:
    account = await credits_.account(reader, stream.id)
    latest = await store.payments_of(reader, stream.id, LATEST_OWN_PAYMENTS)
    return UserState(
        payments=[payment_told(payment) for payment in latest],
        credit=CreditNow(balance=account.available_minor, held=account.held_minor, currency=account.currency)
        if account
        else None,
    )


async def _nothing(_: Reader, __: StreamName) -> EmptyState:
    return EmptyState()


_STATES: dict[Audience, Callable[[Reader, StreamName], Awaitable[Any]]] = {
    Audience.KITCHEN: _kitchen,
    Audience.BOARD: _board,
    Audience.COUNTER: _floor,
    Audience.STAFF: _floor,
    Audience.MANAGEMENT: _floor,
    Audience.ORDER: _order,
    Audience.PAYMENT: _payment,
    Audience.USER: _user,
    Audience.ROLE: _nothing,
}


def state_model(audience: Audience) -> type[Payload]:
    """What the snapshots of an audience's streams are made of."""
    model: type[Payload] = get_type_hints(_STATES[audience])["return"]
    return model
