"""References survive typing, and slips in typing are noticed."""

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from stdnum import iso11649

from tabletap.kernel.money import UnknownCurrency
from tabletap.qr.references import (
    ALPHABET,
    ReferenceStyle,
    is_valid_reference,
    new_reference,
    normalise_reference,
    references_in,
    shown_reference,
)

CURRENCIES = st.sampled_from(["AUD", "EUR", "GBP"])


def test_an_australian_reference_fits_on_a_statement_and_spells_nothing() -> None:
    reference = new_reference("AUD")

    assert len(reference) == 12
    assert set(reference) <= set("0123456789BCDFGHJKMNPQRTVWXYZ")
    assert not set(ALPHABET) & set("AEIOULS")


def test_a_reference_cannot_be_guessed() -> None:
    drawn = {new_reference("AUD") for _ in range(2_000)}

    assert len(drawn) == 2_000
    assert math.log2(len(ALPHABET) ** 11) > 53
    assert {place for reference in drawn for place in enumerate(reference[:11])} == {
        (position, character) for position in range(11) for character in ALPHABET
    }


def test_the_euro_reference_has_the_check_digits_of_iso_11649() -> None:
    for _ in range(500):
        reference = new_reference("EUR")
        assert iso11649.is_valid(reference)
        assert len(reference) == 16
        assert is_valid_reference(reference)


def test_only_references_as_long_as_ours_are_recognised() -> None:
    shorter = next(text for text in (f"RF{check:02}12345678" for check in range(100)) if iso11649.is_valid(text))

    assert is_valid_reference("RF18539007547034")
    assert not is_valid_reference(shorter)


@settings(max_examples=300, deadline=None)
@given(currency=CURRENCIES)
def test_a_reference_is_recognised_however_it_was_typed(currency: str) -> None:
    reference = new_reference(currency)
    misread = reference.replace("0", "o").replace("1", "l").replace("5", "s")
    shown = " ".join(reference[start : start + 4] for start in range(0, len(reference), 4))

    for typed in (reference.lower(), shown, f" {shown.replace(' ', '-')}\n", misread, shown.replace(" ", "\u00a0")):
        assert normalise_reference(typed) == reference
        assert is_valid_reference(typed)


@settings(max_examples=1_000, deadline=None)
@given(position=st.integers(0, 11), typo=st.sampled_from(ALPHABET))
def test_one_wrong_character_in_an_australian_reference_is_always_noticed(position: int, typo: str) -> None:
    reference = new_reference("AUD")
    assume(reference[position] != typo)

    assert not is_valid_reference(reference[:position] + typo + reference[position + 1 :])


def test_every_single_slip_and_every_exchange_in_one_reference_is_noticed() -> None:
    reference = "7K2M9XPQ4BT"
    reference = next(reference + check for check in ALPHABET if is_valid_reference(reference + check))
    slips = {reference[:at] + other + reference[at + 1 :] for at in range(12) for other in ALPHABET} - {reference}
    exchanges = set()
    for first in range(12):
        for second in range(first + 1, 12):
            characters = list(reference)
            characters[first], characters[second] = characters[second], characters[first]
            exchanges.add("".join(characters))

    assert len(slips) == 12 * 28
    assert [text for text in slips | exchanges - {reference} if is_valid_reference(text)] == []


def test_every_wrong_digit_in_a_euro_reference_is_noticed() -> None:
    for _ in range(20):
        reference = new_reference("EUR")
        digits = [position for position, character in enumerate(reference) if character.isdigit()]
        slips = {reference[:at] + digit + reference[at + 1 :] for at in digits for digit in "0123456789"} - {reference}

        assert len(slips) == 9 * len(digits)
        assert [text for text in slips if is_valid_reference(text)] == []


def test_a_short_reference_cannot_be_taken_for_a_belgian_one_not_even_mistyped() -> None:
    fewest = min(sum(not each.isdigit() for each in new_reference("AUD")) for _ in range(5_000))

    assert fewest >= 2


def test_every_wrong_digit_and_every_exchange_of_neighbours_in_a_belgian_reference_is_noticed() -> None:
    for _ in range(50):
        reference = new_reference("EUR", "belgian")
        slips = {reference[:at] + digit + reference[at + 1 :] for at in range(12) for digit in "0123456789"}
        exchanges = {reference[:at] + reference[at + 1] + reference[at] + reference[at + 2 :] for at in range(11)}

        assert [text for text in (slips | exchanges) - {reference} if is_valid_reference(text)] == []


