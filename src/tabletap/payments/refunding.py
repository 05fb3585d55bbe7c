"""What a refund does, inside one transaction: reserved with its parts, booked when it is settled, once."""

from collections.abc import Iterable
from datetime import timedelta

import msgspec

from tabletap.cafes.model import Cafe
from tabletap.credits import service as credits
from tabletap.identity import store as identity
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import SYSTEM_ID, Actor, Role
from tabletap.ledger.model import (
    BANK,
    CASH_DRAWER,
    CASH_ROUNDING,
    SUSPENSE,
    TIPS_PAYABLE,
    customer_credit,
)
from tabletap.ledger.service import post
from tabletap.orders import service as orders
from tabletap.payments import flags, store, top_ups
from tabletap.payments.disputes import store as disputes
from tabletap.payments.errors import (
    PaymentNotFound,
    RefundNeedsApproval,
    RefundToCreditNeedsAccount,
    RefundTooLarge,
)
from tabletap.payments.events import PaymentRefunded
from tabletap.payments.gateways.gateway import Gateway, Gateways
from tabletap.payments.model import Payment, Refund, RefundAnswer
from tabletap.payments.refund_plan import ONE_PAYMENT, Destination, How, Planned, Tender, plan

SETTLE = "payment-queue:settle_refund"
SCHEDULE = tuple(timedelta(seconds=seconds) for seconds in (2, 5, 15, 30, 60, 300, 1_800, 7_200, *(86_400,) * 7))
"""When to ask a provider again while it is not known what became of a refund (money.md, "Unknown outcomes")."""
_LONGEST_ERROR = 200


class RefundJob(msgspec.Struct):
    """The payload of the jobs about a refund."""

    cafe_id: Id
    refund_id: Id
    turn: int | None = None
    """Which turn of the schedule it is; jobs of earlier versions do not say, and mean the next one."""


async def tender_of(reader: Reader, gateways: Gateways, payment: Payment) -> Tender:
    """A payment with what of it could still go back. In a transaction, lock the payment before."""
    earlier = {refund.id: refund for refund in await store.refunds(reader, payment.id)}
    if isinstance(reader, Transaction):
        earlier |= {refund.id: refund for refund in reader.recall(("refunds", payment.id)) or ()}
    return Tender(
        payment=payment,
        earlier=tuple(earlier.values()),
        how=_how(gateways.for_method(payment.method), payment),
        has_account=await _has_account(reader, payment.customer_id),
        disputes=tuple(await disputes.of_payment(reader, payment.id)),
    )


async def tenders_of(reader: Reader, gateways: Gateways, order_id: Id) -> list[Tender]:
    """The completed payments of an order with what of them could still go back. In a transaction they are locked."""
    payments = await store.of_order(reader, order_id, lock=True)
    return [await tender_of(reader, gateways, payment) for payment in payments if payment.state == "completed"]


def _how(gateway: Gateway, payment: Payment) -> How:
    """Where the money lies says who can give it back."""
    if gateway.at_provider:
        return "provider"
    account = gateway.account(payment)
    return "cash" if account == CASH_DRAWER else "by_hand" if account == BANK else "ledger"


async def _has_account(reader: Reader, customer_id: Id | None) -> bool:
    if customer_id is None:
        return False
    person = await identity.get_person(reader, reader.cafe_id, customer_id)
    return person is not None and person.kind == "customer"


def require_allowed(planned: Iterable[Planned], tenders: Iterable[Tender], cafe: Cafe, by: Actor) -> None:
    """Above the cafe's limit a manager may not decide alone. Raises RefundNeedsApproval.

    What has gone back of the same payments before counts, or many small refunds would go around the limit.
    """
    limit = cafe.refund_limit_minor
    concerned = {each.payment.id for each in planned}
    earlier = [refund for tender in tenders if tender.payment.id in concerned for refund in tender.earlier]
    total = sum(each.amount_minor for each in planned) + sum(each.amount_minor for each in earlier if each.is_live)
    if limit is not None and total > limit and not by.is_(Role.ADMIN):
        raise RefundNeedsApproval


def require_possible(planned: Iterable[Planned], tenders: Iterable[Tender], destination: Destination) -> None:
    """To credit goes only what a customer with an account has paid. Raises RefundToCreditNeedsAccount."""
    has_account = {tender.payment.id: tender.has_account for tender in tenders}
    for each in planned:
        if destination == "credit" and not has_account[each.payment.id]:
            raise RefundToCreditNeedsAccount


