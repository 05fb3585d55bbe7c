"""Payconic: card, bank transfer and digital wallet (contract section 5)."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

import aiohttp
import msgspec

from tabletap import __version__
from tabletap.cafes.model import EXPIRY_MINUTES
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import Id, is_id
from tabletap.ledger.model import provider
from tabletap.payments.errors import MethodNotOffered, WebhookSignatureInvalid
from tabletap.payments.gateways.gateway import GatewayContext, Notice
from tabletap.payments.model import Answer, Payment, PaymentState, Refund, RefundAnswer, RefundStatus
from tabletap.payments.store import ProviderAccount

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
_REFUSED_FOR_GOOD = frozenset({400, 401, 403, 404, 422})


class _ProviderPayment(msgspec.Struct, rename="camel"):
    """A payment as Payconic describes it; what else it says is left alone."""

    id: str
    reference: str
    status: str
    amount: int
    currency: str
    redirect_url: str | None = None


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
        return _answer_of(found[0], "query")

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
        answer = _payment_answer(reply, "api_response")
        return answer if answer.state in ("cancelled", "expired", "completed", "failed") else await self.check(payment)

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
        try:
            return _refund_answer(msgspec.json.decode(reply.body, type=_ProviderRefund))
        except msgspec.MsgspecError:
            return RefundAnswer(status=None, error=f"status {reply.status}")

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
        return _refund_answer(found[0]) if found else await self.refund(payment, refund)

    def read_notice(self, headers: Mapping[str, str], raw: bytes, account: ProviderAccount) -> Notice:
        """Verify the signature over the raw bytes first, parse after. Raises WebhookSignatureInvalid."""
        given = headers.get("payconic-signature", "")
        expected = hmac.new(account.webhook_secret.encode(), raw, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(given.encode(), expected.encode()):
            raise WebhookSignatureInvalid
        try:
            body = msgspec.json.decode(raw, type=_NoticeBody)
        except msgspec.MsgspecError:
            body = _NoticeBody(event_type="unreadable")
        return Notice(
            dedupe_id=headers.get("payconic-event-id") or hashlib.sha256(raw).hexdigest(),
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
            self._session = aiohttp.ClientSession(timeout=self._timeout)
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
            async with self._session.request(
                verb, account.api_url + path, data=data, headers=headers, max_redirects=3
            ) as response:
                return _Reply(response.status, await response.read())
        except aiohttp.ClientConnectorError:
            return _Reply(None, not_sent=True, error="no connection")
        except (aiohttp.ClientError, TimeoutError) as error:
            return _Reply(None, error=type(error).__name__)


def _payment_answer(reply: _Reply, evidence: Literal["api_response"]) -> Answer:
    if reply.status is None:
        return Answer(state=None, evidence=evidence, not_sent=reply.not_sent, error=reply.error)
    if reply.status in _REFUSED_FOR_GOOD:
        return Answer(state="failed", evidence=evidence, error=f"refused with status {reply.status}")
    try:
        return _answer_of(msgspec.json.decode(reply.body, type=_ProviderPayment), evidence)
    except msgspec.MsgspecError:
        return Answer(state=None, evidence=evidence, error=f"status {reply.status}")


def _answer_of(found: _ProviderPayment, evidence: Literal["api_response", "query"]) -> Answer:
    return Answer(
        state=_STATES.get(found.status),
        evidence=evidence,
        gateway_payment_id=found.id,
        external_transaction_id=found.id,
        redirect_url=found.redirect_url,
        amount_minor=found.amount,
        currency=found.currency,
        reference=found.reference,
    )


def _refund_answer(found: _ProviderRefund) -> RefundAnswer:
    return RefundAnswer(status=_REFUND_STATES.get(found.status), external_refund_id=found.id)


def _id_or_none(text: str | None) -> Id | None:
    return text if text is not None and is_id(text) else None
