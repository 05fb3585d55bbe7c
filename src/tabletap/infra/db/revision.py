"""Which schema a database has and which one we need, without changing anything."""

import sqlite3
from pathlib import Path

import asyncpg
from alembic.config import Config
from alembic.script import ScriptDirectory

from tabletap.infra.db.open import sqlite_path
from tabletap.infra.db.transaction import DatabaseAway
from tabletap.kernel.errors import Kind, Refusal

_VERSION = "SELECT version_num FROM alembic_version"


class SchemaNotCurrent(Refusal):
    """The database does not have the current schema; run `tabletap migrate`."""

    code, kind = "schema_not_current", Kind.UNAVAILABLE


def newest_revision() -> str:
    """The revision that this version of TableTap works with."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    head = ScriptDirectory.from_config(config).get_current_head()
    assert head is not None, "there is a migration"
    return head


async def current_revision(url: str) -> str | None:
    """The revision that a database has; None: it was never migrated. Raises DatabaseAway when it cannot be asked."""
    path = sqlite_path(url)
    return _of_sqlite(path) if path is not None else await _of_postgres(url)


async def require_current(url: str) -> None:
    """Raise SchemaNotCurrent unless the database has the schema we work with, DatabaseAway when it cannot be asked."""
    found, needed = await current_revision(url), newest_revision()
    if found is None:
        raise SchemaNotCurrent("The database was never set up; run `tabletap migrate`.")
    if found != needed:
        raise SchemaNotCurrent(f"The database has schema {found}, we need {needed}; run `tabletap migrate`.")


def _of_sqlite(path: Path) -> str | None:
    if not path.exists():
        return None
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            row = connection.execute(_VERSION).fetchone()
        finally:
            connection.close()
    except sqlite3.Error as error:
        if "no such table" in str(error):
            return None
        raise DatabaseAway(f"The database file {path} cannot be read: {error}.") from None
    return str(row[0]) if row else None


async def _of_postgres(url: str) -> str | None:
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DatabaseAway(f"The database cannot be reached: {_reason(error)}.") from None
    try:
        found: str | None = await connection.fetchval(_VERSION)
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()
    return found


def _reason(error: Exception) -> str:
    return str(error).strip().rstrip(".").split("\n")[0] or type(error).__name__
