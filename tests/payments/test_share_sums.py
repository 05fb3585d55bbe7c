"""Shares sum to the bill, whatever the bill and however it is split."""

from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tabletap.payments.errors import SplitNotPossible
from tabletap.payments.splits import MAX_SHARES, SplitBill, WantedShare, amounts_of

bills = st.integers(1, 10**9)


@given(bills, st.integers(1, MAX_SHARES))
def test_equal_shares_sum_to_the_bill_and_differ_by_a_cent_at_most(bill: int, count: int) -> None:
    assume(bill >= count)

    amounts = amounts_of(SplitBill(method="equal", count=count), bill)

    assert sum(amounts) == bill
    assert len(amounts) == count
    assert max(amounts) - min(amounts) <= 1
    assert amounts == sorted(amounts, reverse=True)


@given(bills, st.lists(st.integers(1, 9_999), min_size=1, max_size=MAX_SHARES - 1, unique=True))
def test_percentage_shares_sum_to_the_bill_and_none_is_a_cent_off(bill: int, cuts: list[int]) -> None:
    marks = [0, *sorted(cuts), 10_000]
    points = [after - before for before, after in pairwise(marks)]
    assume(all(bill * point >= 10_000 for point in points))

    amounts = amounts_of(
        SplitBill(method="percentage", shares=tuple(WantedShare(basis_points=point) for point in points)), bill
    )

    assert sum(amounts) == bill
    assert all(abs(amount * 10_000 - bill * point) < 10_000 for amount, point in zip(amounts, points, strict=True))


@given(st.lists(st.integers(1, 10**7), min_size=1, max_size=MAX_SHARES))
def test_custom_shares_are_taken_as_they_are(wanted: list[int]) -> None:
    request = SplitBill(method="custom", shares=tuple(WantedShare(amount_minor=amount) for amount in wanted))

    assert amounts_of(request, sum(wanted)) == wanted


@given(st.lists(st.integers(-100, 100), max_size=5), bills)
def test_custom_shares_that_miss_the_bill_or_are_nothing_are_refused(wanted: list[int], bill: int) -> None:
    assume(sum(wanted) != bill or min(wanted, default=0) <= 0)
    request = SplitBill(method="custom", shares=tuple(WantedShare(amount_minor=amount) for amount in wanted))

    with pytest.raises(SplitNotPossible):
        amounts_of(request, bill)


@given(st.integers(1, MAX_SHARES - 1))
def test_a_bill_with_fewer_cents_than_shares_cannot_be_split_so_far(bill: int) -> None:
    with pytest.raises(SplitNotPossible):
        amounts_of(SplitBill(method="equal", count=bill + 1), bill)
