"""A person's word about a payment: taking its claim off the bill, and deciding what is under review."""

from typing import Literal

import msgspec

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Transaction
from tabletap.infra.idempotency import Once, Outcome, remember, run_once
from tabletap.kernel.ids import Id
from tabletap.kernel.people import Actor, Role
from tabletap.ledger.model import SUSPENSE
from tabletap.ledger.service import post
from tabletap.orders import service as orders
from tabletap.orders import store as orders_store
from tabletap.orders.model import Order
from tabletap.payments import companions, flags, late_money, splits, store, top_ups
from tabletap.payments.asking import Asking
from tabletap.payments.errors import (
    PaymentNotFound,
    PaymentNotReleasable,
    PaymentNotUnderReview,
    ReviewNotPossible,
)
from tabletap.payments.gateways.gateway import Gateway
from tabletap.payments.model import ENDED, LIVE, Answer, Payment, disagreement
from tabletap.payments.refunding import tender_of
from tabletap.payments.settling import end_by_word, settle, take_in
from tabletap.payments.views import PaymentView, payment_view

ReviewAction = Literal["accept", "credit", "refund", "dismiss"]
_MONEY_WAITS = "Money of this payment still waits: accept it for the bill, give it to credit, or refund it."
_NOT_SAID = "The provider does not say that this payment was paid. Ask again later, or dismiss it."
_OTHER_MONEY = "The provider took other money than the cafe's books know. Settle it there, then dismiss it here."


class ReviewPayment(msgspec.Struct, frozen=True, kw_only=True):
    """A manager's decision about a payment under review."""

    action: ReviewAction
    reason: str


class ReviewService:
    """What managers decide about payments whose money and record do not agree."""

    def __init__(self, db: AnyDatabase, asking: Asking) -> None:
        self.db, self.asking, self.gateways = db, asking, asking.gateways

    async def release(self, payment_id: Id, reason: str, by: Actor) -> PaymentView:
        """Take a payment of unknown outcome off its bill, so that the guest can pay in another way. Safe to repeat.

        It is asked after as before; if its money comes after all, it is late money. Raises PaymentNotFound,
        PaymentNotReleasable, NotAllowed.
        """
        by.require(Role.MANAGER)

        async def decide(tx: Transaction) -> PaymentView:
            payment, order = await _locked(tx, payment_id)
            if payment.released and payment.state in LIVE:
                return payment_view(payment)
            if payment.state != "processing":
                raise PaymentNotReleasable
            await late_money.release(tx, payment, order, "staff", by.person_id, reason)
            await companions.give_up(tx, payment, "staff", by.person_id)
            return payment_view(await store.get(tx, payment.id) or payment)

        return await self.db.transaction(by.cafe_id, decide)

    async def review(
        self, payment_id: Id, request: ReviewPayment, by: Actor, once: Once | None = None
    ) -> Outcome[PaymentView]:
        """Decide a payment under review. Safe to repeat under one key.

        - `accept`: what the provider says it captured is booked as it is; money that waits goes to the bill if it is
          open again.
        - `credit`, `refund`: money that waits goes to the customer's credit, or back to its source.
        - `dismiss`: nothing is to be done here. One of unknown outcome ends as failed by the manager's word.

        The provider is asked first where its word is needed. Raises PaymentNotFound, PaymentNotUnderReview,
        ReviewNotPossible, RefundToCreditNeedsAccount, PaymentDisputed, NotAllowed.
        """
        by.require(Role.MANAGER)
        asked_of = await self.asking.stored(by.cafe_id, payment_id)
        gateway = self.gateways.for_method(asked_of.method)
        answer = await gateway.check(asked_of) if _needs_an_answer(asked_of, request, gateway) else None

        async def decide(tx: Transaction) -> PaymentView:
            payment, order = await _locked(tx, payment_id)
            if not payment.needs_review:
                raise PaymentNotUnderReview
            after = await self._decided(tx, gateway, payment, order, request, answer, by)
            view = payment_view(flags.resolve(tx, after, "staff", by.person_id, f"{request.action}: {request.reason}"))
            remember(tx, once, view)
            return view

        return await run_once(self.db, by.cafe_id, once, PaymentView, decide)

    async def _decided(
        self,
        tx: Transaction,
        gateway: Gateway,
        payment: Payment,
        order: Order,
        request: ReviewPayment,
        answer: Answer | None,
        by: Actor,
    ) -> Payment:
        if request.action == "dismiss":
            return await self._dismissed(tx, gateway, payment, order, by)
        if request.action == "accept":
            return await self._accepted(tx, gateway, payment, order, answer, by, request.reason)
        if payment.state != "completed":
            payment = await _captured(tx, gateway, payment, order, answer, by, request.reason, to_bill=False)
        if not await self._waiting(tx, payment):
            raise ReviewNotPossible("No money of this payment waits to be given away; refund it if it should go back.")
        destination: Literal["credit", "original"] = "credit" if request.action == "credit" else "original"
        return await late_money.send_on(tx, gateway, payment, destination, request.reason, by)

    async def _dismissed(self, tx: Transaction, gateway: Gateway, payment: Payment, order: Order, by: Actor) -> Payment:
        if payment.review_reason in ("late_money", "overpaid") and await self._waiting(tx, payment):
            raise ReviewNotPossible(_MONEY_WAITS)
        return await end_by_word(tx, gateway, payment, order, by) if payment.state in LIVE else payment

    async def _accepted(
        self,
        tx: Transaction,
        gateway: Gateway,
        payment: Payment,
        order: Order,
        answer: Answer | None,
        by: Actor,
        reason: str,
    ) -> Payment:
        if payment.state != "completed":
            return await _captured(tx, gateway, payment, order, answer, by, reason, to_bill=True)
        if payment.review_reason == "contradiction":
            if answer is None or answer.state != "completed" or disagreement(payment, answer):
                raise ReviewNotPossible(_NOT_SAID)
            return payment
        waiting = await self._waiting(tx, payment)
        return await _to_bill(tx, payment, order, waiting, by) if waiting else payment

    async def _waiting(self, tx: Transaction, payment: Payment) -> int:
        """What of the payment found no bill and has not been given back either."""
        known = tx.recall(("payment", payment.id)) or payment
        return (await tender_of(tx, self.gateways, known)).left.suspense_minor


