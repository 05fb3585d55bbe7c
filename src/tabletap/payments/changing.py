"""Changing the lines of an order: what was paid stays paid, and the shares of a split bill follow."""

import msgspec

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.errors import InvalidRequest, NotAllowed, VersionConflict
from tabletap.kernel.ids import Id
from tabletap.kernel.people import Actor
from tabletap.orders import service as orders
from tabletap.orders.errors import OrderNotChangeable
from tabletap.orders.model import Line, Order, OrderView
from tabletap.payments import splits


class ChangeOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A request to change an order's lines. The version makes it safe to repeat: a second time it is a conflict."""

    expected_version: int
    add: tuple[Line, ...] = ()
    void: tuple[Id, ...] = ()


class OrderChanges:
    """Lines added to an order and taken off it."""

    def __init__(self, db: AnyDatabase) -> None:
        self.db = db

    async def change(self, order_id: Id, request: ChangeOrder, by: Actor) -> OrderView:
        """Change an order's lines: its owner while nothing of it is paid or being paid, staff until it is ready.

        Raises OrderNotFound, NotAllowed, VersionConflict, OrderNotChangeable, ItemUnavailable and InvalidRequest.
        """
        if not request.add and not request.void:
            raise InvalidRequest("Say what to add to the order or what to take off it.")

        async def decide(tx: Transaction) -> OrderView:
            order = await orders.visible(tx, order_id, by, lock=True)
            if not (by.is_staff or orders.is_own(order, by)):
                raise NotAllowed
            if request.expected_version != order.version:
                raise VersionConflict(f"The order is at version {order.version} now.")
            _require_changeable(order, by)
            view = await orders.change_lines(tx, order, request.add, request.void)
            await splits.follow_lines(tx, order)
            return view

        return await self.db.transaction(by.cafe_id, decide)


def _require_changeable(order: Order, by: Actor) -> None:
    if order.kind != "sale":
        raise OrderNotChangeable("Bought credit has no lines; cancel this order and place another.")
    if order.status not in ("pending", "paid", "preparing"):
        raise OrderNotChangeable(f"This order is {order.status}; its lines cannot be changed any more.")
    if by.is_staff:
        return
    if order.status != "pending" or order.paid_minor:
        raise OrderNotChangeable("The kitchen has this order, or part of it is paid; ask the staff to change it.")
    if order.reserved_minor:
        raise OrderNotChangeable("This order is being paid right now; wait for that payment or cancel it.")
