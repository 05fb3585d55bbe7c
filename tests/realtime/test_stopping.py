"""A process that is told to stop: every live client hears of it at once, and nobody is waited for."""

import asyncio
from pathlib import Path

import aiohttp
import msgspec

from tabletap.app import App
from tabletap.cli.serving import Server, bind
from tabletap.infra.db.migrate import migrate
from tabletap.infra.settings import Settings
from tests.audiences.place import SECRET

PATIENCE_SECONDS = 5
"""Half of what uvicorn waits for requests that are running."""
POLL = {"EIO": "4", "transport": "polling"}


async def test_who_polls_is_told_and_not_waited_for(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/tabletap.db"
    await asyncio.to_thread(lambda: asyncio.run(migrate(url)))
    listening = bind("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    server = Server(App(Settings(database_url=url, public_url=address), SECRET), listening)
    await server.start(with_jobs=False)
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
