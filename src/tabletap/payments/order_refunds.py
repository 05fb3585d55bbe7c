"""Giving an amount of a whole order back, over all its payments, in one decision (refund_plan.py says how)."""

import asyncio

import msgspec

from tabletap.infra.crash import crash_point
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.infra.idempotency import Once, Outcome, begin, finish, remember, run_once
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.money import require_positive
from tabletap.kernel.people import Actor, Role
from tabletap.orders import service as orders
from tabletap.orders import store as orders_store
from tabletap.orders.errors import OrderNotFound
from tabletap.payments import store
from tabletap.payments.errors import PaymentDisputed, PaymentNotRefundable, RefundPlanChanged, RefundTooLarge
from tabletap.payments.gateways.gateway import Gateways
from tabletap.payments.model import Refund
from tabletap.payments.refund_plan import WHOLE_ORDER, Destination, Planned, RoundCash, Tender, plan
from tabletap.payments.refunding import give_back, require_allowed, require_possible, tenders_of
from tabletap.payments.refunds import NO_REASON, RefundService, without_tip
from tabletap.payments.views import (
    OrderRefundView,
    RefundListView,
    RefundPlanView,
    order_refund_view,
    plan_view,
    refund_view,
)


class ExpectedRefund(msgspec.Struct, frozen=True, kw_only=True):
    """One refund of the plan that a person was shown."""

    payment_id: Id
    amount_minor: int


class RefundOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A request to give an order's money back; no amount means all that is left."""

    amount_minor: int | None = None
    include_tips: bool = True
    destination: Destination = "original"
    reason: str | None = None
    expected_plan: tuple[ExpectedRefund, ...] | None = None


def planned_for(tenders: list[Tender], request: RefundOrder, round_cash: RoundCash) -> list[Planned]:
    """The refunds that a request for an order comes to.

    Raises PaymentNotRefundable, InvalidAmount, RefundTooLarge, RefundToCreditNeedsAccount, RefundPlanChanged.
    """
    if not tenders:
        raise PaymentNotRefundable("Nothing has been paid on this order.")
    wanted = request.amount_minor if request.amount_minor is None else require_positive(request.amount_minor)
    planned = plan(tenders, wanted, request.destination, round_cash, without_tip(WHOLE_ORDER, request.include_tips))
    found = sum(each.amount_minor for each in planned)
    if found < (wanted or 1) and any(tender.payment.disputed_minor for tender in tenders):
        raise PaymentDisputed(f"At most {found} of this order can go back while a payment of it is disputed.")
    if found < (wanted or 1):
        raise RefundTooLarge(f"At most {found} of this order can still go back.")
    require_possible(planned, tenders, request.destination)
    _require_as_shown(planned, request)
    return planned


def _require_as_shown(planned: list[Planned], request: RefundOrder) -> None:
    if request.expected_plan is None:
        return
    shown = sorted((each.payment_id, each.amount_minor) for each in request.expected_plan)
    if shown != sorted((each.payment.id, each.amount_minor) for each in planned):
        raise RefundPlanChanged


class OrderRefundService:
    """Giving the money of an order back."""

    def __init__(self, db: AnyDatabase, gateways: Gateways, refunds: RefundService) -> None:
        self.db, self.gateways, self.refunds = db, gateways, refunds

    async def preview(self, order_id: Id, request: RefundOrder, by: Actor) -> RefundPlanView:
        """How an amount would go back; nothing changes. Raises as `refund` does."""
        by.require(Role.MANAGER)

        async def look(reader: Reader) -> RefundPlanView:
            order = await orders_store.get(reader, order_id)
            if order is None:
                raise OrderNotFound
            tenders = await tenders_of(reader, self.gateways, order_id)
            planned = planned_for(tenders, request, (await orders.cafe_of(reader)).rounded_cash_minor)
            return plan_view(order_id, order.currency, request.destination, planned)

        return await self.db.read(by.cafe_id, look, consistent=True)

    async def refund(
        self, order_id: Id, request: RefundOrder, by: Actor, once: Once | None = None
    ) -> Outcome[OrderRefundView]:
        """Reserve all refunds in one transaction, then settle each at its provider. Safe to repeat under one key.

        Raises OrderNotFound, PaymentNotRefundable, RefundTooLarge, RefundToCreditNeedsAccount, RefundNeedsApproval,
        RefundPlanChanged, InvalidAmount, NotAllowed.
        """
        by.require(Role.MANAGER)
        to_ask: list[Id] = []
        batch_id = new_id()

        async def decide(tx: Transaction) -> OrderRefundView:
            to_ask.clear()
            order = await orders_store.get(tx, order_id, lock=True)
            if order is None:
                raise OrderNotFound
            tenders = await tenders_of(tx, self.gateways, order_id)
            cafe = await orders.cafe_of(tx)
            planned = planned_for(tenders, request, cafe.rounded_cash_minor)
            require_allowed(planned, tenders, cafe, by)
            reason = request.reason or NO_REASON
            made = [
                await give_back(tx, self.gateways, each, reason, request.destination, by, batch_id) for each in planned
            ]
            to_ask.extend(refund.id for refund, each in zip(made, planned, strict=True) if each.how == "provider")
            view = order_refund_view(order_id, order.currency, batch_id, made)
            if to_ask:
                begin(tx, once, batch_id)
            else:
                remember(tx, once, view)
            return view

        async def resume(made: Id) -> OrderRefundView:
            return await self._settled(by.cafe_id, order_id, made, once)

        crash_point("order_refund.begun")
        outcome = await run_once(self.db, by.cafe_id, once, OrderRefundView, decide, resume)
        crash_point("order_refund.reserved")
        if outcome.replayed or not to_ask:
            return outcome
        return Outcome(await self._settled(by.cafe_id, order_id, batch_id, once, first=True))

    async def _settled(
        self, cafe_id: Id, order_id: Id, batch_id: Id, once: Once | None, *, first: bool = False
    ) -> OrderRefundView:
        """Ask for every refund of the batch at its provider, and store the answer. Safe to repeat."""
        made = await self.db.read(cafe_id, lambda reader: _batch(reader, order_id, batch_id))
        await asyncio.gather(*(self.refunds.settle_at_provider(cafe_id, each.id, first=first) for each in made))
        crash_point("order_refund.settled")

        async def decide(tx: Transaction) -> OrderRefundView:
            order = await orders_store.get(tx, order_id)
            if order is None:
                raise OrderNotFound
            view = order_refund_view(order_id, order.currency, batch_id, await _batch(tx, order_id, batch_id))
            finish(tx, once, view)
            return view

        return await self.db.transaction(cafe_id, decide)

    async def list(self, order_id: Id, by: Actor) -> RefundListView:
        """The refunds of all payments of an order, oldest first. Raises OrderNotFound and NotAllowed."""
        by.require(Role.STAFF)

        async def look(reader: Reader) -> RefundListView:
            if await orders_store.get(reader, order_id) is None:
                raise OrderNotFound
            return RefundListView([refund_view(each) for each in await store.refunds_of_order(reader, order_id)])

        return await self.db.read(by.cafe_id, look)


async def _batch(reader: Reader, order_id: Id, batch_id: Id) -> list[Refund]:
    return [refund for refund in await store.refunds_of_order(reader, order_id) if refund.batch_id == batch_id]
