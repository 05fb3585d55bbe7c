"""Payconic: card, bank transfer and digital wallet (contract section 5)."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import aiohttp
import msgspec
from yarl import URL

from tabletap import __version__
from tabletap.cafes.model import EXPIRY_MINUTES
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import Id, is_id
from tabletap.ledger.model import provider
from tabletap.payments.accounts.model import ProviderAccount
from tabletap.payments.errors import MethodNotOffered, WebhookSignatureInvalid
from tabletap.payments.gateways.gateway import GatewayContext, Notice
from tabletap.payments.model import (
    Answer,
    DisputeStatus,
    Payment,
    PaymentState,
    ProviderDispute,
    Refund,
    RefundAnswer,
    RefundStatus,
)

_KINDS = {
    "payconic_card": "card",
    "payconic_bank_transfer": "bank_transfer",
    "payconic_digital_wallet": "digital_wallet",
}
_STATES: dict[str, PaymentState] = {
    "pending": "pending",
    "succeeded": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
    "expired": "expired",
}
_REFUND_STATES: dict[str, RefundStatus] = {"pending": "pending", "succeeded": "completed", "failed": "failed"}
_EVENT_ID = re.compile(r"[\x21-\x7e]{1,200}")
_REFUSED_FOR_GOOD = frozenset({400, 401, 403, 404, 422})
"""A request that was refused with one of these did nothing; any other status says nothing about the outcome."""
_REDIRECTS = frozenset({307, 308})
"""The redirects that keep the request what it is; others would turn a payment into a look at a page."""
_MOST_REDIRECTS = 3
_LARGEST_ANSWER_BYTES = 1024 * 1024
_IDLE_SECONDS = 4
"""Shorter than servers keep an idle connection: a request that meets a closing one would be an unknown outcome."""


class _Dispute(msgspec.Struct, rename="camel"):
    id: str
    amount: int
    status: DisputeStatus
    reason: str = ""
    opened_at: datetime | None = None
    closed_at: datetime | None = None


class _ProviderPayment(msgspec.Struct, rename="camel"):
    """A payment as Payconic describes it; what else it says is left alone."""

    id: str
    reference: str
    status: str
    amount: int
    currency: str
    redirect_url: str | None = None
    disputes: list[_Dispute] = []
    live_mode: bool | None = None


class _ProviderRefund(msgspec.Struct, rename="camel"):
    id: str
    reference: str
    status: str


class _Found(msgspec.Struct):
    items: list[_ProviderPayment]


class _FoundRefunds(msgspec.Struct):
    items: list[_ProviderRefund]


class _NoticeBody(msgspec.Struct, rename="camel"):
    event_type: str
    reference: str | None = None
    refund_reference: str | None = None


class _Reply(msgspec.Struct):
    """What came back from one call: a status and a body, or nothing."""

    status: int | None
    body: bytes = b""
    not_sent: bool = False
    error: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether the provider did what it was asked for and says so."""
        return self.status is not None and 200 <= self.status < 300