def _needs_an_answer(payment: Payment, request: ReviewPayment, gateway: Gateway) -> bool:
    if not gateway.at_provider or not payment.needs_review or request.action == "dismiss":
        return False
    return payment.state != "completed" or payment.review_reason == "contradiction"


async def _captured(
    tx: Transaction,
    gateway: Gateway,
    payment: Payment,
    order: Order,
    answer: Answer | None,
    by: Actor,
    reason: str,
    *,
    to_bill: bool,
) -> Payment:
    """The payment with what the provider says it captured. Raises ReviewNotPossible."""
    wrong = disagreement(payment, answer) if answer is not None else None
    if answer is None or answer.state not in {"completed", *ENDED}:
        raise ReviewNotPossible(_NOT_SAID)
    if wrong is None and (to_bill or answer.state in ENDED):
        after = await settle(tx, gateway, payment, order, answer, by.person_id)
        if not to_bill:
            raise ReviewNotPossible(_NOT_SAID)
        return after
    if wrong not in (None, "wrong_amount") or not answer.amount_minor:
        raise ReviewNotPossible(_OTHER_MONEY)
    return await take_in(tx, gateway, payment, order, answer, by, reason, to_bill=to_bill)


async def _to_bill(tx: Transaction, payment: Payment, order: Order, waiting_minor: int, by: Actor) -> Payment:
    """The bill is open again and takes the money that waits, all of it or nothing. Raises ReviewNotPossible."""
    if order.status == "cancelled" or order.open_minor < waiting_minor:
        raise ReviewNotPossible("The bill does not take so much money now; give it to credit, or refund it.")
    taken = await orders.take_payment(tx, order, waiting_minor, 0, payment.customer_id)
    await splits.even_out(tx, taken.order)
    post(
        tx, "late_money", payment.currency, {SUSPENSE: waiting_minor, **top_ups.income(taken)},
        mode=payment.mode, order_id=payment.order_id, payment_id=payment.id,
    )  # fmt: skip
    await top_ups.give(tx, taken, payment)
    after = msgspec.structs.replace(
        payment, suspense_minor=payment.suspense_minor - waiting_minor, version=payment.version + 1, updated_at=tx.now
    )
    store.save(tx, payment, after)
    store.note_change(tx, after, after.state, "staff", by.person_id, "corrected", "taken by the bill")
    return after


async def _locked(tx: Transaction, payment_id: Id) -> tuple[Payment, Order]:
    found = await store.get(tx, payment_id)
    if found is None:
        raise PaymentNotFound
    order = await orders_store.get(tx, found.order_id, lock=True)
    payment = await store.get(tx, payment_id, lock=True)
    if order is None or payment is None:
        raise PaymentNotFound
    return payment, order
