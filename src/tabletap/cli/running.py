"""Running until somebody says stop."""

import asyncio
import gc
import signal
from collections.abc import Coroutine
from typing import Any

from uvicorn.config import Config

from tabletap.infra.logs import set_up_logs
from tabletap.infra.settings import Settings

_COLLECT_AFTER = (20_000, 20, 20)
"""New objects before the young ones are looked at; how many such looks before older ones are (gc.set_threshold)."""


def run(command: Coroutine[Any, Any, None]) -> None:
    """Run a command on the quickest event loop there is: uvloop, where it is installed."""
    with asyncio.Runner(loop_factory=Config("", loop="auto", log_config=None).get_loop_factory()) as runner:
        runner.run(command)


def keep_what_is_set_up() -> None:
    """Have the garbage collector leave alone what was set up, and look at the rest less often. Safe to repeat.

    With the 270,000 objects of the libraries and of the app, which never go, a whole look takes over 100 ms in which
    nobody is answered. Most of what a request makes goes with its last reference and waits for no look.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


def stop_signal() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set, instead of ending the process."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    return stopped


def begin_logs(settings: Settings, *, quiet: bool = False) -> None:
    """Log as the settings say; a command that prints for people keeps its daily business to itself."""
    level = "warning" if quiet and settings.log_level == "info" else settings.log_level
    set_up_logs(level, settings.log_format)
