"""The measured process: TableTap as `tabletap serve` serves it, jobs included, told on standard input what to emit.

Every event is appended to a real stream by a transaction of its own and handed to the live edge by the broker.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from bench.live.place import Certificate, Room
from tabletap.app import App
from tabletap.cli.running import begin_logs, keep_what_is_set_up, run, stop_signal
from tabletap.cli.serving import Server, bind
from tabletap.infra.db.transaction import Transaction
from tabletap.infra.settings import Settings
from tabletap.kernel.events import Event
from tabletap.kernel.ids import new_id

_TOGETHER = 50
"""Transactions under way at once, as in a busy process."""


class Serve(msgspec.Struct):
    """What to serve: the first line on standard input, to the peer as well."""

    database_url: str
    secret: str
    rooms: list[Room]
    tls: Certificate | None


class Ask(msgspec.Struct):
    """A further line: `emit` so many events of this text to every room, or say how many sockets are `open`."""

    ask: str
    message: str = ""
    times: int = 1


class Emitting:
    """Appends events, and notes when each is handed to the live edge."""

    def __init__(self, app: App, rooms: list[Room]) -> None:
        self.app, self.rooms = app, rooms
        self._numbers = {room.stream: number for number, room in enumerate(rooms)}
        self._emitted: list[tuple[int, int, int]] = []
        self._limit = asyncio.Semaphore(_TOGETHER)
        app.broker.listen(self._note)

    def _note(self, events: list[Event]) -> None:
        at = time.monotonic_ns()
        self._emitted += [(self._numbers[event.stream], event.seq, at) for event in events]

    async def emit(self, message: str, times: int) -> list[tuple[int, int, int]]:
        """Room, seq and moment of each event."""
        data = msgspec.json.encode({"message": message})
        for _ in range(times):
            await asyncio.gather(*(self._append(room, data) for room in self.rooms))
        emitted, self._emitted = self._emitted, []
        return emitted

    async def _append(self, room: Room, data: bytes) -> None:
        async def decide(tx: Transaction) -> None:
            event_id = new_id()
            tx.tell(
                Event(
                    cafe_id=tx.cafe_id,
                    stream=room.stream,
                    name="announcement",
                    data=data,
                    event_id=event_id,
                    cause_id=event_id,
                    at=tx.now,
                )
            )

        async with self._limit:
            await self.app.db.transaction(room.cafe_id, decide)


async def serve(asked: Serve) -> None:
    """Serve until somebody ends us kindly."""
    ended = stop_signal()
    listening = bind("127.0.0.1", 0)
    port = listening.getsockname()[1]
    settings = Settings(database_url=asked.database_url, port=port, live_connections_per_cafe=1_000_000)
    begin_logs(settings)
    app = App(settings, asked.secret)
    emitting = Emitting(app, asked.rooms)
    server = Server(app, listening)
    if asked.tls is not None:
        _encrypt(server, asked.tls)
    await server.start()
    keep_what_is_set_up()
    _say({"port": port})
    obeying = asyncio.create_task(_obey(app, emitting))
    await ended.wait()
    obeying.cancel()
    await server.stop()


def _encrypt(server: Server, tls: Certificate) -> None:
    """`tabletap serve` leaves TLS to a proxy in front of it; here uvicorn speaks it itself, as the peer does."""
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = Path(folder) / "key.pem", Path(folder) / "certificate.pem"
        key.write_text(tls.key)
        certificate.write_text(tls.certificate)
        config = server._server.config
        config.ssl_keyfile, config.ssl_certfile = str(key), str(certificate)
        config.load()


async def _obey(app: App, emitting: Emitting) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        asked = msgspec.json.decode(line, type=Ask)
        if asked.ask == "emit":
            _say({"emitted": await emitting.emit(asked.message, asked.times)})
        else:
            _say({"open": len(app.live.sessions)})


def _say(answer: object) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    with open(0, "rb", buffering=0, closefd=False) as unread:
        first = unread.readline()
    run(serve(msgspec.json.decode(first, type=Serve)))
