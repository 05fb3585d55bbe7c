"""Taking in a provider's notice and working it off: a notice only ever prompts a query, the query is the evidence."""

from collections.abc import Mapping

import msgspec
from prometheus_client import Counter

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Duplicate, Transaction
from tabletap.kernel.ids import Id, new_id
from tabletap.payments import store as payments_store
from tabletap.payments.errors import PaymentNotFound, WebhookSignatureInvalid
from tabletap.payments.gateways.gateway import Gateways
from tabletap.payments.refunds import RefundService
from tabletap.payments.service import PaymentService
from tabletap.webhooks import store
from tabletap.webhooks.errors import WebhookAccountNotFound
from tabletap.webhooks.store import InboxEntry

HANDLE = "webhook-processing:handle_notice"
_REFUSED = Counter("tabletap_webhooks_refused_total", "Notices that were not signed as their account signs")
_ABOUT_PAYMENTS = ("payment.", "refund.", "dispute.")


class NoticeJob(msgspec.Struct):
    """The payload of the job that works a notice off."""

    cafe_id: Id
    entry_id: Id


class WebhookService:
    """The inbox of what providers tell us."""

    def __init__(self, db: AnyDatabase, gateways: Gateways, payments: PaymentService, refunds: RefundService) -> None:
        self.db, self.gateways, self.payments, self.refunds = db, gateways, payments, refunds

    async def receive(self, token: str, headers: Mapping[str, str], raw: bytes) -> None:
        """Keep a notice and have it worked off. Seen before: nothing happens, and that is fine too.

        Raises WebhookAccountNotFound, and WebhookSignatureInvalid with nothing stored but a counter.
        """
        account = await self.db.across_cafes(lambda reader: payments_store.account_by_token(reader, token))
        gateway = self.gateways.noticed_by(account.provider) if account is not None else None
        if account is None or gateway is None or not account.webhook_secret:
            raise WebhookAccountNotFound
        try:
            notice = gateway.read_notice(headers, raw, account)
        except WebhookSignatureInvalid:
            _REFUSED.inc()
            raise

        async def keep(tx: Transaction) -> None:
            known = notice.event_type.startswith(_ABOUT_PAYMENTS) and notice.reference is not None
            entry = InboxEntry(
                tx.cafe_id, new_id(), account.id, notice.dedupe_id, notice.event_type[:100], notice.reference,
                notice.refund_reference, raw, "received" if known else "kept", tx.now, None,
            )  # fmt: skip
            tx.add(store.webhook_inbox, entry)
            if known:
                tx.enqueue(HANDLE, NoticeJob(tx.cafe_id, entry.id), priority=5)

        try:
            await self.db.transaction(account.cafe_id, keep)
        except Duplicate as duplicate:
            if duplicate.table != store.webhook_inbox.name:
                raise

    async def handle(self, cafe_id: Id, entry_id: Id) -> None:
        """Ask the provider about what a notice is about. Safe to repeat; the order of notices never matters."""
        entry = await self.db.read(cafe_id, lambda reader: store.get(reader, entry_id))
        if entry is None or entry.reference is None:
            return
        try:
            await self.payments.check(cafe_id, entry.reference)
            if entry.refund_reference is not None:
                await self.refunds.settle_at_provider(cafe_id, entry.refund_reference)
        except PaymentNotFound:
            pass  # about nothing of ours: kept, and there is nothing to do

        async def done(tx: Transaction) -> None:
            after = msgspec.structs.replace(entry, state="handled", handled_at=tx.now)
            tx.save(store.webhook_inbox, entry, after, ("cafe_id", "id"), ())

        await self.db.transaction(cafe_id, done)
