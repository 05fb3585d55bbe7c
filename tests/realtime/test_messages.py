"""What is said to the server, and what it answers."""

import logging
from typing import Any

import pytest

from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Role
from tests.realtime.world import World

ABSENT = "01890a5d-ac96-774b-bcce-b302099a8057"
"""An id of nothing; the same in every process, for it is in the names of tests."""


async def test_an_order_is_moved_on_and_every_screen_learns_of_it(world: World) -> None:
    kitchen = await world.screen("/kitchen", Role.KITCHEN)
    counter = await world.screen("/counter", Role.COUNTER)
    await kitchen.result("join_cafe", {"cafeId": world.place.id})
    await counter.result("join_cafe", {"cafeId": world.place.id})
    order = await world.place.paid_order()
    ticket = await kitchen.hears("new_paid_order")

    moved = await kitchen.result(
        "order_status_update", {"orderId": ticket["orderId"], "status": "preparing", "expectedVersion": order.version}
    )

    assert (moved["id"], moved["status"], moved["version"]) == (order.id, "preparing", order.version + 1)
    assert (await kitchen.hears("order_status_changed", 2))["status"] == "preparing"
    assert (await counter.hears("order_in_preparation"))["orderId"] == order.id


async def test_a_stale_version_is_a_conflict(world: World) -> None:
    order = await world.place.paid_order()
    counter = await world.screen("/counter", Role.COUNTER)

    error = await counter.error(
        "order_status_update", {"orderId": order.id, "status": "preparing", "expectedVersion": 1}
    )

    assert (error["type"], error["code"], error["retryable"]) == ("conflict", "version_conflict", False)


async def test_a_command_with_an_id_happens_once(world: World) -> None:
    order = await world.place.paid_order()
    kitchen = await world.screen("/kitchen", Role.KITCHEN)
    move = {"orderId": order.id, "status": "preparing", "commandId": new_id()}

    first, again = [await kitchen.result("order_status_update", move) for _ in range(2)]

    assert first == again
    told = [event.name for event in await world.place.told(world.kitchen())]
    assert told.count("order_status_changed") == 2, "paid, and preparing once"


async def test_money_goes_back_only_under_a_command_id(world: World) -> None:
    order = await world.place.paid_order()
    manager = await world.screen("/counter", Role.MANAGER)
    cancel = {"orderId": order.id, "status": "cancelled", "reason": "Out of milk"}

    error = await manager.error("order_status_update", cancel)
    assert (error["type"], error["code"]) == ("invalid_message_format", "idempotency_key_required")

    moved = await manager.result("order_status_update", {**cancel, "commandId": new_id()})
    assert moved["status"] == "cancelled"


@pytest.mark.parametrize(
    ("status", "type_", "code"),
    [
        ("paid", "conflict", "transition_not_allowed"),
        ("collected", "conflict", "transition_not_allowed"),
        ("eaten", "invalid_message_format", "invalid_request"),
    ],
)
async def test_an_order_cannot_be_moved_anywhere(world: World, status: str, type_: str, code: str) -> None:
    order = await world.place.order()
    counter = await world.screen("/counter", Role.COUNTER)

    error = await counter.error("order_status_update", {"orderId": order.id, "status": status})

    assert (error["type"], error["code"]) == (type_, code)


async def test_an_order_of_another_cafe_is_not_there(world: World) -> None:
    order = await world.other.paid_order()
    kitchen = await world.screen("/kitchen", Role.KITCHEN)

    error = await kitchen.error("order_status_update", {"orderId": order.id, "status": "preparing"})

    assert (error["type"], error["code"]) == ("resource_not_found", "order_not_found")


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("subscribe", None),
        ("subscribe", {}),
        ("subscribe", "cafe"),
        ("subscribe", []),
        ("subscribe", {"stream": 1}),
        ("subscribe", {"stream": "cafe:1:kitchen"}),
        ("subscribe", {"stream": "x" * 100}),
        ("subscribe", {"stream": f"order:{ABSENT}", "cursors": {}}),
        ("subscribe", {"stream": f"order:{ABSENT}", "cursor": {"epoch": 0, "seq": 0}}),
        ("subscribe", {"stream": f"order:{ABSENT}", "cursor": {"epoch": 1, "seq": 1.5}}),
        ("subscribe", {"stream": f"order:{ABSENT}", "cursor": 5}),
        ("subscribe", {"stream": b"binary"}),
        ("unsubscribe", {"stream": "everything"}),
        ("join_cafe", {"cafeId": "1"}),
        ("join_order", {"orderId": ABSENT, "please": True}),
        ("order_status_update", {"orderId": ABSENT}),
        ("order_status_update", {"orderId": ABSENT, "status": "ready", "expectedVersion": "1"}),
        ("order_status_update", {"orderId": ABSENT, "status": "ready", "commandId": ""}),
        ("stream_ack", {"cursors": 1}),
        ("auth_refresh", {}),
        ("join_payment", {"paymentId": ABSENT}),
        ("make_coffee", {}),
        ("connect", {}),
        ("disconnect", {}),
        ("__class__", {}),
    ],
    ids=str,
)
async def test_a_message_without_the_right_shape_is_refused(world: World, name: str, payload: Any) -> None:
    screen = await world.screen("/orders", Role.STAFF)

    error = await screen.error(name, payload)

    assert (error["type"], error["code"], error["retryable"]) == ("invalid_message_format", "invalid_request", False)
    assert (await screen.ask("stream_ack", {"cursors": {}}))["ok"] is True, "the socket is as good as before"


