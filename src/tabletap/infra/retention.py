"""Forgetting the events of streams that nobody needs any more (live.md, "Streams").

What goes is always the beginning of a stream: what is kept follows on without a gap, and whoever asks for what is gone
is told to take a snapshot. The heads stay, so that numbers never begin again.
"""

from datetime import datetime, timedelta

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.postgres import PostgresDatabase
from tabletap.infra.db.sqlite import Execute
from tabletap.infra.db.statement import instant_number

BATCH = 500
"""Events that one transaction forgets: it never holds up the events of the day for long."""

# Two events of one moment may stand in their stream in either order, so up to the last old one everything goes.
_ENDS = """
SELECT cafe_id, key, max(seq) AS seq
FROM (SELECT cafe_id, key, seq FROM stream_event WHERE at < {before} ORDER BY at LIMIT {batch}) AS old
GROUP BY cafe_id, key
"""
_FORGET_ON_POSTGRES = f"""
DELETE FROM stream_event USING ({_ENDS.format(before="$1", batch="$2")}) AS ends
WHERE stream_event.cafe_id = ends.cafe_id AND stream_event.key = ends.key AND stream_event.seq <= ends.seq
"""
_ENDS_ON_SQLITE = _ENDS.format(before="?", batch="?")
_FORGET_ON_SQLITE = "DELETE FROM stream_event WHERE cafe_id = ? AND key = ? AND seq <= ?"


async def forget_events(db: AnyDatabase, kept_for: timedelta) -> int:
    """Forget the events of all cafes that are older than that, a few at a time, and answer how many. Safe to repeat."""
    before, forgotten = db.clock.now() - kept_for, 0
    while True:
        batch = await _forget(db, before)
        if batch == 0:
            return forgotten
        forgotten += batch


async def _forget(db: AnyDatabase, before: datetime) -> int:
    if isinstance(db, PostgresDatabase):
        done: str = await db.system_pool.execute(_FORGET_ON_POSTGRES, before, BATCH)
        return int(done.rpartition(" ")[2])
    return await db.on_writer(lambda execute: _forget_on_sqlite(execute, before))


def _forget_on_sqlite(execute: Execute, before: datetime) -> int:
    ends = execute(_ENDS_ON_SQLITE, (instant_number(before), BATCH)).fetchall()
    return sum(execute(_FORGET_ON_SQLITE, end).rowcount for end in ends)
