"""A process that is killed in the middle of its commits loses nothing that it acknowledged."""

import asyncio
import signal
import sys

import sqlalchemy as sa

from tabletap.infra import streams
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.postgres import PostgresDatabase
from tabletap.infra.db.schema import param
from tabletap.infra.db.sqlite import SqliteDatabase
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader
from tabletap.orders.store import order_counter
from tests.infra.db.acknowledging import CAFE, STREAM
from tests.support.programs import REPOSITORY

ROUNDS, ACKNOWLEDGED = 3, 300
_DAYS = Statement(sa.select(order_counter.c.business_day).where(order_counter.c.cafe_id == param("cafe_id")))


async def killed_after(db: AnyDatabase, round_: int) -> set[str]:
    """What a process had acknowledged when it was killed; every whole line that it got out counts."""
    url = db.url if isinstance(db, PostgresDatabase) else f"sqlite:///{db.path}"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.infra.db.acknowledging", url, str(round_)),
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    said = b""
    while said.count(b"\n") < ACKNOWLEDGED:
        piece = await process.stdout.read(65_536)
        assert piece, "it ended by itself"
        said += piece
    process.send_signal(signal.SIGKILL)
    said += await process.stdout.read()
    await process.wait()
    return set(said.decode().split("\n")[:-1])


async def days(reader: Reader) -> set[str]:
    return {row[0] for row in await reader.rows(_DAYS, {"cafe_id": CAFE}, False)}


async def told(reader: Reader) -> list[tuple[int, bytes]]:
    events = await streams.events_after(reader, CAFE, STREAM, 0, 1_000_000)
    return [(event.seq, event.data) for event in events]


async def test_nothing_acknowledged_is_lost_when_the_process_is_killed(db: AnyDatabase) -> None:
    acknowledged: set[str] = set()
    for round_ in range(ROUNDS):
        acknowledged |= await killed_after(db, round_)

    kept, events = await db.read(CAFE, days), await db.read(CAFE, told)

    assert len(acknowledged) >= ROUNDS * ACKNOWLEDGED
    assert acknowledged - kept == set()
    assert [seq for seq, _ in events] == list(range(1, len(events) + 1))
    assert {data for _, data in events} == {f'{{"day":"{day}"}}'.encode() for day in kept}
    if isinstance(db, SqliteDatabase):
        assert db.on_reader(lambda execute: execute("PRAGMA integrity_check").fetchall()) == [("ok",)]
