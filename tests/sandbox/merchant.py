"""A merchant on the other side of the sandbox: it calls the provider and hears its callbacks over real sockets."""

import asyncio
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from tabletap.sandbox import SandboxAccount

ACCOUNT = SandboxAccount(merchant_id="cafe-aurora", api_key="key-of-aurora", webhook_secret="whisper")
PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class Heard:
    """One callback as it arrived."""

    raw: bytes
    signature: str
    event_id: str
    timestamp: str

    @property
    def body(self) -> dict[str, Any]:
        return dict(json.loads(self.raw))

    @property
    def is_genuine(self) -> bool:
        right = hmac.new(ACCOUNT.webhook_secret.encode(), self.raw, hashlib.sha256).hexdigest()
        return self.signature == right


@dataclass(frozen=True)
class Answer:
    """What the sandbox answered."""

    status: int
    body: Any


@dataclass
class Merchant:
    """Speaks to one sandbox. `statuses` are given to the next callbacks, 200 after that."""

    session: aiohttp.ClientSession
    url: str
    webhook_url: str
    heard: list[Heard] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def hear(self, request: web.Request) -> web.Response:
        names = ("Payconic-Signature", "Payconic-Event-Id", "Payconic-Timestamp")
        signature, event_id, timestamp = (request.headers[name] for name in names)
        self.heard.append(Heard(await request.read(), signature, event_id, timestamp))
        self.arrived.set()
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    async def callbacks(self, count: int) -> list[Heard]:
        """Wait until so many callbacks have come."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.heard) < count:
                self.arrived.clear()
                await self.arrived.wait()
        return self.heard

    async def call(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, api_key: str = ACCOUNT.api_key
    ) -> Answer:
        headers = {"Authorization": f"Bearer {api_key}", "X-Merchant-ID": ACCOUNT.merchant_id}
        if key is not None:
            headers["Idempotency-Key"] = key
        async with self.session.request(method, self.url + path, json=body, headers=headers) as answer:
            return Answer(answer.status, await answer.json())

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        async with self.session.request(method, f"{self.url}/control{path}", json=body) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    def order(self, **changes: Any) -> dict[str, Any]:
        """The body of a start, complete and right but for the changes."""
        body = {
            "amount": 480,
            "currency": "AUD",
            "reference": "payment-1",
            "orderId": "order-1",
            "paymentMethod": "card",
            "returnUrl": "https://cafe.example/back?a=1&b=2",
            "webhookUrl": self.webhook_url,
            "metadata": {"table": "7"},
        }
        return {name: value for name, value in (body | changes).items() if value is not None}

    async def start(self, *, key: str | None = None, **changes: Any) -> dict[str, Any]:
        answer = await self.call("POST", "/payments", self.order(**changes), key=key)
        assert answer.status == 201, answer
        return dict(answer.body)

    async def paid(self, **changes: Any) -> dict[str, Any]:
        payment = await self.start(**changes)
        return dict(await self.control("POST", f"/payments/{payment['id']}/approve"))

    async def status(self, payment_id: str) -> str:
        return str((await self.call("GET", f"/payments/{payment_id}")).body["status"])

    async def fault(self, fault: str, **more: Any) -> None:
        await self.control("POST", "/faults", {"fault": fault, **more})

    async def charges(self) -> list[dict[str, Any]]:
        return list(await self.control("GET", "/charges"))
