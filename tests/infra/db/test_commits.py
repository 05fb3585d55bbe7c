"""When a transaction commits, when it decides again, and what its readers see meanwhile: on both engines."""

import asyncio
import sqlite3
from functools import partial
from typing import Any

import asyncpg
import msgspec
import pytest

from tabletap.infra import streams
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.postgres import PostgresDatabase
from tabletap.infra.db.sqlite import SqliteDatabase
from tabletap.infra.db.transaction import Duplicate, Reader, Transaction
from tabletap.kernel.errors import NotFound
from tabletap.kernel.events import Event, Fact
from tabletap.kernel.ids import new_id
from tabletap.orders.store import OrderCounter, order_counter
from tests.infra.db.test_transactions import CAFE, DAY, count_on, counter, event, everything, state


class Happened(Fact, frozen=True, kw_only=True):
    """A fact of these tests."""


async def say(tx: Transaction) -> None:
    await everything(tx)
    tx.emit(Happened(cafe_id=CAFE, at=tx.now))


async def test_what_follows_a_fact_commits_with_it(db: AnyDatabase) -> None:
    async def follow(tx: Transaction, fact: Fact) -> None:
        tx.tell(event(tx, name=type(fact).__name__))

    db.follow = follow
    await db.transaction(CAFE, say)

    assert await state(db) == (1, 2, 1)


async def test_a_reaction_that_fails_leaves_nothing_behind(db: AnyDatabase) -> None:
    async def follow(tx: Transaction, _: Fact) -> None:
        tx.tell(event(tx))
        raise NotFound

    db.follow = follow
    with pytest.raises(NotFound):
        await db.transaction(CAFE, say)

    assert await state(db) == (0, 0, 0)


async def test_facts_of_reactions_are_followed_too(db: AnyDatabase) -> None:
    async def follow(tx: Transaction, _: Fact) -> None:
        if len(tx.facts) < 4:
            tx.emit(Happened(cafe_id=CAFE, at=tx.now))
        tx.tell(event(tx))

    db.follow = follow
    await db.transaction(CAFE, say)

    assert await state(db) == (1, 5, 1)


async def test_a_row_the_database_refuses_leaves_nothing_behind(db: AnyDatabase) -> None:
    async def decide(tx: Transaction) -> None:
        await everything(tx)
        tx.add(order_counter, _Unnumbered(CAFE, "another day"))

    with pytest.raises((sqlite3.IntegrityError, asyncpg.NotNullViolationError)):
        await db.transaction(CAFE, decide)

    assert await state(db) == (0, 0, 0)


class _Unnumbered(msgspec.Struct, frozen=True):
    """A row without a number, which its table insists on."""

    cafe_id: str
    business_day: str
    last_number: int | None = None


async def test_refused_decisions_beside_others_do_not_touch_them(db: AnyDatabase) -> None:
    async def refuse(tx: Transaction) -> None:
        await everything(tx)
        raise NotFound

    works = [everything if turn % 3 else refuse for turn in range(30)]
    done = await asyncio.gather(*(db.transaction(CAFE, work) for work in works), return_exceptions=True)

    assert [isinstance(each, NotFound) for each in done] == [work is refuse for work in works]
    assert await state(db) == (20, 20, 20)


async def test_who_was_overtaken_decides_again_with_locks_and_wins(db: AnyDatabase) -> None:
    await db.transaction(CAFE, count_on)
    tries: list[bool] = []

    async def decide(tx: Transaction) -> int:
        tries.append(tx.locked)
        before = await counter(tx, lock=True)
        assert before is not None
        if not tx.locked:
            await db.transaction(CAFE, partial(count_on, by=100))  # somebody is quicker
        after = msgspec.structs.replace(before, last_number=before.last_number + 1)
        tx.save(order_counter, before, after, ("cafe_id", "business_day"), ("last_number",))
        tx.tell(event(tx))
        return after.last_number

    number = await db.transaction(CAFE, decide)

    # On SQLite nobody can be quicker: one decision follows the other.
    expected = ([True], 2) if db.engine == "sqlite" else ([False, True], 102)
    assert (tries, number) == expected
    assert (await state(db))[:2] == (number, 1)


async def test_a_duplicate_decides_again_only_where_that_was_asked_for(db: AnyDatabase) -> None:
    async def decide(tx: Transaction, again: bool) -> int:
        before = await counter(tx, lock=True)
        if before is not None:
            return before.last_number
        if not tx.locked:
            await db.transaction(CAFE, count_on)  # somebody is quicker
        tx.add(order_counter, OrderCounter(CAFE, DAY, 7), retry_on_duplicate=again)
        return 7

    if db.engine == "sqlite":
        assert await db.transaction(CAFE, partial(decide, again=False)) == 7
        return
    with pytest.raises(Duplicate):
        await db.transaction(CAFE, partial(decide, again=False))
    await db.transaction(CAFE, _forget)
    assert await db.transaction(CAFE, partial(decide, again=True)) == 1


