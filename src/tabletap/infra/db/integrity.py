"""Whether the file of a SQLite database is whole: its pages, its indexes, its constraints, what rows point at."""

import re
import sqlite3
from contextlib import closing

from tabletap.infra.db.open import sqlite_path

_MOST = 20
_TREE = re.compile(r"\bTree (\d+)\b")


def damage(url: str) -> list[str]:
    """A sentence for everything that is broken in the database's file, with its place; at most 20 of them.

    None for PostgreSQL, whose server watches over its own files. Takes a while for a large file; changes nothing.
    """
    path = sqlite_path(url)
    if path is None or not path.exists():
        return []
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            connection.text_factory = lambda raw: raw.decode(errors="replace")
            return _broken_pages(connection) or _broken_links(connection)
    except sqlite3.Error as error:
        return [f"the database file cannot be read: {error}"]


def _broken_pages(connection: sqlite3.Connection) -> list[str]:
    found = [line for (text,) in connection.execute(f"PRAGMA integrity_check({_MOST})") for line in text.split("\n")]
    lines = [line for line in found if line != "ok" and not line.startswith("***")]
    return [f"the database file is damaged: {_named(connection, line)}" for line in lines[:_MOST]]


def _named(connection: sqlite3.Connection, line: str) -> str:
    """SQLite names a table or an index by its root page alone: put its name there."""

    def name(match: re.Match[str]) -> str:
        row = connection.execute("SELECT type, name FROM sqlite_schema WHERE rootpage = ?", [int(match[1])]).fetchone()
        return f"{row[0]} {row[1]}" if row else match[0]

    try:
        return _TREE.sub(name, line)
    except sqlite3.Error:
        return line


def _broken_links(connection: sqlite3.Connection) -> list[str]:
    return [
        f"row {row_id} of {table} points at a row of {parent} that is not there"
        for table, row_id, parent, _ in connection.execute("PRAGMA foreign_key_check").fetchmany(_MOST)
    ]
