"""What happens in a cafe is told to whom the contract says, in words made for them."""

from collections import defaultdict
from typing import Any

import msgspec

from tabletap.audiences.registry import EVENTS
from tabletap.audiences.streams import Audience, parse
from tabletap.credits.service import MoveCredit
from tabletap.kernel.events import Event
from tabletap.kernel.people import Actor, Role
from tabletap.orders.model import OrderView
from tabletap.payments.refunds import RefundPayment
from tabletap.payments.splits import SplitBill
from tests.audiences.place import Place, Services, open_place
from tests.audiences.register import ENVELOPE

WHO_PAYS = {"payment", "order", "user", "staff", "counter", "management"}
STREAMS = {
    "order_created": {"order", "staff", "counter", "management"},
    "order_status_changed": {"order", "staff", "counter", "kitchen", "management"},
    "new_paid_order": {"kitchen"},
    "order_changed": {"order", "staff", "counter", "kitchen", "management"},
    "order_in_preparation": {"staff", "counter"},
    "order_ready": {"order", "staff", "counter", "board"},
    "payment_initiated": WHO_PAYS,
    "payment_state_sync": WHO_PAYS,
    "qr_payment_scanned": {"payment", "counter"},
    "payment_refunded": WHO_PAYS - {"staff"},
    "payment_disputed": {"payment", "counter", "management"},
    "credit_added": {"user", "counter"},
    "credit_deducted": {"user", "counter"},
    "credit_account_changed": {"user", "counter", "management"},
    "split_changed": {"order", "counter"},
    "security_event": {"management"},
    "tip_distributed": {"management"},
    "drawer_changed": {"counter", "management"},
    "day_closed": {"management"},
    "announcement": {"user", "staff", "board", "role"},
}
"""The table of contract 4.3, and what was added to it. An announcement goes to a role's stream only by its name."""
CAFE_STREAMS = ("kitchen", "counter", "staff", "management", "board")


def said(event: Event) -> Any:
    return msgspec.json.decode(event.wire())


async def everything_told(place: Place, order: OrderView, *more: str) -> list[Event]:
    keys = [*(f"cafe:{place.id}:{tail}" for tail in CAFE_STREAMS), f"order:{order.id}", *more]
    return [event for key in keys for event in await place.told(key)]


async def whole_service(place: Place, guest: Actor) -> tuple[OrderView, list[Event]]:
    """An order from placing to a refund, and all that was told."""
    order = await place.order(guest, takeaway_name="Grace Hopper")
    payment = await place.start_cash(order, guest)
    await place.take_cash(payment)
    await place.move_to_the_end(order)
    manager = place[Role.MANAGER]
    await place.services.refunds.refund(payment.payment_id, RefundPayment(amount_minor=100), manager)
    told = await everything_told(place, order, f"payment:{payment.payment_id}", f"user:{guest.person_id}")
    return order, told


