"""What ended is known to every process, soon, and forgotten when it no longer matters."""

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Transaction
from tabletap.infra.revocations import KEPT_FOR, OVERLAP, Revocation, Revocations, has_ended, prune, revocation, revoke
from tabletap.kernel.errors import NotSignedIn
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Actor, Role
from tests.support.rows import MovedClock, fresh_database

CAFE, OTHER_CAFE = new_id(), new_id()


@pytest.fixture
async def db(engine_name: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[AnyDatabase]:
    postgres_url = request.getfixturevalue("postgres_url") if engine_name == "postgres" else None
    async with fresh_database(tmp_path, postgres_url, MovedClock()) as database:
        yield database


@pytest.fixture
def clock(db: AnyDatabase) -> MovedClock:
    assert isinstance(db.clock, MovedClock)
    return db.clock


def somebody(cafe_id: Id = CAFE) -> Actor:
    return Actor(
        cafe_id=cafe_id,
        person_id=new_id(),
        roles=frozenset({Role.CUSTOMER}),
        session_id=new_id(),
        family_id=new_id(),
    )


async def end(db: AnyDatabase, *subject_ids: Id | None) -> None:
    async def decide(tx: Transaction) -> None:
        revoke(tx, *filter(None, subject_ids))

    await db.transaction(CAFE, decide)


async def test_a_sign_in_or_a_person_that_ended_is_refused_in_every_process(db: AnyDatabase, clock: MovedClock) -> None:
    processes = [Revocations(db, clock) for _ in range(2)]
    by_family, by_person, other = somebody(), somebody(), somebody()
    for process in processes:
        await process.look()

    await end(db, by_family.family_id, by_person.person_id)
    for process in processes:
        await process.look()

    for process in processes:
        assert [process.is_revoked(each) for each in (by_family, by_person, other)] == [True, True, False]
        for each in (by_family, by_person):
            with pytest.raises(NotSignedIn):
                process.current(each)
        assert process.current(other) is other


async def test_who_left_the_table_is_still_who_they_are(db: AnyDatabase, clock: MovedClock) -> None:
    process, guest = Revocations(db, clock), somebody()
    await end(db, guest.session_id)
    await process.look()

    now = process.current(guest)

    assert (now.session_id, now.person_id, now.family_id) == (None, guest.person_id, guest.family_id)
    assert not process.is_revoked(guest)


async def test_the_same_id_at_another_cafe_is_somebody_else(db: AnyDatabase, clock: MovedClock) -> None:
    process, mine = Revocations(db, clock), somebody()
    theirs = somebody(OTHER_CAFE)
    await end(db, mine.person_id, theirs.person_id)

    await process.look()

    assert not process.is_revoked(theirs)


async def test_each_end_is_told_once(db: AnyDatabase, clock: MovedClock) -> None:
    process, told = Revocations(db, clock), list[Revocation]()
    process.listen(told.extend)
    one, two = somebody(), somebody()

    await end(db, one.person_id)
    for _ in range(3):
        await process.look()
    await end(db, one.person_id, two.person_id)
    await process.look()

    assert [each.subject_id for each in told] == [one.person_id, two.person_id]


async def test_a_process_that_starts_knows_what_ended_before(db: AnyDatabase, clock: MovedClock) -> None:
    person = somebody()
    await end(db, person.person_id)
    clock.let_time_pass(hours=2)

    process = Revocations(db, clock)
    await process.look()

    assert process.is_revoked(person)


async def test_a_decision_that_was_long_in_coming_is_not_missed(db: AnyDatabase, clock: MovedClock) -> None:
    process, person = Revocations(db, clock), somebody()
    await process.look()

    async def decide(tx: Transaction) -> None:
        at = tx.now - OVERLAP + timedelta(seconds=1)
        tx.add(revocation, Revocation(tx.cafe_id, new_id(), person.person_id, at))

    await db.transaction(CAFE, decide)
    await process.look()

    assert process.is_revoked(person)


async def test_a_database_that_was_away_for_long_hides_nothing(db: AnyDatabase, clock: MovedClock) -> None:
    process, person = Revocations(db, clock), somebody()
    await process.look()

    await end(db, person.person_id)
    clock.let_time_pass(hours=1)
    await process.look()

    assert process.is_revoked(person)


async def test_what_no_token_is_older_than_is_forgotten(db: AnyDatabase, clock: MovedClock) -> None:
    process, old, young = Revocations(db, clock), somebody(), somebody()
    await end(db, old.person_id)
    await process.look()
    clock.let_time_pass(hours=5)
    await end(db, young.person_id)
    clock.let_time_pass(hours=1, minutes=10)

    await process.look()
    await prune(db, KEPT_FOR)

    assert [process.is_revoked(each) for each in (old, young)] == [False, True]
    left = [await db.read(CAFE, partial(has_ended, subject_id=each.person_id)) for each in (old, young)]
    assert left == [False, True]
