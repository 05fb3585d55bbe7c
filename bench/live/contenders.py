"""The measured servers, each in a process of its own: TableTap, and Socket.IO on Node.js beside it."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from bench.live import process
from bench.live.place import Certificate, Place, Room
from bench.live.serve import Ask, Serve
from bench.targets import BenchFailed

OURS, NODE = "TableTap", "Node socket.io"
_PEER = Path(__file__).parent / "node"
_STOP_SECONDS = 30
T = TypeVar("T")


class _Started(msgspec.Struct):
    port: int


class Emitted(msgspec.Struct, frozen=True, array_like=True):
    """An event that left for the members: by our broker after the commit, by the peer's `emit`."""

    room: int
    seq: int
    at_nanoseconds: int
    """Of the monotonic clock, which all processes of a machine share."""


class _Emitted(msgspec.Struct):
    emitted: list[Emitted]


class _Open(msgspec.Struct):
    open: int


class Contender:
    """A running server, obeying on its standard input."""

    def __init__(self, name: str, running: subprocess.Popen[bytes]) -> None:
        self.name, self.pid, self._running = name, running.pid, running
        self.port = self._answer(_Started).port

    def emit(self, message: str, times: int = 1) -> list[Emitted]:
        """Have so many events emitted to every room."""
        self._ask(Ask("emit", message, times))
        return self._answer(_Emitted).emitted

    def open(self) -> int:
        """How many sockets the server believes to be connected."""
        self._ask(Ask("open"))
        return self._answer(_Open).open

    def cpu_seconds(self) -> float:
        """CPU of the whole process until now."""
        return process.cpu_seconds(self.pid)

    def resident_kb(self) -> int:
        """Memory of the whole process."""
        return process.resident_kb(self.pid)

    def _ask(self, ask: Ask) -> None:
        assert self._running.stdin is not None
        self._running.stdin.write(msgspec.json.encode(ask) + b"\n")
        self._running.stdin.flush()

    def _answer(self, shape: type[T]) -> T:
        assert self._running.stdout is not None
        line = self._running.stdout.readline()
        if not line:
            raise BenchFailed(f"{self.name} ended")
        return msgspec.json.decode(line, type=shape)


@contextmanager
def contender(name: str, place: Place, rooms: Sequence[Room], tls: Certificate | None) -> Iterator[Contender]:
    """A fresh server for these rooms. Raises BenchFailed."""
    command = [sys.executable, "-m", "bench.live.serve"] if name == OURS else ["node", str(_PEER / "peer.mjs")]
    log = place.folder / f"{name}.log"
    with log.open("ab") as words:
        running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=words)
    try:
        assert running.stdin is not None
        running.stdin.write(msgspec.json.encode(Serve(place.database_url, place.secret, list(rooms), tls)) + b"\n")
        running.stdin.flush()
        yield Contender(name, running)
    except BenchFailed as failed:
        if running.poll() is None:
            raise
        raise BenchFailed(f"{failed}\n{log.read_text()[-2000:]}") from None
    finally:
        running.terminate()
        try:
            running.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def install_peer() -> str:
    """Install what the peer needs, once for each state of its lock; answers its version. Raises BenchFailed."""
    lock, stamp = _PEER / "package-lock.json", _PEER / "node_modules" / ".installed"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        npm = shutil.which("npm")
        if npm is None:
            raise BenchFailed("Node.js with npm is missing: `make setup` says how to get it; --alone measures without.")
        subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=_PEER, check=True)
        stamp.write_text(digest)
    package = (_PEER / "node_modules" / "socket.io" / "package.json").read_bytes()
    return str(msgspec.json.decode(package)["version"])
