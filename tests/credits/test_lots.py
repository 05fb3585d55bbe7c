"""Which lots a payment takes and gets back, whatever they are."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabletap.credits.errors import InsufficientCredit
from tabletap.credits.lots import given_back, order_of_use, spendable, taken
from tabletap.credits.model import Consumption, CreditKind, CreditLot
from tabletap.kernel.ids import new_id

CAFE, CUSTOMER, PAYMENT = new_id(), new_id(), new_id()
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
KINDS: tuple[CreditKind, ...] = ("paid", "promotional", "refund")


def a_lot(
    remaining: int = 100,
    kind: CreditKind = "paid",
    expires_in_days: int | None = None,
    *,
    held: int = 0,
    age_days: int = 0,
) -> CreditLot:
    expires_at = None if expires_in_days is None else NOW + timedelta(days=expires_in_days)
    created_at = NOW - timedelta(days=age_days)
    return CreditLot(
        CAFE, new_id(), CUSTOMER, kind, max(remaining, 1), remaining, held, expires_at, None, None, created_at
    )


lots_ = st.lists(
    st.builds(
        lambda remaining, share, kind, days, age: a_lot(
            remaining, kind, days, held=remaining * share // 4, age_days=age
        ),
        st.integers(0, 500),
        st.integers(0, 4),
        st.sampled_from(KINDS),
        st.none() | st.integers(-5, 5),
        st.integers(0, 5),
    ),
    max_size=8,
)


def test_what_expires_soonest_is_used_first_then_gifts_then_what_is_oldest() -> None:
    soon, later = a_lot(expires_in_days=1), a_lot(kind="promotional", expires_in_days=2)
    gift, old, new, refunded = a_lot(kind="promotional"), a_lot(age_days=9), a_lot(), a_lot(kind="refund", age_days=3)

    ordered = sorted([new, refunded, old, gift, later, soon], key=order_of_use)

    assert ordered == [soon, later, gift, old, refunded, new]


@given(lots_, st.integers(1, 2_000))
def test_what_is_taken_is_free_usable_and_in_order(lots: list[CreditLot], amount: int) -> None:
    if spendable(lots, NOW) < amount:
        with pytest.raises(InsufficientCredit):
            taken(lots, amount, NOW)
        return

    parts = taken(lots, amount, NOW)

    assert sum(part.amount_minor for part in parts) == amount
    assert all(0 < part.amount_minor <= part.lot.free_minor and not part.lot.is_over(NOW) for part in parts)
    usable = sorted((lot for lot in lots if lot.free_minor and not lot.is_over(NOW)), key=order_of_use)
    assert [part.lot for part in parts] == usable[: len(parts)]
    assert all(part.amount_minor == part.lot.free_minor for part in parts[:-1]), "only the last one is taken in part"


@given(lots_, st.integers(1, 2_000), st.lists(st.integers(1, 900), max_size=6))
def test_what_is_given_back_is_what_was_taken_the_last_first(
    lots: list[CreditLot], amount: int, refunds: list[int]
) -> None:
    amount = min(amount, spendable(lots, NOW))
    parts = taken(lots, amount, NOW)
    spent = new_id()
    noted = [Consumption(CAFE, spent, n, part.lot.id, part.amount_minor, PAYMENT, NOW) for n, part in enumerate(parts)]
    by_id = {lot.id: lot for lot in lots}
    returned = dict.fromkeys(by_id, 0)

    for refund in refunds:
        back = given_back(noted, by_id, refund)
        left = amount - sum(returned.values())
        assert sum(part.amount_minor for part in back) == min(refund, left)
        again = new_id()
        for n, part in enumerate(back):
            returned[part.lot.id] += part.amount_minor
            noted.append(Consumption(CAFE, again, n, part.lot.id, -part.amount_minor, PAYMENT, NOW))

    whole = {part.lot.id: part.amount_minor for part in parts}
    assert all(returned[lot_id] <= whole.get(lot_id, 0) for lot_id in returned)
    latest_first = [part.lot.id for part in reversed(parts) if returned[part.lot.id]]
    assert all(returned[lot_id] == whole[lot_id] for lot_id in latest_first[:-1]), "earlier ones wait for the later"
