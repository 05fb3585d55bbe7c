"""Taking secrets out of a table so that the database's files do not keep them either."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.postgres import PostgresDatabase
from tabletap.infra.db.sqlite import SqliteDatabase, connect


@asynccontextmanager
async def leaving_no_trace(db: AnyDatabase, table: str) -> AsyncIterator[None]:
    """While inside, overwrite secrets in a table; afterwards their old bytes are gone from the database's own files.

    Copies that were made before (backups, archived logs, the blocks of a disk) still have them: change such secrets.
    """
    if isinstance(db, PostgresDatabase):
        yield
        await db.system_pool.execute(f'VACUUM "{table}"')  # what an update replaced stays in the file until then
        return
    await db.on_writer(lambda execute: execute("PRAGMA secure_delete=ON"))
    yield
    await asyncio.to_thread(_empty_log, db)


def _empty_log(db: SqliteDatabase) -> None:
    """Carry the write-ahead log into the file and cut it off: it has the old pages."""
    with closing(connect(db.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
