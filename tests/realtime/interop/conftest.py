"""Every official client over every transport, through a wire to one running TableTap."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import Route, async_playwright

from tests.conftest import Node
from tests.realtime.interop.clients import Client, Puppet, PuppetClient, PythonClient, Transport
from tests.realtime.interop.stage import Stage
from tests.support import programs, services
from tests.support.shared_world import opened
from tests.support.wire import Wire, wire_to
from tests.support.world import World

HERE = Path(__file__).parent
BEGIN = """
import { Manager } from '/socket.io.esm.min.js';
import { puppet } from '/puppet.mjs';
let waiting = [];
function report(heard) {
  if (waiting.push(heard) > 1) return;
  setTimeout(() => {
    window.heard(JSON.stringify(waiting));
    waiting = [];
  });
}
window.obey = puppet(Manager, report);
"""
"""The puppet in a browser: obeys `window.obey`, reports to `window.heard` whatever came in one go."""
COMBINATIONS: list[tuple[str, Transport]] = [
    ("python", "websocket"),
    ("python", "polling"),
    ("python", "upgrade"),
    ("node", "websocket"),
    ("node", "polling"),
    ("node", "upgrade"),
    ("chromium", "websocket"),
    ("chromium", "polling"),
    ("chromium", "upgrade"),
]
"""Which client connects how."""
SCRIPTS = {
    "/puppet.mjs": HERE / "puppet.mjs",
    "/socket.io.esm.min.js": programs.REPOSITORY / "node_modules/socket.io-client/dist/socket.io.esm.min.js",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here run in one event loop: they share a server, a browser and a Node process."""
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="package"), append=False)


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def live_world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A running TableTap; what clients say and hear does not depend on its engine."""
    async with opened(request, tmp_path_factory, "sqlite") as world:
        yield world


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def wire(live_world: World) -> AsyncIterator[Wire]:
    """The wire between all clients and the server."""
    port = urlsplit(live_world.url).port
    assert port is not None
    async with wire_to(port) as wire:
        yield wire


@asynccontextmanager
async def puppet_in_node(node: Node) -> AsyncIterator[Puppet]:
    """The JavaScript client in Node."""
    process = await asyncio.create_subprocess_exec(
        node.program,
        HERE / "node_puppet.mjs",
        env=node.environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**24,
    )
    assert process.stdin is not None
    writer = process.stdin

    async def obey(command: dict[str, Any]) -> None:
        writer.write(msgspec.json.encode(command) + b"\n")
        await writer.drain()

    puppet = Puppet(obey)

    async def listen() -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            puppet.report(msgspec.json.decode(line))

    listening = asyncio.create_task(listen())
    yield puppet
    writer.close()
    await process.wait()
    await listening


@asynccontextmanager
async def puppet_in_chromium(chromium_path: Path, url: str) -> AsyncIterator[Puppet]:
    """The JavaScript client on a page in Chromium, at the server's own address."""
    async with async_playwright() as playwright:
        arguments = [*services.chromium_arguments(), "--disable-gpu", "--disable-background-networking"]
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=arguments)
        # A page that really came from the server: to one that was made up, browsers refuse WebSockets to this machine.
        page = await browser.new_page(bypass_csp=True)

        async def obey(command: dict[str, Any]) -> None:
            await page.evaluate("command => window.obey(command)", command)

        async def serve(route: Route) -> None:
            await route.fulfill(path=SCRIPTS[urlsplit(route.request.url).path])

        puppet = Puppet(obey)
        await page.expose_function("heard", lambda text: puppet.report(*msgspec.json.decode(text)))
        for path in SCRIPTS:
            await page.route(url + path, serve)
        await page.goto(url + "/health/live")
        await page.add_script_tag(type="module", content=BEGIN)
        await page.wait_for_function("() => window.obey")
        yield puppet
        await browser.close()


Puppets = Callable[[str], Awaitable[Puppet]]


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def puppets(node: Node, chromium_path: Path, wire: Wire) -> AsyncIterator[Puppets]:
    """The programs with the JavaScript client, each started when it is first asked for."""
    begin = {
        "node": lambda: puppet_in_node(node),
        "chromium": lambda: puppet_in_chromium(chromium_path, wire.url),
    }
    running: dict[str, Puppet] = {}
    async with AsyncExitStack() as closing:

        async def find(kind: str) -> Puppet:
            if kind not in running:
                running[kind] = await closing.enter_async_context(begin[kind]())
            return running[kind]

        yield find


@pytest.fixture(params=COMBINATIONS, ids="-".join)
def combination(request: pytest.FixtureRequest) -> tuple[str, Transport]:
    """Which client, and how it connects."""
    found: tuple[str, Transport] = request.param
    return found


@pytest_asyncio.fixture(loop_scope="package")
async def stage(
    live_world: World, wire: Wire, puppets: Puppets, combination: tuple[str, Transport]
) -> AsyncIterator[Stage]:
    """The server, and the client that a test is about."""
    kind, transport = combination
    puppet = None if kind == "python" else await puppets(kind)

    def make(*namespaces: str) -> Client:
        if puppet is None:
            return PythonClient(wire.url, transport, namespaces)
        return PuppetClient(puppet, wire.url, transport, namespaces)

    async with on_stage(Stage(live_world, wire, transport, make)) as stage:
        yield stage


@asynccontextmanager
async def on_stage(stage: Stage) -> AsyncIterator[Stage]:
    """Everybody leaves in the end, and the wire is whole again."""
    try:
        yield stage
    finally:
        stage.wire.deaf = stage.wire.refuses = False
        for client in stage.clients:
            await client.close()
        # Of a polling client that was cut off nobody knows for a while that it is gone.
        await stage.world.app.live.sessions.end_person(stage.world.home.id, stage.me)
