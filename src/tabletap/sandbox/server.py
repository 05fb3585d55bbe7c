"""Starting the sandbox: as an ASGI application, inside a running program, or alone."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import uvicorn
from litestar import Litestar
from litestar.datastructures import State
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tabletap.kernel.clock import Clock
from tabletap.sandbox.control import control_routes
from tabletap.sandbox.errors import AddressInUse
from tabletap.sandbox.http import DROP_EXTENSION, answer_exception, provider_routes
from tabletap.sandbox.model import SandboxAccount, Timing
from tabletap.sandbox.pages import page_routes
from tabletap.sandbox.service import Sandbox
from tabletap.sandbox.webhooks import Sender

_BODY_LIMIT_BYTES = 64 * 1024
_SHUT_DOWN_STEP_MS = 5
_SHUT_DOWN_STEPS = 400


class _DroppingProtocol(HttpToolsProtocol):
    """HTTP as usual, and a way for a route to end its connection without an answer."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {DROP_EXTENSION: {"drop": self.transport.abort}}


def create_app(
    state_file: Path,
    accounts: Sequence[SandboxAccount] = (),
    public_url: str | None = None,
    *,
    timing: Timing | None = None,
    clock: Clock | None = None,
) -> Litestar:
    """The sandbox as an ASGI application that opens its state when it starts.

    Under another server than ours a lost answer is an error 500 after the wait, as ASGI has no word for it.
    """
    sandbox = Sandbox(state_file, accounts, timing=timing, clock=clock)
    return _application(sandbox, Sender(sandbox), public_url)


def _application(sandbox: Sandbox, sender: Sender, public_url: str | None) -> Litestar:
    @asynccontextmanager
    async def running(_app: Litestar) -> AsyncIterator[None]:
        async with _opened(sandbox, sender):
            yield

    return Litestar(
        route_handlers=[provider_routes, control_routes, page_routes],
        exception_handlers={Exception: answer_exception},
        lifespan=[running],
        openapi_config=None,
        logging_config=None,
        request_max_body_size=_BODY_LIMIT_BYTES,
        state=State({"sandbox": sandbox, "sender": sender, "public_url": public_url}),
    )


@asynccontextmanager
async def _opened(sandbox: Sandbox, sender: Sender) -> AsyncIterator[None]:
    await sandbox.open()
    try:
        await sender.start()
        yield
    finally:
        await sender.stop()
        await sandbox.close()


class RunningSandbox:
    """A sandbox that answers requests. `await stop()` ends it; its state stays in the file."""

    def __init__(self, url: str, sandbox: Sandbox, sender: Sender, server: uvicorn.Server) -> None:
        self.url = url
        self.control_url = f"{url}/control"
        self._sandbox = sandbox
        self._sender = sender
        self._server = server

    async def stop(self) -> None:
        """Answer nothing any more and close the state. Callbacks not yet accepted are sent after the next start."""
        self._sandbox.closing.set()
        await _shut_down(self._server)
        await self._sender.stop()
        await self._sandbox.close()


async def start_sandbox(
    state_file: Path,
    accounts: Sequence[SandboxAccount] = (),
    port: int = 0,
    host: str = "127.0.0.1",
    *,
    public_url: str | None = None,
    timing: Timing | None = None,
    clock: Clock | None = None,
) -> RunningSandbox:
    """Start the sandbox inside the running loop; port 0 takes a free one. Signals stay with the caller.

    `public_url` is where guests reach its pay pages, if that is not where it listens.

    Raises AddressInUse, StateInUse, StateUnreadable.
    """
    listener = _listen(host, port)
    url = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
    sandbox = Sandbox(state_file, accounts, timing=timing, clock=clock)
    sender = Sender(sandbox)
    server = _server(_application(sandbox, sender, public_url or url))
    try:
        await sandbox.open()
    except BaseException:
        listener.close()
        raise
    await sender.start()
    await server.startup(sockets=[listener])
    return RunningSandbox(url, sandbox, sender, server)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only where the protocol is named; with it an answer takes 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise AddressInUse(f"The sandbox cannot listen on {host}, port {port}: {error}.") from error
    return listener


def _server(app: Litestar) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        http=_DroppingProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        # Without it nothing has to tick every 100 ms.
        date_header=False,
        backlog=512,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    return server


async def _shut_down(server: uvicorn.Server) -> None:
    """Let the answers under way finish, as Server.shutdown() does, without its wait of at least 100 ms."""
    for listening in server.servers:
        listening.close()
    for connection in list(server.server_state.connections):
        connection.shutdown()
    patience = _SHUT_DOWN_STEPS
    while patience and (server.server_state.connections or server.server_state.tasks):
        patience -= 1
        await asyncio.sleep(_SHUT_DOWN_STEP_MS / 1000)
    for task in list(server.server_state.tasks):
        task.cancel()


def serve(
    port: int,
    state_file: Path,
    accounts: Sequence[SandboxAccount] = (),
    *,
    host: str = "127.0.0.1",
    public_url: str | None = None,
    timing: Timing | None = None,
    on_ready: Callable[[RunningSandbox], None] | None = None,
) -> None:
    """Run the sandbox alone until SIGINT or SIGTERM; `on_ready` is told where it answers.

    Raises AddressInUse, StateInUse, StateUnreadable.
    """
    start = partial(start_sandbox, state_file, accounts, port, host, public_url=public_url, timing=timing)
    asyncio.run(_serve(start, on_ready))


async def _serve(
    start: Callable[[], Awaitable[RunningSandbox]], on_ready: Callable[[RunningSandbox], None] | None
) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    running = await start()
    try:
        if on_ready is not None:
            on_ready(running)
        await ended.wait()
    finally:
        await running.stop()
