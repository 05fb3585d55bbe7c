"""The servers that the other tests rely on are what they claim to be."""

import subprocess
from pathlib import Path

import asyncpg
import pytest
import redis.asyncio

from tests.conftest import Node
from tests.support import programs, services


async def test_postgres_writes_through_to_the_disk(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    try:
        settings = {
            name: await connection.fetchval(f"SHOW {name}")
            for name in ("fsync", "synchronous_commit", "server_encoding")
        }
        version = connection.get_server_version().major
    finally:
        await connection.close()

    assert settings == {"fsync": "on", "synchronous_commit": "on", "server_encoding": "UTF8"}
    assert version >= programs.OLDEST_POSTGRES


async def test_a_database_made_from_a_template_starts_with_its_rows(postgres_url: str) -> None:
    template_url = await services.create_database(postgres_url, "services_template")
    connection = await asyncpg.connect(template_url)
    await connection.execute("CREATE TABLE cup (size int); INSERT INTO cup VALUES (250)")
    await connection.close()

    copy_url = await services.create_database(postgres_url, "services_copy", template="services_template")

    connection = await asyncpg.connect(copy_url)
    rows = await connection.fetch("SELECT size FROM cup")
    await connection.close()
    await services.drop_database(postgres_url, "services_copy")
    await services.drop_database(postgres_url, "services_template")
    assert [row["size"] for row in rows] == [250]


async def test_a_dropped_database_is_gone_even_while_somebody_is_connected(postgres_url: str) -> None:
    url = await services.create_database(postgres_url, "services_dropped")
    connection = await asyncpg.connect(url)

    await services.drop_database(postgres_url, "services_dropped")
    await services.drop_database(postgres_url, "services_dropped")

    connection.terminate()
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(url)


async def test_redis_can_be_taken_away_and_brought_back(redis_server: services.Server) -> None:
    async with redis.asyncio.from_url(redis_server.url) as client:
        assert await client.ping()

    redis_server.stop()
    async with redis.asyncio.from_url(redis_server.url) as client:
        with pytest.raises(redis.ConnectionError):
            await client.ping()

    redis_server.start()
    async with redis.asyncio.from_url(redis_server.url) as client:
        assert await client.ping()


def test_chromium_runs(chromium_path: Path) -> None:
    command = [
        str(chromium_path),
        "--headless",
        *services.chromium_arguments(),
        "--dump-dom",
        "data:text/html,<p>coffee</p>",
    ]
    page = subprocess.run(command, capture_output=True, text=True, check=True)

    assert "<p>coffee</p>" in page.stdout


def test_node_finds_the_installed_packages(node: Node) -> None:
    script = "console.log(typeof require('socket.io-client').io)"
    command = [str(node.program), "-e", script]
    answer = subprocess.run(command, env=node.environment, capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == "function"


def test_every_engine_has_its_turn(engine_name: str) -> None:
    assert engine_name in {"sqlite", "postgres"}


def test_a_missing_program_is_named_in_a_plain_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    sentence = programs.missing()["chromium"]

    assert sentence.startswith("Chromium is not installed (looked for chromium, chromium-browser, ")
