"""What comes between a screen and the server: a server that is stopped and started, a line that loses answers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

from tabletap.app import App
from tabletap.cli.serving import Server, bind
from tests.support.services import free_port
from tests.support.world import SECRET, World


class Process:
    """A server of the world's cafes beside the world's own: one that screens can lose, on an address that stays."""

    def __init__(self, world: World, public_port: int, port: int) -> None:
        self.world, self.port = world, port
        self.url = f"http://127.0.0.1:{public_port}"
        self._server: Server | None = None

    async def start(self) -> None:
        """Start it on its address, as after a power cut: it remembers only what the database has."""
        settings = msgspec.structs.replace(self.world.app.settings, public_url=self.url)
        self._server = Server(App(settings, SECRET, clock=self.world.clock), bind("127.0.0.1", self.port))
        await self._server.start(with_jobs=False)

    async def stop(self) -> None:
        """Stop it; safe to repeat."""
        server, self._server = self._server, None
        if server is not None:
            await server.stop()


@asynccontextmanager
async def served(world: World) -> AsyncIterator[Process]:
    """Another server of the world's cafes."""
    port = free_port()
    process = Process(world, port, port)
    await process.start()
    try:
        yield process
    finally:
        await process.stop()


class Line:
    """A TCP line to a server. While it is `deaf`, what the server answers is lost on the way."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.deaf = False
        self._writers: set[asyncio.StreamWriter] = set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        to_server = await asyncio.open_connection("127.0.0.1", self.target_port)
        self._writers |= {writer, to_server[1]}
        await asyncio.gather(
            self._pass_on(reader, to_server[1], lambda: False),
            self._pass_on(to_server[0], writer, lambda: self.deaf),
        )

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, loses: Callable[[], bool]
    ) -> None:
        with contextlib.suppress(OSError):
            while some := await reader.read(65536):
                if not loses():
                    writer.write(some)
                    await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    def cut(self) -> None:
        """End every connection, as a router that restarts; new ones may come."""
        for writer in self._writers:
            writer.close()
        self._writers.clear()


@asynccontextmanager
async def through_a_line(world: World) -> AsyncIterator[tuple[Line, str]]:
    """A line to a server of the world's cafes, and the address at which a screen reaches it."""
    inside, outside = free_port(), free_port()
    process, line = Process(world, outside, inside), Line(inside)
    await process.start()
    listening = await asyncio.start_server(line.carry, "127.0.0.1", outside)
    try:
        yield line, process.url
    finally:
        listening.close()
        line.cut()
        await process.stop()
