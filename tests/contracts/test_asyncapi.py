"""asyncapi.json as strangers read it: by the official parser."""

import json
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tabletap.realtime.asyncapi import document
from tests.conftest import Node
from tests.support import programs

HERE = Path(__file__).parent / "asyncapi"
ADDRESS = "https://cafe.example"


def read_by_the_official_parser(node: Node, file: Path) -> Any:
    """What it complains of, and what it found."""
    if not (HERE / "node_modules").is_dir():
        raise programs.ProgramMissing("The AsyncAPI parser is not installed: `make services` installs it.")
    script = [node.program, HERE / "validate.mjs", file]
    done = subprocess.run(script, env=node.environment, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_the_official_parser_reads_the_document_without_complaint(node: Node) -> None:
    told = read_by_the_official_parser(node, programs.REPOSITORY / "docs" / "reference" / "asyncapi.json")

    assert told["faults"] == []
    assert told["found"]["version"] == "3.0.0"
    assert set(told["found"]["channels"]) == {"/orders", "/kitchen", "/counter", "/customers", "/payments", "/admin"}
    assert told["found"]["messages"] == len(document(ADDRESS)["components"]["messages"])


def test_the_document_names_the_server_it_comes_from() -> None:
    [server] = document(ADDRESS)["servers"].values()

    assert (server["protocol"], server["host"], server["pathname"]) == ("wss", "cafe.example", "/socket.io")


def test_the_page_in_the_repository_is_the_document() -> None:
    page = json.loads((programs.REPOSITORY / "docs" / "reference" / "asyncapi.json").read_text())

    assert page == msgspec.to_builtins(document("http://127.0.0.1:8000"))