async def give_back(
    tx: Transaction,
    gateways: Gateways,
    planned: Planned,
    reason: str,
    destination: Destination,
    by: Actor,
    batch_id: Id | None = None,
) -> Refund:
    """Make a planned refund: reserve it, and settle at once what needs nobody else.

    What a provider has to send is watched until it is settled; what a person has to send waits for their word. Give
    each payment back once a transaction, or make a new plan in between. Raises RefundTooLarge.
    """
    refund = await _reserve(tx, planned, reason, destination, by, batch_id)
    if planned.how in ("cash", "ledger"):
        gateway = gateways.for_method(planned.payment.method)
        return await settle(tx, gateway, refund, RefundAnswer(status="completed"))
    if planned.how == "provider":
        ask_again(tx, refund, 0, planned.payment.priority)
    current = await store.get(tx, refund.payment_id) or planned.payment
    tx.emit(PaymentRefunded(cafe_id=tx.cafe_id, at=tx.now, payment=current, refund=refund))
    return refund


async def give_all_back(
    tx: Transaction,
    gateways: Gateways,
    payment: Payment,
    reason: str,
    destination: Destination,
    by: Actor,
    *,
    only_suspense: bool = False,
) -> Refund | None:
    """Give back all that is left of a payment, or only what had found no bill to go to; None: there is nothing.

    Raises RefundToCreditNeedsAccount.
    """
    tender = await tender_of(tx, gateways, payment)
    cafe = await orders.cafe_of(tx)
    kinds = ("suspense",) if only_suspense else ONE_PAYMENT
    planned = plan([tender], None, destination, cafe.rounded_cash_minor, kinds)
    if not planned:
        return None
    require_possible(planned, [tender], destination)
    return await give_back(tx, gateways, planned[0], reason, destination, by)


async def _reserve(
    tx: Transaction, planned: Planned, reason: str, destination: Destination, by: Actor, batch_id: Id | None
) -> Refund:
    """Set part of a payment aside to go back: from now on no other refund can claim it."""
    payment, parts = planned.payment, planned.parts
    if parts.amount_minor > payment.refundable_minor:
        raise RefundTooLarge(f"At most {payment.refundable_minor} of this payment can still go back.")
    after = msgspec.structs.replace(
        payment,
        refund_pending_minor=payment.refund_pending_minor + parts.amount_minor,
        version=payment.version + 1,
        updated_at=tx.now,
    )
    store.save(tx, payment, after)
    refund = Refund(
        tx.cafe_id, new_id(), payment.id, payment.order_id, parts.amount_minor, payment.total_minor, destination,
        reason, "pending", by.person_id, None, 0, 1, tx.now, None, tx.now,
        parts.order_minor, parts.tip_minor, parts.suspense_minor, planned.rounding_minor, batch_id=batch_id,
    )  # fmt: skip
    _remember(tx, refund)
    tx.add(store.refund, refund)
    await top_ups.take_back(tx, refund, payment)
    return refund


def _remember(tx: Transaction, refund: Refund) -> None:
    known = {each.id: each for each in tx.recall(("refunds", refund.payment_id)) or ()}
    tx.remember(("refunds", refund.payment_id), (*{**known, refund.id: refund}.values(),))


async def settle(
    tx: Transaction, gateway: Gateway, refund: Refund, answer: RefundAnswer, settled_by: Id | None = None
) -> Refund:
    """Apply what became of a refund, once: books, payment and bill follow. Unknown leaves it pending, never failed.

    One that failed gives free what it had claimed: it can be made again with a new refund. Raises PaymentNotFound.
    """
    payment = await store.get(tx, refund.payment_id, lock=True)
    if payment is None:
        raise PaymentNotFound
    status = answer.status or "pending"
    if refund.status != "pending" or status == "pending":
        return _noted(tx, refund, answer)
    paid_back = refund.amount_minor if status == "completed" else 0
    after_payment = msgspec.structs.replace(
        payment,
        refund_pending_minor=payment.refund_pending_minor - refund.amount_minor,
        refunded_minor=payment.refunded_minor + paid_back,
        version=payment.version + 1,
        updated_at=tx.now,
    )
    store.save(tx, payment, after_payment)
    if status == "completed":
        await _complete(tx, gateway, payment, refund)
    else:
        await top_ups.give_again(tx, refund, payment)
    after = msgspec.structs.replace(
        refund,
        status=status,
        external_refund_id=answer.external_refund_id or refund.external_refund_id,
        error=_sentence(answer.error) if status == "failed" else None,
        needs_review=False,
        settled_by=settled_by,
        processed_at=tx.now,
        version=refund.version + 1,
        updated_at=tx.now,
    )
    _saved(tx, refund, after)
    if refund.needs_review:
        after_payment = await _found_again(tx, after_payment, after)
    if status == "failed" and refund.suspense_minor:
        # It waits in suspense again: whoever sent it on has to hear that it did not arrive.
        after_payment = flags.flag(tx, after_payment, "late_money", "api_response", SYSTEM_ID)
    tx.emit(PaymentRefunded(cafe_id=tx.cafe_id, at=tx.now, payment=after_payment, refund=after))
    return after


