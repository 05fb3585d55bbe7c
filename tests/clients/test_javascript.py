"""The JavaScript client (clients/javascript): its own tests, run by Node, against a real server on each engine."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.clients.control import controlled
from tests.conftest import Node
from tests.support import programs
from tests.support.world import World, running

TESTS = programs.REPOSITORY / "clients" / "javascript" / "test"


async def run(node: Node, *files: Path, **environment: str) -> str:
    """What the tests of these files print; fails with it when one of them failed."""
    process = await asyncio.create_subprocess_exec(
        node.program,
        "--test",
        *files,
        env={**node.environment, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        printed, _ = await asyncio.wait_for(process.communicate(), 110)
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode == 0, printed.decode()
    return printed.decode()


def told(world: World, folder: Path, **more: str) -> str:
    """A file with what the tests need to know."""
    cafe = world.home
    content = {
        "worldUrl": world.url,
        "cafeId": cafe.id,
        "menuItemId": cafe.menu["Espresso"].id,
        "tokens": cafe.tokens,
        **more,
    }
    path = folder / "told.json"
    path.write_text(json.dumps(content))
    return str(path)


async def test_its_parts_do_what_their_tests_say(node: Node) -> None:
    printed = await run(node, TESTS / "parts.test.mjs")

    assert "fail 0" in printed


@pytest.mark.slow
async def test_it_loses_nothing_and_does_nothing_twice_whatever_happens_to_line_and_server(
    engine_name: str, tmp_path: Path, node: Node, request: pytest.FixtureRequest
) -> None:
    postgres_url = request.getfixturevalue("postgres_url") if engine_name == "postgres" else None
    async with running(tmp_path / "world", engine_name, postgres_url) as world, controlled(world) as (process, control):
        file = told(world, tmp_path, url=process.url, control=control)
        printed = await run(node, TESTS / "live.test.mjs", TABLETAP_TOLD=file)

    assert "fail 0" in printed
