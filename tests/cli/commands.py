"""Runs `tabletap` as people do: the installed program, an environment of its own, an empty working folder."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

PROGRAM = Path(sys.executable).parent / "tabletap"
SECRET = "5f0d7c1e9ab24863f7e1d0c2b3a49586a7c8e9d0f1b2c3d4"
PATIENCE_SECONDS = 60


class Done(msgspec.Struct, frozen=True):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one line on stderr that says why not."""
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0]


def environment(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Our own, without settings that happen to be there; compiled modules are kept, or every start would be slow."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("TABLETAP_")}
    ours.pop("PYTHONDONTWRITEBYTECODE", None)
    return ours | dict(settings or {})


async def begin(folder: Path, *arguments: str | Path, **settings: str) -> asyncio.subprocess.Process:
    """Start a command in a folder."""
    return await asyncio.create_subprocess_exec(
        PROGRAM,
        *map(str, arguments),
        cwd=folder,
        env=environment(settings),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def end_of(process: asyncio.subprocess.Process, given: str = "") -> Done:
    """How a command ended that was given something on stdin; it is killed when it does not end."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            out, err = await process.communicate(given.encode())
    except TimeoutError:
        process.kill()
        out, err = await process.communicate()
    assert process.returncode is not None
    return Done(process.returncode, out.decode(), err.decode())


async def tabletap(folder: Path, *arguments: str | Path, given: str = "", **settings: str) -> Done:
    """Run a command to its end."""
    return await end_of(await begin(folder, *arguments, **settings), given)


class Demo:
    """A demo that answers requests."""

    def __init__(self, process: asyncio.subprocess.Process, ready: dict[str, Any], session: aiohttp.ClientSession):
        self.process, self.ready, self.session = process, ready, session

    async def call(
        self, verb: str, path: str, who: str | None = None, body: Any = None, key: str | None = None
    ) -> tuple[int, Any]:
        """One request below /api/v1."""
        headers = {"Authorization": f"Bearer {self.ready['users'][who]['accessToken']}"} if who else {}
        if key is not None:
            headers["Idempotency-Key"] = key
        async with self.session.request(
            verb, f"{self.ready['url']}/api/v1{path}", json=body, headers=headers
        ) as response:
            return response.status, await response.json()

    async def control(self, verb: str, path: str) -> Any:
        """The sandbox's control API."""
        async with self.session.request(verb, f"{self.ready['payconic']['controlUrl']}{path}") as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def pay_by_card(self, key: str) -> dict[str, Any]:
        """The customer orders the first thing on the menu and starts to pay by card."""
        item = {"menuItemId": self.ready["menu"][0]["id"], "quantity": 1}
        status, order = await self.call("POST", "/orders", "customer", {"items": [item]})
        assert status == 201, order
        body = {"orderId": order["id"], "paymentMethod": "payconic_card"}
        status, payment = await self.call("POST", "/payments", "customer", body, key)
        assert status == 201, payment
        found: dict[str, Any] = payment
        return found

    async def until_completed(self, payment_id: str) -> dict[str, Any]:
        """The payment once it is completed."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                status, payment = await self.call("GET", f"/payments/{payment_id}", "manager")
                assert status == 200, payment
                if payment["status"] == "completed":
                    found: dict[str, Any] = payment
                    return found
                await asyncio.sleep(0.05)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> Done:
        """Send a signal and see how it ends."""
        self.process.send_signal(number)
        return await end_of(self.process)


@asynccontextmanager
async def demo(folder: Path, *arguments: str | Path, **settings: str) -> AsyncIterator[Demo]:
    """A demo on any port with its data in `folder/data`, killed at the end if it still runs."""
    ready = folder / "ready.json"
    ready.unlink(missing_ok=True)
    process = await begin(
        folder, "demo", "--port", "0", "--data", folder / "data", "--ready-file", ready, *arguments, **settings
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not ready.exists():
                assert process.returncode is None, await end_of(process)
                await asyncio.sleep(0.02)
        async with aiohttp.ClientSession() as session:
            yield Demo(process, msgspec.json.decode(ready.read_bytes()), session)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def line_of(process: asyncio.subprocess.Process) -> str:
    """The next line that a running command prints."""
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        return (await process.stdout.readline()).decode().strip()


async def until_it_logs(process: asyncio.subprocess.Process, words: str) -> None:
    """Read what a running command logs up to the next line with these words."""
    assert process.stderr is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        while words not in (line := (await process.stderr.readline()).decode()):
            assert line, f"it ended without saying {words!r}"
