"""A wire between clients and a server that can be cut hard, hold back what the server sends, and lose it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_PIECE = 65_536


class Wire:
    """A TCP address in front of another."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.port = 0
        self.deaf = False
        """What the server sends is lost on the way."""
        self.flows = asyncio.Event()
        """While this is not set nobody takes from the server what it sends: clients that do not read."""
        self.flows.set()
        self.refuses = False
        """Nobody gets through."""
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """Where clients find the server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """How many there are."""
        return len(self._open) // 2

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        to_server = None
        if not self.refuses:
            with contextlib.suppress(OSError):
                to_server = await asyncio.open_connection("127.0.0.1", self.target_port)
        if to_server is None:
            writer.transport.abort()
            return
        pair = {writer, to_server[1]}
        self._open |= pair
        try:
            await asyncio.gather(self._send(reader, to_server[1]), self._answer(to_server[0], writer))
        finally:
            self._open -= pair
            for each in pair:
                each.transport.abort()

    async def _send(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while some := await reader.read(_PIECE):
                writer.write(some)
                await writer.drain()
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while some := await reader.read(_PIECE):
                await self.flows.wait()
                if not self.deaf:
                    writer.write(some)
                    await writer.drain()
        writer.close()

    def cut(self) -> None:
        """Break every connection without a word, as a router does that restarts; new ones may come."""
        for writer in self._open:
            writer.transport.abort()


@asynccontextmanager
async def wire_to(port: int) -> AsyncIterator[Wire]:
    """A wire to a port of this machine."""
    wire = Wire(port)
    listening = await asyncio.start_server(wire.carry, "127.0.0.1", 0)
    wire.port = listening.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        listening.close()
        wire.flows.set()
        wire.cut()
        await listening.wait_closed()
