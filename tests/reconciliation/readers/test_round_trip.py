"""Whatever a bank books comes back from every format as it was written; and how one booking is known again."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabletap.kernel.errors import Refusal
from tabletap.reconciliation.model import Statement, StatementLine
from tabletap.reconciliation.readers.csv_mapping import CsvMapping
from tabletap.reconciliation.readers.identity import identified
from tabletap.reconciliation.readers.reading import read
from tests.reconciliation.readers.written import DAY, Booking, camt_of, csv_of, mt940_of

MAPPING = CsvMapping(
    date="Datum",
    description=("Zweck",),
    counterparty_name="Name",
    end_to_end_id="Kennung",
    amount="Betrag",
    balance="Saldo",
    date_format="DD.MM.YYYY",
    decimal=",",
    delimiter=";",
)
WORD = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789äéß&<>'\"", min_size=1, max_size=12)
TEXT = st.lists(WORD, max_size=6).map(" ".join)
BOOKING = st.builds(
    Booking,
    amount_minor=st.integers(1, 10**9) | st.integers(-(10**9), -1),
    text=TEXT,
    end_to_end_id=st.none() | st.from_regex(r"[A-Z0-9]{1,35}", fullmatch=True),
    name=st.none() | TEXT.filter(bool),
    day=st.integers(0, 30).map(lambda days: DAY + timedelta(days=days)),
)
BOOKINGS = st.lists(BOOKING, min_size=1, max_size=8)


def said(lines: Sequence[StatementLine]) -> list[tuple[object, ...]]:
    """What must come back, whatever the format."""
    return [
        (each.amount_minor, each.booked_on, each.remittance, each.counterparty_name, each.end_to_end_id)
        for each in lines
    ]


def meant(bookings: Sequence[Booking]) -> list[tuple[object, ...]]:
    """What was written."""
    return [(each.amount_minor, each.day, each.text, each.name, each.end_to_end_id) for each in bookings]


@given(BOOKINGS, st.integers(-(10**9), 10**9))
def test_camt_comes_back_as_it_was_written(bookings: list[Booking], opening: int) -> None:
    (statement,) = read(camt_of(bookings, opening))

    assert said(statement.lines) == meant(bookings)
    assert statement.opening_minor == opening


@given(BOOKINGS, st.integers(-(10**9), 10**9))
def test_mt940_comes_back_as_it_was_written(bookings: list[Booking], opening: int) -> None:
    plain = [msgspec.structs.replace(each, name=(each.name or "")[:30].strip() or None) for each in bookings]

    (statement,) = read(mt940_of(plain, opening))

    # A line of 65 characters is full, so a blank at its end is not seen: banks trim it, as our own writer does not.
    assert said(statement.lines) == meant(plain)


@given(BOOKINGS, st.integers(-(10**9), 10**9))
def test_csv_comes_back_as_it_was_written_with_every_balance_checked(bookings: list[Booking], opening: int) -> None:
    (statement,) = read(csv_of(bookings, opening), mapping=MAPPING, currency="EUR")

    assert said(statement.lines) == meant(bookings)[::-1]
    # 1.00 that came and went reads as well from the other end: only what was moved is certain then.
    assert statement.opening_minor is not None
    assert statement.closing_minor == statement.opening_minor + sum(each.amount_minor for each in bookings)


@pytest.mark.parametrize("write", [camt_of, mt940_of])
@given(data=st.data())
def test_a_file_with_flipped_or_missing_bytes_is_refused_or_says_something(
    write: Callable[[Sequence[Booking], int], bytes], data: st.DataObject
) -> None:
    whole = bytearray(write(data.draw(BOOKINGS), 0))
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place] = data.draw(st.integers(0, 255))
    start = data.draw(st.integers(0, len(whole)))
    if data.draw(st.booleans()):
        del whole[start : start + data.draw(st.integers(1, 50))]
    found: tuple[Statement, ...] = ()
    with suppress(Refusal):
        found = read(bytes(whole))
    assert all(each.opening_minor is not None for each in found)


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_anything_else_is_refused_with_a_sentence(content: bytes) -> None:
    for mapping in (None, MAPPING):
        with pytest.raises(Refusal):
            read(content, mapping=mapping, currency="EUR")


def identities(content: bytes) -> list[tuple[str, int]]:
    return [(each.content_hash, each.occurrence) for _, each in identified(read(content))]


def test_two_identical_transfers_are_two_and_the_same_file_finds_each_again() -> None:
    twice = [Booking(amount_minor=480, text="coffee", name="A Guest")] * 2

    found = identities(camt_of(twice))

    assert len(set(found)) == 2
    assert {occurrence for _, occurrence in found} == {1, 2}
    assert identities(camt_of(twice)) == found


def test_files_that_overlap_find_the_same_bookings_in_both() -> None:
    days = [DAY + timedelta(days=number // 2) for number in range(8)]
    bookings = [Booking(amount_minor=480, text="coffee", day=day) for day in days]

    earlier, later = identities(camt_of(bookings[:6])), identities(camt_of(bookings[2:]))

    assert len(set(earlier) & set(later)) == 4
    assert len(set(earlier) | set(later)) == 8


def test_a_booking_with_the_banks_reference_is_known_again_with_less_text() -> None:
    notified = Booking(amount_minor=480, text="coffee for two", name="A Guest", end_to_end_id="E1", bank_reference="B1")
    stated = Booking(amount_minor=480, text="coffee", bank_reference="B1")

    assert identities(camt_of([notified])) == identities(camt_of([stated])) == identities(mt940_of([stated]))


def test_another_amount_day_or_reference_is_another_booking() -> None:
    one = Booking(amount_minor=480, bank_reference="B1")
    others = [
        Booking(amount_minor=481, bank_reference="B1"),
        Booking(amount_minor=-480, bank_reference="B1"),
        Booking(amount_minor=480, bank_reference="B2"),
        Booking(amount_minor=480, bank_reference="B1", day=DAY + timedelta(days=1)),
        Booking(amount_minor=480),
    ]

    assert len({hash_ for each in [one, *others] for hash_, _ in identities(camt_of([each]))}) == 6
