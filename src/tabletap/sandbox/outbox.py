"""What merchants are told, noted down in the transaction of what happened."""

from collections.abc import Callable

import msgspec

from tabletap.kernel.ids import new_id
from tabletap.sandbox.faults import Fault, Faults
from tabletap.sandbox.model import Dispute, Notice, NoticeBody, Payment, Refund, Timing, rfc3339
from tabletap.sandbox.store import Store


class Outbox:
    """Writes callbacks down and keeps account of their attempts. For work inside a transaction of the store."""

    def __init__(self, store: Store, faults: Faults, timing: Timing, now_ms: Callable[[], int]) -> None:
        self._store, self._faults, self._timing, self._now_ms = store, faults, timing, now_ms

    def tell(self, payment: Payment, event_type: str, about: Refund | Dispute | None = None) -> None:
        """Note down a callback in the transaction of what it tells, with the faults of callbacks."""
        if payment.webhook_url is None:
            return
        now_ms = self._now_ms()
        body = NoticeBody(
            event_type=event_type,
            payment_id=payment.id,
            reference=payment.reference,
            refund_id=about.id if isinstance(about, Refund) else msgspec.UNSET,
            refund_reference=about.reference if isinstance(about, Refund) else msgspec.UNSET,
            dispute_id=about.id if isinstance(about, Dispute) else msgspec.UNSET,
            order_id=payment.order_id,
            amount=about.amount if about else payment.amount,
            currency=payment.currency,
            status=about.status if about else payment.status,
            timestamp=rfc3339(now_ms),
            metadata=msgspec.Raw(payment.metadata),
        )
        sends = self._store.mode().webhooks and not self._faults.take(Fault.DROP_WEBHOOK)
        waits = sends and self._faults.take(Fault.REORDER_WEBHOOKS)
        notice = Notice(
            event_id=new_id(),
            payment_id=payment.id,
            merchant_id=payment.merchant_id,
            event_type=event_type,
            url=payment.webhook_url,
            body=msgspec.json.encode(body),
            timestamp=body.timestamp,
            forged=sends and self._faults.take(Fault.BAD_SIGNATURE),
            waits=waits,
            created_at_ms=now_ms,
            next_at_ms=(now_ms + self._timing.reorder_ms * waits) if sends else None,
        )
        for _ in range(2 if sends and self._faults.take(Fault.DUPLICATE_WEBHOOK) else 1):
            self._store.add_notice(notice)

    def sent(self, notice: Notice, accepted: bool) -> None:
        """Note an attempt; one that was not accepted is due again later, for a day."""
        now_ms = self._now_ms()
        given_up = not accepted and now_ms - notice.created_at_ms > self._timing.give_up_after_ms
        again_ms = None if accepted or given_up else now_ms + self._timing.retry_after_ms(notice.attempts + 1)
        self._store.attempted(notice.seq, again_ms, given_up)
        self._store.let_go(notice.seq, now_ms)
