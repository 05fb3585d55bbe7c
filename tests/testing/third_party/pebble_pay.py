"""Pebble Pay for TableTap: the whole gateway."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import timedelta

import aiohttp
import msgspec

from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import is_id
from tabletap.ledger.model import provider
from tabletap.payments.accounts.model import ProviderAccount
from tabletap.payments.errors import MethodNotOffered, WebhookSignatureInvalid
from tabletap.payments.gateways.gateway import GatewayContext, Notice
from tabletap.payments.model import Answer, Evidence, Payment, PaymentState, Refund, RefundAnswer

STATES: dict[str, PaymentState] = {"open": "pending", "paid": "completed", "declined": "failed", "void": "cancelled"}


class Pebble(msgspec.Struct):
    """A charge as Pebble Pay describes it."""

    id: str
    reference: str
    state: str
    amount: int
    currency: str
    page: str | None = None


class PebbleRefund(msgspec.Struct):
    """A refund as Pebble Pay describes it."""

    id: str


class PebbleNotice(msgspec.Struct):
    """What Pebble Pay tells us."""

    what: str = "unreadable"
    reference: str = ""
    refund: str | None = None


class Reply(msgspec.Struct):
    """What came back from a call: a status and a body, or neither."""

    status: int | None
    body: bytes = b""
    not_sent: bool = False
    error: str | None = None


class PebblePayGateway:
    """Takes payments through Pebble Pay, with one account for each cafe."""

    name = "pebble_pay"
    methods: Mapping[str, timedelta | None] = {"pebble_pay": timedelta(minutes=30)}
    at_provider = True

    def __init__(self, context: GatewayContext) -> None:
        self.context = context
        self.session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self.session is not None:
            await self.session.close()

    async def open(self, tx: Transaction, payment: Payment) -> Answer | None:
        """Nothing to do in the database: the provider has to be asked."""
        if payment.provider_account_id is None:
            raise MethodNotOffered("This cafe has no Pebble Pay account.")
        return None

    def account(self, payment: Payment) -> str:
        """Until it pays out, Pebble Pay owes the money to the cafe."""
        return provider(payment.provider_account_id or self.name)

    async def start(self, payment: Payment, return_url: str | None) -> Answer:
        """The payment's id is the reference, and Pebble Pay makes one charge of a reference."""
        charge = {"reference": payment.id, "amount": payment.total_minor, "currency": payment.currency}
        reply = await self.call(payment, "POST", "/charges", {**charge, "back_to": return_url})
        if reply.status == 422:
            return Answer(state="failed", evidence="api_response", error="refused by Pebble Pay")
        return read_charge(reply, "api_response")

    async def check(self, payment: Payment) -> Answer:
        """Asked by our reference, because its answer to the start may never have come."""
        reply = await self.call(payment, "GET", f"/charges/{payment.id}")
        if reply.status == 404:
            return Answer(state=None, evidence="query", unknown_there=True)
        return read_charge(reply, "query")

    async def cancel(self, payment: Payment) -> Answer:
        """Pebble Pay answers with the charge as it is then: void, or paid after all."""
        reply = await self.call(payment, "POST", f"/charges/{payment.id}/void", {})
        if reply.status == 404:
            return Answer(state="cancelled", evidence="query")
        return read_charge(reply, "api_response")

    async def refund(self, payment: Payment, refund: Refund) -> RefundAnswer:
        """The refund's id is its reference: asked twice, sent once."""
        body = {"reference": refund.id, "amount": refund.amount_minor}
        reply = await self.call(payment, "POST", f"/charges/{payment.id}/refunds", body)
        if reply.status in (404, 422):
            return RefundAnswer(status="failed", error="refused by Pebble Pay")
        return read_refund(reply)

    async def check_refund(self, payment: Payment, refund: Refund) -> RefundAnswer:
        """What Pebble Pay never saw is asked for again."""
        reply = await self.call(payment, "GET", f"/charges/{payment.id}/refunds/{refund.id}")
        return await self.refund(payment, refund) if reply.status == 404 else read_refund(reply)

    def read_notice(self, headers: Mapping[str, str], raw: bytes, account: ProviderAccount) -> Notice:
        """Verify first, parse after. TableTap asks for what the notice is about and believes only the answer."""
        given = headers.get("pebble-signature", "").encode("utf-8", "replace")
        if not any(hmac.compare_digest(given, sign(raw, secret).encode()) for secret in account.webhook_secrets):
            raise WebhookSignatureInvalid
        try:
            told = msgspec.json.decode(raw, type=PebbleNotice)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            told = PebbleNotice()
        return Notice(
            dedupe_id=hashlib.sha256(raw).hexdigest(),
            event_type=f"payment.{told.what}",
            reference=told.reference if is_id(told.reference) else None,
            refund_reference=told.refund if told.refund is not None and is_id(told.refund) else None,
        )

    async def call(self, payment: Payment, verb: str, path: str, body: object = None) -> Reply:
        """One call. A refused connection proves that nothing was sent; any other silence proves nothing."""
        account = await self.context.find_account(payment.cafe_id, self.name)
        if account is None:
            return Reply(None, not_sent=True, error="this cafe has no account there")
        if self.session is None:
            timeout = aiohttp.ClientTimeout(total=self.context.timeout_seconds)
            self.session = aiohttp.ClientSession(timeout=timeout)
        headers = {"Pebble-Key": account.api_key}
        try:
            async with self.session.request(verb, account.api_url + path, json=body, headers=headers) as response:
                return Reply(response.status, await response.read())
        except aiohttp.ClientConnectorError:
            return Reply(None, not_sent=True, error="no connection")
        except (aiohttp.ClientError, TimeoutError) as error:
            return Reply(None, error=type(error).__name__)


def sign(raw: bytes, secret: str) -> str:
    """Pebble Pay signs the bytes as they are."""
    return hmac.new(secret.encode(), raw, hashlib.sha512).hexdigest()


def read_charge(reply: Reply, evidence: Evidence) -> Answer:
    """An answer that cannot be read leaves the outcome unknown."""
    try:
        charge = msgspec.json.decode(reply.body, type=Pebble) if reply.status in (200, 201) else None
    except msgspec.MsgspecError:
        charge = None
    if charge is None:
        error = reply.error or f"status {reply.status}"
        return Answer(state=None, evidence=evidence, not_sent=reply.not_sent, error=error)
    return Answer(
        state=STATES.get(charge.state),
        evidence=evidence,
        gateway_payment_id=charge.id,
        redirect_url=charge.page,
        amount_minor=charge.amount,
        currency=charge.currency,
        reference=charge.reference,
    )


def read_refund(reply: Reply) -> RefundAnswer:
    """The same for a refund; Pebble Pay sends money back at once."""
    try:
        made = msgspec.json.decode(reply.body, type=PebbleRefund) if reply.status in (200, 201) else None
    except msgspec.MsgspecError:
        made = None
    if made is None:
        error = reply.error or f"status {reply.status}"
        return RefundAnswer(status=None, not_sent=reply.not_sent, error=error)
    return RefundAnswer(status="completed", external_refund_id=made.id)
