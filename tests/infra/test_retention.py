"""Old events are forgotten from the beginning of their streams, a few at a time, and nothing else is."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tabletap.infra import retention, streams
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.infra.retention import forget_events
from tabletap.infra.streams import Head, SnapshotRequired
from tabletap.kernel.events import Event
from tabletap.kernel.ids import new_id
from tests.support.rows import MovedClock, fresh_database

WEEK = timedelta(days=7)
CAFE, OTHER = new_id(), new_id()
KITCHEN, ORDER = f"cafe:{CAFE}:kitchen", f"order:{new_id()}"


@pytest.fixture
async def db(engine_name: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[AnyDatabase]:
    postgres_url = request.getfixturevalue("postgres_url") if engine_name == "postgres" else None
    async with fresh_database(tmp_path, postgres_url, MovedClock()) as database:
        yield database


def clock_of(db: AnyDatabase) -> MovedClock:
    assert isinstance(db.clock, MovedClock)
    return db.clock


async def tell(db: AnyDatabase, key: str, count: int, cafe_id: str = CAFE, ago: timedelta = timedelta()) -> None:
    async def decide(tx: Transaction) -> None:
        for _ in range(count):
            told = Event(
                cafe_id=cafe_id,
                stream=key,
                name="told",
                data=b"{}",
                event_id=new_id(),
                cause_id=tx.cause_id,
                at=tx.now - ago,
            )
            tx.tell(told)

    await db.transaction(cafe_id, decide)


async def kept(db: AnyDatabase, key: str, cafe_id: str = CAFE) -> list[int]:
    events = await db.read(cafe_id, lambda reader: streams.events_after(reader, cafe_id, key, 0, 10_000))
    return [each.seq for each in events]


async def replayed(db: AnyDatabase, seq: int) -> list[int]:
    async def look(reader: Reader) -> list[int]:
        return [each.seq for each in await streams.replay(reader, CAFE, KITCHEN, 1, seq)]

    return await db.read(CAFE, look)


async def test_what_is_older_than_it_has_to_be_kept_is_forgotten_in_every_cafe(
    db: AnyDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 4)
    await tell(db, KITCHEN, 9)
    await tell(db, ORDER, 2)
    await tell(db, KITCHEN, 3, OTHER)
    clock_of(db).let_time_pass(days=6, hours=23)
    assert await forget_events(db, WEEK) == 0
    await tell(db, KITCHEN, 2)
    clock_of(db).let_time_pass(hours=2)

    assert await forget_events(db, WEEK) == 14
    assert await forget_events(db, WEEK) == 0

    assert await kept(db, KITCHEN) == [10, 11]
    assert await kept(db, ORDER) == await kept(db, KITCHEN, OTHER) == []
    assert await replayed(db, 9) == [10, 11]
    for seq in (0, 8):
        with pytest.raises(SnapshotRequired, match="no longer kept"):
            await replayed(db, seq)


async def test_numbers_go_on_where_everything_was_forgotten(db: AnyDatabase) -> None:
    await tell(db, KITCHEN, 3)
    clock_of(db).let_time_pass(days=8)
    await forget_events(db, WEEK)

    assert await db.read(CAFE, lambda reader: streams.head(reader, CAFE, KITCHEN)) == Head(3, 1)
    assert await replayed(db, 3) == []
    with pytest.raises(SnapshotRequired):
        await replayed(db, 2)
    await tell(db, KITCHEN, 1)
    assert await kept(db, KITCHEN) == [4]


async def test_a_stream_never_has_a_hole_though_a_later_event_may_be_the_older_one(db: AnyDatabase) -> None:
    """Of two transactions the one that began first may be numbered last."""
    await tell(db, KITCHEN, 1, ago=timedelta(days=6))
    await tell(db, KITCHEN, 1, ago=timedelta(days=8))
    await tell(db, KITCHEN, 1)

    await forget_events(db, WEEK)

    assert await kept(db, KITCHEN) == [3]
