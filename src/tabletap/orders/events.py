"""What happens to orders, in the past tense."""

from tabletap.kernel.events import Fact
from tabletap.orders.model import Order, OrderItem, OrderStatus


class OrderCreated(Fact, frozen=True, kw_only=True):
    """An order was placed."""

    order: Order
    items: list[OrderItem]


class OrderStatusChanged(Fact, frozen=True, kw_only=True):
    """An order moved on. `order` is its new state; `items` come along when it became the kitchen's work."""

    order: Order
    previous_status: OrderStatus
    reason: str | None = None
    items: list[OrderItem] | None = None
    for_kitchen: bool = False
    """The kitchen learns of the order by this change: it was paid, or goes on to be prepared and paid later."""


class OrderChanged(Fact, frozen=True, kw_only=True):
    """Lines of an order were added or taken off. `order` and `items` are as they are now."""

    order: Order
    items: list[OrderItem]
    added: list[OrderItem]
    voided: list[OrderItem]
    for_kitchen: bool
    """The kitchen has the order already."""
