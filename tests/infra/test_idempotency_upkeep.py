"""Keys are forgotten after thirty days, a died request has one heir, and old answers outlive our shapes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Transaction
from tabletap.infra.idempotency import (
    LEASE,
    Once,
    Outcome,
    RequestInProgress,
    Stored,
    abandon,
    begin,
    find,
    fingerprint_of,
    idempotency,
    prune,
    remember,
    run_once,
)
from tabletap.infra.settings import SETTINGS
from tabletap.kernel.ids import new_id
from tests.support.rows import MovedClock, fresh_database


class Bill(msgspec.Struct, frozen=True):
    total: int


class NewerBill(msgspec.Struct, frozen=True):
    total: int
    currency: str


@pytest.fixture
async def db(engine_name: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[AnyDatabase]:
    postgres_url = request.getfixturevalue("postgres_url") if engine_name == "postgres" else None
    async with fresh_database(tmp_path, postgres_url, MovedClock()) as database:
        yield database


def clock_of(db: AnyDatabase) -> MovedClock:
    assert isinstance(db.clock, MovedClock)
    return db.clock


def once_of(cafe_id: str, key: str = "k") -> Once:
    return Once(cafe_id, new_id(), "POST /payments", key, fingerprint_of("POST /payments", {"amount": 1}))


async def stored(db: AnyDatabase, once: Once) -> Stored | None:
    return await db.read(once.cafe_id, lambda reader: find(reader, once))


async def began(db: AnyDatabase, once: Once) -> None:
    async def decide(tx: Transaction) -> None:
        begin(tx, once, new_id())

    await db.transaction(once.cafe_id, decide)


async def test_keys_of_all_cafes_are_forgotten_after_thirty_days_and_younger_ones_kept(db: AnyDatabase) -> None:
    old = [once_of(cafe_id, f"old-{number}") for cafe_id in (new_id(), new_id()) for number in range(3)]
    young = once_of(old[0].cafe_id, "young")
    for once in old:
        await began(db, once)
    clock_of(db).let_time_pass(days=30, seconds=-1)
    assert await prune(db) == 0
    await began(db, young)

    clock_of(db).let_time_pass(seconds=2)

    assert await prune(db) == 6
    assert await prune(db) == 0
    assert [await stored(db, once) for once in old] == [None] * 6
    assert await stored(db, young) is not None


async def test_more_than_one_batch_is_forgotten(db: AnyDatabase) -> None:
    cafe_id = new_id()

    async def decide(tx: Transaction) -> None:
        for number in range(1_201):
            once = once_of(cafe_id, str(number))
            tx.add(idempotency, once.row(tx.now, "done", b"{}"))

    await db.transaction(cafe_id, decide)
    clock_of(db).let_time_pass(days=31)

    assert await prune(db) == 1_201


async def test_a_died_request_has_one_heir_and_one_answer(db: AnyDatabase) -> None:
    once, resumed = once_of(new_id()), 0
    await began(db, once)

    async def again(tx: Transaction) -> Bill:
        begin(tx, once, new_id())
        return Bill(0)

    async def resume(_: str) -> Bill:
        nonlocal resumed
        resumed += 1
        await asyncio.sleep(0.05)
        return Bill(resumed)

    async def ask() -> Outcome[Bill] | RequestInProgress:
        try:
            return await run_once(db, once.cafe_id, once, Bill, again, resume)
        except RequestInProgress as refusal:
            return refusal

    early = await ask()
    clock_of(db).let_time_pass(seconds=LEASE.total_seconds())
    answers = await asyncio.gather(*(ask() for _ in range(8)))
    later = await ask()

    good = [answer.value for answer in answers if isinstance(answer, Outcome)]
    assert isinstance(early, RequestInProgress)
    assert early.retry_after_seconds == 1
    assert resumed == 1
    assert good == [Bill(1)]
    assert isinstance(later, Outcome)
    assert (later.value, later.replayed) == (Bill(1), True)


async def test_an_heir_that_dies_is_followed_by_another(db: AnyDatabase) -> None:
    once = once_of(new_id())
    await began(db, once)

    async def again(tx: Transaction) -> Bill:
        begin(tx, once, new_id())
        return Bill(0)

    async def dies(_: str) -> Bill:
        raise ConnectionError("killed")

    async def resume(_: str) -> Bill:
        return Bill(2)

    clock_of(db).let_time_pass(minutes=1)
    with pytest.raises(ConnectionError):
        await run_once(db, once.cafe_id, once, Bill, again, dies)
    with pytest.raises(RequestInProgress):
        await run_once(db, once.cafe_id, once, Bill, again, resume)
    clock_of(db).let_time_pass(minutes=2)

    assert (await run_once(db, once.cafe_id, once, Bill, again, resume)).value == Bill(2)


async def test_a_request_that_came_to_nothing_leaves_its_key_free(db: AnyDatabase) -> None:
    once = once_of(new_id())
    await began(db, once)

    async def forget(tx: Transaction) -> None:
        abandon(tx, once)

    async def decide(tx: Transaction) -> Bill:
        remember(tx, once, Bill(3))
        return Bill(3)

    await db.transaction(once.cafe_id, forget)

    outcome = await run_once(db, once.cafe_id, once, Bill, decide)
    assert (outcome.value, outcome.replayed) == (Bill(3), False)


async def test_an_answer_of_an_earlier_version_is_given_again_as_it_was(db: AnyDatabase) -> None:
    once = once_of(new_id())

    async def earlier(tx: Transaction) -> Bill:
        remember(tx, once, Bill(480))
        return Bill(480)

    async def now(tx: Transaction) -> NewerBill:
        remember(tx, once, NewerBill(480, "AUD"))
        return NewerBill(480, "AUD")

    await run_once(db, once.cafe_id, once, Bill, earlier)
    outcome = await run_once(db, once.cafe_id, once, NewerBill, now)

    assert (outcome.replayed, outcome.body) == (True, b'{"total":480}')


def test_a_fingerprint_is_a_sha_256_that_heeds_neither_order_nor_spaces() -> None:
    one = fingerprint_of("route", {"b": {"y": 1, "x": [1, 2]}, "a": None})

    assert len(one) == 32
    assert one == fingerprint_of("route", {"a": None, "b": {"x": [1, 2], "y": 1}})
    others = [
        fingerprint_of("route", {"b": {"y": 1, "x": [2, 1]}, "a": None}),
        fingerprint_of("other", {"b": {"y": 1, "x": [1, 2]}, "a": None}),
        fingerprint_of("route", {"b": {"y": "1", "x": [1, 2]}, "a": None}),
    ]
    assert one not in others


def test_no_provider_may_take_longer_than_a_request_is_believed_to_live() -> None:
    timeout = next(setting for setting in SETTINGS if setting.name == "payconic_timeout_seconds")

    with pytest.raises(ValueError, match=r"\d"):
        timeout.read(str(int(LEASE / timedelta(seconds=1))))
    assert timeout.read("30") == 30
