"""Sharing out: to the cent, whoever worked, and fair in turn."""

from collections import Counter
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from largest_remainder import LargestRemainder

from tabletap.kernel.ids import Id, new_id
from tabletap.tips.model import ROLES
from tabletap.tips.rules.errors import TipRuleForbidden
from tabletap.tips.rules.packs import PACKS, PackName, due_on, require_lawful
from tabletap.tips.sharing.model import Part, TipShare, Worker
from tabletap.tips.sharing.statements import TipStatementView
from tabletap.tips.sharing.sums import distributed, held, shared_again, shared_by, taken_back

STAFF = [new_id() for _ in range(6)]
SHARES = [(3_000, 7_000, 0), (0, 10_000, 0), (3_333, 3_333, 3_334), (1, 9_999, 0)]
WORKERS = st.lists(
    st.builds(
        Worker,
        staff_id=st.sampled_from(STAFF),
        role=st.sampled_from(["kitchen_staff", "service_staff", "management"]),
        points=st.integers(1, 20),
        minutes=st.integers(0, 900),
    ),
    max_size=10,
)
WEIGHTS = st.lists(st.integers(0, 10_000), min_size=1, max_size=12).filter(any)


def as_shares(parts: list[Part], distribution_id: Id) -> list[TipShare]:
    return [
        TipShare(new_id(), distribution_id, n, part.staff_id, part.role, part.points, part.minutes, part.amount_minor)
        for n, part in enumerate(parts, 1)
    ]


@given(st.integers(0, 10**7), WORKERS, st.sampled_from(SHARES), st.integers(0, 10**6))
def test_the_parts_always_sum_to_the_tip(
    tip: int, workers: list[Worker], shares: tuple[int, int, int], sequence: int
) -> None:
    parts = distributed(tip, shares, workers, sequence)

    assert sum(part.amount_minor for part in parts) == tip
    assert all(part.amount_minor > 0 for part in parts)


@given(st.integers(0, 10**6), WORKERS, st.randoms(), st.integers(0, 1_000))
def test_in_whatever_order_the_workers_are_named_it_is_the_same(
    tip: int, workers: list[Worker], dice: object, sequence: int
) -> None:
    shuffled = sorted(workers, key=lambda worker: hash((worker, repr(dice))))

    assert distributed(tip, SHARES[0], workers, sequence) == distributed(tip, SHARES[0], shuffled, sequence)


@given(st.integers(0, 10**9), WEIGHTS, st.integers(0, 10**6))
def test_nobody_is_more_than_a_cent_from_the_exact_part(total: int, weights: list[int], first: int) -> None:
    parts = shared_by(total, weights, first)

    whole = sum(weights)
    assert sum(parts) == total
    assert all(abs(part - Fraction(total * weight, whole)) < 1 for part, weight in zip(parts, weights, strict=True))


@given(st.integers(1, 10**6), WEIGHTS, st.integers(0, 100))
def test_the_largest_remainder_is_that_of_others(total: int, weights: list[int], first: int) -> None:
    """An implementation that nobody here wrote; where remainders tie, somebody else may have the cent."""
    parts = shared_by(total, weights, first)

    others = oracle(total, weights)
    whole = sum(weights)
    assert Counter(parts) == Counter(others) or _only_ties_differ(parts, others, total, weights, whole)


def oracle(total: int, weights: list[int]) -> list[int]:
    """The same by the package `largest-remainder`: exact parts in, whole ones out."""
    exact = [Fraction(total * weight, sum(weights)) for weight in weights]
    return list(LargestRemainder.round(exact, total))  # type: ignore[arg-type]  # exact numbers do as well


def _only_ties_differ(ours: list[int], others: list[int], total: int, weights: list[int], whole: int) -> bool:
    differing = [n for n in range(len(ours)) if ours[n] != others[n]]
    return len({total * weights[n] % whole for n in differing}) == 1


def test_over_as_many_pools_as_there_are_workers_everybody_is_even() -> None:
    workers = [Worker(staff, "service_staff", 10, 60) for staff in STAFF]
    got: Counter[Id] = Counter()

    for sequence in range(len(STAFF)):
        for part in distributed(1_000, (0, 10_000, 0), workers, sequence):
            assert part.staff_id is not None
            got[part.staff_id] += part.amount_minor

    assert set(got.values()) == {1_000}


