"""A sandbox on a free port and a merchant that listens on another."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tabletap.sandbox import RunningSandbox, Timing, start_sandbox
from tests.sandbox.merchant import ACCOUNT, Merchant

QUICK = Timing(hold_ms=50, slow_ms=150, late_success_ms=50, reorder_ms=3_000, first_retry_ms=20)


@asynccontextmanager
async def merchant_of(url: str) -> AsyncIterator[Merchant]:
    async with aiohttp.ClientSession() as session:
        merchant = Merchant(session, url, "")
        application = web.Application()
        application.router.add_post("/hook", merchant.hear)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        merchant.webhook_url = f"{site.name.rsplit(':', 1)[0]}:{runner.addresses[0][1]}/hook"
        try:
            yield merchant
        finally:
            await runner.cleanup()


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[RunningSandbox]:
    running = await start_sandbox(tmp_path / "payconic.db", [ACCOUNT], timing=QUICK)
    yield running
    await running.stop()


@pytest.fixture
async def merchant(sandbox: RunningSandbox) -> AsyncIterator[Merchant]:
    async with merchant_of(sandbox.url) as merchant:
        yield merchant
