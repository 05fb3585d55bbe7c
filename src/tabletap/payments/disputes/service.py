"""What a dispute does: held when it is opened, given back or booked out when it is decided.

A notice only prompts a query (contract section 5): every dispute the provider tells of in its answer about a payment
comes through `follow`, in any order and as often as it likes.
"""

import msgspec

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.infra.paging import Page, page_of
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Actor, Role
from tabletap.ledger.service import post
from tabletap.orders import store as orders
from tabletap.payments import flags
from tabletap.payments import store as payments
from tabletap.payments.disputes import store
from tabletap.payments.disputes.events import DisputeMoved
from tabletap.payments.disputes.model import (
    Dispute,
    DisputeView,
    as_lost,
    difference,
    dispute_view,
    is_news,
    parts_left,
    position,
)
from tabletap.payments.model import Answer, DisputeStatus, Evidence, Payment, ProviderDispute

_LONGEST_TEXT = 200


async def follow(tx: Transaction, payment: Payment, provider_account: str, answer: Answer, actor: Id) -> Payment:
    """Apply what the provider tells of a payment's disputes, once. What we do not hold cannot be disputed here.

    Give the payment as this transaction leaves it, locked. Safe to repeat.
    """
    if payment.state != "completed":
        return payment
    known = {each.external_id: each for each in await store.of_payment(tx, payment.id, lock=True)}
    for told in answer.disputes:
        before = known.get(told.id)
        if told.amount_minor <= 0 or not is_news(before, told):
            continue
        after = await _told(tx, payment, told, before, [*known.values()])
        store.save(tx, before, after, answer.evidence, actor)
        payment = _booked(tx, payment, provider_account, before, after, answer.evidence, actor)
        known[told.id] = after
    return payment


async def _told(
    tx: Transaction, payment: Payment, told: ProviderDispute, before: Dispute | None, known: list[Dispute]
) -> Dispute:
    """The dispute as the provider tells of it, with the parts that a lost one takes."""
    after = Dispute(
        tx.cafe_id, before.id if before else new_id(), payment.id, payment.order_id, told.id, told.amount_minor,
        payment.currency, payment.mode, told.status, told.reason[:_LONGEST_TEXT], 0, 0, 0,
        before.version + 1 if before else 1, before.opened_at if before else told.opened_at or tx.now,
        None if told.status == "open" else told.closed_at or tx.now,
    )  # fmt: skip
    if after.status != "lost":
        return after
    others = [other for other in known if other.external_id != told.id]
    order_left, tip_left, suspense_left = parts_left(payment, await payments.refunds(tx, payment.id), others)
    order = await orders.get(tx, payment.order_id)
    if order is not None and order.kind == "top_up":
        order_left = 0  # the customer still has the credit: it stays on `disputes` until a person takes it back
    return as_lost(after, (order_left, tip_left, suspense_left))


def _booked(
    tx: Transaction,
    payment: Payment,
    provider_account: str,
    before: Dispute | None,
    after: Dispute,
    evidence: Evidence,
    actor: Id,
) -> Payment:
    """The payment and the books follow a dispute, whatever it was before; who has to know is told."""
    lines = difference(position(before, provider_account), position(after, provider_account))
    if any(lines.values()):
        post(
            tx, f"dispute_{after.status}", payment.currency, lines, mode=payment.mode, order_id=payment.order_id,
            payment_id=payment.id,
        )  # fmt: skip
    moved = msgspec.structs.replace(
        payment,
        disputed_minor=payment.disputed_minor + after.held_minor - (before.held_minor if before else 0),
        charged_back_minor=payment.charged_back_minor + after.taken_minor - (before.taken_minor if before else 0),
        version=payment.version + 1,
        updated_at=tx.now,
    )
    payments.save(tx, payment, moved)
    payments.note_change(tx, moved, moved.state, evidence, actor, "disputed", after.status)
    previous = before.status if before else None
    tx.emit(DisputeMoved(cafe_id=tx.cafe_id, at=tx.now, payment=moved, dispute=after, previous_status=previous))
    if after.status == "open" or (after.status == "lost" and after.taken_minor < after.amount_minor):
        return flags.flag(tx, moved, "dispute", evidence, actor)
    if moved.review_reason == "dispute" and not moved.disputed_minor:
        return flags.resolve(tx, moved, evidence, actor, after.status)
    return moved


class DisputeService:
    """What managers read of disputes; a dispute is answered at the provider, not here."""

    def __init__(self, db: AnyDatabase) -> None:
        self.db = db

    async def list(self, by: Actor, status: DisputeStatus | None, limit: int, cursor: str | None) -> Page[DisputeView]:
        """The cafe's disputes, newest first. Raises NotAllowed."""
        by.require(Role.MANAGER)

        async def look(reader: Reader) -> Page[DisputeView]:
            return await page_of(
                lambda before, count: store.page(reader, before, count, status),
                limit, cursor, key=lambda dispute: dispute.id, view=dispute_view,
            )  # fmt: skip

        return await self.db.read(by.cafe_id, look)
