"""The repository as a stranger finds it: no trace of one machine, locks without addresses, links that lead on."""

import json
import re

import pytest

from tests.architecture.code import REPOSITORY, project, repository_texts

_OF_ONE_MACHINE = re.compile(r"(?<![\w.}-])/(work|root|home/\w+)/|registry\.npmjs|pythonhosted|pypi\.org/simple")
_LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")
_FIRST_LEVEL = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "LICENSE", "Makefile", ".ci/run"]


def test_no_file_names_a_place_on_one_machine() -> None:
    faults = [
        f"{path}:{number}: {line.strip()[:100]}"
        for path, text in repository_texts()
        if not path.endswith("test_repository.py")
        for number, line in enumerate(text.splitlines(), start=1)
        if _OF_ONE_MACHINE.search(line)
    ]

    assert faults == []


def test_python_locks_pin_every_package_by_hash_and_name_no_address() -> None:
    locks = sorted((REPOSITORY / "requirements").glob("*.txt"))
    assert locks

    for lock in locks:
        text = lock.read_text()
        assert "://" not in text, lock
        assert "--index-url" not in text, lock
        entries = re.split(r"\n(?=[a-z])", text)
        assert [entry.split()[0] for entry in entries if "==" in entry and "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("folder", [".", "bench/live/node", "tests/contracts/asyncapi"])
def test_an_npm_lock_pins_every_package_by_hash_and_names_no_address(folder: str) -> None:
    lock = json.loads((REPOSITORY / folder / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}

    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert [name for name, entry in packages.items() if "integrity" not in entry] == []


def test_the_first_level_of_the_repository_is_complete() -> None:
    assert [name for name in _FIRST_LEVEL if not (REPOSITORY / name).exists()] == []


def test_every_link_between_our_pages_leads_somewhere() -> None:
    dead = [
        f"{path}: {target}"
        for path, text in repository_texts()
        if path.endswith(".md")
        for target in _LINK.findall(text)
        if not (REPOSITORY / path).parent.joinpath(target).exists()
    ]

    assert dead == []


def test_the_build_server_runs_the_command_that_the_readme_names() -> None:
    script = (REPOSITORY / ".ci" / "run").read_text()

    assert "make test" in (REPOSITORY / "README.md").read_text()
    assert re.search(r"^make test\b", script, re.MULTILINE)
    assert re.search(r"^make (--keep-going )?check\b", script, re.MULTILINE)


def test_every_lower_bound_has_an_upper_one_or_a_calendar_version() -> None:
    loose = [
        requirement
        for requirement in project()["project"]["dependencies"]
        if "<" not in requirement and not re.search(r">=20\d\d|>=2\d\.", requirement)
    ]

    assert loose == []
