"""What each audience is told: one model per event and audience.

The kitchen sees no prices and nothing personal, the board only numbers, and a balance is its owner's alone.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from tabletap.credits.model import AccountStatus, CreditType
from tabletap.kernel.ids import Id
from tabletap.orders.model import Order, OrderItem, OrderStatus, PaymentStatus
from tabletap.payments.model import DisputeStatus, PaymentState, RefundStatus, ReviewReason, ShownState
from tabletap.payments.security.model import Severity
from tabletap.payments.views import ShareView


class Payload(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """What an event says, beside its envelope."""


class KitchenItem(Payload, frozen=True, kw_only=True):
    """A line of a kitchen ticket: what to make, not what it costs."""

    name: str
    quantity: int
    modifiers: list[str]
    note: str | None = None
    allergens: list[str] | None = None
    station: str | None = None


class KitchenTicket(Payload, frozen=True, kw_only=True):
    """`new_paid_order` (kitchen), and what a kitchen's snapshot is made of."""

    order_id: Id
    order_number: int
    items: list[KitchenItem]
    status: OrderStatus
    version: int
    priority: int
    """0 is what everybody gets; higher goes first."""
    table_number: str | None = None
    paid_at: datetime | None = None


class KitchenTicketChanged(KitchenTicket, frozen=True, kw_only=True):
    """`order_changed` (kitchen): the ticket as it is now, and what is new or not wanted any more."""

    added: list[KitchenItem]
    voided: list[KitchenItem]


class OrderPlaced(Payload, frozen=True, kw_only=True):
    """`order_created`, as the guest and their table hear it."""

    order_id: Id
    order_number: int
    status: OrderStatus
    total_amount: int
    currency: str
    version: int
    table_number: str | None = None


class OrderPlacedInCafe(OrderPlaced, frozen=True, kw_only=True):
    """`order_created`, as the cafe's people hear it."""

    item_count: int
    takeaway_name: str | None = None


class OrderLine(Payload, frozen=True, kw_only=True):
    """A line that was added to an order or taken off it."""

    order_item_id: Id
    name: str
    quantity: int
    total: int


class OrderChangedTold(Payload, frozen=True, kw_only=True):
    """`order_changed`: its lines, and so what it costs."""

    order_id: Id
    order_number: int
    status: OrderStatus
    payment_status: PaymentStatus
    total_amount: int
    outstanding_amount: int
    currency: str
    version: int
    added: list[OrderLine]
    voided: list[OrderLine]
    table_number: str | None = None


class OrderMoved(Payload, frozen=True, kw_only=True):
    """`order_status_changed`."""

    order_id: Id
    order_number: int
    previous_status: OrderStatus
    status: OrderStatus
    version: int
    reason: str | None = None


class OrderInPreparation(Payload, frozen=True, kw_only=True):
    """`order_in_preparation`."""

    order_id: Id
    order_number: int
    version: int
    table_number: str | None = None


class OrderReady(Payload, frozen=True, kw_only=True):
    """`order_ready`, for those concerned."""

    order_id: Id
    order_number: int
    version: int
    table_number: str | None = None


class OrderReadyOnBoard(Payload, frozen=True, kw_only=True):
    """`order_ready`, for the whole room: a number."""

    order_number: int


class PaymentTold(Payload, frozen=True, kw_only=True):
    """`payment_initiated` and `payment_state_sync`."""

    payment_id: Id
    order_id: Id
    status: ShownState
    amount: int
    tip_amount: int
    total_amount: int
    currency: str
    payment_method: str
    retry_count: int
    last_updated: datetime
    previous_status: PaymentState | None = None
    needs_review: bool = False
    review_reason: ReviewReason | None = None


class QrScannedTold(Payload, frozen=True, kw_only=True):
    """`qr_payment_scanned`: the payer opened the page of a bank transfer."""

    qr_payment_id: Id
    payment_id: Id
    order_id: Id


class RefundTold(Payload, frozen=True, kw_only=True):
    """`payment_refunded`."""

    original_payment_id: Id
    order_id: Id
    refund_id: Id
    refund_amount: int
    currency: str
    status: RefundStatus


class DisputeTold(Payload, frozen=True, kw_only=True):
    """`payment_disputed`: opened, or decided (`won`: the money is back, `lost`: it is gone)."""

    dispute_id: Id
    payment_id: Id
    order_id: Id
    amount: int
    currency: str
    status: DisputeStatus
    reason: str
    previous_status: DisputeStatus | None = None


class CreditChanged(Payload, frozen=True, kw_only=True):
    """`credit_added` and `credit_deducted`, as the counter hears them; the amount is above zero in both."""

    customer_id: Id
    amount: int
    type: CreditType
    transaction_id: Id
    order_id: Id | None = None


class CreditChangedForOwner(CreditChanged, frozen=True, kw_only=True):
    """The same for the customer, who also learns the balance."""

    new_balance: int


class CreditAccountTold(Payload, frozen=True, kw_only=True):
    """`credit_account_changed`. Why is for the managers alone: they ask for it."""

    customer_id: Id
    status: AccountStatus
    previous_status: AccountStatus


class SecurityEventTold(Payload, frozen=True, kw_only=True):
    """`security_event`: what was refused, and how often since the last time."""

    security_event_id: Id
    rule: str
    severity: Severity
    count: int
    route: str
    first_at: datetime
    last_at: datetime
    person_id: Id | None = None
    address: str | None = None
    order_id: Id | None = None
    payment_id: Id | None = None
    amount: int | None = None
    payment_method: str | None = None


class TipsDistributedTold(Payload, frozen=True, kw_only=True):
    """`tip_distributed`: tips were shared out, taken back (below zero) or assigned."""

    distribution_id: Id
    kind: str
    group_id: Id
    business_day: str
    amount: int
    unassigned_amount: int
    currency: str
    payment_id: Id | None = None


class DrawerTold(Payload, frozen=True, kw_only=True):
    """`drawer_changed`: a drawer was opened, moved by hand, counted or closed. What is expected in it is not told."""

    session_id: Id
    drawer: str
    status: str
    opened_by: Id
    counted_at: datetime | None = None
    difference_amount: int | None = None


class DayTold(Payload, frozen=True, kw_only=True):
    """`day_closed`: its report can be read and printed."""

    business_day: str
    z_number: int
    closed_by: Id
    reason: str | None = None


class Announced(Payload, frozen=True, kw_only=True):
    """`announcement`, as everybody may read it: the words alone."""

    message: str


class AnnouncedToStaff(Announced, frozen=True, kw_only=True):
    """`announcement`, as those who work here hear it together."""

    announced_by: Id


class SplitTold(Payload, frozen=True, kw_only=True):
    """`split_changed`: all shares as they are now, none once the bill is whole again."""

    order_id: Id
    method: str
    shares: list[ShareView]
    outstanding_amount: int


def kitchen_ticket(order: Order, items: Sequence[OrderItem]) -> KitchenTicket:
    """An order as the kitchen sees it. The name on a takeaway is personal: the number calls it."""
    return KitchenTicket(
        order_id=order.id,
        order_number=order.order_number,
        items=[kitchen_item(item) for item in items if not item.voided],
        status=order.status,
        version=order.version,
        priority=0,
        table_number=order.table_number,
        paid_at=order.paid_at,
    )


def kitchen_item(item: OrderItem) -> KitchenItem:
    """A line as the kitchen sees it."""
    return KitchenItem(
        name=item.name,
        quantity=item.quantity,
        modifiers=[str(modifier["name"]) for modifier in item.modifiers],
        note=item.note,
        allergens=item.allergens or None,
        station=item.station,
    )
