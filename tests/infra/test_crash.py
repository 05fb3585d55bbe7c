"""Places at which a test may have the process die: named, counted, and nowhere else."""

import pytest

from tabletap.infra.crash import CRASH_POINTS, CrashPoint, crash_at, crash_point, read_crash_at, struck_by
from tabletap.infra.settings import SettingsError, load_settings
from tests.architecture.code import SOURCE


@pytest.mark.parametrize("text", ["start", "start.recorded:", "start.recorded:0", "start.recorded:x", "START.BEGUN"])
def test_a_place_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"start\.begun"):
        crash_at(text)
    with pytest.raises(SettingsError, match="TABLETAP_CRASH_AT must be one of"):
        load_settings({"TABLETAP_CRASH_AT": text}, None)


def test_a_place_and_its_pass_are_read_as_they_are_written() -> None:
    assert read_crash_at("start.recorded:3") == "start.recorded:3"
    assert load_settings({"TABLETAP_CRASH_AT": "job.done"}, None).crash_at == "job.done"


def test_without_the_setting_nobody_dies() -> None:
    crash_at(load_settings({}, None).crash_at)

    for name in CRASH_POINTS:
        crash_point(name)

    assert load_settings({}, None).crash_at is None


def test_a_test_hears_of_every_place_while_it_listens_and_no_longer() -> None:
    passed: list[CrashPoint] = []

    with struck_by(passed.append):
        crash_point("cash.begun")
    crash_point("cash.taken")

    assert passed == ["cash.begun"]


def test_every_place_is_somewhere_and_only_once() -> None:
    source = "".join(path.read_text() for path in SOURCE.rglob("*.py"))

    assert [name for name in CRASH_POINTS if source.count(f'crash_point("{name}")') != 1] == []
    assert source.count('crash_point("') == len(CRASH_POINTS)
