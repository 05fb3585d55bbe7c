"""What is counted, and what a day's report says."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabletap.till.days.model import Totals, accounts, nested, since
from tabletap.till.errors import DrawerCountInvalid
from tabletap.till.model import booking, counted_sum

TOTALS = st.dictionaries(
    st.sampled_from(
        ["payments/cash/amount", "payments/cash/count", "ledger/bank/debit", "ledger/bank/credit", "journals"]
    ),
    st.integers(0, 10**9),
)


def test_coins_and_notes_are_summed() -> None:
    assert counted_sum(None, {"5000": 2, "200": 3, "5": 7}) == 10_635
    assert counted_sum(0, None) == 0


@pytest.mark.parametrize(
    ("counted", "denominations"),
    [
        (None, None),
        (1, {"5": 1}),
        (-1, None),
        (None, {}),
        (None, {"five": 1}),
        (None, {"0": 1}),
        (None, {"5": -1}),
        (10**12 + 1, None),
        (None, {"999999999": 100_000}),
    ],
)
def test_what_is_no_count_is_refused(counted: int | None, denominations: dict[str, int] | None) -> None:
    with pytest.raises(DrawerCountInvalid):
        counted_sum(counted, denominations)


@pytest.mark.parametrize("kind", ["float", "paid_in", "drop", "taken_out", "paid_out", "difference"])
def test_what_the_till_books_sums_to_zero(kind: str) -> None:
    lines = booking(kind, -730)  # type: ignore[arg-type]  # each of them is one

    assert sum(lines.values()) == 0
    assert lines["cash_drawer"] == -730


@given(st.lists(TOTALS, min_size=1, max_size=8))
def test_reports_one_after_the_other_sum_to_what_there_is(steps: list[Totals]) -> None:
    counted: list[Totals] = [{}]
    for step in steps:
        before = counted[-1]
        counted.append({path: before.get(path, 0) + step.get(path, 0) for path in {**before, **step}})

    reports = [since(now, before) for before, now in pairwise(counted)]

    last = {path: amount for path, amount in counted[-1].items() if amount}
    assert {path: sum(report.get(path, 0) for report in reports) for path in last} == last


def test_an_account_says_where_it_began_and_where_it_ended() -> None:
    before = {"ledger/bank/debit": 500, "ledger/bank/credit": 100, "ledger/sales/credit": 400}
    now = {**before, "ledger/bank/debit": 800, "journals": 3}

    bank, sales = accounts(now, before)

    assert (bank.opening, bank.debit, bank.credit, bank.closing) == (400, 300, 0, 700)
    assert (sales.opening, sales.debit, sales.credit, sales.closing) == (-400, 0, 0, -400)


def test_figures_are_nested_by_subject() -> None:
    assert nested({"payments/cash/count": 2, "payments/cash/amount": 960, "ledger/bank/debit": 1}) == {
        "payments": {"cash": {"count": 2, "amount": 960}}
    }
