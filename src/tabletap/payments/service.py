"""Starting payments and learning what became of them.

A provider's call sits between two transactions: what we are about to ask is written down first, under its own key
(architecture.md, rule 2), and only an answer moves the payment (rule 3).
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import msgspec

from tabletap.cafes.model import Cafe
from tabletap.infra.crash import crash_point
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.infra.idempotency import Once, Outcome, begin, remember, run_once
from tabletap.infra.paging import Page, page_of
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import SYSTEM_ID, Actor, Role, require_currency
from tabletap.orders import service as orders
from tabletap.orders.model import Order
from tabletap.payments import companions, policy, schedule, splits, store
from tabletap.payments.accounts import store as accounts
from tabletap.payments.asking import Asking
from tabletap.payments.disputes import store as disputes_store
from tabletap.payments.disputes.model import dispute_view
from tabletap.payments.errors import GatewayUnavailable, PaymentNotCancellable, PaymentNotFound
from tabletap.payments.events import PaymentInitiated, PaymentMoved
from tabletap.payments.gateways.gateway import Gateway, Gateways
from tabletap.payments.model import LIVE, Answer, Evidence, Payment, ProviderCall
from tabletap.payments.priority import priority_of
from tabletap.payments.security.rulebook import RuleBook
from tabletap.payments.security.screening import Screening
from tabletap.payments.settling import book_capture
from tabletap.payments.views import PaymentStatusView, PaymentView, VerificationView, payment_view, with_history
from tabletap.qr import store as qr_store
from tabletap.qr.service import image_data_url
from tabletap.qr.service import view_of as qr_view_of
from tabletap.tips import store as tips
from tabletap.tips.model import check_tip


class StartPayment(msgspec.Struct, frozen=True, kw_only=True):
    """A request to pay."""

    order_id: Id
    method: str
    amount_minor: int | None = None
    tip_minor: int = 0
    credit_minor: int | None = None
    """Of the amount, what credit pays; the method pays the rest."""
    customer_id: Id | None = None
    split_id: Id | None = None
    return_url: str | None = None
    metadata: dict[str, Any] | None = None
    cafe_id: Id | None = None
    currency: str | None = None


class PaymentService:
    """Payments from the first tap to the last evidence."""

    def __init__(
        self,
        db: AnyDatabase,
        gateways: Gateways,
        allowed_origins: Collection[str],
        screening: Screening | None = None,
    ) -> None:
        self.db, self.gateways, self.allowed_origins = db, gateways, frozenset(allowed_origins)
        self.asking = Asking(db, gateways)
        self.screening = screening or Screening(db, RuleBook(db))

    async def start(self, request: StartPayment, by: Actor, once: Once | None = None) -> Outcome[PaymentView]:
        """Start paying an order: record the intent, ask the gateway, record its answer.

        Safe to repeat under one key: the first payment is answered again, also after a crash in between.
        Raises MethodNotOffered, AmountExceedsOutstanding, InsufficientCredit, TipNotAllowed, OrderNotFound, what the
        cafe's limits refuse (payments.security) and others.
        """
        policy.require_payer(by)
        by.require_cafe(request.cafe_id)
        to_ask: list[Payment] = []
        attempt = await self.screening.attempt(by, once)

        async def decide(tx: Transaction) -> PaymentView:
            to_ask.clear()
            attempt.require()
            policy.require_tip_in_bounds(request.tip_minor)
            policy.require_small_metadata(request.metadata)
            policy.require_own_origin(request.return_url, self.allowed_origins)
            gateway = self.gateways.for_method(request.method)
            order = await orders.visible(tx, request.order_id, by, lock=True)
            payment = await self._intent(tx, request, order, gateway, by)
            await attempt.allow(tx, payment)
            answer = await gateway.open(tx, payment)
            if answer is None:
                to_ask.append(payment)
            return await self._opened(tx, gateway, payment, order, answer, once, request.credit_minor)

        async def resume(payment_id: Id) -> PaymentView:
            return await self._resume(by.cafe_id, payment_id, request.return_url, once)

        crash_point("start.begun")
        outcome = await run_once(self.db, by.cafe_id, once, PaymentView, decide, resume)
        crash_point("start.recorded")
        if outcome.replayed or not to_ask:
            return outcome
        gateway = self.gateways.for_method(request.method)
        return Outcome(await self._ask_to_start(to_ask[0], gateway, request.return_url, once))

    async def _intent(
        self, tx: Transaction, request: StartPayment, order: Order, gateway: Gateway, by: Actor
    ) -> Payment:
        """The payment as it is about to be attempted, everything about it checked."""
        require_currency(request.currency, order.currency)
        by_credit = request.credit_minor is not None
        customer_id = await policy.payer_of(
            tx, request.customer_id, order, companions.CREDIT if by_credit else request.method, by
        )
        cafe = await policy.terms_for(tx, customer_id)
        asked = await splits.amount_for(tx, order, request.split_id, request.amount_minor, by)
        amount = policy.amount_of(order, asked)
        policy.require_buyable(order, request.method, request.tip_minor, by_credit)
        if request.tip_minor:
            check_tip(await tips.configuration(tx), amount, request.tip_minor)
        account = await accounts.account(tx, gateway.name) if gateway.at_provider else None
        return Payment(
            cafe_id=tx.cafe_id,
            id=new_id(),
            order_id=order.id,
            customer_id=customer_id,
            staff_id=by.person_id if by.is_staff else None,
            split_id=request.split_id,
            amount_minor=companions.part_of(amount, request.credit_minor, request.method, request.split_id),
            tip_minor=request.tip_minor,
            currency=order.currency,
            method=request.method,
            state="pending",
            needs_review=False,
            external_transaction_id=None,
            gateway_payment_id=None,
            redirect_url=None,
            refunded_minor=0,
            refund_pending_minor=0,
            metadata=request.metadata,
            mode=account.mode if account else "live",
            initiated_by=by.person_id,
            address=by.address,
            user_agent=by.user_agent,
            check_count=0,
            version=1,
            initiated_at=tx.now,
            expires_at=_expiry(cafe, gateway, request.method, tx.now),
            completed_at=None,
            failed_at=None,
            updated_at=tx.now,
            provider_account_id=account.id if account else None,
            priority=priority_of(amount, order.currency, is_premium=cafe.payer_tier == "premium"),
            credit_payment_id=new_id() if by_credit else None,
        )

    async def _opened(
        self,
        tx: Transaction,
        gateway: Gateway,
        payment: Payment,
        order: Order,
        answer: Answer | None,
        once: Once | None,
        credit_minor: int | None,
    ) -> PaymentView:
        """Write the new payment down: done at once, waiting for people, or about to be asked for at the provider."""
        if answer is not None and answer.state == "completed":
            payment = await self._completed_at_once(tx, gateway, payment, order, answer)
        else:
            store.add(tx, payment)
            store.note_change(tx, payment, None, answer.evidence if answer else "guest", payment.initiated_by)
            order = orders.reserve(tx, order, payment.amount_minor)
            await splits.hold(tx, order, payment)
            if credit_minor is not None:
                await companions.begin(tx, order, payment, credit_minor)
            tx.emit(PaymentInitiated(cafe_id=tx.cafe_id, at=tx.now, payment=payment))
            schedule.begin(tx, payment, at_provider=answer is None)
        view = payment_view(payment, _qr_of(tx, payment.id))
        if answer is None:
            begin(tx, once, payment.id)
        else:
            remember(tx, once, view)
        return view

    async def _completed_at_once(
        self, tx: Transaction, gateway: Gateway, payment: Payment, order: Order, answer: Answer
    ) -> Payment:
        """Credit: intent and evidence are one transaction, so the payment is born completed."""
        done = msgspec.structs.replace(payment, state="completed", completed_at=tx.now)
        taken = await orders.take_payment(tx, order, done.amount_minor, 0, done.customer_id)
        await book_capture(tx, gateway.account(done), done, taken, {})
        store.add(tx, done)
        store.note_change(tx, done, None, answer.evidence, done.initiated_by)
        tx.emit(PaymentInitiated(cafe_id=tx.cafe_id, at=tx.now, payment=payment))
        tx.emit(PaymentMoved(cafe_id=tx.cafe_id, at=tx.now, payment=done, previous_state="pending"))
        await splits.follow(tx, order, done)
        return done

    async def _ask_to_start(
        self, payment: Payment, gateway: Gateway, return_url: str | None, once: Once | None
    ) -> PaymentView:
        """Between the transactions: the provider's call. Nothing sent → nothing happened, and the caller may retry."""
        answer = await gateway.start(payment, return_url)
        crash_point("start.answered")
        if answer.not_sent:
            failed = Answer(state="failed", evidence="api_response", error=answer.error)
            await self.asking.record(payment, failed, "start", payment.initiated_by, forget=once)
            raise GatewayUnavailable(retry_after_seconds=2)
        after = await self.asking.record(payment, answer, "start", payment.initiated_by, once)
        crash_point("start.settled")
        return payment_view(after)

    async def _resume(self, cafe_id: Id, payment_id: Id, return_url: str | None, once: Once | None) -> PaymentView:
        """Finish what a died process began: ask how it stands; what the provider never saw is asked for again."""
        payment = await self.asking.stored(cafe_id, payment_id)
        gateway = self.gateways.for_method(payment.method)
        answer = await gateway.check(payment)
        if answer.unknown_there and payment.state in LIVE:
            await self._note_asked_again(payment)
            return await self._ask_to_start(payment, gateway, return_url, once)
        return payment_view(await self.asking.record(payment, answer, "check", SYSTEM_ID, once))

    async def _note_asked_again(self, payment: Payment) -> None:
        """Written down before the call, so that whoever asks meanwhile knows that a request is on its way."""

        async def decide(tx: Transaction) -> None:
            call = ProviderCall(tx.cafe_id, new_id(), payment.id, None, "start", "asked again", None, tx.now)
            tx.add(store.provider_call, call)

        await self.db.transaction(payment.cafe_id, decide)

    async def check(self, cafe_id: Id, payment_id: Id) -> Payment:
        """Ask the gateway how a payment stands and record it. Safe to repeat. Raises PaymentNotFound."""
        return await self.asking.check(cafe_id, payment_id)

    async def expire(self, cafe_id: Id, payment_id: Id) -> Payment:
        """End a payment whose time is over, if the provider agrees. Safe to repeat. Raises PaymentNotFound."""
        return await self.asking.expire(cafe_id, payment_id)

    async def cancel(self, payment_id: Id, by: Actor) -> PaymentView:
        """Cancel a payment that is not done, if the provider agrees. Safe to repeat.

        Raises PaymentNotFound, and PaymentNotCancellable when it completed or the outcome is unknown.
        """
        payment = await self._visible(payment_id, by)
        if payment.goes_with_id is not None:
            companions.require_cancellable(payment, await self.asking.stored(by.cafe_id, payment.goes_with_id))
        if payment.state in LIVE:
            evidence: Evidence = "staff" if by.is_staff else "guest"
            payment = await self.asking.give_up(payment, "cancelled", by.person_id, evidence)
        if payment.state in LIVE or payment.state == "completed":
            raise PaymentNotCancellable(f"This payment is {payment.shown_state} and cannot be cancelled now.")
        return payment_view(payment)

    async def verify(self, payment_id: Id, by: Actor) -> VerificationView:
        """Ask the gateway now. Safe to repeat. Raises PaymentNotFound and NotAllowed."""
        by.require(Role.STAFF)
        payment = await self.check(by.cafe_id, payment_id)
        return VerificationView(
            payment.id, payment.shown_state, payment.amount_minor, payment.tip_minor, payment.total_minor,
            self.db.clock.now(),
        )  # fmt: skip

    async def get(self, payment_id: Id, by: Actor, *, with_image: bool = False) -> PaymentView:
        """A payment with its history. Raises PaymentNotFound."""

        async def look(reader: Reader) -> PaymentView:
            payment = await store.get(reader, payment_id)
            if payment is None:
                raise PaymentNotFound
            policy.require_own(payment, by)
            row = await qr_store.of_payment(reader, payment_id) if payment.method == "qr_bank_transfer" else None
            image = image_data_url(row) if row is not None and with_image else None
            view = payment_view(payment, qr_view_of(row) if row else None, image)
            view = with_history(view, await store.changes(reader, payment_id), await store.calls(reader, payment_id))
            found = await disputes_store.of_payment(reader, payment_id)
            return msgspec.structs.replace(view, disputes=[dispute_view(each) for each in found] or None)

        return await self.db.read(by.cafe_id, look, consistent=True)

    async def status(self, payment_id: Id, by: Actor) -> PaymentStatusView:
        """The short status of a payment. Raises PaymentNotFound."""
        payment = await self._visible(payment_id, by)
        return PaymentStatusView(
            payment.id, payment.shown_state, payment.amount_minor, payment.tip_minor, payment.total_minor,
            payment.needs_review,
        )  # fmt: skip

    async def list(
        self, by: Actor, order_id: Id | None, limit: int, cursor: str | None, *, needs_review: bool = False
    ) -> Page[PaymentView]:
        """The cafe's payments, newest first; all, or those that a person has to look at. Raises NotAllowed."""
        by.require(Role.MANAGER)

        async def look(reader: Reader) -> Page[PaymentView]:
            return await page_of(
                lambda before, count: store.page(reader, before, count, order_id, needs_review=needs_review),
                limit, cursor, key=lambda payment: payment.id, view=payment_view,
            )  # fmt: skip

        return await self.db.read(by.cafe_id, look)

    async def _visible(self, payment_id: Id, by: Actor) -> Payment:
        """The payment for its payer and for staff. Raises PaymentNotFound and NotAllowed."""
        payment = await self.asking.stored(by.cafe_id, payment_id)
        policy.require_own(payment, by)
        return payment


def _expiry(cafe: Cafe, gateway: Gateway, method: str, now: datetime) -> datetime | None:
    own_minutes = cafe.expiry_minutes.get(method)
    open_for = timedelta(minutes=own_minutes) if own_minutes is not None else gateway.methods[method]
    return now + open_for if open_for is not None else None


def _qr_of(tx: Transaction, payment_id: Id) -> Any:
    row = tx.recall(("qr", payment_id))
    return qr_view_of(row) if row is not None else None
