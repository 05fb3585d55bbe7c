"""`tabletap serve` and `tabletap work`: the server in one or several processes, and background jobs alone."""

import logging
import os
import signal
import socket
import time
from contextlib import suppress

import msgspec

from tabletap.app import App
from tabletap.cli.running import begin_logs, keep_what_is_set_up, run, stop_signal
from tabletap.cli.serving import Server, bind
from tabletap.infra.crash import crash_at
from tabletap.infra.db.open import sqlite_path
from tabletap.infra.db.revision import require_current
from tabletap.infra.settings import Settings, SettingsError, load_settings

_log = logging.getLogger(__name__)
_STOPPING = (signal.SIGINT, signal.SIGTERM)
_PAUSE_SECONDS = 1
"""Before a worker that died is started again."""


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    """How the server was asked for; what is None is as the settings say."""

    host: str | None = None
    port: int | None = None
    workers: int | None = None
    jobs: bool = True


def serve(asked: Serving) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises SettingsError for a weak secret or several workers on SQLite, AddressInUse, SchemaNotCurrent, DatabaseAway.
    """
    settings = _with(load_settings(), asked)
    begin_logs(settings)
    secret = settings.require_strong_secret()
    if settings.workers > 1 and sqlite_path(settings.database_url) is not None:
        raise SettingsError(
            f"{settings.workers} workers need PostgreSQL: SQLite serves one process. Set TABLETAP_DATABASE_URL to a "
            "postgresql:// address, or leave --workers at 1."
        )
    run(require_current(settings.database_url))
    listening = bind(settings.host, settings.port)
    settings = msgspec.structs.replace(settings, port=listening.getsockname()[1])
    if settings.workers == 1:
        run(_serve(settings, secret, listening, with_jobs=asked.jobs))
    else:
        _supervise(settings, secret, listening, with_jobs=asked.jobs)


def _with(settings: Settings, asked: Serving) -> Settings:
    named = {name: getattr(asked, name) for name in ("host", "port", "workers") if getattr(asked, name) is not None}
    return msgspec.structs.replace(settings, **named)


async def _serve(settings: Settings, secret: str, listening: socket.socket, *, with_jobs: bool) -> None:
    stopped = stop_signal()
    _obey_crash_at(settings)
    app = App(settings, secret)
    server = Server(app, listening)
    await server.start(with_jobs=with_jobs)
    keep_what_is_set_up()
    _log.info("TableTap answers at %s", app.public_url)
    await stopped.wait()
    _log.info("stopping")
    await server.stop()


async def work() -> None:
    """Run background jobs until SIGINT or SIGTERM. Raises SchemaNotCurrent and DatabaseAway."""
    stopped = stop_signal()
    settings = load_settings()
    begin_logs(settings)
    await require_current(settings.database_url)
    _obey_crash_at(settings)
    app = App(settings, settings.require_strong_secret())
    await app.open()
    await app.jobs.start()
    keep_what_is_set_up()
    _log.info("background jobs run")
    await stopped.wait()
    _log.info("stopping")
    await app.stop()


def _obey_crash_at(settings: Settings) -> None:
    if settings.crash_at is not None:
        _log.warning(
            "TABLETAP_CRASH_AT is set: this process kills itself at %s, which is for tests alone", settings.crash_at
        )
    crash_at(settings.crash_at)


# --- several processes --------------------------------------------------------------------


def _supervise(settings: Settings, secret: str, listening: socket.socket, *, with_jobs: bool) -> None:
    """Keep the workers running on one socket until SIGINT or SIGTERM, then let each finish what it does."""
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True
        for process_id in workers:
            with suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGTERM)

    workers: set[int] = set()
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    workers.update(_forked(settings, secret, listening, with_jobs) for _ in range(settings.workers))
    for number in _STOPPING:
        signal.signal(number, stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
    while workers:
        process_id, status = os.wait()
        workers.discard(process_id)
        if not stopping:
            _log.error("worker %s ended with status %s and is started again", process_id, status)
            time.sleep(_PAUSE_SECONDS)
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
        if not stopping:
            workers.add(_forked(settings, secret, listening, with_jobs))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)


def _forked(settings: Settings, secret: str, listening: socket.socket, with_jobs: bool) -> int:
    """Start a worker and answer its process id. Signals are held back until both sides are ready for them."""
    process_id = os.fork()
    if process_id:
        return process_id
    status = 1
    try:
        for number in _STOPPING:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
        run(_serve(settings, secret, listening, with_jobs=with_jobs))
        status = 0
    except BaseException:  # noqa: BLE001 - this is the end of a process of its own: it is logged, not raised
        _log.exception("a worker failed")
    finally:
        os._exit(status)
