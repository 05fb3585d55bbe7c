"""Moving orders on when money may hang on it: cancelling a paid order reserves its refunds in the same transaction."""

import msgspec

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Transaction
from tabletap.infra.idempotency import IdempotencyKeyRequired, Once, Outcome, remember, run_once
from tabletap.kernel.errors import VersionConflict
from tabletap.kernel.ids import Id
from tabletap.kernel.people import Actor, Role
from tabletap.orders import service as orders
from tabletap.orders import store as orders_store
from tabletap.orders.errors import TransitionNotAllowed
from tabletap.orders.model import Order, OrderStatus, OrderView, view_of
from tabletap.payments import refunds, store
from tabletap.payments.gateways.gateway import Gateways
from tabletap.payments.model import LIVE, Payment, RefundAnswer


class MoveOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A request to move an order on."""

    status: OrderStatus
    expected_version: int | None = None
    reason: str | None = None


class OrderMoves:
    """The one way in for every order move: HTTP, live commands and the CLI."""

    def __init__(self, db: AnyDatabase, gateways: Gateways) -> None:
        self.db, self.gateways = db, gateways

    async def move(self, order_id: Id, request: MoveOrder, by: Actor, once: Once | None = None) -> Outcome[OrderView]:
        """Move an order on (contract 4.1). Safe to repeat under one key.

        Raises OrderNotFound, TransitionNotAllowed, VersionConflict, NotAllowed, and IdempotencyKeyRequired where money
        goes back.
        """

        async def decide(tx: Transaction) -> OrderView:
            order = await orders.visible(tx, order_id, by, lock=True)
            if request.status == "cancelled" and order.paid_minor:
                after = await self._cancel_paid(tx, order, request, by, once)
            else:
                if request.status == "cancelled":
                    await self._refuse_while_paying(tx, order)
                after = await orders.move(tx, order_id, request.status, by, request.expected_version, request.reason)
            view = view_of(after, await orders_store.items(tx, order_id))
            remember(tx, once, view)
            return view

        return await run_once(self.db, by.cafe_id, once, OrderView, decide)

    async def _refuse_while_paying(self, tx: Transaction, order: Order) -> None:
        payments = await store.of_order(tx, order.id) if order.reserved_minor else []
        if any(payment.state in LIVE for payment in payments):
            raise TransitionNotAllowed("A payment for this order is under way; cancel that payment first.")

    async def _cancel_paid(
        self, tx: Transaction, order: Order, request: MoveOrder, by: Actor, once: Once | None
    ) -> Order:
        """Every completed payment goes back the way it came, reserved together with the cancelling."""
        by.require(Role.MANAGER)
        if once is None:
            raise IdempotencyKeyRequired
        if request.expected_version is not None and request.expected_version != order.version:
            raise VersionConflict(f"The order is at version {order.version} and {order.status} now.")
        if order.status not in ("pending", "paid", "preparing"):
            raise TransitionNotAllowed(f"An order cannot go from {order.status} to cancelled.")
        await self._refuse_while_paying(tx, order)
        await orders.change_status(tx, order, "cancelled", request.reason)
        for payment in await store.of_order(tx, order.id):
            if payment.refundable_minor:
                await self._send_back(tx, payment, request.reason or "Order cancelled", by)
        return await orders_store.get(tx, order.id) or order

    async def _send_back(self, tx: Transaction, payment: Payment, reason: str, by: Actor) -> None:
        refund = await refunds.reserve(tx, payment, payment.refundable_minor, reason, "original", by)
        if refunds.needs_provider(payment, "original"):
            refunds.watch(tx, payment, refund)
        else:
            gateway = self.gateways.for_method(payment.method)
            await refunds.settle(tx, gateway, refund, RefundAnswer(status="completed"))
