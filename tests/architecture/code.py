"""Our code as the architecture tests read it: parsed files, where each belongs, and what each imports."""

import ast
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCE = REPOSITORY / "src" / "tabletap"
_CODE_FOLDERS = ("src", "tests", "scripts", "bench")
_NOT_OURS = {".git", ".venv", "node_modules", "__pycache__", "dist", "build", "static"}

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Import:
    """One imported name: `from a.b import c` imports `a.b.c`."""

    name: str
    line: int

    def is_of(self, *packages: str) -> bool:
        """Whether it comes from one of the packages or from inside one."""
        return any(self.name == package or self.name.startswith(f"{package}.") for package in packages)


@dataclass(frozen=True)
class File:
    """One Python file."""

    path: Path

    @cached_property
    def text(self) -> str:
        """What is in it."""
        return self.path.read_text()

    @cached_property
    def lines(self) -> list[str]:
        """Its lines."""
        return self.text.splitlines()

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax."""
        return ast.parse(self.text, str(self.path))

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Everything in its syntax."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def place(self) -> tuple[str, ...]:
        """Where it is inside the package: ("payments", "gateways", "cash")."""
        return self.path.relative_to(SOURCE).with_suffix("").parts

    @property
    def package(self) -> str:
        """The layer it belongs to: "payments"."""
        return self.place[0]

    def at(self, line: int) -> str:
        """How a fault in it is told."""
        return f"{self.path.relative_to(REPOSITORY)}:{line}"

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """Every import, wherever it stands."""
        return tuple(found for node in self.nodes for found in _imports(node))

    @cached_property
    def functions(self) -> tuple[FunctionNode, ...]:
        """Every function and method."""
        return tuple(node for node in self.nodes if isinstance(node, FunctionNode))


def _imports(node: ast.AST) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        yield from (Import(alias.name, node.lineno) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (Import(f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


_file = cache(File)
"""One for each path, so that each is read once."""


@cache
def source_files() -> tuple[File, ...]:
    """What we ship."""
    return tuple(_file(path) for path in sorted(SOURCE.rglob("*.py")))


@cache
def all_files() -> tuple[File, ...]:
    """What we ship, its tests, scripts and benchmarks."""
    paths = (path for folder in _CODE_FOLDERS for path in sorted((REPOSITORY / folder).rglob("*.py")))
    return tuple(_file(path) for path in paths)


@cache
def repository_texts() -> tuple[tuple[str, str], ...]:
    """Every text file that is or would be committed, as (path, text)."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(listing, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    names = done.stdout.split("\0") if done.returncode == 0 else [*_walk()]
    paths = (REPOSITORY / name for name in names if name)
    return tuple((str(path.relative_to(REPOSITORY)), text) for path in paths if (text := _text(path)) is not None)


def _walk() -> Iterator[str]:
    """The same without git: everything but what is made, not written."""
    for path in REPOSITORY.rglob("*"):
        place = path.relative_to(REPOSITORY)
        if path.is_file() and not _NOT_OURS & set(place.parts):
            yield str(place)


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
        return None


@cache
def project() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


def layers() -> list[list[str]]:
    """The layer contract's lines, top first."""
    [contract] = [each for each in project()["tool"]["importlinter"]["contracts"] if each["id"] == "layers"]
    assert contract["exhaustive"], "an unlisted package must fail the build"
    return [[name.strip(" ()") for name in line.split("|")] for line in contract["layers"]]
