"""A process that serves holds the door for a crowd, and when it is told to stop everybody hears of it at once."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest

from tabletap.app import App
from tabletap.cli.serving import BACKLOG, Server, bind
from tabletap.infra.db.migrate import migrate
from tabletap.infra.settings import Settings
from tests.audiences.place import SECRET

PATIENCE_SECONDS = 5
"""Half of what uvicorn waits for requests that are running."""
MOST = int(Path("/proc/sys/net/core/somaxconn").read_text())
"""No socket holds more."""
POLL = {"EIO": "4", "transport": "polling"}


@pytest.fixture
async def listening() -> AsyncIterator[socket.socket]:
    """A socket that waits for clients."""
    listening = bind("127.0.0.1", 0)
    yield listening
    listening.close()


@pytest.fixture
async def server(listening: socket.socket, tmp_path: Path) -> AsyncIterator[Server]:
    """A whole app that is served."""
    url = f"sqlite:///{tmp_path}/tabletap.db"
    await asyncio.to_thread(lambda: asyncio.run(migrate(url)))
    server = Server(App(Settings(database_url=url, public_url="http://127.0.0.1"), SECRET), listening)
    await server.start(with_jobs=False)
    yield server
    await server.stop()


async def test_a_crowd_may_wait_at_the_door(server: Server, listening: socket.socket) -> None:
    of_socket = listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)

    assert struct.unpack_from("=I", of_socket, 28) == (min(BACKLOG, MOST),), "Linux tells it in place of `tcpi_sacked`"


async def test_who_polls_is_told_and_not_waited_for(server: Server, listening: socket.socket) -> None:
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with aiohttp.ClientSession(address) as client:
        async with client.get("/socket.io/", params=POLL) as opening:
            session = POLL | {"sid": msgspec.json.decode((await opening.text())[1:])["sid"]}
        held = asyncio.create_task(client.get("/socket.io/", params=session))
        polling = server.app.live.transport._engine.connections[session["sid"]]
        socket = await client.ws_connect("/socket.io/", params=POLL | {"transport": "websocket"})
        await socket.receive_str()
        while polling._poll is None:  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.01)

        async with asyncio.timeout(PATIENCE_SECONDS):
            await server.stop()

        async with await held as answer:
            assert (answer.status, await answer.text()) == (200, "1")
        assert (await socket.receive()).data == aiohttp.WSCloseCode.SERVICE_RESTART
