"""The scripts' pure modules, and their types: run by Node."""

import subprocess
from pathlib import Path

import pytest

from tests.conftest import Node
from tests.support import programs


def test_the_modules_do_what_their_own_tests_say(node: Node) -> None:
    tests = Path(__file__).with_name("modules.test.mjs")
    done = subprocess.run(
        [node.program, "--test", tests], env=node.environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_the_scripts_keep_to_their_types(node: Node) -> None:
    compiler = programs.REPOSITORY / "node_modules" / "typescript" / "bin" / "tsc"
    done = subprocess.run(
        [node.program, compiler, "--project", "tsconfig.json"],
        cwd=programs.REPOSITORY, env=node.environment, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout
