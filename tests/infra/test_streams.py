"""Streams are replayed whole or not at all."""

from collections.abc import AsyncIterator
from functools import partial

import pytest
import pytest_asyncio

from tabletap.infra import streams
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.postgres import PostgresDatabase
from tabletap.infra.db.schema import AT_ONCE
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.infra.streams import MAX_REPLAY, Head, SnapshotRequired
from tabletap.kernel.events import Event
from tabletap.kernel.ids import new_id
from tests.support.rows import MovedClock, fresh_database

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def db(
    engine_name: str, postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[AnyDatabase]:
    """One database for all tests of this page: each has a stream of its own."""
    url = postgres_url if engine_name == "postgres" else None
    async with fresh_database(tmp_path_factory.mktemp("streams"), url, MovedClock()) as database:
        yield database


CAFE = new_id()


def event(tx: Transaction, key: str, name: str = "told", data: bytes = b"{}") -> Event:
    return Event(
        cafe_id=tx.cafe_id, stream=key, name=name, data=data, event_id=new_id(), cause_id=tx.cause_id, at=tx.now
    )


async def told(db: AnyDatabase, key: str, count: int, cafe_id: str = CAFE) -> list[Event]:
    async def tell(tx: Transaction) -> list[Event]:
        tx.tell(*(event(tx, key, data=b'{"n":%d}' % n) for n in range(count)))
        return tx.events

    return await db.transaction(cafe_id, tell)


async def prune(db: AnyDatabase, key: str, up_to: int) -> None:
    sql = f"DELETE FROM stream_event WHERE key = '{key}' AND seq <= {up_to}"  # noqa: S608 - the test's own key
    if isinstance(db, PostgresDatabase):
        await db.system_pool.execute(sql)
    else:
        await db.on_writer(lambda execute: execute(sql).rowcount)


async def replayed(db: AnyDatabase, key: str, seq: int, epoch: int = 1) -> list[int]:
    events = await db.read(CAFE, lambda reader: streams.replay(reader, CAFE, key, epoch, seq))
    return [each.seq for each in events]


async def test_a_stream_nobody_wrote_to_stands_at_its_beginning(db: AnyDatabase) -> None:
    key = f"order:{new_id()}"

    assert await db.read(CAFE, lambda reader: streams.head(reader, CAFE, key)) == Head(0, 1)
    assert await db.read(CAFE, lambda reader: streams.oldest(reader, CAFE, key)) == 0
    assert await replayed(db, key, 0) == []


async def test_stored_events_are_the_events_that_were_told(db: AnyDatabase) -> None:
    key = f"order:{new_id()}"
    events = await told(db, key, 3)

    stored = await db.read(CAFE, lambda reader: streams.events_after(reader, CAFE, key, 0, 10))

    assert stored == events
    assert [each.wire() for each in stored] == [each.wire() for each in events]


async def test_events_are_read_in_pages_that_meet(db: AnyDatabase) -> None:
    key = f"order:{new_id()}"
    await told(db, key, 7)
    seen: list[int] = []
    while page := await db.read(CAFE, partial(_page, key=key, seq=len(seen))):
        assert len(page) <= 3
        seen += page

    assert seen == [1, 2, 3, 4, 5, 6, 7]


async def _page(reader: Reader, key: str, seq: int) -> list[int]:
    return [each.seq for each in await streams.events_after(reader, CAFE, key, seq, 3)]


async def test_a_stream_of_another_cafe_is_another_stream(db: AnyDatabase) -> None:
    key, other = f"order:{new_id()}", new_id()
    await told(db, key, 2, other)

    assert await replayed(db, key, 0) == []
    assert await db.read(other, lambda reader: streams.head(reader, other, key)) == Head(2, 1)


async def test_of_many_streams_only_those_are_named_that_stand_elsewhere(db: AnyDatabase) -> None:
    cafes = new_id(), new_id()
    names = [(cafe_id, f"order:{new_id()}") for cafe_id in cafes for _ in range(AT_ONCE + 3)]
    for count, (cafe_id, key) in enumerate(names[::7], start=1):
        await told(db, key, count, cafe_id)
    await db.transaction(cafes[1], streams.restart, lock=True)
    await told(db, names[1][1], 9, cafes[1])  # a stream of the same name, of somebody else

    async def look(reader: Reader) -> dict[tuple[str, str], Head]:
        return {name: await streams.head(reader, *name) for name in names}

    at = await db.across_cafes(look)
    known = [(*name, Head(0, 1)) for name in names]
    moved = await db.across_cafes(lambda reader: streams.moved(reader, known))
    again = await db.across_cafes(lambda reader: streams.moved(reader, [(*name, at[name]) for name in names]))

    assert moved == {name: head for name, head in at.items() if head != Head(0, 1)}
    assert moved[names[7]] == Head(2, 1)
    assert moved[names[-1]].epoch > 1
    assert names[1] not in moved
    assert again == {}


@pytest.mark.parametrize(("epoch", "seq"), [(2, 1), (0, 1), (1, 6), (1, 10**9)])
async def test_a_cursor_that_never_was_needs_a_snapshot(db: AnyDatabase, epoch: int, seq: int) -> None:
    key = f"order:{new_id()}"
    await told(db, key, 5)

    with pytest.raises(SnapshotRequired):
        await replayed(db, key, seq, epoch)


async def test_what_is_no_longer_kept_is_never_replayed_in_part(db: AnyDatabase) -> None:
    key = f"order:{new_id()}"
    await told(db, key, 6)
    await prune(db, key, 3)

    assert await db.read(CAFE, lambda reader: streams.oldest(reader, CAFE, key)) == 4
    assert await replayed(db, key, 3) == [4, 5, 6]
    for seq in (0, 2):
        with pytest.raises(SnapshotRequired, match="no longer kept"):
            await replayed(db, key, seq)
    await prune(db, key, 6)
    with pytest.raises(SnapshotRequired):
        await replayed(db, key, 5)
    assert await replayed(db, key, 6) == []
    assert [each.seq for each in await told(db, key, 1)] == [7]


async def test_who_is_too_far_behind_needs_a_snapshot(db: AnyDatabase) -> None:
    key = f"order:{new_id()}"
    for _ in range(6):
        await told(db, key, MAX_REPLAY // 5)
    last = MAX_REPLAY // 5 * 6

    assert len(await replayed(db, key, last - MAX_REPLAY)) == MAX_REPLAY
    with pytest.raises(SnapshotRequired):
        await replayed(db, key, last - MAX_REPLAY - 1)


async def test_a_restart_refuses_every_cursor_of_before_also_to_streams_that_nobody_wrote_to(db: AnyDatabase) -> None:
    written, untouched, other = f"order:{new_id()}", f"user:{new_id()}", new_id()
    await told(db, written, 3)
    await told(db, written, 1, other)

    epoch = await db.transaction(CAFE, streams.restart, lock=True)

    assert epoch > 1
    for key, seq in ((written, 3), (untouched, 0)):
        with pytest.raises(SnapshotRequired, match="restarted"):
            await replayed(db, key, seq)
    assert await replayed(db, written, 3, epoch) == []
    assert [(each.seq, each.epoch) for each in await told(db, written, 1)] == [(4, epoch)]
    assert [(each.seq, each.epoch) for each in await told(db, untouched, 2)] == [(1, epoch), (2, epoch)]
    assert await db.read(CAFE, lambda reader: streams.head(reader, CAFE, "order:none")) == Head(0, epoch)
    assert (await told(db, written, 1, other))[0].epoch == 1, "another cafe's streams go on"


async def test_the_same_backup_restored_twice_never_has_the_same_epoch(db: AnyDatabase) -> None:
    """The backup knows nothing of the epoch that was begun after it was restored the first time: the clock does."""
    first, second = new_id(), new_id()
    epochs = []
    for cafe_id in (first, second):  # two cafes stand for the two restored databases, both in their first epoch
        epochs.append(await db.transaction(cafe_id, streams.restart, lock=True))
        assert isinstance(db.clock, MovedClock)
        db.clock.let_time_pass(seconds=1)

    assert epochs[0] < epochs[1]
    assert await db.transaction(second, streams.restart, lock=True) > epochs[1]
