"""What the official clients say: commands and their answers, quick ones in their order, hostile ones without harm."""

from typing import Any

import pytest

from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Role
from tests.realtime.interop.stage import Stage
from tests.realtime.interop.test_streams import STRANGE


async def test_a_command_is_answered_and_told_to_everybody_concerned(stage: Stage) -> None:
    kitchen = await stage.socket("/kitchen", Role.KITCHEN)
    counter = await stage.socket("/counter", Role.COUNTER)
    await kitchen.result("join_cafe", {"cafeId": stage.world.home.id})
    await counter.result("join_cafe", {"cafeId": stage.world.home.id})
    order = await stage.paid_order()
    ticket = await kitchen.hears("new_paid_order")

    moved = await kitchen.result("order_status_update", {"orderId": order["id"], "status": "preparing"})

    assert ticket["orderId"] == order["id"]
    assert (moved["id"], moved["status"]) == (order["id"], "preparing")
    assert (await counter.hears("order_in_preparation"))["orderId"] == order["id"]


async def test_a_command_that_cannot_be_done_is_an_error_and_an_exception(stage: Stage) -> None:
    order = await stage.world.order()
    counter = await stage.socket("/counter", Role.COUNTER)

    error = await counter.error("order_status_update", {"orderId": order["id"], "status": "collected"})

    assert set(error) == {"type", "code", "message", "retryable"}
    assert (error["type"], error["code"], error["retryable"]) == ("conflict", "transition_not_allowed", False)


async def test_a_command_that_is_repeated_under_its_id_happens_once(stage: Stage) -> None:
    order = await stage.paid_order()
    kitchen = await stage.socket("/kitchen", Role.KITCHEN)
    move = {"orderId": order["id"], "status": "preparing", "commandId": new_id()}

    first, again = await kitchen.result("order_status_update", move), await kitchen.result("order_status_update", move)

    assert first == again


async def test_what_a_person_writes_arrives_letter_by_letter(stage: Stage) -> None:
    order = await stage.world.order()
    socket = await stage.socket("/orders", Role.MANAGER)
    await socket.result("join_order", {"orderId": order["id"]})
    reason = STRANGE.replace("\u0000", "")

    cancel = {"orderId": order["id"], "status": "cancelled", "reason": reason, "commandId": new_id()}
    await socket.result("order_status_update", cancel)

    assert (await socket.hears("order_status_changed"))["reason"] == reason


async def test_fifty_quick_messages_are_handled_in_their_order(stage: Stage) -> None:
    await stage.happen(*(f"number {number}" for number in range(9)))
    socket = await stage.socket("/orders")
    starts = [number * 7 % 9 for number in range(50)]
    asked = [("subscribe", {"stream": stage.key, "cursor": {"epoch": 1, "seq": start}}) for start in starts]

    numbers = await socket.client.send("/orders", *asked)
    await socket.ack(numbers[-1])
    replayed = [seq for start in starts for seq in range(start + 1, 10)]
    await socket.client.until(lambda: len(socket.seqs(stage.key)) == len(replayed))

    assert [int(ack.name) for ack in socket.times("ack")] == numbers
    assert [ack.payload["result"]["replayed"] for ack in socket.times("ack")] == [9 - start for start in starts]
    assert socket.seqs(stage.key) == replayed


async def test_moves_that_are_sent_in_one_breath_follow_each_other(stage: Stage) -> None:
    order = await stage.paid_order()
    kitchen = await stage.socket("/kitchen", Role.KITCHEN)
    moves = [("order_status_update", {"orderId": order["id"], "status": to}) for to in ("preparing", "ready")]

    numbers = await kitchen.client.send("/kitchen", *moves)

    assert [(await kitchen.ack(number))["result"]["status"] for number in numbers] == ["preparing", "ready"]


async def test_a_burst_beyond_the_limit_is_answered_message_by_message(stage: Stage) -> None:
    kitchen = await stage.socket("/kitchen", Role.KITCHEN)

    numbers = await kitchen.client.send("/kitchen", *[("stream_ack", {"cursors": {}})] * 220)
    acks = [await kitchen.ack(number) for number in numbers]

    assert [int(ack.name) for ack in kitchen.times("ack")] == numbers
    assert [ack["ok"] for ack in acks[:200]] == [True] * 200
    refused = next(ack["error"] for ack in acks if not ack["ok"])
    assert (refused["type"], refused["retryable"]) == ("rate_limit_exceeded", True)
    assert 1 <= refused["retryAfterSeconds"] <= 60


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("subscribe", b"bytes alone"),
        ("subscribe", {"stream": b"bytes inside"}),
        ("stream_ack", {"cursors": [b"one", {"deep": b"two"}, b"three"]}),
        ("make_coffee", b"\x00\xff"),
    ],
    ids=["alone", "inside", "several", "to nobody"],
)
async def test_bytes_are_refused_and_nothing_else_happens(stage: Stage, name: str, payload: Any) -> None:
    socket = await stage.socket("/orders")

    error = await socket.error(name, payload)

    assert (error["type"], error["retryable"]) == ("invalid_message_format", False)
    assert await socket.result("stream_ack", {"cursors": {}}) is None, "the socket is as good as before"


@pytest.mark.parametrize(
    ("name", "payload", "code"),
    [
        ("make_coffee", {}, "invalid_request"),
        ("subscribe", None, "invalid_request"),
        ("subscribe", "everything", "invalid_request"),
        ("subscribe", {"stream": STRANGE}, "invalid_request"),
        ("subscribe", {"stream": "x" * 20_000}, "request_too_large"),
    ],
    ids=["an unknown name", "nothing", "a text", "an odd text", "a long text"],
)
async def test_what_is_not_understood_is_refused(stage: Stage, name: str, payload: Any, code: str) -> None:
    socket = await stage.socket("/orders")

    error = await socket.error(name, payload)

    assert (error["type"], error["code"]) == ("invalid_message_format", code)
    assert await socket.result("stream_ack", {"cursors": {}}) is None, "the socket is as good as before"


async def test_a_packet_beyond_all_measure_ends_its_connection_alone(stage: Stage) -> None:
    bystander, socket = await stage.socket("/orders"), await stage.socket("/orders")

    await socket.client.send("/orders", ("subscribe", {"stream": "x" * 300_000}))

    await socket.comes("disconnect")
    await socket.client.again({"token": stage.token(Role.MANAGER)})
    await socket.hears("session_ready", 2)
    assert await socket.result("stream_ack", {"cursors": {}}) is None
    assert await bystander.result("stream_ack", {"cursors": {}}) is None
    assert not bystander.times("disconnect")
    await stage.is_well()
