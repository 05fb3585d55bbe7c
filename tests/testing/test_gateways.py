"""Our own gateways keep to what the conformance kit asks of everybody's."""

import hashlib
import hmac
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import aiohttp
import msgspec

from tabletap.kernel.ids import Id, new_id
from tabletap.payments.accounts.model import ProviderAccount
from tabletap.payments.gateways.local import CashGateway, CustomerCreditGateway, QrBankTransferGateway
from tabletap.payments.gateways.payconic import PayconicGateway
from tabletap.payments.model import Payment, Refund
from tabletap.sandbox import RunningSandbox, SandboxAccount, Timing, start_sandbox
from tabletap.testing.gateways import Call, Charge, GatewayConformance, LocalGatewayConformance, Trouble

MERCHANT = SandboxAccount("cafe-merchant", "cafe-api-key", "a-webhook-secret-of-the-kit")
TIMING = Timing(hold_ms=20, slow_ms=1_500)
CALLS: dict[Call, str] = {"start": "start", "ask": "query", "cancel": "cancel", "refund": "refund"}
FAULTS: dict[Trouble, str] = {
    "unheard": "timeout_before",
    "lost": "timeout_after",
    "broken": "error_500",
    "hanging": "slow",
}


class PayconicUnderTest:
    """The sandbox as the kit drives it."""

    def __init__(self, sandbox: RunningSandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox, self.session, self.left = sandbox, session, False
        self.account = ProviderAccount(
            new_id(), new_id(), "payconic", new_id(), sandbox.url, MERCHANT.merchant_id, MERCHANT.api_key,
            (MERCHANT.webhook_secret,), "test",
        )  # fmt: skip

    async def control(self, verb: str, path: str, body: Any = None, *, may_fail: bool = False) -> Any:
        async with self.session.request(verb, self.sandbox.control_url + path, json=body) as response:
            assert may_fail or response.status < 300, await response.text()
            raw = await response.read()
            return msgspec.json.decode(raw) if raw else None

    async def approve(self, reference: Id) -> None:
        await self.control("POST", f"/payments/{reference}/approve", may_fail=True)

    async def decline(self, reference: Id) -> None:
        await self.control("POST", f"/payments/{reference}/decline")

    async def approve_wrongly(self, reference: Id, what: Literal["amount", "currency"]) -> None:
        await self.control("POST", "/faults", {"fault": f"wrong_{what}"})
        await self.approve(reference)

    async def trouble(self, call: Call, trouble: Trouble) -> None:
        await self.control("POST", "/faults", {"fault": FAULTS[trouble], "on": [CALLS[call]]})

    async def charges(self) -> Sequence[Charge]:
        return [
            Charge(
                reference=found["reference"],
                amount_minor=found["amount"],
                currency=found["currency"],
                refunded_minor=found["refunded"],
            )
            for found in await self.control("GET", "/charges")
        ]

    async def leave(self) -> None:
        if not self.left:
            self.left = True
            await self.sandbox.stop()

    def notice(self, payment: Payment, refund: Refund | None = None) -> bytes:
        about = {"refundId": "re_1", "refundReference": refund.id} if refund else {}
        return msgspec.json.encode({
            "eventType": "refund.succeeded" if refund else "payment.succeeded",
            "paymentId": "pay_1",
            "reference": payment.id,
            "orderId": payment.order_id,
            "amount": payment.total_minor,
            "currency": payment.currency,
            "status": "succeeded",
            **about,
        })  # fmt: skip

    def signed(self, raw: bytes, secret: str) -> Mapping[str, str]:
        return {"payconic-signature": hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()}


class TestPayconic(GatewayConformance):
    factory = PayconicGateway

    @asynccontextmanager
    async def provider(self) -> AsyncIterator[PayconicUnderTest]:
        with tempfile.TemporaryDirectory() as folder:
            sandbox = await start_sandbox(Path(folder) / "payconic.db", [MERCHANT], timing=TIMING)
            async with aiohttp.ClientSession() as session:
                under_test = PayconicUnderTest(sandbox, session)
                await under_test.control("POST", "/mode", {"webhooks": False})
                try:
                    yield under_test
                finally:
                    await under_test.leave()


class TestCash(LocalGatewayConformance):
    factory = CashGateway


class TestCustomerCredit(LocalGatewayConformance):
    factory = CustomerCreditGateway


class TestQrBankTransfer(LocalGatewayConformance):
    factory = QrBankTransferGateway
