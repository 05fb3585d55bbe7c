"""The simulated provider in a thread of its own: it lives on while the server dies, and keeps its notices to itself."""

import asyncio
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import msgspec
from aiohttp import web

from tabletap.kernel.clock import Clock
from tabletap.sandbox import RunningSandbox, SandboxAccount, Timing, start_sandbox
from tests.support.world import WEBHOOK_SECRET

T = TypeVar("T")
PATIENCE_SECONDS = 20
ACCOUNT = SandboxAccount("cafe-merchant", "cafe-api-key", WEBHOOK_SECRET)


class Notice(msgspec.Struct, frozen=True):
    """What the provider sent: a signed notice, to be delivered late, twice, in any order or never."""

    token: str
    headers: dict[str, str]
    raw: bytes


class Provider:
    """The provider, what it charged, and the notices in its outbox.

    It calls nobody by itself: everything it would have sent waits until somebody asks for it. So the machine decides
    what is lost and what comes when, and the same choices always give the same run.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock, self._files = folder, clock, 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="provider", daemon=True)
        self._thread.start()
        self._caught: list[Notice] = []
        self._sandbox: RunningSandbox | None = None
        self.address = self._call(self._listen())
        self.renew()

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_SECONDS)

    async def _listen(self) -> str:
        """Our own ears, where the provider sends its notices: they are caught, and delivered when the machine says."""
        self._session = aiohttp.ClientSession()
        ears = web.Application()
        ears.router.add_post("/api/v1/webhooks/payconic/{token}", self._catch)
        self._runner = web.AppRunner(ears, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _catch(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self._caught.append(Notice(request.match_info["token"], headers, await request.read()))
        return web.Response()

    @property
    def url(self) -> str:
        """Where its API is."""
        assert self._sandbox is not None
        return self._sandbox.url

    def renew(self) -> None:
        """Another provider without a past: what it charged for earlier examples only takes time to read."""
        self._call(self._renew())

    async def _renew(self) -> None:
        if self._sandbox is not None:
            await self._sandbox.stop()
        self._files += 1
        timing = Timing(hold_ms=0, slow_ms=1, late_success_ms=90_000)
        path = self._folder / f"provider-{self._files}.db"
        self._sandbox = await start_sandbox(path, (ACCOUNT,), timing=timing, clock=self._clock)
        await self._control("POST", "/mode", {"autoApprove": False, "webhooks": False})

    def close(self) -> None:
        """End it."""
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        await self._session.close()
        await self._runner.cleanup()
        assert self._sandbox is not None
        await self._sandbox.stop()

    async def _control(self, verb: str, path: str, body: Any = None) -> Any:
        assert self._sandbox is not None
        async with self._session.request(verb, f"{self._sandbox.control_url}{path}", json=body) as response:
            raw = await response.read()
            assert response.status < 500, raw
            return msgspec.json.decode(raw) if raw else None

    def control(self, verb: str, path: str, body: Any = None) -> Any:
        """Its control API. What is refused (a guest who declines what was paid) is answered like the rest."""
        return self._call(self._control(verb, path, body))

    def notices(self, payment_id: str) -> list[Notice]:
        """Everything that it ever had to say about a payment, in its order, rightly signed."""
        self._caught.clear()
        self.control("POST", "/webhooks/redeliver", {"paymentId": payment_id})  # refused for one that never arrived
        return list(self._caught)

    def charges(self) -> list[dict[str, Any]]:
        """What it really charged and gave back."""
        found: list[dict[str, Any]] = self.control("GET", "/charges")
        return found
