"""Who may hear which stream, and where."""

import itertools

import pytest

from tabletap.audiences import access
from tabletap.audiences.streams import (
    OF_THE_CAFE,
    Audience,
    StreamName,
    of_cafe,
    of_order,
    of_payment,
    of_role,
    of_user,
)
from tabletap.infra.db.transaction import Reader
from tabletap.kernel.errors import InvalidRequest, NotAllowed, OtherCafe, Refusal
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Actor, Role
from tabletap.orders.errors import OrderNotFound
from tabletap.payments.errors import PaymentNotFound
from tests.audiences.place import Place

HEARD = {
    Role.KITCHEN: {"kitchen", "role:kitchen"},
    Role.STAFF: {"staff"},
    Role.COUNTER: {"staff", "counter"},
    Role.MANAGER: {"kitchen", "counter", "staff", "management", "board", *(f"role:{role}" for role in Role)},
    Role.ADMIN: {"kitchen", "counter", "staff", "management", "board", *(f"role:{role}" for role in Role)},
    Role.CUSTOMER: set(),
    Role.BOARD: {"board"},
}
"""Contract 4.3, "Who may hear which": the streams of the cafe."""
IN_NAMESPACE = {
    "/orders": {"order", "user", "staff"},
    "/kitchen": {"kitchen", "role:kitchen"},
    "/counter": {"counter", "staff", "order"},
    "/customers": {"order", "user", "board"},
    "/payments": {"payment", "order", "user", "counter"},
}
"""Contract 4.3, the table of namespaces; `/admin` has every stream."""


async def hears(place: Place, by: Actor, stream: StreamName, namespace: str | None = None) -> type[Refusal] | None:
    """None if they may, else what they are told."""

    async def look(reader: Reader) -> None:
        await access.require(reader, by, stream, namespace)

    try:
        await place.services.db.read(by.cafe_id, look)
    except Refusal as refusal:
        return type(refusal)
    return None


def of_the_cafe(cafe_id: str) -> list[StreamName]:
    return [*(of_cafe(each, cafe_id) for each in OF_THE_CAFE), *(of_role(role, cafe_id) for role in Role)]


@pytest.mark.parametrize("role", Role)
async def test_a_role_hears_of_its_cafe_what_the_contract_says_and_nothing_more(place: Place, role: Role) -> None:
    heard = {stream.key for stream in of_the_cafe(place.id) if await hears(place, place[role], stream) is None}

    assert heard == {f"cafe:{place.id}:{tail}" for tail in HEARD[role]}


@pytest.mark.parametrize("role", Role)
async def test_nobody_hears_anything_of_another_cafe(place: Place, other_place: Place, role: Role) -> None:
    order = await other_place.order()
    payment = await other_place.start_cash(order)
    stranger = place[role]

    assert {await hears(place, stranger, stream) for stream in of_the_cafe(other_place.id)} == {OtherCafe}
    assert await hears(place, stranger, of_order(order.id)) is OrderNotFound
    assert await hears(place, stranger, of_payment(payment.payment_id)) is PaymentNotFound
    assert await hears(place, stranger, of_user(other_place[role].person_id)) is NotAllowed


async def test_a_namespace_limits_which_streams_may_be_asked_for(place: Place) -> None:
    order = await place.order()
    payment = await place.start_cash(order)
    manager = place[Role.MANAGER]
    streams = [*of_the_cafe(place.id), of_order(order.id), of_payment(payment.payment_id), of_user(manager.person_id)]

    for namespace, stream in itertools.product(IN_NAMESPACE, streams):
        offered = (
            stream.key.startswith("cafe:") and stream.key.removeprefix(f"cafe:{place.id}:") in IN_NAMESPACE[namespace]
        )
        offered = offered or stream.audience in IN_NAMESPACE[namespace]
        assert (await hears(place, manager, stream, namespace) is None) is offered, (namespace, stream.key)
    assert {await hears(place, manager, stream, "/admin") for stream in streams} == {None}


async def test_everybody_hears_their_own_stream_and_nobody_anybody_elses(place: Place) -> None:
    for role in Role:
        assert await hears(place, place[role], of_user(place[role].person_id)) is None
        assert await hears(place, place[role], of_user(new_id())) is NotAllowed


async def test_an_order_is_heard_by_who_placed_it_their_table_who_paid_it_and_the_staff(place: Place) -> None:
    table = new_id()
    guest, friend, stranger = place.guest(table), place.guest(table), place.guest()
    order = await place.order(guest)
    stream = of_order(order.id)

    assert await hears(place, guest, stream) is None
    assert await hears(place, friend, stream) is None
    assert await hears(place, place[Role.STAFF], stream) is None
    assert await hears(place, stranger, stream) is NotAllowed
    assert await hears(place, place[Role.KITCHEN], stream) is NotAllowed
    assert await hears(place, place[Role.BOARD], stream) is NotAllowed

    mover = place.person(Role.CUSTOMER, session_id=table)
    await place.start_cash(order, mover, amount=100)
    elsewhere = place.person(Role.CUSTOMER, person_id=mover.person_id)
    assert await hears(place, elsewhere, stream) is None, "paid by me, though I left the table"


async def test_a_payment_is_heard_by_its_payer_and_the_staff(place: Place) -> None:
    table = new_id()
    guest, friend = place.guest(table), place.guest(table)
    payment = await place.start_cash(await place.order(guest), guest)
    stream = of_payment(payment.payment_id)

    assert await hears(place, guest, stream) is None
    assert await hears(place, place[Role.STAFF], stream) is None
    assert await hears(place, friend, stream) is NotAllowed
    assert await hears(place, place[Role.KITCHEN], stream) is NotAllowed


async def test_what_does_not_exist_is_not_there_for_anybody(place: Place) -> None:
    assert await hears(place, place[Role.MANAGER], of_order(new_id())) is OrderNotFound
    assert await hears(place, place[Role.MANAGER], of_payment(new_id())) is PaymentNotFound
    with pytest.raises(InvalidRequest):
        access.stream_named("cafe:everything")


async def test_joining_a_cafe_means_exactly_the_streams_one_could_ask_for(place: Place) -> None:
    for namespace, role in itertools.product(access.NAMESPACES, Role):
        by = place[role]
        candidates = [*of_the_cafe(place.id), of_user(by.person_id)]
        expected = [stream for stream in candidates if await hears(place, by, stream, namespace) is None]

        assert access.in_cafe(by, namespace) == expected, (namespace, role)


def test_every_audience_can_be_heard_somewhere() -> None:
    assert set().union(*access.NAMESPACES.values()) == set(Audience)
