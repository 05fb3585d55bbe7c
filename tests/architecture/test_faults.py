"""The page about the original design's faults names every one, and only tests that exist."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reference/faults.md"
ROWS = dict(re.findall(r"^\| ([A-Z]\d+) \| .+? \| (.+) \|$", PAGE.read_text(), re.MULTILINE))
GROUPS = {
    "A": range(1, 26),
    "B": range(26, 46),
    "C": range(46, 60),
    "D": range(60, 75),
    "E": range(75, 83),
    "F": range(83, 91),
    "G": range(91, 94),
    "H": range(94, 111),
    "I": range(111, 116),
    "L": range(1, 16),
}


@cache
def names_in(path: str) -> frozenset[str]:
    """The names of a file's tests, those inside classes with them."""
    file = ROOT / path
    if not file.is_file():
        return frozenset()
    tree = ast.parse(file.read_text())
    return frozenset(
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    )


def test_every_fault_has_its_row() -> None:
    wanted = {f"{group}{number}" for group, numbers in GROUPS.items() for number in numbers}

    assert set(ROWS) == wanted


def test_every_row_names_a_test_or_says_why_it_cannot_occur() -> None:
    silent = [name for name, shown in ROWS.items() if "::" not in shown and not shown.startswith("Cannot occur")]

    assert silent == []


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"`(tests/\S+?)::(\w+)`", " ".join(ROWS.values()))

    assert len(named) >= len(ROWS) // 2
    assert [f"{path}::{test}" for path, test in named if test not in names_in(path)] == []