def test_a_belgian_reference_is_ten_random_digits_and_their_check() -> None:
    drawn = {new_reference("EUR", "belgian") for _ in range(2_000)}

    assert len(drawn) == 2_000
    assert {len(reference) for reference in drawn} == {12}
    assert all(reference.isdigit() and is_valid_reference(reference) for reference in drawn)
    assert {place for reference in drawn for place in enumerate(reference[:10])} == {
        (position, digit) for position in range(10) for digit in "0123456789"
    }


@pytest.mark.parametrize(
    ("reference", "shown"), [("000000009797", "+++000/0000/09797+++"), ("010806817183", "+++010/8068/17183+++")]
)
def test_a_belgian_reference_is_known_however_it_is_written(reference: str, shown: str) -> None:
    assert shown_reference(reference) == shown
    for typed in (reference, shown, shown.replace("+", "*"), shown.strip("+"), f" {shown.replace('/', ' ')}\n"):
        assert normalise_reference(typed) == reference
        assert is_valid_reference(typed)
        assert references_in(typed) == [reference]


def test_a_remainder_of_nothing_is_written_97() -> None:
    assert is_valid_reference("000000009797")
    assert not is_valid_reference("000000009700")


def test_only_euro_references_have_a_style() -> None:
    assert len(new_reference("AUD", "belgian")) == 12
    assert not new_reference("AUD", "belgian").isdigit()


def test_other_references_are_shown_as_they_are() -> None:
    assert [shown_reference(text) for text in ("RF18539007547034", "7K2M9XPQ4BT1")] == [
        "RF18539007547034",
        "7K2M9XPQ4BT1",
    ]


STYLES = [("AUD", "iso11649"), ("EUR", "iso11649"), ("EUR", "belgian")]


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(STYLES),
    cuts=st.lists(
        st.tuples(st.integers(1, 15), st.sampled_from([" ", "-", "\n", " / ", "\r\n", "\u00a0"])), max_size=6
    ),
    before=st.sampled_from(["", "ref", "REF:", "Pay ", "table 4, ", "/ROC/", "order no. ", "é", "+++"]),
    behind=st.sampled_from(["", " thanks", "\nThank you", "/EREF/x", " .", "é", "+++"]),
    lower=st.booleans(),
)
def test_a_reference_is_found_in_whatever_a_bank_makes_of_it(
    kind: tuple[str, ReferenceStyle], cuts: list[tuple[int, str]], before: str, behind: str, lower: bool
) -> None:
    reference = written = new_reference(*kind)
    for place, separator in sorted(cuts, reverse=True):
        written = written[:place] + separator + written[place:]

    text = before + (written.lower() if lower else written) + behind

    assert reference in references_in(text)


def test_a_reference_is_found_across_the_end_of_a_line_of_35_characters() -> None:
    for reference in (new_reference("AUD"), new_reference("EUR"), new_reference("EUR", "belgian")):
        said = f"Lunch with friends, many thanks {shown_reference(reference)} see you soon"
        wrapped = "\n".join(said[start : start + 35] for start in range(0, len(said), 35))

        assert reference in references_in(wrapped)


def test_all_references_in_a_text_are_found_in_their_order_and_each_once() -> None:
    first, second, third = new_reference("EUR"), new_reference("AUD"), new_reference("EUR", "belgian")

    found = references_in(f"for {second} and {first.lower()}, {shown_reference(third)} and again {second}")

    assert [text for text in found if text in {first, second, third}] == [second, first, third]
    assert len(found) == len(set(found))


@pytest.mark.parametrize(
    "text",
    ["", "Thank you for the coffee", "BE68539007547034", "1010806817183", "0108068171831", "2026-11-23 12:41:07"],
)
def test_nothing_is_found_where_nothing_is(text: str) -> None:
    assert references_in(text) == []


@settings(max_examples=500, deadline=None)
@given(text=st.text(max_size=140))
def test_whatever_is_found_is_valid(text: str) -> None:
    assert all(is_valid_reference(found) for found in references_in(text))


@pytest.mark.parametrize(
    "text", ["", " ", "7K2M", "RF", "A" * 12, "ＲＦ１８５３９００７５４７０３４", "ß" * 12, "7K2M9XPQ4BT!"]
)
def test_anything_else_is_no_reference(text: str) -> None:
    assert not is_valid_reference(text)


@settings(max_examples=500, deadline=None)
@given(text=st.text(max_size=40))
def test_whatever_somebody_types_gets_an_answer(text: str) -> None:
    assert is_valid_reference(text) in {True, False}
    assert normalise_reference(normalise_reference(text)) == normalise_reference(text)


def test_a_reference_for_no_currency_is_refused() -> None:
    with pytest.raises(UnknownCurrency):
        new_reference("EURO")
