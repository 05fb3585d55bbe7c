"""The edge under test: a served application, the people who call it, and what they get."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import uvicorn
from litestar import Litestar

from tabletap.kernel.ids import new_id


class Reply(msgspec.Struct):
    """An answer."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    raw: bytes

    @property
    def body(self) -> Any:
        """The JSON of it."""
        return msgspec.json.decode(self.raw)

    @property
    def code(self) -> str:
        """The code of a problem; the reply is checked to be a whole one."""
        assert self.headers["content-type"] == "application/problem+json", self.raw
        body = self.body
        assert set(body) - {"errors"} == {"type", "title", "status", "detail", "code", "retryable", "correlationId"}
        assert body["status"] == self.status
        assert body["type"].endswith(f"/docs/errors#{body['code']}")
        assert body["detail"]
        assert isinstance(body["retryable"], bool)
        assert body["correlationId"]
        return str(body["code"])


class Caller:
    """Somebody who sends requests."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str | None = None) -> None:
        self.session, self.url, self.token = session, url, token

    def with_token(self, token: str | None) -> "Caller":
        """The same place, another person."""
        return Caller(self.session, self.url, token)

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: Any = None,
        key: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """Send a request; `body` as JSON, `raw` as it is."""
        sent = dict(headers or {})
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        if key is not None:
            sent["Idempotency-Key"] = key
        data = raw if body is None else msgspec.json.encode(body)
        async with self.session.request(method, self.url + path, data=data, headers=sent) as response:
            names = {name.lower(): value for name, value in response.headers.items()}
            return Reply(response.status, names, await response.read())

    async def get(self, path: str, **more: Any) -> Reply:
        """GET under /api/v1."""
        return await self.send("GET", f"/api/v1{path}", **more)

    async def post(self, path: str, body: Any = None, **more: Any) -> Reply:
        """POST under /api/v1."""
        return await self.send("POST", f"/api/v1{path}", body, **more)

    async def pay(self, path: str, body: Any = None, **more: Any) -> Reply:
        """POST under /api/v1 with a key that was never used."""
        return await self.post(path, body, key=new_id(), **more)


@asynccontextmanager
async def served(http: Litestar) -> AsyncIterator[Caller]:
    """The application behind a real server on a free port, and an anonymous caller."""
    config = uvicorn.Config(http, lifespan="on", log_config=None, access_log=False, proxy_headers=False)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = asyncio.create_task(server.serve([listener]))
        while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(0.005)
        try:
            async with aiohttp.ClientSession() as session:
                yield Caller(session, f"http://127.0.0.1:{listener.getsockname()[1]}")
        finally:
            server.should_exit = True
            await running
