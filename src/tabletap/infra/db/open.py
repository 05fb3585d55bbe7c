"""Choose the engine by the database's URL."""

from pathlib import Path

from tabletap.infra.db.postgres import PostgresDatabase
from tabletap.infra.db.sqlite import SqliteDatabase
from tabletap.infra.db.transaction import Follow, Publish
from tabletap.kernel.clock import Clock

AnyDatabase = PostgresDatabase | SqliteDatabase


def sqlite_path(url: str) -> Path | None:
    """The file of a `sqlite:///relative` or `sqlite:////absolute` URL, None for another engine."""
    prefix = "sqlite:///"
    return Path(url[len(prefix) :]) if url.startswith(prefix) else None


def open_database(url: str, clock: Clock, follow: Follow, publish: Publish, connections: int = 4) -> AnyDatabase:
    """The engine for the URL, not started yet. `follow` are the reactions, `publish` hears of committed events."""
    path = sqlite_path(url)
    if path is not None:
        return SqliteDatabase(path, clock, follow, publish)
    return PostgresDatabase(url, clock, follow, publish, connections)
