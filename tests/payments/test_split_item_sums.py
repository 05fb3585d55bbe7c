"""Shares by items sum to the bill, whoever had what part of what."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabletap.kernel.ids import new_id
from tabletap.orders.model import OrderItem
from tabletap.payments.errors import SplitNotPossible
from tabletap.payments.split_items import MAX_PARTS, Part, amounts_by_items

CAFE, ORDER = new_id(), new_id()


def line(total: int, name: str = "Cake", *, voided: bool = False) -> OrderItem:
    return OrderItem(CAFE, new_id(), ORDER, 1, new_id(), name, 1, total, [], None, None, [], 1_000, total, voided)


@st.composite
def assigned(draw: st.DrawFn) -> tuple[list[OrderItem], list[list[Part]]]:
    """Lines, each cut into equal pieces that go to any of the payers; everybody has a whole dish besides."""
    payers = draw(st.integers(1, 8))
    dishes = [line(total) for total in draw(st.lists(st.integers(1, 10**7), min_size=payers, max_size=payers))]
    shares = [[Part(dish.id)] for dish in dishes]
    shared = [line(total) for total in draw(st.lists(st.integers(0, 10**7), max_size=6))]
    for item in shared:
        pieces = draw(st.lists(st.integers(0, payers - 1), min_size=1, max_size=MAX_PARTS))
        for payer in sorted(set(pieces)):
            shares[payer].append(Part(item.id, pieces.count(payer), len(pieces)))
    gone = [line(total, voided=True) for total in draw(st.lists(st.integers(0, 10**7), max_size=2))]
    return [*dishes, *shared, *gone], shares


@given(assigned())
def test_shares_by_items_sum_to_what_the_items_cost_and_none_is_a_cent_off(
    bill: tuple[list[OrderItem], list[list[Part]]],
) -> None:
    items, shares = bill
    costs = {item.id: item.total_minor for item in items}

    amounts = amounts_by_items(items, shares)

    exact = [sum((part.fraction * costs[part.order_item_id] for part in parts), Fraction()) for parts in shares]
    assert sum(amounts) == sum(item.total_minor for item in items if not item.voided)
    assert min(amounts) >= 0
    assert all(abs(amount - cost) < 1 for amount, cost in zip(amounts, exact, strict=True))
    assert amounts_by_items(items, shares) == amounts


@given(st.integers(1, 10**7), st.integers(2, 50))
def test_cents_of_one_item_that_do_not_divide_go_to_the_first(total: int, payers: int) -> None:
    cake = line(total)

    amounts = amounts_by_items([cake], [[Part(cake.id, 1, payers)]] * payers)

    assert sum(amounts) == total
    assert amounts == sorted(amounts, reverse=True)
    assert max(amounts) - min(amounts) <= 1


@given(st.lists(st.tuples(st.integers(1, 100), st.integers(1, 100)), min_size=1, max_size=10))
def test_parts_that_are_not_the_whole_item_are_refused_and_the_item_is_named(parts: list[tuple[int, int]]) -> None:
    cake = line(900, "Black forest cake")
    inside = [(min(numerator, denominator), denominator) for numerator, denominator in parts]
    if sum(Fraction(*part) for part in inside) == 1:
        inside.append((1, math.lcm(2, 3)))

    with pytest.raises(SplitNotPossible, match="Black forest cake"):
        amounts_by_items([cake], [[Part(cake.id, *part)] for part in inside])


@pytest.mark.parametrize(("numerator", "denominator"), [(0, 1), (2, 1), (-1, 2), (1, 0), (1, 101), (101, 101)])
def test_a_part_is_a_fraction_that_people_would_say(numerator: int, denominator: int) -> None:
    cake = line(900)

    with pytest.raises(SplitNotPossible, match="Cake"):
        amounts_by_items([cake], [[Part(cake.id, numerator, denominator)], [Part(cake.id)]])


def test_what_is_not_there_or_was_taken_off_or_is_in_no_share_is_refused() -> None:
    cake, gone, tea = line(900), line(300, "Soup", voided=True), line(400, "Tea")
    whole = [Part(cake.id), Part(tea.id)]

    for shares, sentence in [
        ([[*whole, Part(new_id())]], "not on this order"),
        ([[*whole, Part(gone.id)]], "Soup"),
        ([[Part(cake.id)]], "Tea"),
        ([[Part(cake.id, 1, 2), Part(cake.id, 1, 2), Part(tea.id)]], "once"),
        ([whole, []], "items"),
    ]:
        with pytest.raises(SplitNotPossible, match=sentence):
            amounts_by_items([cake, gone, tea], shares)
