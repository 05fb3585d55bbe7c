"""What both engines promise of a transaction: one suite, run on each."""

import asyncio
from functools import partial
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from tabletap.infra import streams
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.schema import param
from tabletap.infra.db.sqlite import Waited
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Duplicate, Reader, Transaction
from tabletap.infra.idempotency import Once, find, idempotency
from tabletap.kernel.errors import NotFound
from tabletap.kernel.events import Event
from tabletap.kernel.ids import new_id
from tabletap.orders.store import OrderCounter, order_counter
from tests.support.jobs import jobs_in

CAFE = new_id()
DAY = "2026-11-23"
COUNTER = Statement(
    sa.select(order_counter.c.cafe_id, order_counter.c.business_day, order_counter.c.last_number).where(
        order_counter.c.cafe_id == param("cafe_id"), order_counter.c.business_day == param("day")
    )
)


class Nothing(msgspec.Struct):
    """The payload of a job that nobody runs."""


async def counter(reader: Reader, lock: bool = False) -> OrderCounter | None:
    return await reader.one(COUNTER, OrderCounter, lock=lock, cafe_id=CAFE, day=DAY)


def event(tx: Transaction, stream: str = "order:1", name: str = "told") -> Event:
    return Event(
        cafe_id=CAFE, stream=stream, name=name, data=b'{"n":1}', event_id=new_id(), cause_id=tx.cause_id, at=tx.now
    )


async def count_on(tx: Transaction, by: int = 1) -> int:
    before = await counter(tx, lock=True)
    after = OrderCounter(CAFE, DAY, (before.last_number if before else 0) + by)
    if before is None:
        tx.add(order_counter, after, retry_on_duplicate=True)
    else:
        tx.save(order_counter, before, after, ("cafe_id", "business_day"), ("last_number",))
    return after.last_number


async def events_after(seq: int, reader: Reader) -> list[Event]:
    return await streams.events_after(reader, CAFE, "order:1", seq, 100)


async def replayed_from(epoch: int, seq: int, reader: Reader) -> list[Event]:
    return await streams.replay(reader, CAFE, "order:1", epoch, seq)


async def everything(tx: Transaction) -> None:
    await count_on(tx)
    tx.tell(event(tx))
    tx.enqueue("payment-queue:nobody", Nothing())


async def state(db: AnyDatabase) -> tuple[int, int, int]:
    row = await db.read(CAFE, counter)
    head = await db.read(CAFE, lambda reader: streams.head(reader, CAFE, "order:1"))
    return row.last_number if row else 0, head.head, len(await jobs_in(db))


async def test_rows_events_and_jobs_commit_together(db: AnyDatabase) -> None:
    await db.transaction(CAFE, everything)

    assert await state(db) == (1, 1, 1)


async def test_a_refusal_leaves_nothing_behind(db: AnyDatabase) -> None:
    async def refuse(tx: Transaction) -> None:
        await everything(tx)
        raise NotFound

    with pytest.raises(NotFound):
        await db.transaction(CAFE, refuse)

    assert await state(db) == (0, 0, 0)


async def test_a_duplicate_names_its_table_and_leaves_nothing_behind(db: AnyDatabase) -> None:
    row = Once(CAFE, new_id(), "r", "k", b"f")

    async def once(tx: Transaction) -> None:
        tx.add(idempotency, row.row(tx.now, "done", b"{}"))

    async def twice(tx: Transaction) -> None:
        await everything(tx)
        await once(tx)

    await db.transaction(CAFE, once)
    with pytest.raises(Duplicate) as caught:
        await db.transaction(CAFE, twice)

    assert caught.value.table == "idempotency"
    assert await state(db) == (0, 0, 0)


async def test_who_decides_at_once_decides_again_and_nothing_is_lost(db: AnyDatabase) -> None:
    numbers = await asyncio.gather(*(db.transaction(CAFE, count_on) for _ in range(30)))

    assert sorted(numbers) == list(range(1, 31))


async def test_two_changes_of_one_row_are_one(db: AnyDatabase) -> None:
    await db.transaction(CAFE, count_on)

    async def change_twice(tx: Transaction) -> None:
        before = await counter(tx, lock=True)
        assert before is not None
        first = msgspec.structs.replace(before, last_number=5)
        tx.save(order_counter, before, first, ("cafe_id", "business_day"), ("last_number",))
        second = msgspec.structs.replace(first, last_number=9)
        tx.save(order_counter, first, second, ("cafe_id", "business_day"), ("last_number",))

    await db.transaction(CAFE, change_twice)
    assert (await state(db))[0] == 9


