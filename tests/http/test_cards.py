"""What looks like a card number, and what only has many digits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabletap.kernel.cards import has_card_number
from tabletap.kernel.ids import new_id

CARDS = [
    "4111111111111111",
    "4111 1111 1111 1111",
    "5500-0000-0000-0004",
    "3782 822463 10005",
    "6304000000000000000",
    "4222222222222",
    "pay with 4111 1111 1111 1111 12/29 123",
    "4111\u00a01111\u20131111\u00a01111",
    "٤١١١١١١١١١١١١١١١",
]
OTHERS = [
    "4111111111111112",
    "411111111111",
    "0000000000000000",
    "0412 345 678",
    "BE68 5390 0754",
    "order 42, table 7, 12:30",
    "41111111111111111111",
    "4111,1111,1111,1111",
    "44444444-4444-4444-8444-444444444444",
]
MOMENTS = ["1732348800001", "order-1732348800001-1", "1732348800000008", "1732348800000000001"]
"""In milliseconds, microseconds and nanoseconds, with a right check digit."""


@pytest.mark.parametrize("text", CARDS)
def test_a_card_number_is_seen_however_it_is_written(text: str) -> None:
    assert has_card_number(text)


@pytest.mark.parametrize("text", OTHERS)
def test_other_numbers_pass(text: str) -> None:
    assert not has_card_number(text)


def test_ids_never_look_like_cards() -> None:
    ids = " ".join(new_id() for _ in range(2_000))

    assert not has_card_number(ids)


@given(st.integers(10**11, 10**17), st.text("abc ,.:/", max_size=5), st.text("abc ,.:/", max_size=5))
def test_every_number_with_a_right_check_digit_is_refused(number: int, before: str, after: str) -> None:
    digits = [int(digit) for digit in str(number)]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[::-2]]
    check = -(sum(doubled) + sum(digits[-2::-2])) % 10

    assert has_card_number(f"{before}{number}{check}{after}")


def test_what_only_ends_like_an_id_is_still_a_card() -> None:
    assert has_card_number("4111111111111111-1111-1111-1111-111111111111")


@pytest.mark.parametrize("text", MOMENTS)
def test_names_made_of_the_time_pass_where_no_money_moves(text: str) -> None:
    assert has_card_number(text)
    assert not has_card_number(text, moments_pass=True)


@pytest.mark.parametrize("text", CARDS)
def test_a_card_is_one_where_times_pass_too(text: str) -> None:
    assert has_card_number(text, moments_pass=True)
