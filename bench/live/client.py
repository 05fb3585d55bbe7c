"""The load client as Python sees it: built from `load/`, told what to do line by line."""

import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bench.live.place import Place
from bench.targets import BenchFailed

_SOURCES = sorted((Path(__file__).parent / "load").glob("*.c"))
_ATTEMPTS = 30
_PATIENCE_SECONDS = 60.0


class Program(msgspec.Struct, frozen=True):
    """The built load client."""

    path: Path
    has_tls: bool


class Done(msgspec.Struct):
    """How many members did it, and how long it took."""

    count: int
    seconds: float


class Complete(msgspec.Struct, frozen=True, array_like=True):
    """The moment when the last member of a room had an event."""

    room: int
    seq: int
    at_nanoseconds: int


class Report(msgspec.Struct, rename="camel"):
    """What was received since the last `clear`."""

    delivered: int
    gaps: int
    repeats: int
    lost: int
    """Connections that the server ended."""
    ready: int
    event_bytes: int
    """Payload of the WebSocket frame of the last event."""
    complete: list[Complete]


class LoadClient:
    """Members of rooms, all in one process."""

    def __init__(self, running: "subprocess.Popen[bytes]", members: int) -> None:
        self.members, self._running = members, running

    def connect(self, at_once: int) -> Done:
        """Connect everybody."""
        return self._everybody(self._done(f"connect {at_once} 0"), "connected")

    def come_back(self, at_once: int) -> tuple[float, int]:
        """Connect everybody with their cursors, those again who did not succeed: seconds, and attempts."""
        seconds, attempts, count = 0.0, 0, 0
        while count < self.members and attempts < _ATTEMPTS:
            done = self._done(f"connect {at_once} 1")
            seconds, attempts, count = seconds + done.seconds, attempts + 1, done.count
        self._everybody(Done(count, seconds), "connected again")
        return seconds, attempts

    def subscribe(self, at_once: int) -> Done:
        """Have everybody subscribe to the stream of their room."""
        return self._everybody(self._done(f"subscribe {at_once}"), "subscribed")

    def cut(self) -> Done:
        """Close every socket without a word."""
        return self._done(f"cut {self.members}")

    def wait(self, events: int, seconds: float = _PATIENCE_SECONDS) -> None:
        """Until so many events, counted since the last `clear`, have reached all members of their rooms."""
        done = self._done(f"wait {events} {seconds}")
        if done.count < events:
            raise BenchFailed(f"after {seconds} s only {done.count} of {events} events had reached everybody")

    def deafen(self, count: int) -> None:
        """The first so many members read no more."""
        self._done(f"deaf {count}")

    def clear(self) -> None:
        """Begin to count anew."""
        self._done("clear")

    def report(self) -> Report:
        """What was received."""
        return msgspec.json.decode(self._told("report"), type=Report)

    def _everybody(self, done: Done, what: str) -> Done:
        if done.count != self.members:
            raise BenchFailed(f"only {done.count} of {self.members} members are {what}")
        return done

    def _done(self, command: str) -> Done:
        return msgspec.json.decode(self._told(command), type=Done)

    def _told(self, command: str) -> bytes:
        assert self._running.stdin is not None
        assert self._running.stdout is not None
        self._running.stdin.write(command.encode() + b"\n")
        self._running.stdin.flush()
        line = self._running.stdout.readline()
        if not line:
            raise BenchFailed("the load client ended; its last words are above")
        return line


def build(folder: Path) -> Program:
    """Compile the load client, with TLS where OpenSSL's headers are. Raises BenchFailed."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise BenchFailed("The live bench needs a C compiler for its load client; on Debian: apt-get install gcc.")
    path = folder / "load"
    command = [compiler, "-std=gnu11", "-O2", "-Wall", "-Wextra", "-o", str(path), *map(str, _SOURCES)]
    with_tls = [*command, "-DWITH_TLS", "-lssl", "-lcrypto"]
    if subprocess.run(with_tls, capture_output=True, check=False).returncode == 0:
        return Program(path, has_tls=True)
    built = subprocess.run(command, capture_output=True, check=False)
    if built.returncode != 0:
        raise BenchFailed(f"the load client does not compile:\n{built.stderr.decode()}")
    return Program(path, has_tls=False)


@contextmanager
def load_client(
    program: Program, place: Place, port: int, members: int, rooms: int, *, tls: bool = False
) -> Iterator[LoadClient]:
    """So many members, not connected yet, spread over the first so many rooms of the place."""
    file = place.folder / f"members-{secrets.token_hex(4)}"
    streams = [room.stream for room in place.rooms[:rooms]]
    people = [f"{room} {token}" for room, token in place.tokens(members, rooms)]
    file.write_text("\n".join([str(rooms), *streams, str(members), *people]) + "\n")
    running = subprocess.Popen(
        [str(program.path), str(port), f"{tls:d}", str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        yield LoadClient(running, members)
    finally:
        running.kill()
        running.wait()
