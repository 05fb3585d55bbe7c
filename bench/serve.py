"""The measured process: a whole TableTap, jobs and live edge included, on a free port that it prints when ready."""

import asyncio
import signal
import sys

import msgspec
import uvloop

from tabletap.app import App
from tabletap.cli.running import keep_what_is_set_up
from tabletap.cli.serving import Server, bind
from tabletap.infra.settings import Settings


class Serve(msgspec.Struct):
    """What to serve."""

    database_url: str
    database_connections: int
    secret: str


async def serve(asked: Serve) -> None:
    """Serve until somebody ends us kindly."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    listening = bind("127.0.0.1", 0)
    port = listening.getsockname()[1]
    settings = Settings(
        database_url=asked.database_url,
        database_connections=asked.database_connections,
        public_url=f"http://127.0.0.1:{port}",
    )
    server = Server(App(settings, asked.secret), listening)
    await server.start()
    keep_what_is_set_up()
    print(port, flush=True)
    await ended.wait()
    await server.stop()


if __name__ == "__main__":
    uvloop.run(serve(msgspec.json.decode(sys.stdin.buffer.read(), type=Serve)))
