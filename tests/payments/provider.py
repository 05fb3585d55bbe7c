"""A provider that answers what it is told to, over a real socket: a peer for the gateway, not a part of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web


class Provider:
    """Answers each request with what was said for its verb, and keeps what it heard."""

    def __init__(self) -> None:
        self.url = ""
        self.delay_seconds = 0
        self.answers: dict[str, Any] = {}
        self.heard: list[tuple[str, str, dict[str, str]]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.heard.append((request.method, request.path_qs, dict(request.headers)))
        await asyncio.sleep(self.delay_seconds)
        status, body, headers = self.answers[request.method]
        if isinstance(body, bytes):
            return web.Response(body=body, status=status, headers=headers)
        return web.json_response(body, status=status, headers=headers)

    def says(self, verb: str, body: Any, status: int = 200, **headers: str) -> None:
        """What to answer from now on."""
        self.answers[verb] = (status, body, headers)


@asynccontextmanager
async def listening() -> AsyncIterator[Provider]:
    """A provider on a free port."""
    provider = Provider()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", provider.answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    provider.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield provider
    finally:
        await runner.cleanup()
