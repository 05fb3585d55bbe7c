"""Refunds of a payment: reserve, ask the provider, settle; each step recorded (money.md, "Refunds")."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from tabletap.infra.crash import crash_point
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.infra.idempotency import Once, Outcome, begin, finish, remember, run_once
from tabletap.infra.paging import Page, page_of
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.money import require_positive
from tabletap.kernel.people import Actor, Role
from tabletap.orders import service as orders
from tabletap.orders import store as orders_store
from tabletap.payments import store
from tabletap.payments.errors import (
    PaymentDisputed,
    PaymentNotFound,
    PaymentNotRefundable,
    RefundNotByHand,
    RefundNotFound,
    RefundTooLarge,
)
from tabletap.payments.gateways.gateway import Gateways
from tabletap.payments.model import Payment, ProviderCall, Refund, RefundAnswer, RefundStatus
from tabletap.payments.refund_plan import ONE_PAYMENT, Destination, Kind, Planned, RoundCash, Tender, plan
from tabletap.payments.refunding import (
    RefundJob,
    give_back,
    move_schedule_on,
    require_allowed,
    require_possible,
    settle,
    tender_of,
)
from tabletap.payments.views import RefundListView, RefundPlanView, RefundView, plan_view, refund_view

NO_REASON = "No reason given"


class RefundPayment(msgspec.Struct, frozen=True, kw_only=True):
    """A request to give money back; no amount means all that is left."""

    amount_minor: int | None = None
    reason: str | None = None
    destination: Destination = "original"
    include_tips: bool = True


class ConfirmRefund(msgspec.Struct, frozen=True, kw_only=True):
    """A person's word about a refund that has to be made by hand."""

    sent: bool = True
    bank_reference: str | None = None
    reason: str | None = None


def without_tip(kinds: Sequence[Kind], include_tips: bool) -> tuple[Kind, ...]:
    """What a request takes from: without the tips where it says so."""
    return tuple(kind for kind in kinds if include_tips or kind != "tip")


def planned_for(tender: Tender, request: RefundPayment, round_cash: RoundCash) -> Planned:
    """The one refund that a request for a payment comes to.

    Raises PaymentNotRefundable, InvalidAmount, RefundTooLarge, RefundToCreditNeedsAccount.
    """
    if tender.payment.state != "completed":
        raise PaymentNotRefundable
    if tender.payment.disputed_minor:
        raise PaymentDisputed
    wanted = request.amount_minor if request.amount_minor is None else require_positive(request.amount_minor)
    kinds = without_tip(ONE_PAYMENT, request.include_tips)
    planned = plan([tender], wanted, request.destination, round_cash, kinds)
    if wanted is not None and sum(each.amount_minor for each in planned) < wanted:
        left = sum(each.amount_minor for each in planned)
        raise RefundTooLarge(f"At most {left} of this payment can still go back.")
    if not planned:
        raise RefundTooLarge("Everything of this payment has already gone back.")
    require_possible(planned, [tender], request.destination)
    return planned[0]