async def _found_again(tx: Transaction, payment: Payment, refund: Refund) -> Payment:
    """A refund that a person had to look for is known of: nobody has to look any more, unless for another one."""
    others = [each for each in await store.refunds(tx, payment.id) if each.id != refund.id and each.needs_review]
    if payment.review_reason != "refund_unknown" or others:
        return payment
    return flags.resolve(tx, payment, "query", SYSTEM_ID, f"refund {refund.status}")


def _saved(tx: Transaction, before: Refund, after: Refund) -> None:
    tx.save(store.refund, before, after, ("cafe_id", "id"), ("version",))
    _remember(tx, after)


def _sentence(error: str | None) -> str | None:
    """A provider's reason is kept, but not at any length."""
    return error[:_LONGEST_ERROR] if error else None


def _noted(tx: Transaction, refund: Refund, answer: RefundAnswer) -> Refund:
    if refund.status != "pending":
        return refund
    after = msgspec.structs.replace(
        refund,
        external_refund_id=answer.external_refund_id or refund.external_refund_id,
        error=_sentence(answer.error),
        version=refund.version + 1,
        updated_at=tx.now,
    )
    _saved(tx, refund, after)
    return after


async def _complete(tx: Transaction, gateway: Gateway, payment: Payment, refund: Refund) -> None:
    """To the source or to credit, never both: the journal, and the bill that has less money now."""
    account = gateway.account(payment)
    if payment.customer_id is not None and (
        refund.destination == "credit" or account == customer_credit(payment.customer_id)
    ):
        account = customer_credit(payment.customer_id)
        await credits.move(
            tx, payment.customer_id, refund.amount_minor, "refund", refund.reason, payment.currency,
            order_id=refund.order_id, payment_id=payment.id, staff_id=refund.staff_id,
        )  # fmt: skip
    amounts = {
        **await top_ups.outgoing(tx, refund),
        TIPS_PAYABLE: refund.tip_minor,
        SUSPENSE: refund.suspense_minor,
        CASH_ROUNDING: refund.rounding_minor,
        account: -refund.paid_out_minor,
    }
    post(
        tx, "refund", payment.currency, amounts, mode=payment.mode, order_id=refund.order_id, payment_id=payment.id,
        refund_id=refund.id,
    )  # fmt: skip


def ask_again(tx: Transaction, refund: Refund, turn: int, priority: int) -> None:
    """See to it that a refund is settled even if this process dies now."""
    job = RefundJob(tx.cafe_id, refund.id, turn)
    tx.enqueue(SETTLE, job, after=SCHEDULE[turn], dedupe_key=f"refund:{refund.id}:{turn}", priority=priority)


async def move_schedule_on(tx: Transaction, refund: Refund, turn: int) -> Refund:
    """After a turn in vain: the next one, or, when all asking was in vain, a person has to look. Safe to repeat."""
    if turn != refund.check_count:
        return refund
    in_vain = turn + 1 >= len(SCHEDULE)
    after = msgspec.structs.replace(
        refund, check_count=turn + 1, needs_review=refund.needs_review or in_vain, version=refund.version + 1
    )
    _saved(tx, refund, after)
    payment = await store.get(tx, refund.payment_id, lock=True)
    if not in_vain:
        ask_again(tx, after, turn + 1, payment.priority if payment else 0)
        return after
    if payment is not None:
        flags.flag(tx, payment, "refund_unknown", "query", SYSTEM_ID)
    return after
