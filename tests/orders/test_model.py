"""The arithmetic of an order and its table of transitions."""

from datetime import UTC, datetime
from fractions import Fraction
from itertools import product
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabletap.kernel.ids import new_id
from tabletap.orders.model import Order, OrderStatus, may_move, tax_within

STATES: tuple[OrderStatus, ...] = get_args(OrderStatus)
PAY_FIRST = {
    ("pending", "cancelled"),
    ("paid", "preparing"),
    ("paid", "cancelled"),
    ("preparing", "ready"),
    ("preparing", "cancelled"),
    ("ready", "collected"),
}


@pytest.mark.parametrize(("before", "after"), [*product(STATES, STATES)])
@pytest.mark.parametrize("pays_later", [False, True])
def test_an_order_moves_as_the_contract_says_and_no_other_way(
    before: OrderStatus, after: OrderStatus, pays_later: bool
) -> None:
    allowed = PAY_FIRST | ({("pending", "preparing")} if pays_later else set())

    assert may_move(before, after, pays_later) == ((before, after) in allowed)


@given(st.integers(0, 10**9), st.integers(0, 10_000))
def test_the_tax_in_a_price_is_exact_to_the_nearest_unit_halves_up(gross: int, basis_points: int) -> None:
    exact = Fraction(gross * basis_points, 10_000 + basis_points)
    tax = tax_within(gross, basis_points)

    assert -Fraction(1, 2) < tax - exact <= Fraction(1, 2)
    assert 0 <= tax <= gross


@pytest.mark.parametrize(
    ("gross", "basis_points", "tax"),
    [(1_100, 1_000, 100), (480, 1_000, 44), (480, 0, 0), (0, 1_000, 0), (3, 10_000, 2)],
)
def test_tax_by_example(gross: int, basis_points: int, tax: int) -> None:
    assert tax_within(gross, basis_points) == tax


def order(**changes: Any) -> Order:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    made = Order(
        cafe_id=new_id(), id=new_id(), order_number=1, table_id=None, table_number=None, takeaway_name=None,
        session_id=None, customer_id=None, placed_by=new_id(), client_order_id=None, status="pending", currency="AUD",
        subtotal_minor=900, tax_minor=100, total_minor=1_000, paid_minor=0, refunded_minor=0, reserved_minor=0,
        version=1, created_at=now, updated_at=now, paid_at=None,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "unpaid"),
        ({"reserved_minor": 1_000}, "unpaid"),
        ({"paid_minor": 1}, "partly_paid"),
        ({"paid_minor": 1_000}, "paid"),
        ({"total_minor": 0}, "paid"),
        ({"paid_minor": 1_000, "refunded_minor": 1}, "partly_refunded"),
        ({"paid_minor": 1_000, "refunded_minor": 1_000}, "refunded"),
        ({"paid_minor": 400, "refunded_minor": 400}, "refunded"),
    ],
)
def test_what_is_paid_follows_from_the_sums(changes: dict[str, Any], status: str) -> None:
    assert order(**changes).payment_status == status


@given(st.integers(0, 1_000), st.integers(0, 1_000), st.integers(0, 1_000))
def test_a_bill_is_never_open_for_more_than_is_outstanding(total: int, paid: int, reserved: int) -> None:
    bill = order(total_minor=total, paid_minor=min(paid, total), reserved_minor=reserved)

    assert 0 <= bill.open_minor <= bill.outstanding_minor <= total
    assert bill.outstanding_minor == total - bill.paid_minor
