"""Moving orders on when money may hang on it: cancelling a paid order reserves its refunds in the same transaction."""

import msgspec

from tabletap.infra.crash import crash_point
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Transaction
from tabletap.infra.idempotency import (
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
    Once,
    Outcome,
    fingerprint_of,
    remember,
    run_once,
)
from tabletap.kernel.cards import refuse_card_number
from tabletap.kernel.errors import VersionConflict
from tabletap.kernel.ids import Id
from tabletap.kernel.people import Actor, Role
from tabletap.orders import service as orders
from tabletap.orders import store as orders_store
from tabletap.orders.errors import TransitionNotAllowed
from tabletap.orders.model import Order, OrderStatus, OrderView, view_of
from tabletap.payments import splits, store
from tabletap.payments.gateways.gateway import Gateways
from tabletap.payments.refund_plan import WHOLE_ORDER, plan
from tabletap.payments.refunding import give_back, require_allowed, tenders_of
from tabletap.payments.security.noticing import Asked
from tabletap.payments.security.service import SecurityService

COMMAND = "order_status_update"
"""The live command that moves an order; also the route under which its ids are remembered."""


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
            if after.status == "cancelled":
                await splits.take_all_back(tx, after)
            view = view_of(after, await orders_store.items(tx, order_id))
            remember(tx, once, view)
            return view

        crash_point("move.begun")
        outcome = await run_once(self.db, by.cafe_id, once, OrderView, decide)
        crash_point("move.decided")
        return outcome

    async def _refuse_while_paying(self, tx: Transaction, order: Order) -> None:
        payments = await store.of_order(tx, order.id) if order.reserved_minor else []
        if any(payment.holds_bill for payment in payments):
            raise TransitionNotAllowed("A payment for this order is under way; cancel that payment first.")

    async def _cancel_paid(
        self, tx: Transaction, order: Order, request: MoveOrder, by: Actor, once: Once | None
    ) -> Order:
        """Every completed payment goes back the way it came, reserved together with the cancelling.

        What is under dispute stays where it is: the dispute decides over that money.
        """
        by.require(Role.MANAGER)
        if once is None:
            raise IdempotencyKeyRequired
        if request.expected_version is not None and request.expected_version != order.version:
            raise VersionConflict(f"The order is at version {order.version} and {order.status} now.")
        if order.status not in ("pending", "paid", "preparing"):
            raise TransitionNotAllowed(f"An order cannot go from {order.status} to cancelled.")
        await self._refuse_while_paying(tx, order)
        await orders.change_status(tx, order, "cancelled", request.reason)
        tenders = await tenders_of(tx, self.gateways, order.id)
        cafe = await orders.cafe_of(tx)
        planned = plan(tenders, None, "original", cafe.rounded_cash_minor, WHOLE_ORDER)
        require_allowed(planned, tenders, cafe, by)
        for each in planned:
            await give_back(tx, self.gateways, each, request.reason or "Order cancelled", "original", by)
        return await orders_store.get(tx, order.id) or order


class OrderCommands:
    """Order moves that come as live commands: the same rules, and the same watch over them, as over HTTP."""

    def __init__(self, moves: OrderMoves, security: SecurityService) -> None:
        self.moves, self.security = moves, security

    async def move(
        self,
        by: Actor,
        order_id: Id,
        status: OrderStatus,
        expected_version: int | None = None,
        reason: str | None = None,
        command_id: str | None = None,
    ) -> OrderView:
        """Move an order on. Its command's id makes it safe to repeat, from any socket and in any process.

        Raises AddressBlocked, CardNumberRefused, IdempotencyKeyReused and what `OrderMoves.move` does.
        """
        request = MoveOrder(status=status, expected_version=expected_version, reason=reason)
        once = _once(by, order_id, request, command_id) if command_id is not None else None
        async with self.security.noting(by, COMMAND, Asked(order_id=order_id)):
            await self.security.screening.require_address(by)
            refuse_card_number(reason)
            try:
                return (await self.moves.move(order_id, request, by, once)).value
            except IdempotencyKeyReused:
                raise IdempotencyKeyReused("This commandId was used before for another command.") from None
            except IdempotencyKeyRequired:
                raise IdempotencyKeyRequired("This command gives money back: send a commandId with it.") from None


def _once(by: Actor, order_id: Id, request: MoveOrder, command_id: str) -> Once:
    return Once(by.cafe_id, by.person_id, COMMAND, command_id, fingerprint_of(COMMAND, order_id, request))
