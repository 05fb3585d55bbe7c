"""The tables of the job queue: made by the library itself on PostgreSQL, by the same names and columns on SQLite.

Both get one column of ours, `starts`: how often a job was started since it last ended in order. It is raised by the
statement that claims the job, so a job that kills its process is counted before it runs.
"""

import sqlite3
from typing import TYPE_CHECKING

from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.queries import Queries

from tabletap.infra.db.postgres import TENANT_ROLE

if TYPE_CHECKING:
    import asyncpg

_POSTGRES_STARTS = """
DO $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = 'pgqueuer'::regclass AND attname = 'starts') THEN
    ALTER TABLE pgqueuer ADD COLUMN starts integer NOT NULL DEFAULT 0;
  END IF;
END $$;
CREATE OR REPLACE FUNCTION tabletap_count_starts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.status = 'picked' THEN NEW.starts := OLD.starts + 1;
  ELSIF NEW.status = 'queued' THEN NEW.starts := 0; END IF;
  RETURN NEW;
END $$;
DO $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = 'pgqueuer'::regclass AND tgname = 'count_starts') THEN
    CREATE TRIGGER count_starts BEFORE UPDATE OF status ON pgqueuer
    FOR EACH ROW EXECUTE FUNCTION tabletap_count_starts();
  END IF;
END $$;
"""
_POSTGRES_RIGHTS = f"""
GRANT INSERT, SELECT (id, entrypoint, priority) ON pgqueuer TO {TENANT_ROLE};
GRANT INSERT ON pgqueuer_log TO {TENANT_ROLE};
GRANT USAGE ON SEQUENCE pgqueuer_id_seq TO {TENANT_ROLE};
"""
"""A tenant may enqueue and hear the new job's number. What other cafes' jobs carry it cannot see."""

_SQLITE = (
    """CREATE TABLE IF NOT EXISTS pgqueuer (
      id INTEGER PRIMARY KEY AUTOINCREMENT, priority INTEGER NOT NULL, queue_manager_id TEXT, created REAL NOT NULL,
      updated REAL NOT NULL, heartbeat REAL NOT NULL, execute_after REAL NOT NULL, status TEXT NOT NULL,
      entrypoint TEXT NOT NULL, dedupe_key TEXT, payload BLOB, headers TEXT, attempts INTEGER NOT NULL DEFAULT 0,
      starts INTEGER NOT NULL DEFAULT 0
    )""",
    """CREATE TABLE IF NOT EXISTS pgqueuer_log (
      id INTEGER PRIMARY KEY AUTOINCREMENT, created REAL NOT NULL, job_id INTEGER NOT NULL, status TEXT NOT NULL,
      priority INTEGER NOT NULL, entrypoint TEXT NOT NULL, traceback TEXT
    )""",
    """CREATE TABLE IF NOT EXISTS pgqueuer_schedules (
      id INTEGER PRIMARY KEY AUTOINCREMENT, expression TEXT NOT NULL, entrypoint TEXT NOT NULL,
      heartbeat REAL NOT NULL, created REAL NOT NULL, updated REAL NOT NULL, next_run REAL NOT NULL, last_run REAL,
      status TEXT NOT NULL DEFAULT 'queued', UNIQUE (expression, entrypoint)
    )""",
    # By time first: most jobs that wait are due later, and a claim must not read past all of them.
    "CREATE INDEX IF NOT EXISTS pgqueuer_due ON pgqueuer (execute_after, entrypoint) WHERE status = 'queued'",
    "CREATE INDEX IF NOT EXISTS pgqueuer_picked ON pgqueuer (heartbeat) WHERE status = 'picked'",
    "CREATE INDEX IF NOT EXISTS pgqueuer_failed ON pgqueuer (id) WHERE status = 'failed'",
    """CREATE UNIQUE INDEX IF NOT EXISTS pgqueuer_unique_dedupe_key ON pgqueuer (dedupe_key)
    WHERE dedupe_key IS NOT NULL AND status IN ('queued', 'picked')""",
    "CREATE INDEX IF NOT EXISTS pgqueuer_log_job ON pgqueuer_log (job_id)",
    "CREATE INDEX IF NOT EXISTS pgqueuer_log_created ON pgqueuer_log (created)",
)


async def install_postgres(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Make or bring up to date the queue's tables, and let tenants enqueue. Safe to repeat; the role must exist."""
    await Queries(AsyncpgDriver(connection)).upgrade()
    await connection.execute(_POSTGRES_STARTS)
    await connection.execute(_POSTGRES_RIGHTS)


def install_sqlite(connection: sqlite3.Connection) -> None:
    """Make the queue's tables, within the caller's transaction if there is one. Safe to repeat."""
    for statement in _SQLITE:
        connection.execute(statement)