@given(
    st.integers(0, 5_000),
    st.sampled_from([*SHARES, (5_000, 5_000, 0), (2_500, 2_500, 5_000)]),
    st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 3)),
    st.integers(0, 10**6),
    st.integers(1, 20),
)
def test_equals_are_never_more_than_a_cent_apart_over_any_number_of_equal_pools(
    tip: int, shares: tuple[int, int, int], how_many: tuple[int, int, int], first: int, pools: int
) -> None:
    workers = [
        Worker(new_id(), role, 10, 60) for role, count in zip(ROLES, how_many, strict=True) for _ in range(count)
    ]
    got: Counter[Id] = Counter()

    for sequence in range(first, first + pools):
        for part in distributed(tip, shares, workers, sequence):
            got[part.staff_id or ""] += part.amount_minor
        for role in ROLES:
            amounts = [got[worker.staff_id] for worker in workers if worker.role == role]
            assert not amounts or max(amounts) - min(amounts) <= 1


@given(st.integers(0, 999), st.integers(0, 10**6))
def test_roles_with_equal_parts_are_never_more_than_a_cent_apart(tip: int, first: int) -> None:
    workers = [Worker(STAFF[0], "kitchen_staff", 10, 60), Worker(STAFF[1], "service_staff", 10, 60)]
    got: Counter[str] = Counter()

    for sequence in range(first, first + 7):
        got.update({part.role: part.amount_minor for part in distributed(tip, (5_000, 5_000, 0), workers, sequence)})
        assert abs(got["kitchen_staff"] - got["service_staff"]) <= 1


def test_of_a_single_payment_only_points_count() -> None:
    workers = [Worker(STAFF[0], "service_staff", 20, None), Worker(STAFF[1], "service_staff", 10, None)]

    parts = distributed(300, (0, 10_000, 0), workers, 0)

    assert {part.staff_id: (part.minutes, part.amount_minor) for part in parts} == {
        STAFF[0]: (0, 200),
        STAFF[1]: (0, 100),
    }


@given(st.integers(1, 10**6), WORKERS, st.sampled_from(SHARES), st.integers(0, 1_000))
def test_what_is_nobodys_is_shared_again_to_the_cent(
    tip: int, workers: list[Worker], shares: tuple[int, int, int], sequence: int
) -> None:
    given_out = as_shares(distributed(tip, shares, workers, sequence), new_id())

    again = shared_again(given_out, sequence)

    everything = held([*given_out, *as_shares(again, new_id())])
    assert sum(everything.values()) == tip
    assert min(everything.values()) >= 0
    nobodys = sum(amount for (staff, _), amount in everything.items() if not staff)
    assert nobodys == (0 if any(share.staff_id for share in given_out) else tip)


def test_the_part_of_a_role_in_which_nobody_worked_belongs_to_nobody() -> None:
    parts = distributed(1_000, (3_000, 7_000, 0), [Worker(STAFF[0], "service_staff", 10, 60)], 1)

    assert [(part.staff_id, part.role, part.amount_minor) for part in parts] == [
        (None, "kitchen_staff", 300),
        (STAFF[0], "service_staff", 700),
    ]


@given(st.integers(1, 10**6), WORKERS, st.lists(st.integers(1, 10**5), max_size=6))
def test_what_is_taken_back_sums_and_never_takes_more_than_somebody_has(
    tip: int, workers: list[Worker], refunds: list[int]
) -> None:
    shares = as_shares(distributed(tip, SHARES[0], workers, 3), new_id())
    left = tip

    for n, refund in enumerate(refunds):
        back = taken_back(refund, shares, n)
        assert -sum(part.amount_minor for part in back) == min(refund, left)
        left -= min(refund, left)
        shares += as_shares(back, new_id())
        holdings: Counter[tuple[Id | None, str]] = Counter()
        for share in shares:
            holdings[share.staff_id, share.role] += share.amount_minor
        assert min(holdings.values()) >= 0

    assert sum(share.amount_minor for share in shares) == left


def test_in_the_us_managers_get_nothing_and_in_the_uk_tips_are_due_at_the_end_of_the_next_month() -> None:
    with pytest.raises(TipRuleForbidden):
        require_lawful("US", 1)
    require_lawful("US", 0)
    require_lawful("UK", 1_000)

    assert due_on("UK", date(2026, 11, 23)) == date(2026, 12, 31)
    assert due_on("UK", date(2027, 1, 31)) == date(2027, 2, 28)
    assert due_on("AU", date(2026, 11, 23)) is None


@pytest.mark.parametrize("pack", PACKS)
def test_every_statement_says_what_the_law_asks_for(pack: PackName) -> None:
    assert set(PACKS[pack].statement_fields) <= set(TipStatementView.__struct_fields__)