async def _forget(tx: Transaction) -> None:
    tx.remove(order_counter, {"cafe_id": CAFE, "business_day": DAY})


async def test_readers_hear_of_an_event_once_after_its_commit_and_in_order(db: AnyDatabase) -> None:
    heard: list[Event] = []
    db.publish = heard.extend

    async def refuse(tx: Transaction) -> None:
        tx.tell(event(tx))
        raise NotFound

    for _ in range(3):
        await asyncio.gather(*(db.transaction(CAFE, everything) for _ in range(5)), db.transaction(CAFE, count_on))
        with pytest.raises(NotFound):
            await db.transaction(CAFE, refuse)

    assert sorted(each.seq for each in heard) == list(range(1, 16))
    stored = await db.read(CAFE, lambda reader: streams.events_after(reader, CAFE, "order:1", 0, 100))
    assert {each.event_id for each in heard} == {each.event_id for each in stored}


async def test_who_stops_waiting_does_not_stop_the_others(db: AnyDatabase) -> None:
    waiting = [asyncio.create_task(db.transaction(CAFE, everything)) for _ in range(6)]
    await asyncio.sleep(0)
    for task in waiting[::2]:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)

    await db.transaction(CAFE, everything)

    rows, events, jobs = await state(db)
    assert rows == events == jobs
    assert 4 <= rows <= 7


async def test_consistent_reads_see_one_moment(db: AnyDatabase) -> None:
    await db.transaction(CAFE, count_on)

    async def look(reader: Reader) -> list[int]:
        first = await counter(reader)
        await _count_on_elsewhere(db)
        second = await counter(reader)
        assert first is not None
        assert second is not None
        return [first.last_number, second.last_number]

    assert await db.read(CAFE, look, consistent=True) == [1, 1]
    assert (await state(db))[0] == 2


async def _count_on_elsewhere(db: AnyDatabase) -> None:
    """Another writer commits; on SQLite by another connection, as a look may wait for nothing."""
    sql = "UPDATE order_counter SET last_number = last_number + 1"
    if isinstance(db, SqliteDatabase):
        connection = sqlite3.connect(db.path, isolation_level=None)
        connection.execute(sql)
        connection.close()
        return
    other = await asyncpg.connect(db.url)
    await other.execute(sql)
    await other.close()


async def test_a_restarted_stream_continues_under_its_new_epoch(db: AnyDatabase) -> None:
    await db.transaction(CAFE, everything)
    await _by_owner(db, "UPDATE stream SET epoch = 2, head = 10")

    async def tell(tx: Transaction) -> list[Event]:
        tx.tell(event(tx), event(tx))
        return tx.events

    told = await db.transaction(CAFE, tell)

    assert [(each.epoch, each.seq) for each in told] == [(2, 11), (2, 12)]
    with pytest.raises(streams.SnapshotRequired, match="restarted"):
        await db.read(CAFE, lambda reader: streams.replay(reader, CAFE, "order:1", 1, 1))
    replayed = await db.read(CAFE, lambda reader: streams.replay(reader, CAFE, "order:1", 2, 10))
    assert [each.seq for each in replayed] == [11, 12]


async def _by_owner(db: AnyDatabase, sql: str) -> Any:
    if isinstance(db, PostgresDatabase):
        return await db.system_pool.execute(sql)
    return await db.on_writer(lambda execute: execute(sql).rowcount)


async def test_two_cafes_number_the_same_stream_apart(db: AnyDatabase) -> None:
    other = new_id()

    async def tell(tx: Transaction) -> list[Event]:
        theirs = msgspec.structs.replace(event(tx), cafe_id=tx.cafe_id)
        tx.tell(theirs)
        return tx.events

    for expected in (1, 2):
        for cafe_id in (CAFE, other):
            assert [each.seq for each in await db.transaction(cafe_id, tell)] == [expected]


async def test_a_commit_that_fails_fails_everybody_whom_it_was_for_and_nobody_after_them(db: AnyDatabase) -> None:
    if not isinstance(db, SqliteDatabase):
        return  # every decision has a transaction of its own there
    broken = db.on_writer(lambda execute: execute("ROLLBACK"))  # as when the disk is full

    asked = [db.transaction(CAFE, everything), broken, db.transaction(CAFE, everything)]
    together = await asyncio.gather(*asked, return_exceptions=True)

    assert [type(each) for each in together] == [sqlite3.OperationalError] * 3
    assert await state(db) == (0, 0, 0)
    await db.transaction(CAFE, everything)
    assert await state(db) == (1, 1, 1)