class PayconicGateway:
    """The provider Payconic through its HTTP API, one account per cafe."""

    name = "payconic"
    methods: Mapping[str, timedelta | None] = {method: timedelta(minutes=EXPIRY_MINUTES[method]) for method in _KINDS}
    at_provider = True

    def __init__(self, context: GatewayContext) -> None:
        self.context, self.public_url = context, context.public_url
        self._timeout = aiohttp.ClientTimeout(total=context.timeout_seconds)
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def open(self, tx: Transaction, payment: Payment) -> Answer | None:
        """The provider has to be asked; a cafe without an account does not offer the method."""
        if payment.provider_account_id is None:
            raise MethodNotOffered("This cafe has no Payconic account.")
        return None

    def account(self, payment: Payment) -> str:
        """What Payconic holds for the cafe."""
        return provider(payment.provider_account_id or self.name)

    async def start(self, payment: Payment, return_url: str | None) -> Answer:
        """`POST /payments`, with the payment's id as reference and as idempotency key."""
        account = await self.context.find_account(payment.cafe_id, self.name)
        token = account.token if account else ""
        body = {
            "amount": payment.total_minor,
            "currency": payment.currency,
            "reference": payment.id,
            "orderId": payment.order_id,
            "paymentMethod": _KINDS[payment.method],
            "returnUrl": return_url or self.public_url,
            "webhookUrl": f"{self.public_url}/api/v1/webhooks/payconic/{token}",
            "metadata": {},
        }
        reply = await self._call(account, "POST", "/payments", body, key=payment.id)
        return _payment_answer(reply, "api_response")

    async def check(self, payment: Payment) -> Answer:
        """`GET /payments?reference=`: the query is the evidence."""
        account = await self.context.find_account(payment.cafe_id, self.name)
        reply = await self._call(account, "GET", f"/payments?reference={payment.id}")
        if reply.status != 200:
            return Answer(state=None, evidence="query", error=reply.error or f"status {reply.status}")
        try:
            found = msgspec.json.decode(reply.body, type=_Found).items
        except msgspec.MsgspecError:
            return Answer(state=None, evidence="query", error="the answer is not what the interface promises")
        if not found:
            return Answer(state=None, evidence="query", unknown_there=True, error="no such payment there")
        return _answer_of_all(found)

    async def cancel(self, payment: Payment) -> Answer:
        """`POST /payments/{id}/cancel`, then what the provider says of it."""
        if payment.gateway_payment_id is None:
            seen = await self.check(payment)
            if seen.unknown_there:
                return Answer(state="cancelled", evidence="query")
            if seen.state != "pending" or seen.gateway_payment_id is None:
                return seen
            payment = msgspec.structs.replace(payment, gateway_payment_id=seen.gateway_payment_id)
        account = await self.context.find_account(payment.cafe_id, self.name)
        path = f"/payments/{payment.gateway_payment_id}/cancel"
        reply = await self._call(account, "POST", path, {}, key=f"{payment.id}-cancel")
        # That the cancelling was refused says nothing about the payment: its own state has to be asked for.
        answer = _payment_answer(reply, "api_response") if reply.status == 200 else None
        if answer is not None and answer.state in ("cancelled", "expired", "completed", "failed"):
            return answer
        return await self.check(payment)

    async def refund(self, payment: Payment, refund: Refund) -> RefundAnswer:
        """`POST /payments/{id}/refunds`, with the refund's id as reference and as idempotency key."""
        account = await self.context.find_account(payment.cafe_id, self.name)
        path = f"/payments/{payment.gateway_payment_id}/refunds"
        body = {"amount": refund.amount_minor, "reference": refund.id}
        reply = await self._call(account, "POST", path, body, key=refund.id)
        if reply.status is None:
            return RefundAnswer(status=None, not_sent=reply.not_sent, error=reply.error)
        if reply.status in _REFUSED_FOR_GOOD:
            return RefundAnswer(status="failed", error=f"status {reply.status}")
        if not reply.accepted:
            return RefundAnswer(status=None, error=f"status {reply.status}")
        try:
            made = msgspec.json.decode(reply.body, type=_ProviderRefund)
        except msgspec.MsgspecError:
            return RefundAnswer(status=None, error="the answer is not what the interface promises")
        if made.reference != refund.id:
            return RefundAnswer(status=None, error="the answer speaks of another refund")
        return _refund_answer(made)

    async def check_refund(self, payment: Payment, refund: Refund) -> RefundAnswer:
        """`GET /payments/{id}/refunds?reference=`; one that the provider never saw is asked for again."""
        account = await self.context.find_account(payment.cafe_id, self.name)
        path = f"/payments/{payment.gateway_payment_id}/refunds?reference={refund.id}"
        reply = await self._call(account, "GET", path)
        try:
            found = msgspec.json.decode(reply.body, type=_FoundRefunds).items if reply.status == 200 else None
        except msgspec.MsgspecError:
            found = None
        if found is None:
            return RefundAnswer(status=None, error=reply.error or f"status {reply.status}")
        ours = [each for each in found if each.reference == refund.id]
        return _refund_answer(ours[0]) if ours else await self.refund(payment, refund)

    def read_notice(self, headers: Mapping[str, str], raw: bytes, account: ProviderAccount) -> Notice:
        """Verify the signature over the raw bytes first, parse after. Raises WebhookSignatureInvalid."""
        given = headers.get("payconic-signature", "").encode("utf-8", "replace")
        # Every valid secret is tried, whichever fits: the time taken says nothing.
        fits = [hmac.compare_digest(given, _signature(raw, secret)) for secret in account.webhook_secrets]
        if not any(fits):
            raise WebhookSignatureInvalid
        event_id = headers.get("payconic-event-id", "")
        try:
            body = msgspec.json.decode(raw, type=_NoticeBody)
        except msgspec.MsgspecError:
            body = _NoticeBody(event_type="unreadable")
        return Notice(
            dedupe_id=event_id if _EVENT_ID.fullmatch(event_id) else hashlib.sha256(raw).hexdigest(),
            event_type=body.event_type,
            reference=_id_or_none(body.reference),
            refund_reference=_id_or_none(body.refund_reference),
        )

    async def _call(
        self,
        account: ProviderAccount | None,
        verb: Literal["GET", "POST"],
        path: str,
        body: dict[str, Any] | None = None,
        key: str | None = None,
    ) -> _Reply:
        """One call. Nothing was sent: proven not attempted. Anything else without an answer: unknown."""
        if account is None:
            return _Reply(None, not_sent=True, error="this cafe has no account there")
        if self._session is None:
            connector = aiohttp.TCPConnector(keepalive_timeout=_IDLE_SECONDS)
            self._session = aiohttp.ClientSession(connector=connector, timeout=self._timeout)
        headers = {
            "Authorization": f"Bearer {account.api_key}",
            "X-Merchant-ID": account.merchant_id,
            "User-Agent": f"TableTap/{__version__}",
            "Content-Type": "application/json",
        }
        if key is not None:
            headers["Idempotency-Key"] = key
        data = msgspec.json.encode(body) if body is not None else None
        try:
            return await _sent(self._session, verb, URL(account.api_url + path), data, headers)
        except aiohttp.ClientConnectorError:
            return _Reply(None, not_sent=True, error="no connection")
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return _Reply(None, error=type(error).__name__)


