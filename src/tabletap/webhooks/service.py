"""Taking in a provider's notice and working it off: a notice only ever prompts a query, the query is the evidence."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from prometheus_client import Counter

from tabletap.infra.crash import crash_point
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Duplicate, Reader, Transaction
from tabletap.infra.logs import masked_text
from tabletap.infra.paging import Page, page_of
from tabletap.kernel.errors import Refusal
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Actor, Role
from tabletap.payments import store as payments_store
from tabletap.payments.accounts.service import Accounts
from tabletap.payments.errors import PaymentNotFound, WebhookSignatureInvalid
from tabletap.payments.gateways.gateway import Gateways
from tabletap.payments.model import Payment
from tabletap.payments.refunds import RefundService
from tabletap.payments.service import PaymentService
from tabletap.webhooks import store
from tabletap.webhooks.errors import NoticeNotFound, NoticeNotReplayable, WebhookAccountNotFound
from tabletap.webhooks.model import (
    Notice,
    NoticeDetailView,
    NoticeState,
    NoticeView,
    Worked,
    fields_of,
    new_entry,
    replayed,
    worked_off,
)

HANDLE = "webhook-processing:handle_notice"
ASK = "webhook-processing:ask_provider"
_REFUSED = Counter("tabletap_webhooks_refused_total", "Notices that were not signed as their account signs")
_ABOUT_PAYMENTS = ("payment.", "refund.", "dispute.")
_UNANSWERED = frozenset({"unknown", "nothing sent"})
"""How a provider's call ended that told us nothing (`provider_call.outcome`)."""
_AT_ONCE = 200

View = TypeVar("View", bound=NoticeView)


class NoticeJob(msgspec.Struct):
    """The payload of the job that works a notice off."""

    cafe_id: Id
    entry_id: Id


class AskJob(msgspec.Struct):
    """The payload of the job that asks the provider about a payment without any notice."""

    cafe_id: Id
    payment_id: Id


