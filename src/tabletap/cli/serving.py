"""Serving an app over HTTP and WebSocket with uvicorn, on a socket that is bound before anything else is begun."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import uvicorn

from tabletap.app import App
from tabletap.kernel.errors import Kind, Refusal

BACKLOG = 4096
"""Every screen of a chain may come back at once; whom the backlog cannot hold tries again after seconds."""
DOORS = 16
"""The loop takes one new connection a round from each: nobody waits behind all the screens that come back at once."""


class AddressInUse(Refusal):
    """The address is taken by another program."""

    code, kind = "address_in_use", Kind.UNAVAILABLE


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one. Raises AddressInUse."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only on sockets that name their protocol; without it small answers wait 40 ms.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        raise AddressInUse(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another with --port.") from None
    bound.setblocking(False)
    return bound


class Server:
    """An app being served inside the running event loop."""

    def __init__(self, app: App, listening: socket.socket) -> None:
        self.app, self._listening = app, listening
        config = uvicorn.Config(
            app.asgi,
            log_config=None,
            access_log=False,
            interface="asgi3",
            proxy_headers=False,
            lifespan="off",
            ws=app.live.websocket,
            server_header=False,
            timeout_graceful_shutdown=10,
            backlog=BACKLOG,  # uvicorn listens again, with its own
        )
        self._server = _Quiet(config, app.live.end_polls)
        self._task: asyncio.Task[None] | None = None

    async def start(self, *, with_jobs: bool = True) -> None:
        """Start the app, then take requests."""
        await self.app.start(with_jobs=with_jobs)
        doors = [self._listening, *(self._listening.dup() for _ in range(DOORS - 1))]
        self._task = asyncio.create_task(self._server.serve(sockets=doors), name="http")
        while not self._server.started:
            if self._task.done():
                self._task.result()
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Stop taking requests, finish those that run, then stop the app. Safe to repeat."""
        task, self._task = self._task, None
        if task is None:
            return
        self._server.should_exit = True
        await task
        await self.app.stop()
        with suppress(OSError):
            self._listening.close()


class _Quiet(uvicorn.Server):
    """Signals are the business of whoever runs us, and polls that are held would be waited for."""

    def __init__(self, config: uvicorn.Config, end_polls: Callable[[], None]) -> None:
        super().__init__(config)
        self._end_polls = end_polls

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let nobody in any more, and finish what runs."""
        self._end_polls()  # they are answered once nobody can come back to us
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None of ours."""
        yield
