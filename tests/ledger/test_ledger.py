"""The ledger: journals sum to zero, balances are the sums of their entries."""

import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.errors import NotFound
from tabletap.kernel.ids import new_id
from tabletap.ledger.checking import check, unlike_the_entries
from tabletap.ledger.model import Journal, customer_credit, entries_of, provider
from tabletap.ledger.service import balances, post, unbalanced
from tests.support.rows import MovedClock, fresh_database

ACCOUNTS = ["bank", "sales", "tips_payable", "cash_drawer"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def db(
    engine_name: str, postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[AnyDatabase]:
    """One database for all tests of this page: each has a cafe of its own."""
    url = postgres_url if engine_name == "postgres" else None
    async with fresh_database(tmp_path_factory.mktemp("ledger"), url, MovedClock()) as database:
        yield database


def journal() -> Journal:
    at = datetime(2026, 11, 23, tzinfo=UTC)
    return Journal(new_id(), new_id(), "payment", "AUD", "live", None, None, None, at)


async def booked(db: AnyDatabase, cafe_id: str, *journals: dict[str, int]) -> list[Journal]:
    async def book(tx: Transaction) -> list[Journal]:
        return [post(tx, "payment", "AUD", amounts) for amounts in journals]

    return await db.transaction(cafe_id, book)


@given(st.dictionaries(st.sampled_from(ACCOUNTS), st.integers(-(10**12), 10**12)))
def test_lines_are_what_was_booked_without_zeros_and_numbered_from_one(amounts: dict[str, int]) -> None:
    amounts["suspense"] = -sum(amounts.values())
    of = journal()

    entries = entries_of(of, amounts)

    assert {entry.account: entry.amount_minor for entry in entries} == {k: v for k, v in amounts.items() if v}
    assert [entry.n for entry in entries] == list(range(1, len(entries) + 1))
    assert {(entry.cafe_id, entry.journal_id) for entry in entries} <= {(of.cafe_id, of.id)}


@given(
    st.dictionaries(st.sampled_from(ACCOUNTS), st.integers(-1000, 1000)).filter(lambda amounts: sum(amounts.values()))
)
def test_amounts_that_do_not_sum_to_zero_are_never_lines(amounts: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="does not sum to zero"):
        entries_of(journal(), amounts)


def test_accounts_of_people_and_providers_are_apart() -> None:
    someone, somebody = new_id(), new_id()

    assert customer_credit(someone) == f"customer_credit:{someone}"
    assert len({customer_credit(someone), customer_credit(somebody), provider(someone), provider(somebody)}) == 4


@pytest.mark.asyncio(loop_scope="module")
async def test_balances_are_the_sums_of_all_journals_of_the_cafe(db: AnyDatabase) -> None:
    cafe_id, other = new_id(), new_id()
    journals = [{"bank": n * 7, "tips_payable": -n, "sales": -n * 6} for n in range(1, 12)]
    await booked(db, cafe_id, *journals)
    await booked(db, cafe_id, {"bank": -5, "sales": 5, "suspense": 0})
    await booked(db, other, {"bank": 1, "sales": -1})
    expected = Counter[str]()
    for each in [*journals, {"bank": -5, "sales": 5}]:
        expected.update(each)

    assert await db.read(cafe_id, lambda reader: balances(reader, cafe_id)) == dict(expected)
    assert await db.read(other, lambda reader: balances(reader, other)) == {"bank": 1, "sales": -1}
    assert await db.read(cafe_id, lambda reader: unbalanced(reader, cafe_id)) == []


@pytest.mark.asyncio(loop_scope="module")
async def test_large_amounts_are_summed_exactly(db: AnyDatabase) -> None:
    cafe_id, most = new_id(), 10**12
    await booked(db, cafe_id, *({"bank": most, "sales": -most} for _ in range(50)))

    found = await db.read(cafe_id, lambda reader: balances(reader, cafe_id))

    assert found == {"bank": 50 * most, "sales": -50 * most}
    assert {type(amount) for amount in found.values()} == {int}


@pytest.mark.asyncio(loop_scope="module")
async def test_a_journal_is_booked_with_its_transaction_or_not_at_all(db: AnyDatabase) -> None:
    cafe_id = new_id()

    async def book_and_refuse(tx: Transaction) -> None:
        post(tx, "payment", "AUD", {"bank": 1, "sales": -1})
        raise NotFound

    async def book_unbalanced(tx: Transaction) -> None:
        post(tx, "payment", "AUD", {"bank": 1, "sales": -1})
        post(tx, "payment", "AUD", {"bank": 1})

    with pytest.raises(NotFound):
        await db.transaction(cafe_id, book_and_refuse)
    with pytest.raises(ValueError, match="does not sum to zero"):
        await db.transaction(cafe_id, book_unbalanced)
    assert await db.read(cafe_id, lambda reader: balances(reader, cafe_id)) == {}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.asyncio(loop_scope="module")
async def test_balances_rebuilt_from_entries_are_those_that_were_kept_after_months_of_trade(
    db: AnyDatabase, seed: int
) -> None:
    cafe_id, chance = new_id(), random.Random(seed)  # noqa: S311 - chance, no secret
    customers, kept = [new_id() for _ in range(6)], Counter[str]()
    trade = []
    for _ in range(400):
        customer, amount = chance.choice(customers), chance.randint(1, 5_000) * chance.choice((1, -1))
        other = chance.choice(("sales", "bank", "credit_promotion", customer_credit(chance.choice(customers))))
        amounts = Counter({customer_credit(customer): -amount})
        amounts.update({other: amount})
        trade.append({name: each for name, each in amounts.items() if each})
        kept.update({name: -each for name, each in trade[-1].items() if name.startswith("customer_credit:")})
    await booked(db, cafe_id, *(each for each in trade if each))
    balances_kept = {customer_credit(each): (f"customer {each}", kept[customer_credit(each)]) for each in customers}
    wrong = {**balances_kept, customer_credit(customers[0]): ("customer one", kept[customer_credit(customers[0])] + 1)}

    async def rebuilt(with_: dict[str, tuple[str, int]]) -> list[str]:
        return await db.read(cafe_id, lambda reader: unlike_the_entries(reader, customer_credit(""), with_))

    assert await rebuilt(balances_kept) == []
    assert len(await rebuilt(wrong)) == 1
    assert (await rebuilt(wrong))[0].startswith("customer one has a balance of ")
    assert len(await rebuilt({})) == len([name for name, amount in kept.items() if amount])
    assert await db.read(cafe_id, check) == []
