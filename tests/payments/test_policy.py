"""What a payment may be asked to do: rules without rows."""

from datetime import UTC, datetime

import msgspec
import pytest

from tabletap.kernel.errors import InvalidAmount, NotAllowed
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Actor, Role
from tabletap.orders.errors import OrderNotPayable
from tabletap.orders.model import Order
from tabletap.payments import policy
from tabletap.payments.errors import AmountExceedsOutstanding, MetadataTooLarge, ReturnUrlNotAllowed

AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
ORDER = Order(
    cafe_id=new_id(),
    id=new_id(),
    order_number=1,
    table_id=None,
    table_number=None,
    takeaway_name=None,
    session_id=None,
    customer_id=None,
    placed_by=new_id(),
    client_order_id=None,
    status="pending",
    currency="AUD",
    subtotal_minor=436,
    tax_minor=44,
    total_minor=480,
    paid_minor=0,
    refunded_minor=0,
    reserved_minor=0,
    version=1,
    created_at=AT,
    updated_at=AT,
    paid_at=None,
)
OWN = frozenset({"https://cafe.example.org", "http://127.0.0.1:8000"})


def order(**changes: int | str) -> Order:
    return msgspec.structs.replace(ORDER, **changes)


def actor(role: Role) -> Actor:
    return Actor(cafe_id=ORDER.cafe_id, person_id=new_id(), roles=frozenset({role}))


def test_without_an_amount_all_that_is_outstanding_is_claimed() -> None:
    assert policy.amount_of(order(), None) == 480
    assert policy.amount_of(order(paid_minor=130), None) == 350


def test_a_part_of_the_bill_may_be_paid() -> None:
    assert policy.amount_of(order(), 1) == 1
    assert policy.amount_of(order(paid_minor=100, reserved_minor=300), 80) == 80


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({}, 481),
        ({"paid_minor": 480}, None),
        ({"paid_minor": 480}, 1),
        ({"reserved_minor": 480}, None),
        ({"paid_minor": 100, "reserved_minor": 300}, 81),
        ({"reserved_minor": 1}, None),
    ],
)
def test_more_than_is_open_cannot_be_claimed(changes: dict[str, int], asked: int | None) -> None:
    with pytest.raises(AmountExceedsOutstanding):
        policy.amount_of(order(**changes), asked)


@pytest.mark.parametrize("asked", [0, -1, 10**12 + 1])
def test_an_amount_is_above_zero_and_within_bounds(asked: int) -> None:
    with pytest.raises(InvalidAmount):
        policy.amount_of(order(), asked)


def test_nothing_is_paid_on_a_cancelled_order() -> None:
    with pytest.raises(OrderNotPayable):
        policy.amount_of(order(status="cancelled"), None)


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MANAGER, Role.COUNTER, Role.STAFF, Role.CUSTOMER])
def test_customers_and_staff_pay(role: Role) -> None:
    policy.require_payer(actor(role))
    assert policy.require_tip_in_bounds(0) == 0


@pytest.mark.parametrize("role", [Role.KITCHEN, Role.BOARD])
def test_the_kitchen_and_boards_do_not_pay(role: Role) -> None:
    with pytest.raises(NotAllowed):
        policy.require_payer(actor(role))


@pytest.mark.parametrize("tip", [-1, 10**12 + 1])
def test_a_tip_is_zero_or_more_and_within_bounds(tip: int) -> None:
    with pytest.raises(InvalidAmount):
        policy.require_tip_in_bounds(tip)


def test_metadata_is_small() -> None:
    policy.require_small_metadata(None)
    policy.require_small_metadata({str(n): n for n in range(20)})
    with pytest.raises(MetadataTooLarge):
        policy.require_small_metadata({str(n): n for n in range(21)})
    with pytest.raises(MetadataTooLarge):
        policy.require_small_metadata({"note": "x" * 4_096})


@pytest.mark.parametrize(
    "address", [None, "https://cafe.example.org", "https://cafe.example.org/t/7?paid=1", "http://127.0.0.1:8000/x"]
)
def test_guests_come_back_to_our_own_pages(address: str | None) -> None:
    policy.require_own_origin(address, OWN)
    assert address is None or address.startswith(tuple(OWN))


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example.org/",
        "http://cafe.example.org/",
        "https://cafe.example.org.evil.example.org/",
        "https://cafe.example.org@evil.example.org/",
        "https://cafe.example.org:8443/",
        "//cafe.example.org/",
        "javascript:alert(1)",
        "/t/7",
        "",
        "https://[broken/",
    ],
)
def test_guests_are_sent_nowhere_else(address: str) -> None:
    with pytest.raises(ReturnUrlNotAllowed):
        policy.require_own_origin(address, OWN)
