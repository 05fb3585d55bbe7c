"""Where a stream can be begun: a state and its position."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from tabletap.audiences import store
from tabletap.audiences.snapshots import Snapshots
from tabletap.infra import streams
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.errors import InvalidRequest, NotAllowed, OtherCafe
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Actor, Role
from tabletap.payments.store import payment
from tests.audiences.place import Place


async def snapshot(place: Place, key: str, by: Actor) -> Any:
    taken = await Snapshots(place.services.db).take(key, by)
    return msgspec.json.decode(msgspec.json.encode(taken))


async def head(place: Place, key: str) -> int:
    return (await place.services.db.read(place.id, lambda reader: streams.head(reader, place.id, key))).head


async def test_the_kitchen_begins_with_what_it_has_to_do_oldest_first(place: Place) -> None:
    await place.order()
    first, second, third, done = [await place.paid_order(takeaway_name="Grace Hopper") for _ in range(4)]
    await place.move(second, "preparing")
    await place.move(third, "preparing")
    await place.move(third, "ready")
    await place.move_to_the_end(done)
    key = f"cafe:{place.id}:kitchen"

    taken = await snapshot(place, key, place[Role.KITCHEN])

    orders = taken["state"]["orders"]
    assert [(order["orderId"], order["status"]) for order in orders] == [
        (first.id, "paid"),
        (second.id, "preparing"),
        (third.id, "ready"),
    ]
    assert orders[0]["items"] == [
        {"name": "Flat white", "quantity": 1, "modifiers": ["oat"], "note": "extra hot", "allergens": ["milk"]}
    ]
    assert set(orders[0]) == {"orderId", "orderNumber", "items", "status", "version", "priority", "paidAt"}
    assert (taken["epoch"], taken["seq"]) == (1, await head(place, key))
    assert "Grace" not in str(taken)


async def test_a_ticket_in_a_snapshot_is_the_ticket_that_was_told(place: Place) -> None:
    await place.paid_order()
    key = f"cafe:{place.id}:kitchen"

    [in_snapshot] = (await snapshot(place, key, place[Role.KITCHEN]))["state"]["orders"]
    [told] = [event for event in await place.told(key) if event.name == "new_paid_order"]

    assert in_snapshot == msgspec.json.decode(told.data)


async def test_the_board_begins_with_numbers(place: Place) -> None:
    first, second = [await place.paid_order() for _ in range(2)]
    await place.move(first, "preparing")
    await place.move(first, "ready")

    taken = await snapshot(place, f"cafe:{place.id}:board", place[Role.BOARD])

    assert taken["state"] == {"preparing": [second.order_number], "ready": [first.order_number]}


async def test_an_order_begins_with_its_bill_and_every_attempt_to_pay_it(place: Place) -> None:
    guest = place.guest()
    order = await place.order(guest)
    payment = await place.start_cash(order, guest)

    state = (await snapshot(place, f"order:{order.id}", guest))["state"]

    assert state["order"]["totalAmount"] == order.total_amount
    assert [(each["paymentId"], each["status"]) for each in state["payments"]] == [(payment.payment_id, "pending")]
    assert "split" not in state


async def test_a_payment_begins_with_where_it_stands(place: Place) -> None:
    guest = place.guest()
    payment = await place.start_cash(await place.order(guest), guest)

    state = (await snapshot(place, f"payment:{payment.payment_id}", guest))["state"]

    assert state["payment"]["status"] == "pending"


async def test_a_customer_begins_with_their_payments_and_their_credit(place: Place) -> None:
    guest = place.guest()
    payment = await place.start_cash(await place.order(guest), guest)

    state = (await snapshot(place, f"user:{guest.person_id}", guest))["state"]

    assert [each["paymentId"] for each in state["payments"]] == [payment.payment_id]
    assert "credit" not in state


@pytest.mark.parametrize("tail", ["counter", "staff", "management"])
async def test_the_floor_begins_with_what_is_open(place: Place, tail: str) -> None:
    waiting = await place.order()
    payment = await place.start_cash(waiting)
    finished = await place.paid_order()
    await place.move_to_the_end(finished)

    state = (await snapshot(place, f"cafe:{place.id}:{tail}", place[Role.MANAGER]))["state"]

    assert [order["orderId"] for order in state["orders"]] == [waiting.id]
    assert [each["paymentId"] for each in state["payments"]] == [payment.payment_id]


async def test_an_old_payment_is_open_for_the_floor_only_while_somebody_has_to_look_at_it(place: Place) -> None:
    kept, forgotten = [await place.start_cash(await place.order()) for _ in range(2)]

    async def flag(tx: Transaction) -> None:
        tx.update(payment, {"cafe_id": tx.cafe_id, "id": kept.payment_id}, {"needs_review": True}, {})

    await place.services.db.transaction(place.id, flag)
    key, ago = f"cafe:{place.id}:counter", store.OPEN_FOR
    present = datetime.now(UTC) - place.services.clock.now()  # ids carry the machine's time
    open_now = (await snapshot(place, key, place[Role.COUNTER]))["state"]["payments"]
    place.services.clock.let_time_pass(seconds=(present + ago).total_seconds() + 60)
    open_later = (await snapshot(place, key, place[Role.COUNTER]))["state"]["payments"]

    assert {each["paymentId"] for each in open_now} >= {kept.payment_id}
    assert [each["paymentId"] for each in open_later] == [kept.payment_id]
    assert forgotten.payment_id not in str(open_later)


async def test_a_stream_of_messages_begins_with_nothing(place: Place) -> None:
    taken = await snapshot(place, f"cafe:{place.id}:role:staff", place[Role.MANAGER])

    assert taken == {"state": {}, "epoch": 1, "seq": 0}


async def test_a_snapshot_is_taken_only_for_those_who_may_hear(place: Place, other_place: Place) -> None:
    refusals = {
        f"cafe:{place.id}:kitchen": NotAllowed,
        f"cafe:{other_place.id}:staff": OtherCafe,
        f"user:{new_id()}": NotAllowed,
        "kitchen": InvalidRequest,
    }

    for key, refusal in refusals.items():
        with pytest.raises(refusal):
            await snapshot(place, key, place[Role.STAFF])


async def test_a_snapshot_under_way_is_of_one_moment(place: Place) -> None:
    """Orders that it shows, and events up to its position, are the same ones, however many are placed meanwhile."""
    key = f"cafe:{place.id}:staff"
    await place.order()

    async def watch() -> list[Any]:
        return [await snapshot(place, key, place[Role.STAFF]) for _ in range(20)]

    taken, *_ = await asyncio.gather(watch(), *(place.order() for _ in range(12)))

    created = [event for event in await place.told(key) if event.name == "order_created"]
    for one in taken:
        told = {msgspec.json.decode(event.data)["orderId"] for event in created if event.seq <= one["seq"]}
        assert {order["orderId"] for order in one["state"]["orders"]} == told
