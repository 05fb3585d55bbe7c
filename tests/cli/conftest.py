"""Commands that serve nobody run in this process, because a Python with everything in it takes seconds to start."""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tabletap.cli.main import main
from tests.cli.commands import Done

Command = Callable[..., Done]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Run a command to its end in an empty folder, with these settings and this on stdin."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("TABLETAP_")]:
        monkeypatch.delenv(name)

    def run(*arguments: str | Path, **settings: str) -> Done:
        with monkeypatch.context() as moment:
            moment.setattr(sys, "argv", ["tabletap", *map(str, arguments)])
            for name, value in settings.items():
                moment.setenv(name, value)
            capsys.readouterr()
            with pytest.raises(SystemExit) as end:
                main()
        out, err = capsys.readouterr()
        code = end.value.code
        assert isinstance(code, int)
        return Done(code, out, err)

    yield run
    root.handlers[:] = handlers
    root.setLevel(level)