def by_name(events: list[Event]) -> dict[str, dict[str, list[Any]]]:
    found: defaultdict[str, defaultdict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        stream = parse(event.stream)
        assert stream is not None
        found[event.name][stream.audience].append(said(event))
    return {name: dict(streams) for name, streams in found.items()}


async def test_a_whole_service_is_told_to_exactly_the_streams_of_the_contract(place: Place) -> None:
    _, told = await whole_service(place, place.guest())
    found = by_name(told)

    assert set(found) == set(STREAMS) - {
        "credit_added",
        "credit_deducted",
        "credit_account_changed",
        "qr_payment_scanned",
        "tip_distributed",
        "drawer_changed",
        "day_closed",
        "split_changed",
        "order_changed",
        "security_event",
        "payment_disputed",
        "announcement",
    }
    assert {name: set(streams) for name, streams in found.items()} == {name: STREAMS[name] for name in found}


async def test_one_event_has_one_id_in_all_its_streams(place: Place) -> None:
    _, told = await whole_service(place, place.guest())
    ids: defaultdict[str, set[str]] = defaultdict(set)
    streams: defaultdict[str, list[str]] = defaultdict(list)
    for event in told:
        ids[event.event_id].add(event.name)
        streams[event.event_id].append(event.stream)

    assert all(len(names) == 1 for names in ids.values())
    assert all(len(keys) == len(set(keys)) for keys in streams.values()), "an event is told once in a stream"
    created = [event for event in told if event.name == "order_created"]
    assert len({event.event_id for event in created}) == 1
    ready = {event.cause_id for event in told if event.name == "order_ready"}
    assert ready <= {event.cause_id for event in told if event.name == "order_status_changed"}
    assert len(ready) == 1, "the events of one change share its cause"


async def test_the_kitchen_learns_what_to_make_but_neither_prices_nor_names(place: Place) -> None:
    order, told = await whole_service(place, place.guest())
    kitchen = [event for event in told if event.stream.endswith(":kitchen")]
    [ticket] = [said(event) for event in kitchen if event.name == "new_paid_order"]

    assert ticket["items"] == [
        {"name": "Flat white", "quantity": 1, "modifiers": ["oat"], "note": "extra hot", "allergens": ["milk"]}
    ]
    assert (ticket["orderId"], ticket["orderNumber"], ticket["status"]) == (order.id, order.order_number, "paid")
    words = b"".join(event.data for event in kitchen)
    assert not [word for word in (b"Grace", b"mount", b"rice", b"urrency", b"ustomer") if word in words]


async def test_the_board_gets_numbers_alone(place: Place) -> None:
    order, told = await whole_service(place, place.guest())

    [on_board] = [said(event) for event in told if event.stream.endswith(":board")]
    assert set(on_board) - ENVELOPE == {"orderNumber"}
    assert on_board["orderNumber"] == order.order_number


async def test_a_guest_never_reads_another_guests_name(place: Place) -> None:
    _, told = await whole_service(place, place.guest())

    for_guests = [event.data for event in told if event.stream.startswith(("order:", "user:", "payment:"))]
    assert for_guests
    assert b"Grace" not in b"".join(for_guests)


async def test_a_balance_is_told_to_its_owner_alone(place: Place) -> None:
    customer = await place.customer()
    account = customer.person_id
    credits_ = place.services.credits
    for use, amount in ((credits_.add, 2_000), (credits_.deduct, 500)):
        await use(MoveCredit(customer_id=account, amount_minor=amount, reason="Loyalty"), place[Role.MANAGER])

    own = [said(event) for event in await place.told(f"user:{account}")]
    at_counter = [said(event) for event in await place.told(f"cafe:{place.id}:counter")]
    assert [(event["name"], event["amount"], event["newBalance"]) for event in own] == [
        ("credit_added", 2_000, 2_000),
        ("credit_deducted", 500, 1_500),
    ]
    assert [(event["name"], event["amount"], event["customerId"]) for event in at_counter] == [
        ("credit_added", 2_000, account),
        ("credit_deducted", 500, account),
    ]
    assert not [event for event in at_counter if "newBalance" in event]
    assert [event["eventId"] for event in own] == [event["eventId"] for event in at_counter]


async def test_a_split_bill_is_told_to_the_table_and_the_counter(place: Place) -> None:
    order = await place.order(quantity=2)
    await place.services.splits.split(order.id, SplitBill(method="equal", count=2), place[Role.COUNTER])

    told = [event for event in await everything_told(place, order) if event.name == "split_changed"]
    to_counter, to_table = (said(event) for event in told)
    assert [share["amount"] for share in to_table["shares"]] == [550, 550]
    assert to_table["outstandingAmount"] == order.total_amount
    assert to_table["eventId"] == to_counter["eventId"]


async def test_who_pays_later_is_cooked_for_at_once(services: Services) -> None:
    place = await open_place(services, "Green Door", "pay_later")
    order = await place.order()

    await place.move(order, "preparing")

    kitchen = [said(event) for event in await place.told(f"cafe:{place.id}:kitchen")]
    assert [event["name"] for event in kitchen] == ["order_status_changed", "new_paid_order"]
    assert kitchen[1]["status"] == "preparing"


def test_the_register_has_the_contracts_table() -> None:
    register = {name: {str(audience) for audience in model.payloads} for name, model in EVENTS.items()}

    assert register == STREAMS


def test_no_payload_hides_the_envelope() -> None:
    fields = {
        (name, each.encode_name)
        for name, model in EVENTS.items()
        for payload in model.payloads.values()
        for each in msgspec.structs.fields(payload)
    }

    assert not {field for field in fields if field[1] in ENVELOPE}
    assert Audience.KITCHEN in EVENTS["new_paid_order"].payloads
