"""`tabletap streams restart`, as it is given after a backup was restored."""

import asyncio
import re
from pathlib import Path

import pytest

from tabletap.kernel.ids import new_id
from tests.cli.conftest import Command
from tests.support.services import create_database, drop_database


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_streams_begin_again_in_all_cafes_or_in_one(
    command: Command, tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    # given
    server, name = "", f"restart_{new_id().replace('-', '')}"
    url = f"sqlite:///{tmp_path}/tabletap.db"
    if engine == "postgres":
        server = request.getfixturevalue("postgres_url")
        url = asyncio.run(create_database(server, name))
    settings = {"TABLETAP_DATABASE_URL": url}
    assert command("migrate", **settings).code == 0
    cafes = [command("cafe", "create", "--name", each, **settings).out.split()[1] for each in ("Nook", "Den")]

    # when
    all_of_them = command("streams", "restart", **settings)
    one = command("streams", "restart", "--cafe", cafes[0], **settings)
    nobody = command("streams", "restart", "--cafe", new_id(), **settings)

    # then
    first = dict(re.findall(r"Cafe (\S+): every stream begins epoch (\d+);", all_of_them.out))
    again = dict(re.findall(r"Cafe (\S+): every stream begins epoch (\d+);", one.out))
    assert (set(first), set(again)) == (set(cafes), {cafes[0]})
    assert int(again[cafes[0]]) > int(first[cafes[0]]) > 1
    assert (nobody.code, nobody.sentence) == (1, "There is no cafe with that id.")
    if server:
        asyncio.run(drop_database(server, name))
