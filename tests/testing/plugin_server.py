"""A server in a process of its own, with the plug-ins on its path: `python -m tests.testing.plugin_server URL`.

Prints its address when it answers requests, and serves until it is ended.
"""

import asyncio
import sys

from tabletap.app import App
from tabletap.cli.serving import Server, bind
from tabletap.infra.settings import Settings
from tests.support.world import SECRET


async def serve(database_url: str) -> None:
    listening = bind("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    app = App(Settings(database_url=database_url, public_url=address, payconic_timeout_seconds=3), SECRET)
    await Server(app, listening).start()
    sys.stdout.write(address + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
