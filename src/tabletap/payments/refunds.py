"""Refunds: reserve, ask the provider, settle; each step recorded (money.md, "Refunds")."""

from datetime import timedelta
from typing import Literal

import msgspec

from tabletap.credits import service as credits
from tabletap.identity import store as identity
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.infra.idempotency import Once, Outcome, begin, finish, remember, run_once
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.money import require_positive
from tabletap.kernel.people import Actor, Role
from tabletap.ledger.model import SALES, TIPS_PAYABLE, customer_credit
from tabletap.ledger.service import post
from tabletap.orders import service as orders
from tabletap.orders import store as orders_store
from tabletap.payments import store
from tabletap.payments.errors import (
    PaymentNotFound,
    PaymentNotRefundable,
    RefundToCreditNeedsAccount,
    RefundTooLarge,
)
from tabletap.payments.events import PaymentRefunded
from tabletap.payments.gateways.gateway import Gateway, Gateways
from tabletap.payments.model import Payment, ProviderCall, Refund, RefundAnswer, refund_parts
from tabletap.payments.views import RefundListView, RefundView, refund_view

SETTLE = "payment-queue:settle_refund"
_SCHEDULE = tuple(timedelta(seconds=seconds) for seconds in (2, 5, 15, 30, 60, 300, 1_800, 7_200, *(86_400,) * 7))
Destination = Literal["original", "credit"]


class RefundJob(msgspec.Struct):
    """The payload of the jobs about a refund."""

    cafe_id: Id
    refund_id: Id


class RefundPayment(msgspec.Struct, frozen=True, kw_only=True):
    """A request to give money back; no amount means all that is left."""

    amount_minor: int | None = None
    reason: str | None = None
    destination: Destination = "original"


async def reserve(
    tx: Transaction, payment: Payment, amount_minor: int, reason: str, destination: Destination, by: Actor
) -> Refund:
    """Set part of a payment aside to go back.

    Raises PaymentNotRefundable, RefundTooLarge and RefundToCreditNeedsAccount.
    """
    if payment.state != "completed":
        raise PaymentNotRefundable
    if amount_minor > payment.refundable_minor:
        raise RefundTooLarge(f"At most {payment.refundable_minor} of this payment can still go back.")
    if destination == "credit" and not await _has_account(tx, payment.customer_id):
        raise RefundToCreditNeedsAccount
    after = msgspec.structs.replace(
        payment,
        refund_pending_minor=payment.refund_pending_minor + amount_minor,
        version=payment.version + 1,
        updated_at=tx.now,
    )
    store.save(tx, payment, after)
    refund = Refund(
        tx.cafe_id, new_id(), payment.id, payment.order_id, amount_minor, payment.total_minor, destination, reason,
        "pending", by.person_id, None, 0, 1, tx.now, None, tx.now,
    )  # fmt: skip
    tx.add(store.refund, refund)
    return refund


async def _has_account(tx: Transaction, customer_id: Id | None) -> bool:
    if customer_id is None:
        return False
    person = await identity.get_person(tx, tx.cafe_id, customer_id)
    return person is not None and person.kind == "customer"


