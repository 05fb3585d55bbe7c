"""Asking gateways what became of a payment, and recording what they say (architecture.md, rule 3)."""

from typing import Literal

import msgspec

from tabletap.infra.crash import crash_point
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Transaction
from tabletap.infra.idempotency import Once, abandon, finish
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import SYSTEM_ID
from tabletap.orders import store as orders_store
from tabletap.payments import schedule, store
from tabletap.payments.errors import PaymentNotFound
from tabletap.payments.gateways.gateway import Gateways
from tabletap.payments.model import ENDED, LIVE, Answer, Evidence, Payment, ProviderCall
from tabletap.payments.schedule import CallKind, PaymentJob
from tabletap.payments.settling import settle
from tabletap.payments.views import payment_view


class Asking:
    """Every question to a gateway about a payment that was started, and the one place where its answer is recorded."""

    def __init__(self, db: AnyDatabase, gateways: Gateways) -> None:
        self.db, self.gateways = db, gateways

    async def stored(self, cafe_id: Id, payment_id: Id) -> Payment:
        """The payment as it is now. Raises PaymentNotFound."""
        payment = await self.db.read(cafe_id, lambda reader: store.get(reader, payment_id))
        if payment is None:
            raise PaymentNotFound
        return payment

    async def record(
        self,
        payment: Payment,
        answer: Answer,
        kind: CallKind,
        actor: Id,
        once: Once | None = None,
        forget: Once | None = None,
        look: PaymentJob | None = None,
    ) -> Payment:
        """Apply a gateway's answer once; late, repeated or lesser news changes nothing. Safe to repeat.

        `payment` is what was known when the question was asked, `look` the planned look that asked it.
        """
        gateway = self.gateways.for_method(payment.method)

        async def decide(tx: Transaction) -> Payment:
            order = await orders_store.get(tx, payment.order_id, lock=True)
            current = await store.get(tx, payment.id, lock=True)
            if current is None or order is None:
                raise PaymentNotFound
            judged = await self._judged(tx, current, answer) if kind == "check" else answer
            after = await settle(tx, gateway, current, order, judged, actor, asked_of=payment)
            if gateway.at_provider:
                after = schedule.plan_next(tx, current, after, kind, look)
                outcome = "nothing sent" if answer.not_sent else answer.state or "unknown"
                call = ProviderCall(tx.cafe_id, new_id(), payment.id, None, kind, outcome, answer.error, tx.now)
                tx.add(store.provider_call, call)
            finish(tx, once, payment_view(after))
            abandon(tx, forget)
            return after

        return await self.db.transaction(payment.cafe_id, decide)

    async def _judged(self, tx: Transaction, payment: Payment, answer: Answer) -> Answer:
        """What an answer means: a payment that its provider never saw, and will not see any more, failed."""
        if not answer.unknown_there:
            return answer
        calls = await store.calls(tx, payment.id)
        if not schedule.never_arrived(payment, answer, calls, tx.now):
            return answer
        return msgspec.structs.replace(answer, state="failed", evidence="query")

    async def check(self, cafe_id: Id, payment_id: Id, look: PaymentJob | None = None) -> Payment:
        """Ask the gateway how a payment stands and record it. Safe to repeat. Raises PaymentNotFound."""
        payment = await self.stored(cafe_id, payment_id)
        gateway = self.gateways.for_method(payment.method)
        if not gateway.at_provider:
            return payment
        crash_point("check.begun")
        answer = await gateway.check(payment)
        crash_point("check.answered")
        if payment.state in ENDED and answer.state == "pending":
            # It ended here, so nobody may pay it there any more: the request came late, or a cancelling was lost.
            answer = await gateway.cancel(payment)
        if answer.state == "cancelled" and schedule.is_over(payment, self.db.clock.now()):
            # Its time was over, so it was our own expiring that cancelled it there: whoever notes it first says so.
            answer = msgspec.structs.replace(answer, state="expired")
        after = await self.record(payment, answer, "check", SYSTEM_ID, look=look)
        crash_point("check.settled")
        return after

    async def take_look(self, job: PaymentJob) -> None:
        """A planned look at a payment; one that was overtaken asks nobody. Safe to repeat.

        One whose time is over is cancelled at the provider first, as often as it takes until the provider has a word.
        """
        payment = await self.stored(job.cafe_id, job.payment_id)
        if schedule.is_overtaken(payment, job):
            return
        if payment.state in LIVE and schedule.is_over(payment, self.db.clock.now()):
            await self.give_up(payment, "expired", SYSTEM_ID, "clock", job)
        else:
            await self.check(job.cafe_id, job.payment_id, job)

    async def expire(self, cafe_id: Id, payment_id: Id) -> Payment:
        """End a payment whose time is over: cancel at the provider first, expire only if it agrees. Safe to repeat.

        Where the provider is away or of another mind, the payment stays, and every look that follows tries again.
        """
        payment = await self.stored(cafe_id, payment_id)
        if payment.state not in LIVE:
            return payment
        return await self.give_up(payment, "expired", SYSTEM_ID, "clock")

    async def give_up_superseded(self, cafe_id: Id, payment_id: Id) -> None:
        """Cancel an attempt whose bill was paid by late money meanwhile, if the provider agrees. Safe to repeat."""
        payment = await self.stored(cafe_id, payment_id)
        if payment.state in LIVE:
            await self.give_up(payment, "cancelled", SYSTEM_ID, "clock")

    async def give_up(
        self,
        payment: Payment,
        as_: Literal["expired", "cancelled"],
        actor: Id,
        evidence: Evidence,
        look: PaymentJob | None = None,
    ) -> Payment:
        """Ask the provider to end a payment and record what it says; `evidence` where nobody outside is asked."""
        crash_point("end.begun")
        gateway = self.gateways.for_method(payment.method)
        answer = await gateway.cancel(payment)
        crash_point("end.answered")
        if answer.state in ("cancelled", "expired"):
            answer = msgspec.structs.replace(answer, state=as_)
        if not gateway.at_provider:
            answer = msgspec.structs.replace(answer, evidence=evidence)
        after = await self.record(payment, answer, "cancel", actor, look=look)
        crash_point("end.settled")
        return after
