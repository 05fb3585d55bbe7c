"""Sealing: every row of the books once, whoever seals and whenever it was committed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta

import pytest
import pytest_asyncio

from tabletap.infra.db.guards import APPEND_ONLY
from tabletap.infra.db.open import AnyDatabase, open_database
from tabletap.infra.db.postgres import PostgresDatabase
from tabletap.infra.db.schema import metadata
from tabletap.infra.db.transaction import Transaction
from tabletap.infra.secrets import Sealer
from tabletap.kernel.events import Fact
from tabletap.kernel.ids import new_id
from tabletap.ledger import store as ledger_store
from tabletap.ledger.audit import store
from tabletap.ledger.audit.checking import check_chain
from tabletap.ledger.audit.model import Seal
from tabletap.ledger.audit.service import AuditService, seal
from tabletap.ledger.model import Journal, entries_of
from tabletap.ledger.service import post
from tests.ledger.audit.damage import by_force
from tests.support.rows import MovedClock, fresh_database

SEALER = Sealer([], "a secret that is long enough for tests")
DAY = date(2026, 11, 23)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def db(
    engine_name: str, postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[AnyDatabase]:
    """One database for all tests of this page: each has a cafe of its own."""
    url = postgres_url if engine_name == "postgres" else None
    async with fresh_database(tmp_path_factory.mktemp("audit"), url, MovedClock()) as database:
        yield database


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def book(db: AnyDatabase, cafe_id: str, count: int) -> None:
    async def decide(tx: Transaction) -> None:
        for n in range(1, count + 1):
            post(tx, "payment", "AUD", {"bank": n, "sales": -n})

    await db.transaction(cafe_id, decide)


async def seals_of(db: AnyDatabase, cafe_id: str) -> list[Seal]:
    return await db.read(cafe_id, lambda reader: store.seals(reader, 0, 100_000))


async def test_every_journal_is_sealed_once_and_in_a_chain(db: AnyDatabase) -> None:
    cafe_id = new_id()
    await book(db, cafe_id, 300)

    first, again = await seal(db, cafe_id), await seal(db, cafe_id)

    seals = await seals_of(db, cafe_id)
    assert (first, again) == (300, 0)
    assert [each.seq for each in seals] == list(range(1, 301))
    assert [each.previous_hash for each in seals[1:]] == [each.hash for each in seals[:-1]]
    assert len({each.row_id for each in seals}) == 300


async def test_sealers_at_the_same_moment_seal_each_row_once(db: AnyDatabase) -> None:
    cafe_id = new_id()
    await book(db, cafe_id, 200)

    counts = await asyncio.gather(*(seal(db, cafe_id) for _ in range(4)))

    assert sum(counts) == 200
    assert [each.seq for each in await seals_of(db, cafe_id)] == list(range(1, 201))


async def test_a_head_is_signed_once_for_what_is_sealed(db: AnyDatabase) -> None:
    cafe_id, audit = new_id(), AuditService(db, SEALER)
    await book(db, cafe_id, 3)

    first, again = await audit.close_day(cafe_id, DAY), await audit.close_day(cafe_id, DAY)
    await book(db, cafe_id, 1)
    later = await audit.close_day(cafe_id, DAY)

    assert again == first
    assert (first.seq, later.seq) == (3, 4)
    assert len(await db.read(cafe_id, store.heads)) == 2


@asynccontextmanager
async def another_process(db: AnyDatabase) -> AsyncIterator[AnyDatabase]:
    """A second engine on the same database, as another process has one."""

    async def follow(_: Transaction, __: Fact) -> None:
        """No reactions."""

    url = db.url if isinstance(db, PostgresDatabase) else f"sqlite:///{db.path}"
    other = open_database(url, MovedClock(), follow, lambda _: None)
    await other.start()
    try:
        yield other
    finally:
        await other.stop()


async def test_two_processes_that_seal_while_trade_goes_on_miss_nothing(db: AnyDatabase) -> None:
    cafe_id = new_id()
    async with another_process(db) as other:

        async def trade(at: AnyDatabase) -> None:
            for _ in range(15):
                await book(at, cafe_id, 3)

        async def keep_sealing(at: AnyDatabase) -> int:
            return sum([await seal(at, cafe_id) for _ in range(6)])

        *_, here, there = await asyncio.gather(trade(db), trade(other), keep_sealing(db), keep_sealing(other))
        rest = await seal(db, cafe_id)

    assert here + there + rest == 90
    seals = await seals_of(db, cafe_id)
    assert [each.seq for each in seals] == list(range(1, 91))
    assert len({each.row_id for each in seals}) == 90
    assert (await db.read(cafe_id, check_chain)).faults == []


async def test_a_journal_that_is_committed_late_is_sealed_all_the_same(db: AnyDatabase) -> None:
    cafe_id, early = new_id(), new_id()
    await book(db, cafe_id, 5)
    await seal(db, cafe_id)

    async def late(tx: Transaction) -> None:
        row = Journal(cafe_id, early, "payment", "AUD", "live", None, None, None, tx.now)
        tx.add(ledger_store.entry, *entries_of(row, {"bank": 1, "sales": -1}))
        tx.add(ledger_store.journal, row)

    await db.transaction(cafe_id, late)
    waiting = (await db.read(cafe_id, check_chain)).unsealed
    sealed = await seal(db, cafe_id, since=timedelta(hours=1))

    assert (waiting, sealed) == (1, 1)
    assert (await seals_of(db, cafe_id))[-1].row_id == early


async def test_the_quick_look_leaves_old_rows_to_the_thorough_one(db: AnyDatabase) -> None:
    cafe_id = new_id()
    await book(db, cafe_id, 2)

    quick = await seal(db, cafe_id, since=timedelta(milliseconds=-60_000))
    thorough = await seal(db, cafe_id)

    assert (quick, thorough) == (0, 2)


async def test_sealing_that_is_cut_off_goes_on_where_it_was(db: AnyDatabase) -> None:
    cafe_id = new_id()
    await book(db, cafe_id, 1_500)
    sealing = asyncio.create_task(seal(db, cafe_id))
    while not await seals_of(db, cafe_id):  # noqa: ASYNC110 - there is nobody who could tell
        await asyncio.sleep(0)
    sealing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sealing

    before = len(await seals_of(db, cafe_id))
    rest = await seal(db, cafe_id)

    assert 0 < before < 1_500
    assert before + rest >= 1_500
    assert [each.seq for each in await seals_of(db, cafe_id)] == list(range(1, 1_501))
    assert (await db.read(cafe_id, check_chain)).faults == []


async def test_a_row_slipped_in_behind_the_back_of_the_sealing_is_named(db: AnyDatabase) -> None:
    cafe_id, clock = new_id(), db.clock
    assert isinstance(clock, MovedClock)
    await book(db, cafe_id, 1)
    forgotten = (
        await db.read(cafe_id, lambda reader: store.unsealed(reader, "journal", store.FIRST_ID, store.LAST_ID, 9))
    )[0]
    clock.let_time_pass(hours=2)
    await book(db, cafe_id, 1)
    await seal(db, cafe_id, since=timedelta(hours=1))
    await by_force(db, f"DELETE FROM audit_seal WHERE row_id = '{forgotten.id}'")  # noqa: S608 - our own id

    faults = (await db.read(cafe_id, check_chain)).faults

    assert any(f"row {forgotten.id} of journal is from " in fault for fault in faults)
    assert any(fault.startswith("the chain breaks at seal 1: seal 1 is missing") for fault in faults)


async def test_keys_can_be_changed_and_what_earlier_ones_signed_still_holds(db: AnyDatabase) -> None:
    cafe_id, audit = new_id(), AuditService(db, SEALER)
    await book(db, cafe_id, 1)
    first = await audit.close_day(cafe_id, DAY)
    await audit.signing_keys.rotate(cafe_id)
    await book(db, cafe_id, 1)
    second = await audit.close_day(cafe_id, DAY)

    report = await db.read(cafe_id, check_chain)

    assert first.key_id != second.key_id
    assert (report.faults, report.heads) == ([], 2)


async def test_private_keys_move_to_the_present_key_of_the_installation(db: AnyDatabase) -> None:
    cafe_id, earlier = new_id(), AuditService(db, SEALER)
    first = await earlier.close_day(cafe_id, DAY)
    both = AuditService(db, Sealer(["a new key of the installation"], "a secret that is long enough for tests"))

    moved = await both.signing_keys.seal()
    again = await both.signing_keys.seal()
    await book(db, cafe_id, 1)
    later = AuditService(db, Sealer(["a new key of the installation"], "another secret of tokens"))
    second = await later.close_day(cafe_id, DAY)

    assert moved >= 1
    assert again == 0
    assert second.key_id == first.key_id


async def test_a_day_is_signed_even_if_its_key_no_longer_opens(db: AnyDatabase) -> None:
    cafe_id = new_id()
    first = await AuditService(db, SEALER).close_day(cafe_id, DAY)
    await book(db, cafe_id, 1)

    second = await AuditService(db, Sealer([], "quite another secret than before")).close_day(cafe_id, DAY)

    assert first.key_id != second.key_id
    assert (await db.read(cafe_id, check_chain)).faults == []


async def test_heads_made_at_the_same_moment_are_one(db: AnyDatabase) -> None:
    cafe_id, audit = new_id(), AuditService(db, SEALER)
    await book(db, cafe_id, 3)

    heads = await asyncio.gather(*(audit.close_day(cafe_id, DAY) for _ in range(4)))

    assert {head.seq for head in heads} == {3}
    assert len(await db.read(cafe_id, store.heads)) == 1


async def test_every_table_that_never_changes_is_sealed() -> None:
    known = {"entry", "stream_event", "audit_seal", "audit_head"}

    assert set(store.AUDITED) == set(APPEND_ONLY) - known
    for name in store.AUDITED:
        key = [column.name for column in metadata.tables[name].primary_key]
        assert len(key) in (2, 3), f"{name} needs the key (cafe_id, an id[, a number])"
        assert key[0] == "cafe_id"
        assert store.audited(name).names[0] == "cafe_id"
