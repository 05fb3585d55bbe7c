"""Runs the official protocol suites against our engine and transport: `make protocol-suites PROTOCOL_SUITES=DIR`.

DIR holds clones of https://github.com/socketio/engine.io-protocol and https://github.com/socketio/socket.io-protocol.
The suites name port 3000; a copy of each is made to name a free one.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SUITES = ("engine.io-protocol", "socket.io-protocol")


def main(folder: str) -> int:
    """Run every suite, print what mocha prints, and exit 1 when a test failed or a suite is not there."""
    missing = [name for name in SUITES if not (Path(folder) / name / "test-suite" / "test-suite.js").is_file()]
    if not folder or missing:
        print(f"PROTOCOL_SUITES must name a folder with clones of {' and '.join(SUITES)}.", file=sys.stderr)
        return 1
    with subprocess.Popen(
        [sys.executable, "-m", "tests.realtime.protocol.echo", "0"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        try:
            return max(_run(Path(folder) / name / "test-suite", address) for name in SUITES)
        finally:
            server.terminate()


def _run(suite: Path, address: str) -> int:
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "suite"
        shutil.copytree(suite, copy)
        script = copy / "test-suite.js"
        script.write_text(script.read_text().replace("localhost:3000", address))
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=copy, check=True)
        return subprocess.run(["npx", "mocha", "test-suite.js"], cwd=copy, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
