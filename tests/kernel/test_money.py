"""Money is exact: minor units, exponents, sums that hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabletap.kernel.errors import InvalidAmount
from tabletap.kernel.money import (
    MAX_AMOUNT_MINOR,
    UnknownCurrency,
    basis_points_of,
    exponent,
    format_major,
    parse_major,
    require_positive,
    share_out,
)


@pytest.mark.parametrize(("currency", "digits"), [("JPY", 0), ("AUD", 2), ("EUR", 2), ("KWD", 3), ("CLF", 4)])
def test_a_currency_has_its_digits(currency: str, digits: int) -> None:
    assert exponent(currency) == digits


def test_an_unknown_currency_is_refused() -> None:
    with pytest.raises(UnknownCurrency):
        exponent("XXX")


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("4.80", "AUD", 480),
        ("4.8", "AUD", 480),
        ("4", "AUD", 400),
        ("-0.50", "AUD", -50),
        ("480", "JPY", 480),
        ("1.234", "KWD", 1234),
    ],
)
def test_written_amounts_become_minor_units(text: str, currency: str, minor: int) -> None:
    assert parse_major(text, currency) == minor


@pytest.mark.parametrize("text", ["", "4,80", "1e3", "4.805", "NaN", "1 000", "٤", "--1", "4."])
def test_anything_else_is_no_amount(text: str) -> None:
    with pytest.raises(InvalidAmount):
        parse_major(text, "AUD")


@given(st.integers(-MAX_AMOUNT_MINOR, MAX_AMOUNT_MINOR), st.sampled_from(["JPY", "AUD", "KWD"]))
def test_writing_and_reading_an_amount_gives_it_back(amount: int, currency: str) -> None:
    assert parse_major(format_major(amount, currency), currency) == amount


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10_000), min_size=1, max_size=40).filter(any))
def test_shares_sum_to_the_total_and_stray_less_than_one_unit(total: int, weights: list[int]) -> None:
    parts = share_out(total, weights)

    assert sum(parts) == total
    assert all(
        abs(part * sum(weights) - total * weight) < sum(weights) for part, weight in zip(parts, weights, strict=True)
    )


def test_ties_go_to_the_earlier_part() -> None:
    assert share_out(100, [1, 1, 1]) == [34, 33, 33]


@pytest.mark.parametrize("weights", [[], [0, 0], [-1, 2]])
def test_nobody_to_share_with_is_a_fault(weights: list[int]) -> None:
    with pytest.raises(ValueError, match=r"weights|empty"):
        share_out(100, weights)


@pytest.mark.parametrize(
    ("amount", "basis_points", "part"), [(480, 1500, 72), (333, 1000, 33), (335, 1000, 34), (0, 1000, 0)]
)
def test_percentages_round_half_up(amount: int, basis_points: int, part: int) -> None:
    assert basis_points_of(amount, basis_points) == part


@pytest.mark.parametrize("amount", [0, -1, MAX_AMOUNT_MINOR + 1])
def test_an_amount_is_above_zero_and_within_bounds(amount: int) -> None:
    with pytest.raises(InvalidAmount):
        require_positive(amount)


@pytest.mark.parametrize(
    ("text", "currency"), [("10000000000.01", "AUD"), ("9999999999999", "AUD"), ("1000000000001", "JPY")]
)
def test_an_amount_beyond_any_bill_is_none(text: str, currency: str) -> None:
    with pytest.raises(InvalidAmount, match="beyond any bill"):
        parse_major(text, currency)