async def settle(tx: Transaction, gateway: Gateway, refund: Refund, answer: RefundAnswer) -> Refund:
    """Apply what became of a refund, once: books, payment and bill follow. Unknown leaves it pending, never failed."""
    payment = await store.get(tx, refund.payment_id, lock=True)
    if payment is None:
        raise PaymentNotFound
    status = answer.status or "pending"
    if refund.status != "pending" or status == "pending":
        return _noted(tx, refund, answer)
    order_part, tip_part = refund_parts(payment, refund.amount_minor)
    done = status == "completed"
    paid_back = refund.amount_minor if done else 0
    after_payment = msgspec.structs.replace(
        payment,
        refund_pending_minor=payment.refund_pending_minor - refund.amount_minor,
        refunded_minor=payment.refunded_minor + paid_back,
        version=payment.version + 1,
        updated_at=tx.now,
    )
    store.save(tx, payment, after_payment)
    if done:
        await _book(tx, gateway, payment, refund, order_part, tip_part)
        order = await orders_store.get(tx, refund.order_id, lock=True)
        if order is not None and order_part:
            orders.take_refund(tx, order, order_part)
    after = msgspec.structs.replace(
        refund,
        status=status,
        external_refund_id=answer.external_refund_id or refund.external_refund_id,
        processed_at=tx.now,
        version=refund.version + 1,
        updated_at=tx.now,
    )
    tx.save(store.refund, refund, after, ("cafe_id", "id"), ("version",))
    tx.emit(PaymentRefunded(cafe_id=tx.cafe_id, at=tx.now, payment=after_payment, refund=after))
    return after


def _noted(tx: Transaction, refund: Refund, answer: RefundAnswer) -> Refund:
    after = msgspec.structs.replace(
        refund,
        external_refund_id=answer.external_refund_id or refund.external_refund_id,
        version=refund.version + 1,
        updated_at=tx.now,
    )
    tx.save(store.refund, refund, after, ("cafe_id", "id"), ("version",))
    return after


async def _book(
    tx: Transaction, gateway: Gateway, payment: Payment, refund: Refund, order_part: int, tip_part: int
) -> None:
    """To the source or to credit, never both."""
    to_credit = refund.destination == "credit" or payment.method == "customer_credit"
    account = gateway.account(payment)
    if to_credit and payment.customer_id is not None:
        account = customer_credit(payment.customer_id)
        await credits.move(
            tx, payment.customer_id, refund.amount_minor, "refund", refund.reason, payment.currency,
            order_id=refund.order_id, payment_id=payment.id, staff_id=refund.staff_id,
        )  # fmt: skip
    amounts = {SALES: order_part, TIPS_PAYABLE: tip_part, account: -refund.amount_minor}
    post(
        tx, "refund", payment.currency, amounts, mode=payment.mode, order_id=refund.order_id, payment_id=payment.id,
        refund_id=refund.id,
    )  # fmt: skip


def needs_provider(payment: Payment, destination: Destination) -> bool:
    """Whether money has to be sent back by a provider."""
    return payment.provider_account_id is not None and destination == "original"


