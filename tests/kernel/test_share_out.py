"""Sharing out by largest remainder (Hamilton's method), held against its definition in exact fractions."""

from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tabletap.kernel.money import MAX_AMOUNT_MINOR, share_out

TOTALS = st.integers(0, 30) | st.integers(0, MAX_AMOUNT_MINOR)
WEIGHTS = st.lists(st.integers(0, 4) | st.integers(0, 10**6), min_size=1, max_size=30).filter(any)


@given(TOTALS, WEIGHTS)
def test_who_gets_a_unit_more_has_the_largest_remainder_and_among_equals_comes_first(
    total: int, weights: list[int]
) -> None:
    quotas = [Fraction(total * weight, sum(weights)) for weight in weights]
    more = [part - int(quota) for part, quota in zip(share_out(total, weights), quotas, strict=True)]
    order = sorted(range(len(quotas)), key=lambda place: (int(quotas[place]) - quotas[place], place))

    assert set(more) <= {0, 1}
    assert [more[place] for place in order] == sorted(more, reverse=True)
    assert sum(more) == total - sum(int(quota) for quota in quotas)


@given(TOTALS, WEIGHTS)
def test_who_weighs_nothing_gets_nothing_and_who_weighs_more_gets_no_less(total: int, weights: list[int]) -> None:
    shares = sorted(zip(weights, share_out(total, weights), strict=True))

    assert all(part == 0 for weight, part in shares if weight == 0)
    assert all(heavier >= lighter for (light, lighter), (heavy, heavier) in pairwise(shares) if heavy > light)
