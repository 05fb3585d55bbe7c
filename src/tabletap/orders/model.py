"""What an order is, what it costs and how it may move (contract 2.2 and 4.1). Pure."""

from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

from tabletap.kernel.ids import Id

OrderStatus = Literal["pending", "paid", "preparing", "ready", "collected", "cancelled"]
OrderKind = Literal["sale", "top_up"]
"""What an order sells: things from the menu, or prepaid credit, of which nothing is made."""
PaymentStatus = Literal["unpaid", "partly_paid", "paid", "partly_refunded", "refunded"]


class Modifier(msgspec.Struct, frozen=True, rename="camel"):
    """A chosen modifier as it was named and priced when the order was placed."""

    id: Id
    name: str
    price_delta: int


class OrderItem(msgspec.Struct, frozen=True):
    """A line of an order: a row of `order_item`."""

    cafe_id: Id
    id: Id
    order_id: Id
    position: int
    menu_item_id: Id
    name: str
    quantity: int
    unit_price_minor: int
    """Of one piece with its modifiers."""
    modifiers: list[dict[str, object]]
    """JSON of `Modifier`."""
    note: str | None
    station: str | None
    allergens: list[str]
    tax_basis_points: int
    total_minor: int
    voided: bool


class Order(msgspec.Struct, frozen=True):
    """An order: a row of `cafe_order`. `version` grows with every change and guards it."""

    cafe_id: Id
    id: Id
    order_number: int
    table_id: Id | None
    table_number: str | None
    takeaway_name: str | None
    session_id: Id | None
    customer_id: Id | None
    placed_by: Id
    client_order_id: str | None
    status: OrderStatus
    currency: str
    subtotal_minor: int
    tax_minor: int
    total_minor: int
    paid_minor: int
    """Completed payments towards the total, tips not among them."""
    refunded_minor: int
    reserved_minor: int
    """Live attempts (pending and processing payments): they and `paid_minor` never exceed the total."""
    version: int
    created_at: datetime
    updated_at: datetime
    paid_at: datetime | None
    business_day: str = ""
    """The day the number counts in, in the cafe's time zone: `2026-11-23`."""
    kind: OrderKind = "sale"
    tax_paid_minor: int = 0
    """Of `paid_minor`, the tax: booked as payable, and in proportion while only part of the bill is paid."""
    tax_refunded_minor: int = 0
    """Of `tax_paid_minor`, what went back with refunds."""

    @property
    def outstanding_minor(self) -> int:
        """What is still to be paid."""
        return max(0, self.total_minor - self.paid_minor)

    @property
    def open_minor(self) -> int:
        """What a new payment may claim: outstanding and not already claimed by a live attempt."""
        return max(0, self.outstanding_minor - self.reserved_minor)

    @property
    def payment_status(self) -> PaymentStatus:
        """Derived from the sums (contract 2.2)."""
        if self.refunded_minor:
            return "refunded" if self.refunded_minor >= self.paid_minor else "partly_refunded"
        if self.paid_minor == 0:
            return "paid" if self.total_minor == 0 else "unpaid"
        return "paid" if self.paid_minor >= self.total_minor else "partly_paid"


class Taken(NamedTuple):
    """What a bill did with money: the order after it, how much of it the bill took, and the tax in that."""

    order: Order
    applied_minor: int
    tax_minor: int


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a request to order."""

    menu_item_id: Id
    quantity: int = 1
    modifier_ids: tuple[Id, ...] = ()
    note: str | None = None


class PlaceOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A request to order."""

    items: tuple[Line, ...]
    table_id: Id | None = None
    takeaway_name: str | None = None
    client_order_id: str | None = None
    expected_total_minor: int | None = None
    cafe_id: Id | None = None
    currency: str | None = None


class OrderItemView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """A line as callers see it."""

    id: Id
    menu_item_id: Id
    name: str
    quantity: int
    unit_price: int
    modifiers: list[dict[str, object]]
    total: int
    note: str | None = None
    voided: bool = False


class OrderView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """An order as callers see it (contract 2.2)."""

    id: Id
    order_number: int
    cafe_id: Id
    status: OrderStatus
    payment_status: PaymentStatus
    items: list[OrderItemView]
    subtotal_amount: int
    tax_amount: int
    total_amount: int
    outstanding_amount: int
    currency: str
    version: int
    created_at: datetime
    kind: OrderKind
    table_id: Id | None = None
    table_number: str | None = None
    takeaway_name: str | None = None
    customer_id: Id | None = None
    client_order_id: str | None = None
    paid_at: datetime | None = None


_PAY_FIRST: dict[OrderStatus, tuple[OrderStatus, ...]] = {
    "pending": ("cancelled",),
    "paid": ("preparing", "cancelled"),
    "preparing": ("ready", "cancelled"),
    "ready": ("collected",),
    "collected": (),
    "cancelled": (),
}


def may_move(before: OrderStatus, after: OrderStatus, pays_later: bool) -> bool:
    """Whether an order may go from one state to another (contract 4.1). Nobody sets `paid`: payment does."""
    if pays_later and (before, after) == ("pending", "preparing"):
        return True
    return after in _PAY_FIRST[before]


def tax_within(gross_minor: int, basis_points: int) -> int:
    """The tax contained in a price that includes it, rounded half up to the minor unit."""
    whole = 10_000 + basis_points
    return (gross_minor * basis_points * 2 + whole) // (2 * whole)


def in_proportion(tax_minor: int, part_minor: int, whole_minor: int) -> int:
    """The tax in part of a sum, rounded half up; all of it in the whole."""
    return (2 * tax_minor * part_minor + whole_minor) // (2 * whole_minor) if whole_minor else 0


def view_of(order: Order, items: list[OrderItem]) -> OrderView:
    """The order as callers see it."""
    return OrderView(
        id=order.id,
        order_number=order.order_number,
        cafe_id=order.cafe_id,
        status=order.status,
        payment_status=order.payment_status,
        items=[
            OrderItemView(
                id=item.id,
                menu_item_id=item.menu_item_id,
                name=item.name,
                quantity=item.quantity,
                unit_price=item.unit_price_minor,
                modifiers=item.modifiers,
                total=item.total_minor,
                note=item.note,
                voided=item.voided,
            )
            for item in items
        ],
        subtotal_amount=order.subtotal_minor,
        tax_amount=order.tax_minor,
        total_amount=order.total_minor,
        outstanding_amount=order.outstanding_minor,
        currency=order.currency,
        version=order.version,
        created_at=order.created_at,
        table_id=order.table_id,
        table_number=order.table_number,
        takeaway_name=order.takeaway_name,
        customer_id=order.customer_id,
        client_order_id=order.client_order_id,
        paid_at=order.paid_at,
        kind=order.kind,
    )