class WebhookService:
    """The inbox of what providers tell us."""

    def __init__(
        self,
        db: AnyDatabase,
        gateways: Gateways,
        accounts: Accounts,
        payments: PaymentService,
        refunds: RefundService,
    ) -> None:
        self.db, self.gateways, self.accounts, self.payments, self.refunds = db, gateways, accounts, payments, refunds

    async def receive(self, provider: str, token: str, headers: Mapping[str, str], raw: bytes) -> None:
        """Keep a notice and have it worked off. Seen before: nothing happens, and that is fine too.

        Raises WebhookAccountNotFound, and WebhookSignatureInvalid with nothing stored but a counter.
        """
        account = await self.accounts.by_token(token)
        gateway = self.gateways.noticed_by(provider)
        if account is None or gateway is None or account.provider != provider or not account.webhook_secrets:
            raise WebhookAccountNotFound
        try:
            notice = gateway.read_notice(headers, raw, account)
        except WebhookSignatureInvalid:
            _REFUSED.inc()
            await self.accounts.note_refused(account)
            raise

        async def keep(tx: Transaction) -> None:
            is_understood = notice.event_type.startswith(_ABOUT_PAYMENTS) and notice.reference is not None
            entry = new_entry(
                cafe_id=tx.cafe_id,
                id_=new_id(),
                account_id=account.id,
                dedupe_id=notice.dedupe_id,
                event_type=notice.event_type,
                reference=notice.reference,
                refund_reference=notice.refund_reference,
                body=raw,
                now=tx.now,
                is_understood=is_understood,
            )
            store.add(tx, entry)
            if is_understood and notice.reference is not None:
                payment = await payments_store.get(tx, notice.reference)
                tx.enqueue(HANDLE, NoticeJob(tx.cafe_id, entry.id), priority=payment.priority if payment else 0)

        crash_point("webhook.verified")
        try:
            await self.db.transaction(account.cafe_id, keep)
        except Duplicate as duplicate:
            if duplicate.table != store.webhook_inbox.name:
                raise
        crash_point("webhook.kept")

    # --- working off ----------------------------------------------------------------------

    async def handle(self, cafe_id: Id, entry_id: Id, *, last_attempt: bool = False) -> bool:
        """Ask the provider about what a notice is about; True when it is done, False when to try again.

        Safe to repeat; the order of notices never matters. After the `last_attempt` in vain it is held.
        """
        entry = await self.db.read(cafe_id, lambda reader: store.notice(reader, entry_id))
        if entry is None or entry.state != "received" or entry.reference is None:
            return True
        crash_point("webhook.begun")
        try:
            worked = await self._asked(cafe_id, entry.reference, entry.refund_reference)
        except Exception as error:
            sentence = (
                error.detail if isinstance(error, Refusal) else f"an error inside TableTap ({type(error).__name__})"
            )
            await self._note(cafe_id, entry_id, Worked(outcome="failed", error=sentence), last_attempt)
            raise
        crash_point("webhook.learnt")
        await self._note(cafe_id, entry_id, worked, last_attempt)
        crash_point("webhook.handled")
        return worked.is_done

    async def _asked(self, cafe_id: Id, reference: Id, refund_reference: Id | None) -> Worked:
        """Ask about a payment and a refund of it, and say what was learnt."""
        before = await self.db.read(cafe_id, lambda reader: payments_store.get(reader, reference))
        if before is None:
            return Worked(outcome="not_ours")
        try:
            after = await self.payments.check(cafe_id, reference)
            if refund_reference is not None:
                await self.refunds.settle_at_provider(cafe_id, refund_reference)
        except PaymentNotFound:
            return Worked(outcome="not_ours")  # the refund it names is none of this cafe's
        return await self.db.read(cafe_id, lambda reader: self._learnt(reader, before, after, refund_reference))

    async def _learnt(self, reader: Reader, before: Payment, checked: Payment, refund_reference: Id | None) -> Worked:
        after = await payments_store.get(reader, before.id) or checked
        refund = await payments_store.get_refund(reader, refund_reference) if refund_reference else None
        calls = await payments_store.calls(reader, before.id)
        said: dict[str, Any] = {
            "status_before": before.shown_state,
            "status_after": after.shown_state,
            "refund_status": refund.status if refund else None,
        }
        if calls and calls[-1].outcome in _UNANSWERED:
            return Worked(outcome="unanswered", error=calls[-1].error or "the provider gave no answer", **said)
        return Worked(outcome="unchanged" if _standing(before) == _standing(after) else "changed", **said)

    async def _note(self, cafe_id: Id, entry_id: Id, worked: Worked, last_attempt: bool) -> None:
        async def decide(tx: Transaction) -> None:
            entry = await store.notice(tx, entry_id, lock=True)
            if entry is not None and entry.state == "received":
                store.save(tx, entry, worked_off(entry, worked, tx.now, give_up=last_attempt))

        await self.db.transaction(cafe_id, decide)

    async def forget_old_bodies(self) -> int:
        """Forget what notices said that are older than 90 days; answer how many. For upkeep, safe to repeat."""
        forgotten = 0
        while (cafe_id := await self.db.across_cafes(store.cafe_with_old_bodies)) is not None:
            forgotten += await self.db.transaction(cafe_id, store.forget_old_bodies, lock=True)
        return forgotten

    # --- for managers ---------------------------------------------------------------------

    async def list(self, state: NoticeState | None, limit: int, cursor: str | None, by: Actor) -> Page[NoticeView]:
        """What came in and what became of it, newest first. Raises NotAllowed."""
        by.require(Role.MANAGER)

        async def look(reader: Reader) -> Page[NoticeView]:
            found = await page_of(
                lambda before, count: store.page(reader, before, count, state),
                limit, cursor, key=lambda notice: notice.id, view=lambda notice: notice,
            )  # fmt: skip
            payments = {
                reference: await payments_store.get(reader, reference)
                for reference in {notice.reference for notice in found.items if notice.reference is not None}
            }
            views = [_view(NoticeView, each, payments.get(each.reference or "")) for each in found.items]
            return Page(views, found.next_cursor)

        return await self.db.read(by.cafe_id, look)

    async def get(self, entry_id: Id, by: Actor) -> NoticeDetailView:
        """One notice with what it said, secrets and card numbers left out. Raises NotAllowed and NoticeNotFound."""
        by.require(Role.MANAGER)

        async def look(reader: Reader) -> NoticeDetailView:
            entry = await store.get(reader, entry_id)
            if entry is None:
                raise NoticeNotFound
            payment = await payments_store.get(reader, entry.reference) if entry.reference is not None else None
            fields, others = fields_of(entry.body)
            masked = {name: masked_text(value) if isinstance(value, str) else value for name, value in fields.items()}
            return _view(NoticeDetailView, entry, payment, fields=masked, other_fields=others)

        return await self.db.read(by.cafe_id, look)

    async def replay(self, entry_id: Id, by: Actor) -> NoticeView:
        """Have a notice worked off again. Safe to repeat: it only ever asks the provider.

        Raises NotAllowed, NoticeNotFound and NoticeNotReplayable.
        """
        by.require(Role.MANAGER)

        async def decide(tx: Transaction) -> NoticeView:
            entry = await store.notice(tx, entry_id, lock=True)
            if entry is None:
                raise NoticeNotFound
            return await self._replay(tx, entry)

        return await self.db.transaction(by.cafe_id, decide)

    async def replay_since(self, moment: datetime, by: Actor) -> Sequence[NoticeView]:
        """Have everything worked off again that came since a moment, oldest first. Safe to repeat.

        Raises NotAllowed.
        """
        by.require(Role.MANAGER)
        done: dict[Id, NoticeView] = {}

        async def decide(tx: Transaction) -> Mapping[Id, NoticeView]:
            entries = await store.since(tx, moment, max(done, default=""), _AT_ONCE)
            return {entry.id: await self._replay(tx, entry) for entry in entries}

        while some := await self.db.transaction(by.cafe_id, decide):
            done.update(some)
        return [*done.values()]

    async def _replay(self, tx: Transaction, entry: Notice) -> NoticeView:
        if entry.reference is None:
            raise NoticeNotReplayable
        after = replayed(entry)
        store.save(tx, entry, after)
        payment = await payments_store.get(tx, entry.reference)
        tx.enqueue(HANDLE, NoticeJob(tx.cafe_id, entry.id), priority=payment.priority if payment else 0)
        return _view(NoticeView, after, payment)

    async def ask_again(self, payment_id: Id, by: Actor) -> None:
        """Have the provider asked about a payment and its open refunds: the same effect as a notice. Safe to repeat.

        Raises NotAllowed and PaymentNotFound.
        """
        by.require(Role.MANAGER)

        async def decide(tx: Transaction) -> None:
            payment = await payments_store.get(tx, payment_id)
            if payment is None:
                raise PaymentNotFound
            tx.enqueue(ASK, AskJob(tx.cafe_id, payment_id), priority=payment.priority)

        await self.db.transaction(by.cafe_id, decide)

    async def ask(self, cafe_id: Id, payment_id: Id) -> None:
        """Ask the provider about a payment and every refund of it that is under way. Safe to repeat."""
        await self.payments.check(cafe_id, payment_id)
        for refund in await self.db.read(cafe_id, lambda reader: payments_store.refunds(reader, payment_id)):
            if refund.status == "pending" and refund.destination == "original":
                await self.refunds.settle_at_provider(cafe_id, refund.id)


def _standing(payment: Payment) -> tuple[object, ...]:
    """What of a payment news from its provider can change."""
    return payment.shown_state, payment.refunded_minor, payment.refund_pending_minor, payment.needs_review


def _view(into: type[View], notice: Notice, payment: Payment | None, **more: Any) -> View:
    return into(
        notice_id=notice.id,
        account_id=notice.account_id,
        event_type=notice.event_type,
        state=notice.shown_state,
        received_at=notice.received_at,
        attempts=notice.attempts,
        reference=notice.reference,
        payment_id=payment.id if payment else None,
        order_id=payment.order_id if payment else None,
        payment_status=payment.shown_state if payment else None,
        outcome=notice.outcome,
        error=notice.error,
        status_before=notice.status_before,
        status_after=notice.status_after,
        refund_reference=notice.refund_reference,
        refund_status=notice.refund_status,
        tried_at=notice.tried_at,
        handled_at=notice.handled_at,
        held_at=notice.held_at,
        **more,
    )
