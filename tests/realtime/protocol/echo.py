"""What the official protocol suites expect of a server: one that says back what it hears.

`python -m tests.realtime.protocol.echo PORT` serves both: `/engine.io` for the suite of Engine.IO, `/socket.io` for
that of Socket.IO, over our own engine and transport and nothing else.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from socket import create_server
from typing import Any

import msgspec
import uvicorn

from tabletap.realtime.engine.polling import Polling
from tabletap.realtime.engine.server import EngineServer, Options
from tabletap.realtime.transport import Transport

OPTIONS = Options(ping_interval=0.3, ping_timeout=0.2, max_packet_bytes=1_000_000)
FRIEND = "https://elsewhere.example.org"
"""A page of another origin that may connect to Socket.IO."""
CONNECT_SECONDS = 1.0
UNTIL_READ_SECONDS = 0.01


class Echo:
    """Says back what it hears, and who somebody said they were (transport.Edge)."""

    def __init__(self, options: Options) -> None:
        self.transport = Transport(self, ["/", "/custom"], [FRIEND], options=options, connect_seconds=CONNECT_SECONDS)
        self._said: dict[str, Any] = {}

    async def connect(self, namespace: str, socket_id: str, environ: dict[str, Any], auth: Any) -> None:
        """Everybody may come in."""
        self._said[socket_id] = auth or {}

    async def connected(self, namespace: str, socket_id: str) -> None:
        """Say back what they said of themselves; a moment later, as the suite misses what comes with CONNECT."""
        await asyncio.sleep(UNTIL_READ_SECONDS)
        await self.transport.emit("auth", self._said[socket_id], to=socket_id, namespace=namespace)

    async def message(self, namespace: str, socket_id: str, name: Any, arguments: list[Any]) -> Any:
        """Say it back, as an event and as an answer."""
        if name == "message":
            await self.transport.emit("message-back", tuple(arguments), to=socket_id, namespace=namespace)
        return tuple(arguments)

    async def answered(self, namespace: str, socket_id: str) -> None:
        """Nothing follows."""

    async def disconnected(self, namespace: str, socket_id: str) -> None:
        """Forget them."""
        self._said.pop(socket_id, None)


class Both:
    """The ASGI application and the protocol class of both."""

    def __init__(self, options: Options = OPTIONS) -> None:
        self.engine = EngineServer(msgspec.structs.replace(options, path="/engine.io"), lambda _origin, _request: True)
        self.engine.on("message", self._say_back)
        self.engine.on("disconnect", self._gone)
        self.polling = Polling(self.engine)
        self.echo = Echo(options)

    async def _say_back(self, id_: str, message: str | bytes) -> None:
        await self.engine.send(id_, message)

    async def _gone(self, id_: str, reason: str) -> None:
        """Nothing is kept of them."""

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        """Polls."""
        await (self.polling if scope["path"].startswith("/engine.io") else self.echo.transport.asgi)(
            scope, receive, send
        )

    def websocket(self, **given: Any) -> Any:
        """A WebSocket: its path is known once its first bytes are here."""
        return _ByPath(self, given)


class _ByPath(asyncio.Protocol):
    """Hands a WebSocket to the server of its path."""

    def __init__(self, both: Both, given: Any) -> None:
        self._both, self._given = both, given
        self._inner: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the request."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """The request, then frames."""
        if self._inner is None:
            is_engine = data.split(b" ", 2)[1].startswith(b"/engine.io")
            server = self._both.engine if is_engine else self._both.echo.transport
            self._inner = server.websocket(**self._given)
            self._inner.connection_made(self._transport)
        self._inner.data_received(data)

    def pause_writing(self) -> None:
        """It does not read."""
        if self._inner is not None:
            self._inner.pause_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        if self._inner is not None:
            self._inner.connection_lost(exc)


@asynccontextmanager
async def served(port: int = 0, both: Any = None) -> AsyncIterator[str]:
    """Both servers on a port of the loopback; gives `HOST:PORT`."""
    both = both or Both()
    config = uvicorn.Config(
        both.asgi,
        interface="asgi3",
        lifespan="off",
        log_config=None,
        access_log=False,
        ws=both.websocket,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    with create_server(("127.0.0.1", port)) as listener:
        running = asyncio.create_task(server.serve([listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.005)
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await running


async def serve(port: int) -> None:
    """Serve until the process is ended."""
    async with served(port) as address:
        sys.stdout.write(f"{address}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
