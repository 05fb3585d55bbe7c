"""References survive typing, and slips in typing are noticed."""

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from stdnum import iso11649

from tabletap.kernel.money import UnknownCurrency
from tabletap.qr.model import ALPHABET, is_valid_reference, new_reference, normalise_reference

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