async def test_a_message_has_one_payload(world: World) -> None:
    screen = await world.screen("/orders", Role.STAFF)

    assert (await screen.error("stream_ack", {"cursors": {}}, {"more": 1}))["code"] == "invalid_request"


async def test_a_message_may_not_be_large(world: World) -> None:
    screen = await world.screen("/orders", Role.STAFF)

    error = await screen.error("subscribe", {"stream": "x" * 20_000})

    assert (error["type"], error["code"]) == ("invalid_message_format", "request_too_large")


async def test_a_packet_beyond_all_measure_ends_the_connection(world: World) -> None:
    screen = await world.screen("/orders", Role.STAFF)

    await screen.client.emit("subscribe", {"stream": "x" * 200_000}, namespace="/orders")

    await screen.dropped.wait()
    assert not [session for session in world.live.sessions if session.namespace == "/orders"]


async def test_too_many_messages_are_refused_for_a_while(world: World) -> None:
    screen = await world.screen("/customers", Role.CUSTOMER)
    for _ in range(50):
        assert (await screen.ask("stream_ack", {"cursors": {}}))["ok"] is True

    error = await screen.error("stream_ack", {"cursors": {}})

    assert (error["type"], error["code"], error["retryable"]) == ("rate_limit_exceeded", "rate_limit_exceeded", True)
    assert 1 <= error["retryAfterSeconds"] <= 60
    other = await world.screen("/customers", world.place.guest())
    assert (await other.ask("stream_ack", {"cursors": {}}))["ok"] is True, "it is one person's limit"


async def test_a_bug_is_one_plain_sentence_and_the_server_goes_on(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    order = await world.place.paid_order()
    kitchen = await world.screen("/kitchen", Role.KITCHEN)
    world.bug = RuntimeError("the secret inside")

    with caplog.at_level(logging.INFO):
        error = await kitchen.error("order_status_update", {"orderId": order.id, "status": "preparing"})

    assert (error["type"], error["code"], error["retryable"]) == ("server_error", "internal_error", True)
    assert "secret" not in error["message"]
    [logged] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert logged.exc_info is not None
    for mark in (world.place.id, world.place[Role.KITCHEN].person_id, "order_status_update"):
        assert mark in logged.getMessage()
    world.bug = None
    assert await kitchen.result("order_status_update", {"orderId": order.id, "status": "preparing"})


async def test_a_refusal_is_logged_with_socket_person_and_cafe(world: World, caplog: pytest.LogCaptureFixture) -> None:
    screen = await world.screen("/orders", Role.STAFF)

    with caplog.at_level(logging.INFO):
        await screen.error("subscribe", {"stream": world.kitchen()})

    [logged] = [record.getMessage() for record in caplog.records if "not_allowed" in record.getMessage()]
    for mark in (world.place.id, world.place[Role.STAFF].person_id, screen.client.get_sid("/orders")):
        assert mark in logged


async def test_messages_are_handled_in_the_order_in_which_they_came(world: World) -> None:
    order = await world.place.paid_order()
    kitchen = await world.screen("/kitchen", Role.KITCHEN)

    for status in ("preparing", "ready", "collected"):
        await kitchen.client.emit("order_status_update", {"orderId": order.id, "status": status}, namespace="/kitchen")
    await kitchen.result("stream_ack", {"cursors": {}})

    assert kitchen.named("exception") == []
    assert (await world.services.orders.get(order.id, world.place[Role.COUNTER])).status == "collected"


async def test_a_namespace_understands_what_belongs_to_it(world: World) -> None:
    common = {"subscribe", "unsubscribe", "join_cafe", "auth_refresh", "stream_ack"}
    move, order, payment = {"order_status_update"}, {"join_order"}, {"join_payment"}
    roll = {"roll_call"}

    understood = {path: set(gateway.commands) for path, gateway in world.live.gateways.items()}

    assert understood == {
        "/orders": common | move | order,
        "/kitchen": common | move,
        "/counter": common | move | roll,
        "/customers": common | order,
        "/payments": common | order | payment,
        "/admin": common | roll,
    }
