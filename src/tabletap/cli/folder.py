"""The demo's data folder: held by one process at a time, with the secrets and ids that the next start needs again."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tabletap.kernel.errors import Kind, Refusal
from tabletap.kernel.ids import Id, new_id
from tabletap.sandbox import SandboxAccount

_KEPT = "demo.json"


class FolderInUse(Refusal):
    """Another demo is using this data folder."""

    code, kind = "data_folder_in_use", Kind.CONFLICT


class FolderUnusable(Refusal):
    """The data folder cannot be used."""

    code = "data_folder_unusable"


class Kept(msgspec.Struct, kw_only=True):
    """What a demo is to find again: made once, readable by its owner alone."""

    jwt_secret: str = msgspec.field(default_factory=lambda: secrets.token_hex(32))
    password: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(12))
    cafe_id: Id = msgspec.field(default_factory=new_id)
    other_cafe_id: Id = msgspec.field(default_factory=new_id)
    account: SandboxAccount = msgspec.field(default_factory=lambda: _new_account("demo"))
    other_account: SandboxAccount = msgspec.field(default_factory=lambda: _new_account("other"))
    port: int = 0
    """Where the server listened last: whoever still has the old address finds it again."""
    sandbox_port: int = 0


def _new_account(name: str) -> SandboxAccount:
    return SandboxAccount(f"{name}-{secrets.token_hex(6)}", secrets.token_hex(24), secrets.token_hex(32))


class Folder:
    """A data folder that is ours while we run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.kept = self._read()

    @property
    def sandbox_state(self) -> Path:
        """Where the provider's sandbox keeps its charges."""
        return self.path / "payconic.db"

    def _read(self) -> Kept:
        file = self.path / _KEPT
        if not file.exists():
            return Kept()
        try:
            return msgspec.json.decode(file.read_bytes(), type=Kept)
        except (OSError, msgspec.MsgspecError):
            raise FolderUnusable(f"{file} cannot be read; move it away to begin a new demo.") from None

    def save(self) -> None:
        """Write down what is to be kept. Safe to repeat."""
        write_private(self.path / _KEPT, msgspec.json.format(msgspec.json.encode(self.kept)))


@contextmanager
def held_folder(path: Path) -> Iterator[Folder]:
    """The folder, made if need be, and held until the end. Raises FolderInUse and FolderUnusable."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise FolderUnusable(f"The data folder {path} cannot be used: {error.strerror}.") from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise FolderInUse(f"Another demo is using the data folder {path}; choose one with --data.") from None
        yield Folder(path)
    finally:
        os.close(lock)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, all at once: nobody ever sees half of it. Raises FolderUnusable."""
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        half.unlink(missing_ok=True)
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    except OSError as error:
        raise FolderUnusable(f"{path} cannot be written: {error.strerror}.") from None
