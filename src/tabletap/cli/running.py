"""Running until somebody says stop."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

from uvicorn.config import Config

from tabletap.infra.logs import set_up_logs
from tabletap.infra.settings import Settings


def run(command: Coroutine[Any, Any, None]) -> None:
    """Run a command on the quickest event loop there is: uvloop, where it is installed."""
    with asyncio.Runner(loop_factory=Config("", loop="auto", log_config=None).get_loop_factory()) as runner:
        runner.run(command)


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
