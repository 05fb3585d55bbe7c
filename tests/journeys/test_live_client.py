"""The official Socket.IO client lives through a service: all six namespaces, a cut line, and nothing lost."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Node
from tests.support.world import CafeWorld, World, running

SCRIPT = Path(__file__).with_name("live_journey.mjs")


def ready_file(world: World, folder: Path) -> Path:
    """What the demo writes for whoever wants to drive it (contract 1.1), as far as the script reads it."""
    cafe: CafeWorld = world.home
    content = {
        "url": world.url,
        "cafeId": cafe.id,
        "menu": [{"id": item.id, "name": name, "price": item.price} for name, item in cafe.menu.items()],
        "users": {name: {"accessToken": token} for name, token in cafe.tokens.items()},
    }
    path = folder / "ready.json"
    path.write_text(json.dumps(content))
    return path


async def run(node: Node, ready: Path) -> Any:
    """What the script printed; fails with its complaint when it did not end well."""
    process = await asyncio.create_subprocess_exec(
        node.program,
        SCRIPT,
        ready,
        env=node.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, complaint = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, complaint.decode()
    return json.loads(printed)


async def test_the_official_client_sees_a_whole_service_and_resumes_after_a_cut(
    engine_name: str, tmp_path: Path, node: Node, request: pytest.FixtureRequest
) -> None:
    postgres_url = request.getfixturevalue("postgres_url") if engine_name == "postgres" else None
    async with running(tmp_path / "world", engine_name, postgres_url) as world:
        told = await run(node, ready_file(world, tmp_path))

    kitchen = [name for name in told["heard"]["kitchen"] if name != "heartbeat"]
    assert kitchen.count("session_ready") == 3, "connected, and back twice"
    assert kitchen.count("new_paid_order") == 3
    assert told["waiting"] == 2
    assert told["kitchen"] == list(range(1, len(told["kitchen"]) + 1))