class RefundService:
    """Giving money back."""

    def __init__(self, db: AnyDatabase, gateways: Gateways) -> None:
        self.db, self.gateways = db, gateways

    async def refund(
        self, payment_id: Id, request: RefundPayment, by: Actor, once: Once | None = None
    ) -> Outcome[RefundView]:
        """Refund a completed payment, in part or what is left of it. Safe to repeat under one key.

        Raises PaymentNotFound, PaymentNotRefundable, RefundTooLarge, InvalidAmount, NotAllowed.
        """
        by.require(Role.MANAGER)
        to_ask: list[Refund] = []

        async def decide(tx: Transaction) -> RefundView:
            to_ask.clear()
            found = await store.get(tx, payment_id)
            if found is None:
                raise PaymentNotFound
            await orders_store.get(tx, found.order_id, lock=True)
            payment = await store.get(tx, payment_id, lock=True) or found
            refund = await self._reserved(tx, payment, request, by)
            if needs_provider(payment, refund.destination):
                to_ask.append(refund)
                begin(tx, once, refund.id)
                return refund_view(refund)
            view = refund_view(
                await settle(tx, self.gateways.for_method(payment.method), refund, RefundAnswer(status="completed"))
            )
            remember(tx, once, view)
            return view

        async def resume(refund_id: Id) -> RefundView:
            return await self.settle_at_provider(by.cafe_id, refund_id, once)

        outcome = await run_once(self.db, by.cafe_id, once, RefundView, decide, resume)
        if outcome.replayed or not to_ask:
            return outcome
        return Outcome(await self.settle_at_provider(by.cafe_id, to_ask[0].id, once, first=True))

    async def _reserved(self, tx: Transaction, payment: Payment, request: RefundPayment, by: Actor) -> Refund:
        if payment.state != "completed":
            raise PaymentNotRefundable
        amount = payment.refundable_minor if request.amount_minor is None else require_positive(request.amount_minor)
        if amount == 0:
            raise RefundTooLarge("Everything of this payment has already gone back.")
        reason = request.reason or "Customer requested refund"
        refund = await reserve(tx, payment, amount, reason, request.destination, by)
        if needs_provider(payment, refund.destination):
            watch(tx, payment, refund)
        return refund

    async def settle_at_provider(
        self, cafe_id: Id, refund_id: Id, once: Once | None = None, *, first: bool = False
    ) -> RefundView:
        """Ask the provider about a refund (or for it) and record the answer.

        Safe to repeat: one reference, one refund. Raises PaymentNotFound.
        """
        refund, payment = await self._stored(cafe_id, refund_id)
        if refund.status != "pending":
            return refund_view(refund)
        gateway = self.gateways.for_method(payment.method)
        answer = await (gateway.refund if first else gateway.check_refund)(payment, refund)

        async def decide(tx: Transaction) -> RefundView:
            await orders_store.get(tx, refund.order_id, lock=True)
            await store.get(tx, refund.payment_id, lock=True)
            current = await store.get_refund(tx, refund_id, lock=True) or refund
            after = await settle(tx, gateway, current, answer)
            if after.status == "pending":
                after = _again(tx, after)
            outcome = answer.status or "unknown"
            kind: Literal["refund", "check_refund"] = "refund" if first else "check_refund"
            call = ProviderCall(tx.cafe_id, new_id(), payment.id, refund_id, kind, outcome, answer.error, tx.now)
            tx.add(store.provider_call, call)
            view = refund_view(after)
            finish(tx, once, view)
            return view

        return await self.db.transaction(cafe_id, decide)

    async def _stored(self, cafe_id: Id, refund_id: Id) -> tuple[Refund, Payment]:
        async def look(reader: Reader) -> tuple[Refund, Payment]:
            refund = await store.get_refund(reader, refund_id)
            payment = await store.get(reader, refund.payment_id) if refund else None
            if refund is None or payment is None:
                raise PaymentNotFound
            return refund, payment

        return await self.db.read(cafe_id, look)

    async def list(self, payment_id: Id, by: Actor) -> RefundListView:
        """The refunds of a payment, oldest first. Raises PaymentNotFound and NotAllowed."""
        by.require(Role.STAFF)

        async def look(reader: Reader) -> RefundListView:
            if await store.get(reader, payment_id) is None:
                raise PaymentNotFound
            return RefundListView([refund_view(refund) for refund in await store.refunds(reader, payment_id)])

        return await self.db.read(by.cafe_id, look)


def watch(tx: Transaction, payment: Payment, refund: Refund) -> None:
    """Say that a refund is under way, and see to it that it is settled even if this process dies now."""
    tx.enqueue(SETTLE, RefundJob(tx.cafe_id, refund.id), after=_SCHEDULE[0])
    current = tx.recall(("payment", payment.id)) or payment
    tx.emit(PaymentRefunded(cafe_id=tx.cafe_id, at=tx.now, payment=current, refund=refund))


def _again(tx: Transaction, refund: Refund) -> Refund:
    """Ask again later."""
    after = msgspec.structs.replace(refund, check_count=refund.check_count + 1, version=refund.version + 1)
    tx.save(store.refund, refund, after, ("cafe_id", "id"), ("version",))
    if refund.check_count < len(_SCHEDULE):
        tx.enqueue(
            SETTLE, RefundJob(tx.cafe_id, refund.id), after=_SCHEDULE[refund.check_count],
            dedupe_key=f"refund:{refund.id}:{refund.check_count}",
        )  # fmt: skip
    return after