async def test_a_row_that_is_added_and_changed_is_added_as_it_is_in_the_end(db: AnyDatabase) -> None:
    async def add_and_change(tx: Transaction) -> None:
        first = OrderCounter(CAFE, DAY, 1)
        tx.add(order_counter, first)
        after = msgspec.structs.replace(first, last_number=4)
        tx.save(order_counter, first, after, ("cafe_id", "business_day"), ("last_number",))

    await db.transaction(CAFE, add_and_change)
    assert (await state(db))[0] == 4


async def test_a_removed_row_is_gone_and_removing_it_again_is_no_fault(db: AnyDatabase) -> None:
    await db.transaction(CAFE, count_on)

    async def remove(tx: Transaction) -> None:
        tx.remove(order_counter, {"cafe_id": CAFE, "business_day": DAY})

    await db.transaction(CAFE, remove)
    await db.transaction(CAFE, remove)
    assert await db.read(CAFE, counter) is None


async def test_events_are_numbered_densely_in_the_order_in_which_they_were_told(db: AnyDatabase) -> None:
    async def tell(tx: Transaction) -> list[Event]:
        tx.tell(event(tx, name="first"), event(tx, "order:2"), event(tx, name="second"))
        return tx.events

    told = await db.transaction(CAFE, tell)
    again = await db.transaction(CAFE, tell)

    assert sorted((each.stream, each.seq, each.name) for each in [*told, *again]) == [
        ("order:1", 1, "first"),
        ("order:1", 2, "second"),
        ("order:1", 3, "first"),
        ("order:1", 4, "second"),
        ("order:2", 1, "told"),
        ("order:2", 2, "told"),
    ]
    stored = await db.read(CAFE, lambda reader: streams.events_after(reader, CAFE, "order:1", 0, 10))
    assert [(each.seq, each.name) for each in stored] == [(1, "first"), (2, "second"), (3, "first"), (4, "second")]


async def test_a_cursor_reader_misses_nothing_while_sixteen_write_and_some_are_refused(db: AnyDatabase) -> None:
    seen: list[int] = []
    writing = True

    async def write(number: int) -> None:
        for turn in range(12):

            async def decide(tx: Transaction, turn: int = turn) -> None:
                tx.tell(event(tx, f"order:{1 + (turn + number) % 2}"), event(tx))
                if (turn + number) % 4 == 0:
                    raise NotFound

            await asyncio.gather(db.transaction(CAFE, decide), return_exceptions=True)

    async def read() -> None:
        while True:
            last = not writing
            after = seen[-1] if seen else 0
            found = await db.read(CAFE, partial(events_after, after))
            seen.extend(each.seq for each in found)
            if last and not found:
                return
            await asyncio.sleep(0.001)

    reading = asyncio.create_task(read())
    await asyncio.gather(*(write(number) for number in range(16)))
    writing = False
    await reading

    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) >= 144  # 9 of 12 turns of 16 writers tell at least one event to this stream


async def test_values_come_back_as_they_went_in(db: AnyDatabase) -> None:
    once = Once(CAFE, new_id(), "ö", "'; DROP TABLE cafe; --", bytes(range(256)))

    async def keep(tx: Transaction) -> Any:
        row = once.row(tx.now, "running", None, new_id())
        tx.add(idempotency, row)
        return row

    kept = await db.transaction(CAFE, keep)
    assert await db.read(CAFE, lambda reader: find(reader, once)) == kept


async def test_a_decision_that_waits_for_something_else_is_a_bug_on_sqlite(db: AnyDatabase) -> None:
    async def wait(tx: Transaction) -> None:
        tx.tell(event(tx))
        await asyncio.sleep(0)

    if db.engine == "sqlite":
        with pytest.raises(Waited):
            await db.transaction(CAFE, wait)
        assert (await state(db))[1] == 0
    else:
        await db.transaction(CAFE, wait)
        assert (await state(db))[1] == 1


async def test_a_replay_is_whole_or_refused(db: AnyDatabase) -> None:
    async def tell(tx: Transaction) -> None:
        tx.tell(*(event(tx) for _ in range(5)))

    await db.transaction(CAFE, tell)

    replayed = await db.read(CAFE, partial(replayed_from, 1, 2))
    assert [each.seq for each in replayed] == [3, 4, 5]
    for epoch, seq in ((2, 2), (1, 6)):
        with pytest.raises(streams.SnapshotRequired):
            await db.read(CAFE, partial(replayed_from, epoch, seq))
