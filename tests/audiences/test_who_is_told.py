"""Every event goes to exactly the streams of the contract's table, and what becomes of an order reaches the kitchen."""

from collections import defaultdict
from typing import Any

import msgspec

from tabletap.audiences.broadcasts import Announce
from tabletap.audiences.registry import EVENTS
from tabletap.audiences.streams import Audience, parse
from tabletap.credits.service import MoveCredit
from tabletap.kernel.events import Event
from tabletap.kernel.people import Role
from tabletap.orders.model import Line
from tabletap.payments.changing import ChangeOrder, OrderChanges
from tabletap.payments.moving import MoveOrder
from tabletap.payments.refunds import RefundPayment
from tabletap.payments.service import StartPayment
from tabletap.payments.splits import SplitBill
from tests.audiences.place import Place, Services, open_place

TO_EVERYBODY = (Audience.STAFF, Audience.BOARD)
CAFE_STREAMS = ("kitchen", "counter", "staff", "management", "board")


async def heard(place: Place, *keys: str) -> list[Event]:
    """Everything in the streams of the cafe and in these."""
    cafe = [f"cafe:{place.id}:{tail}" for tail in CAFE_STREAMS]
    return [event for key in (*cafe, *keys) for event in await place.told(key)]


async def kitchen_hears(place: Place) -> list[Any]:
    return [msgspec.json.decode(event.wire()) for event in await place.told(f"cafe:{place.id}:kitchen")]


async def test_every_event_goes_to_exactly_the_streams_of_the_table(services: Services) -> None:
    place = await open_place(services, "Green Door", "pay_later")
    guest, manager = place.guest(), place[Role.MANAGER]
    order = await place.order(guest, quantity=2)
    await place.move(order, "preparing")
    add = ChangeOrder(expected_version=2, add=(Line(menu_item_id=place.flat_white),))
    await OrderChanges(services.db).change(order.id, add, place[Role.STAFF])
    await services.splits.split(order.id, SplitBill(method="equal", count=2), guest)
    await services.splits.take_back(order.id, guest)
    payment = await place.take_cash(await place.start_cash(order, guest))
    await services.refunds.refund(payment.payment_id, RefundPayment(amount_minor=100), manager)
    for status in ("ready", "collected"):
        await services.moves.move(order.id, MoveOrder(status=status), manager)
    customer = await place.customer()
    for use in (services.credits.add, services.credits.deduct):
        await use(MoveCredit(customer_id=customer.person_id, amount_minor=500, reason="Loyalty"), manager)
    await services.broadcasts.announce(Announce(message="Closing at nine"), manager)

    told = await heard(
        place,
        f"order:{order.id}",
        f"payment:{payment.payment_id}",
        f"user:{guest.person_id}",
        f"user:{customer.person_id}",
    )
    streams: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for event in told:
        stream = parse(event.stream)
        assert stream is not None
        streams[event.event_id, event.name].append(stream.audience)

    names = {name for _, name in streams}
    assert names >= {
        "order_created", "order_status_changed", "new_paid_order", "order_changed", "order_in_preparation",
        "order_ready", "payment_initiated", "payment_state_sync", "payment_refunded", "credit_added",
        "credit_deducted", "split_changed", "announcement",
    }  # fmt: skip
    for (_, name), audiences in streams.items():
        wanted = TO_EVERYBODY if name == "announcement" else EVENTS[name].payloads
        assert sorted(audiences) == sorted(wanted), name


async def test_what_nobody_pays_in_person_has_no_persons_stream(place: Place) -> None:
    """Staff who take a guest's cash are not its payer: their own streams stay silent."""
    counter = place[Role.COUNTER]
    await place.paid_order()

    assert await place.told(f"user:{counter.person_id}") == []


async def test_a_paid_order_reaches_the_kitchen_once_and_with_its_items_however_it_was_paid(place: Place) -> None:
    customer = await place.customer()
    await place.services.credits.add(
        MoveCredit(customer_id=customer.person_id, amount_minor=5_000, reason="Loyalty"), place[Role.MANAGER]
    )
    by_cash = await place.paid_order()
    by_credit = await place.order(customer)
    await place.services.payments.start(StartPayment(order_id=by_credit.id, method="customer_credit"), customer)

    tickets = [event for event in await kitchen_hears(place) if event["name"] == "new_paid_order"]
    assert [ticket["orderId"] for ticket in tickets] == [by_cash.id, by_credit.id]
    assert all(ticket["items"] for ticket in tickets)
    moves = [event for event in await kitchen_hears(place) if event["name"] == "order_status_changed"]
    assert {event["causeId"] for event in moves} == {ticket["causeId"] for ticket in tickets}


async def test_the_kitchen_hears_what_becomes_of_its_orders_and_so_does_the_guest(place: Place) -> None:
    guest = place.guest()
    order = await place.order(guest)
    payment = await place.take_cash(await place.start_cash(order, guest))
    await place.move(order, "preparing")

    manager = place[Role.MANAGER]
    cancel = MoveOrder(status="cancelled", reason="The machine is broken")
    await place.services.moves.move(order.id, cancel, manager, place.once(manager, "cancel"))

    kitchen = [event for event in await kitchen_hears(place) if event["name"] == "order_status_changed"]
    assert [event["status"] for event in kitchen] == ["paid", "preparing", "cancelled"]
    for_guest = [(event.name, event.cause_id) for event in await place.told(f"order:{order.id}")]
    assert [name for name, _ in for_guest if name == "payment_refunded"]
    [cancelled] = [event for event in kitchen if event["status"] == "cancelled"]
    assert ("payment_refunded", cancelled["causeId"]) in for_guest
    assert "payment_refunded" in {event.name for event in await place.told(f"payment:{payment.payment_id}")}


async def test_a_payment_that_comes_to_nothing_is_told_to_payer_and_cafe_and_not_to_the_kitchen(place: Place) -> None:
    guest = place.guest()
    payment = await place.start_cash(await place.order(guest), guest)

    await place.services.payments.cancel(payment.payment_id, guest)

    for key in (f"payment:{payment.payment_id}", f"user:{guest.person_id}", f"cafe:{place.id}:counter"):
        states = [
            msgspec.json.decode(event.data)["status"]
            for event in await place.told(key)
            if event.name.startswith("payment_")
        ]
        assert states == ["pending", "cancelled"], key
    assert await kitchen_hears(place) == []


async def test_a_ready_order_is_no_news_for_other_guests(place: Place) -> None:
    mine, others = place.guest(), place.guest()
    order, elsewhere = await place.order(mine), await place.order(others)
    await place.take_cash(await place.start_cash(order, mine))
    before = [len(await place.told(key)) for key in (f"order:{elsewhere.id}", f"user:{others.person_id}")]

    await place.move(order, "preparing")
    await place.move(order, "ready")

    after = [len(await place.told(key)) for key in (f"order:{elsewhere.id}", f"user:{others.person_id}")]
    assert after == before
    words = b"".join([event.data for event in await heard(place) if event.stream.endswith(":board")])
    assert words == b'{"orderNumber":%d}' % order.order_number
