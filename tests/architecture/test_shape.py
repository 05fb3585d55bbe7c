"""Size and finish: short files, short functions, nothing half-done, every opt-out with its reason."""

import ast
import re

import pytest

from tests.architecture.code import File, all_files, source_files

FEWER_LINES_A_FILE = 400
FEWER_LINES_A_FUNCTION = 60
MOST_TYPE_IGNORES = 10

_UNFINISHED = re.compile(r"\b(TODO|FIXME|HACK|[Ss]tubbed|[Aa] stub|NotImplementedError)\b")
_EMPTY_NAMES = re.compile(r"(Manager|Helper|Utils?|Base|Impl)s?$")
_EMPTY_MODULES = re.compile(r"^(.*_)?(manager|helper|util|base|impl|common|misc)s?$")
_OPT_OUT = re.compile(r"#\s*(type: ignore|noqa|pragma: no cover)\b")
_REASONED = re.compile(
    r"#\s*(type: ignore\[[a-z, -]+\]|noqa: [A-Z0-9, ]*[0-9]|pragma: no (cover|branch))\s+(#|-|—)\s*\w+"
)


def _written_by_alembic(file: File) -> bool:
    """A migration is a list of steps in the order they are taken; splitting it would only hide that."""
    return "versions" in file.path.parts


@pytest.fixture
def own_files() -> list[File]:
    """All our code but this page, which names what it forbids."""
    return [file for file in all_files() if file.path.name != "test_shape.py"]


def test_every_file_can_be_read_in_one_sitting() -> None:
    long = [
        f"{file.at(1)}: {len(file.lines)} lines"
        for file in all_files()
        if len(file.lines) >= FEWER_LINES_A_FILE and not _written_by_alembic(file)
    ]

    assert long == []


def test_every_function_fits_on_a_screen() -> None:
    long = [
        f"{file.at(function.lineno)}: {function.name} has {length} lines"
        for file in all_files()
        for function in file.functions
        if (length := (function.end_lineno or 0) - function.lineno + 1) >= FEWER_LINES_A_FUNCTION
        and not _written_by_alembic(file)
    ]

    assert long == []


def test_no_import_hides_in_a_function() -> None:
    hidden = {
        file.at(node.lineno)
        for file in all_files()
        for function in file.functions
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }

    assert hidden == set()


def test_nothing_is_left_half_done(own_files: list[File]) -> None:
    unfinished = [
        f"{file.at(number)}: {found[0]}"
        for file in own_files
        for number, line in enumerate(file.lines, start=1)
        if (found := _UNFINISHED.search(line))
    ]

    assert unfinished == []


def test_no_name_says_nothing() -> None:
    classes = [
        f"{file.at(node.lineno)}: {node.name}"
        for file in source_files()
        for node in file.nodes
        if isinstance(node, ast.ClassDef) and _EMPTY_NAMES.search(node.name)
    ]
    modules = [file.at(1) for file in source_files() if _EMPTY_MODULES.match(file.path.stem)]

    assert classes + modules == []


def test_every_file_says_what_lives_in_it() -> None:
    silent = [file.at(1) for file in all_files() if not ast.get_docstring(file.tree)]

    assert silent == []


def test_every_opt_out_of_a_check_names_the_check_and_the_reason(own_files: list[File]) -> None:
    bare = [
        f"{file.at(number)}: {line.strip()}"
        for file in own_files
        for number, line in enumerate(file.lines, start=1)
        if _OPT_OUT.search(line) and not _REASONED.search(line)
    ]

    assert bare == []


def test_types_are_rarely_ignored(own_files: list[File]) -> None:
    ignores = [
        file.at(number)
        for file in own_files
        for number, line in enumerate(file.lines, start=1)
        if "# type: ignore" in line
    ]

    assert len(ignores) <= MOST_TYPE_IGNORES, ignores


def test_every_test_asserts_something() -> None:
    tests = [
        (file, function)
        for file in all_files()
        if file.path.name.startswith("test_")
        for function in file.functions
        if function.name.startswith("test_")
    ]
    silent = [file.at(test.lineno) for file, test in tests if not any(map(_asserts, ast.walk(test)))]

    assert silent == []


def _asserts(node: ast.AST) -> bool:
    """An assert, `pytest.raises`, Playwright's `expect`, or a function that is named for what it asserts."""
    if isinstance(node, ast.Assert):
        return True
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in {"raises", "expect", "fail"} or name.lstrip("_").startswith("assert_")
