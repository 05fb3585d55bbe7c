"""Starts the servers that the tests need on free loopback ports, once a session, and stops them by their pid."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from tests.support import programs

START_SECONDS = 60
STOP_SECONDS = 15
_MAINTENANCE_USER = "tabletap"


class ServiceFailed(Exception):
    """A server did not start; the message holds what it wrote last."""


@dataclass
class Server:
    """A running server: where it is, and how to take it away and bring it back in the middle of a test."""

    url: str
    port: int
    command: list[str]
    folder: Path
    answers: Callable[["Server"], bool]
    stop_signal: signal.Signals = signal.SIGTERM
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start it and wait until it answers. Raises ServiceFailed."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                _as_unprivileged(self.command),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C goes to pytest alone, which then stops us in order
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.answers(self):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise ServiceFailed(f"{self.command[0]} did not start:\n{self.last_words()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it, kindly first; safe to repeat."""
        process, self.process = self.process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(self.stop_signal)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def last_words(self) -> str:
        """The end of what the server logged."""
        return (self.folder / "log").read_text(errors="replace")[-2000:]


@contextmanager
def postgres_server() -> Iterator[Server]:
    """A fresh PostgreSQL cluster with fsync on, its data in a folder of its own; `url` is its maintenance database."""
    binaries = programs.postgres_folder()
    with _private_folder("postgres") as folder:
        password = secrets.token_hex(16)
        _own_file(folder / "password", password)
        _initialise(binaries, folder)

        def build(port: int) -> Server:
            return Server(
                url=f"postgresql://{_MAINTENANCE_USER}:{password}@127.0.0.1:{port}/postgres",
                port=port,
                command=[str(binaries / "postgres"), *_postgres_settings(folder / "data", port)],
                folder=folder,
                answers=_postgres_answers(binaries),
                stop_signal=signal.SIGINT,  # a "fast" shutdown: sessions are ended, the data stays whole
            )

        with _running(build) as server:
            yield server


@contextmanager
def redis_server() -> Iterator[Server]:
    """A Redis that keeps nothing on disk: it may lose everything at any time, as in production."""
    program = programs.redis_program()
    with _private_folder("redis") as folder:
        password = secrets.token_hex(16)

        def build(port: int) -> Server:
            lines = [
                f"port {port}",
                "bind 127.0.0.1",
                f"requirepass {password}",
                'save ""',
                "appendonly no",
                f"dir {folder}",
            ]
            _own_file(folder / "redis.conf", "\n".join(lines))
            return Server(
                url=f"redis://:{password}@127.0.0.1:{port}/0",
                port=port,
                command=[str(program), str(folder / "redis.conf")],
                folder=folder,
                answers=_redis_answers,
            )

        with _running(build) as server:
            yield server


async def create_database(maintenance_url: str, name: str, template: str | None = None) -> str:
    """Make a database and give its address; a copy of the template, if one is named and nobody is connected to it."""
    copied = f' TEMPLATE "{template}"' if template else ""
    connection = await asyncpg.connect(maintenance_url)
    try:
        await connection.execute(f'CREATE DATABASE "{name}"{copied}')
    finally:
        await connection.close()
    return database_url(maintenance_url, name)


async def drop_database(maintenance_url: str, name: str) -> None:
    """Remove a database and end whatever is still connected to it; safe to repeat."""
    connection = await asyncpg.connect(maintenance_url)
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await connection.close()


def database_url(maintenance_url: str, name: str) -> str:
    """The address of another database on the same server."""
    return urlunsplit(urlsplit(maintenance_url)._replace(path=f"/{name}"))


def chromium_arguments() -> list[str]:
    """Chromium refuses its own sandbox to root, as it does in most containers."""
    return ["--no-sandbox"] if os.geteuid() == 0 else []


def free_port() -> int:
    """A port on which nothing listens at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _running(build: Callable[[int], Server]) -> Iterator[Server]:
    server = _started(build)
    try:
        yield server
    finally:
        server.stop()


def _started(build: Callable[[int], Server], tries: int = 3) -> Server:
    """Start on a free port; somebody else may take the port first, so try again on another."""
    server = build(free_port())
    try:
        server.start()
    except ServiceFailed:
        if tries == 1:
            raise
        return _started(build, tries - 1)
    return server


def _initialise(binaries: Path, folder: Path) -> None:
    options = ["--encoding=UTF8", "--no-locale", "--auth=scram-sha-256", f"--username={_MAINTENANCE_USER}"]
    command = [str(binaries / "initdb"), f"--pgdata={folder / 'data'}", f"--pwfile={folder / 'password'}", *options]
    done = subprocess.run(_as_unprivileged(command), cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ServiceFailed(f"initdb failed:\n{done.stdout}{done.stderr}")


def _postgres_settings(data: Path, port: int) -> list[str]:
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "fsync": "on",
        "synchronous_commit": "on",
        "max_connections": "200",
        "shared_buffers": "128MB",
        "log_min_messages": "fatal",
    }
    return ["-D", str(data), *(word for name, value in settings.items() for word in ("-c", f"{name}={value}"))]


def _postgres_answers(binaries: Path) -> Callable[[Server], bool]:
    def answers(server: Server) -> bool:
        command = [str(binaries / "pg_isready"), "--quiet", "--host=127.0.0.1", f"--port={server.port}"]
        return subprocess.run(command, check=False).returncode == 0

    return answers


def _redis_answers(server: Server) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=1) as line:
            line.sendall(b"PING\r\n")
            return line.recv(64).startswith((b"+PONG", b"-NOAUTH"))
    except OSError:
        return False


def _unprivileged() -> pwd.struct_passwd | None:
    """Who runs the servers when we are root: PostgreSQL refuses to. None when we are somebody ordinary ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ServiceFailed(
        "PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody` to run it as."
    )


def _as_unprivileged(command: Sequence[str]) -> list[str]:
    """The command under the unprivileged user, ended by the kernel should we be killed before we can stop it."""
    person = _unprivileged()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        if person is not None:
            raise ServiceFailed("`setpriv` (util-linux) is needed to start servers as another user than root.")
        return list(command)
    switch = [] if person is None else [f"--reuid={person.pw_uid}", f"--regid={person.pw_gid}", "--clear-groups"]
    return [setpriv, *switch, "--pdeathsig=INT", *command]


@contextmanager
def _private_folder(name: str) -> Iterator[Path]:
    """A folder that only the unprivileged user may read, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=f"tabletap-{name}-"))
    _hand_over(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _own_file(path: Path, text: str) -> None:
    path.write_text(text + "\n")
    path.chmod(0o600)
    _hand_over(path)


def _hand_over(path: Path) -> None:
    if person := _unprivileged():
        os.chown(path, person.pw_uid, person.pw_gid)