class RefundService:
    """Giving the money of one payment back."""

    def __init__(self, db: AnyDatabase, gateways: Gateways) -> None:
        self.db, self.gateways = db, gateways

    async def refund(
        self, payment_id: Id, request: RefundPayment, by: Actor, once: Once | None = None
    ) -> Outcome[RefundView]:
        """Refund a completed payment, in part or what is left of it. Safe to repeat under one key.

        Raises PaymentNotFound, PaymentNotRefundable, RefundTooLarge, RefundToCreditNeedsAccount, RefundNeedsApproval,
        InvalidAmount, NotAllowed.
        """
        by.require(Role.MANAGER)
        to_ask: list[Refund] = []

        async def decide(tx: Transaction) -> RefundView:
            to_ask.clear()
            found = await store.get(tx, payment_id)
            if found is None:
                raise PaymentNotFound
            await orders_store.get(tx, found.order_id, lock=True)
            tender = await tender_of(tx, self.gateways, await store.get(tx, payment_id, lock=True) or found)
            cafe = await orders.cafe_of(tx)
            planned = planned_for(tender, request, cafe.rounded_cash_minor)
            require_allowed([planned], [tender], cafe, by)
            reason = request.reason or NO_REASON
            refund = await give_back(tx, self.gateways, planned, reason, request.destination, by)
            view = refund_view(refund)
            if planned.how == "provider":
                to_ask.append(refund)
                begin(tx, once, refund.id)
            else:
                remember(tx, once, view)
            return view

        async def resume(refund_id: Id) -> RefundView:
            return await self.settle_at_provider(by.cafe_id, refund_id, once)

        crash_point("refund.begun")
        outcome = await run_once(self.db, by.cafe_id, once, RefundView, decide, resume)
        crash_point("refund.reserved")
        if outcome.replayed or not to_ask:
            return outcome
        return Outcome(await self.settle_at_provider(by.cafe_id, to_ask[0].id, once, first=True))

    async def preview(self, payment_id: Id, request: RefundPayment, by: Actor) -> RefundPlanView:
        """What a refund would come to; nothing changes. Raises as `refund` does."""
        by.require(Role.MANAGER)

        async def look(reader: Reader) -> RefundPlanView:
            payment = await store.get(reader, payment_id)
            if payment is None:
                raise PaymentNotFound
            tender = await tender_of(reader, self.gateways, payment)
            round_cash = (await orders.cafe_of(reader)).rounded_cash_minor
            planned = planned_for(tender, request, round_cash)
            return plan_view(payment.order_id, payment.currency, request.destination, [planned])

        return await self.db.read(by.cafe_id, look, consistent=True)

    async def settle_at_provider(
        self,
        cafe_id: Id,
        refund_id: Id,
        once: Once | None = None,
        *,
        first: bool = False,
        scheduled: RefundJob | None = None,
    ) -> RefundView:
        """Ask the provider about a refund (or for it) and record the answer; `scheduled` moves its schedule on.

        Safe to repeat: one reference, one refund. Raises PaymentNotFound.
        """
        refund, payment = await self._stored(cafe_id, refund_id)
        gateway = self.gateways.for_method(payment.method)
        if refund.status != "pending" or refund.destination == "credit" or not gateway.at_provider:
            return refund_view(refund)
        answer = await (gateway.refund if first else gateway.check_refund)(payment, refund)
        crash_point("refund.answered")

        async def decide(tx: Transaction) -> RefundView:
            await orders_store.get(tx, refund.order_id, lock=True)
            await store.get(tx, refund.payment_id, lock=True)
            current = await store.get_refund(tx, refund_id, lock=True) or refund
            after = await settle(tx, gateway, current, answer)
            if scheduled is not None and after.status == "pending":
                turn = scheduled.turn if scheduled.turn is not None else refund.check_count
                after = await move_schedule_on(tx, after, turn)
            outcome = "nothing sent" if answer.not_sent else answer.status or "unknown"
            kind: Literal["refund", "check_refund"] = "refund" if first else "check_refund"
            call = ProviderCall(tx.cafe_id, new_id(), payment.id, refund_id, kind, outcome, answer.error, tx.now)
            tx.add(store.provider_call, call)
            view = refund_view(after)
            finish(tx, once, view)
            return view

        view = await self.db.transaction(cafe_id, decide)
        crash_point("refund.settled")
        return view

    async def take_turn(self, job: RefundJob) -> None:
        """The scheduled look at a refund; one that is settled needs none. Safe to repeat."""
        await self.settle_at_provider(job.cafe_id, job.refund_id, scheduled=job)

    async def retry(self, refund_id: Id, by: Actor) -> RefundView:
        """Ask the provider again now. Safe to repeat: one reference, one refund; one that is settled stays so.

        A refund that the provider refused is not asked for again under its reference: make a new one. Raises
        RefundNotFound and NotAllowed.
        """
        by.require(Role.MANAGER)
        await self.get(refund_id, by)
        return await self.settle_at_provider(by.cafe_id, refund_id)

    async def confirm(
        self, refund_id: Id, request: ConfirmRefund, by: Actor, once: Once | None = None
    ) -> Outcome[RefundView]:
        """Say that a transfer back was sent at the bank, or that it will not be. Safe to repeat under one key.

        Not sent: what it claims is free again, for a refund in another way. Raises RefundNotFound, RefundNotByHand,
        NotAllowed.
        """
        by.require(Role.MANAGER)

        async def decide(tx: Transaction) -> RefundView:
            found = await store.get_refund(tx, refund_id)
            if found is None:
                raise RefundNotFound
            await orders_store.get(tx, found.order_id, lock=True)
            payment = await store.get(tx, found.payment_id, lock=True)
            refund = await store.get_refund(tx, refund_id, lock=True) or found
            if payment is None:
                raise RefundNotFound
            tender = await tender_of(tx, self.gateways, payment)
            if refund.status != "pending" or refund.destination == "credit" or tender.how != "by_hand":
                raise RefundNotByHand
            status: RefundStatus = "completed" if request.sent else "failed"
            error = None if request.sent else request.reason or NO_REASON
            answer = RefundAnswer(status=status, external_refund_id=request.bank_reference, error=error)
            gateway = self.gateways.for_method(payment.method)
            view = refund_view(await settle(tx, gateway, refund, answer, by.person_id))
            remember(tx, once, view)
            return view

        return await run_once(self.db, by.cafe_id, once, RefundView, decide)

    async def _stored(self, cafe_id: Id, refund_id: Id) -> tuple[Refund, Payment]:
        async def look(reader: Reader) -> tuple[Refund, Payment]:
            refund = await store.get_refund(reader, refund_id)
            payment = await store.get(reader, refund.payment_id) if refund else None
            if refund is None or payment is None:
                raise PaymentNotFound
            return refund, payment

        return await self.db.read(cafe_id, look)

    async def get(self, refund_id: Id, by: Actor) -> RefundView:
        """One refund. Raises RefundNotFound and NotAllowed."""
        by.require(Role.STAFF)
        refund = await self.db.read(by.cafe_id, lambda reader: store.get_refund(reader, refund_id))
        if refund is None:
            raise RefundNotFound
        return refund_view(refund)

    async def list(self, payment_id: Id, by: Actor) -> RefundListView:
        """The refunds of a payment, oldest first. Raises PaymentNotFound and NotAllowed."""
        by.require(Role.STAFF)

        async def look(reader: Reader) -> RefundListView:
            if await store.get(reader, payment_id) is None:
                raise PaymentNotFound
            return RefundListView([refund_view(refund) for refund in await store.refunds(reader, payment_id)])

        return await self.db.read(by.cafe_id, look)

    async def page(self, by: Actor, status: RefundStatus | None, limit: int, cursor: str | None) -> Page[RefundView]:
        """The cafe's refunds, newest first: those that wait for a person among the pending ones. Raises NotAllowed."""
        by.require(Role.MANAGER)

        async def look(reader: Reader) -> Page[RefundView]:
            return await page_of(
                lambda before, count: store.refund_page(reader, before, count, status),
                limit, cursor, key=lambda refund: refund.id, view=refund_view,
            )  # fmt: skip

        return await self.db.read(by.cafe_id, look)