async def _sent(
    session: aiohttp.ClientSession, verb: str, url: URL, data: bytes | None, headers: Mapping[str, str]
) -> _Reply:
    """One request, redirected within its own host at most: our key for the provider goes to nobody else."""
    origin = url.origin()
    for _ in range(_MOST_REDIRECTS + 1):
        async with session.request(verb, url, data=data, headers=headers, allow_redirects=False) as response:
            if response.status not in _REDIRECTS:
                return await _read(response)
            target = url.join(URL(response.headers.get("Location", "")))
        if target.origin() != origin:
            return _Reply(None, error="redirected to another host")
        url = target
    return _Reply(None, error="redirected too often")


async def _read(response: aiohttp.ClientResponse) -> _Reply:
    body = bytearray()
    async for chunk in response.content.iter_chunked(64 * 1024):
        body += chunk
        if len(body) > _LARGEST_ANSWER_BYTES:
            return _Reply(None, error="the answer has no end")
    return _Reply(response.status, bytes(body))


def _signature(raw: bytes, secret: str) -> bytes:
    return hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest().encode()


def _payment_answer(reply: _Reply, evidence: Literal["api_response"]) -> Answer:
    if reply.status is None:
        return Answer(state=None, evidence=evidence, not_sent=reply.not_sent, error=reply.error)
    if reply.status in _REFUSED_FOR_GOOD:
        return Answer(state="failed", evidence=evidence, error=f"refused with status {reply.status}")
    if not reply.accepted:
        return Answer(state=None, evidence=evidence, error=f"status {reply.status}")
    try:
        return _answer_of(msgspec.json.decode(reply.body, type=_ProviderPayment), evidence)
    except msgspec.MsgspecError:
        return Answer(state=None, evidence=evidence, error=f"status {reply.status}")


def _answer_of_all(found: list[_ProviderPayment]) -> Answer:
    """What the payments under one reference come to: one that was paid counts before those that were not.

    Two that were paid are one payment of both their amounts: not ours, and a person has to look.
    """
    paid = [each for each in found if each.status == "succeeded"]
    answer = _answer_of((paid or found)[-1], "query")
    if len(paid) < 2:
        return answer
    return msgspec.structs.replace(
        answer, amount_minor=sum(each.amount for each in paid), error=f"charged {len(paid)} times under our reference"
    )


def _answer_of(found: _ProviderPayment, evidence: Literal["api_response", "query"]) -> Answer:
    state = _STATES.get(found.status)
    return Answer(
        state=state,
        evidence=evidence,
        gateway_payment_id=found.id,
        external_transaction_id=found.id,
        redirect_url=found.redirect_url,
        amount_minor=found.amount,
        currency=found.currency,
        reference=found.reference,
        disputes=tuple(_dispute(each) for each in found.disputes),
        live_mode=found.live_mode,
        error=None if state else "a status that the interface does not know",
    )


def _dispute(told: _Dispute) -> ProviderDispute:
    return ProviderDispute(
        id=told.id,
        amount_minor=told.amount,
        status=told.status,
        reason=told.reason,
        opened_at=told.opened_at,
        closed_at=told.closed_at,
    )


def _refund_answer(found: _ProviderRefund) -> RefundAnswer:
    return RefundAnswer(status=_REFUND_STATES.get(found.status), external_refund_id=found.id)


def _id_or_none(text: str | None) -> Id | None:
    return text if text is not None and is_id(text) else None
