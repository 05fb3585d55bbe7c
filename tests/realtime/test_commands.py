"""Commands: once each however often they are sent, in the order in which they came, from nobody who is kept out."""

from contextlib import AsyncExitStack
from typing import Any

import pytest

from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Role
from tabletap.payments.security.model import BlockAddress
from tests.realtime.world import Screen, World, served

MOVE = "order_status_update"


def move(order_id: Id, status: str, **more: Any) -> dict[str, Any]:
    """A command to move an order, with an id of its own unless one is given."""
    return {"orderId": order_id, "status": status, "commandId": new_id()} | more


async def times_moved(world: World) -> int:
    """How often the kitchen heard that an order went on, paying apart."""
    return [event.name for event in await world.place.told(world.kitchen())].count("order_status_changed") - 1


async def test_a_command_is_done_once_over_a_new_connection_and_in_another_process(world: World) -> None:
    order, command = await world.place.paid_order(), move("", "preparing")
    command["orderId"] = order.id
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(served(world.server()))
        answers = []
        for where, namespace in ((None, "/kitchen"), (None, "/kitchen"), (url, "/kitchen")):
            screen = await world.screen(namespace, Role.KITCHEN, url=where)
            answers.append(await screen.result(MOVE, command))
            await screen.leave()

    assert answers[0] == answers[1] == answers[2]
    assert answers[0]["status"] == "preparing"
    assert await times_moved(world) == 1


async def test_the_same_command_at_the_same_moment_from_two_sockets_is_done_once(world: World) -> None:
    order = await world.place.paid_order()
    screens = [await world.screen("/kitchen", Role.KITCHEN) for _ in range(3)]
    command = move(order.id, "preparing")

    for screen in screens[1:]:
        await screen.client.emit(MOVE, command, namespace="/kitchen")
    first = await screens[0].ask(MOVE, command)
    settled = [await screen.ask(MOVE, command) for screen in screens]

    assert first["ok"] is True or first["error"]["code"] == "request_in_progress"
    assert all(answer["result"]["version"] == order.version + 1 for answer in settled)
    assert await times_moved(world) == 1


@pytest.mark.parametrize("changed", ["status", "order", "reason"])
async def test_an_id_of_another_command_is_refused_and_changes_nothing(world: World, changed: str) -> None:
    order, other = await world.place.paid_order(), await world.place.paid_order()
    kitchen = await world.screen("/kitchen", Role.KITCHEN)
    command = move(order.id, "preparing")
    await kitchen.result(MOVE, command)

    again = (
        command | {"status": {"status": "ready"}, "order": {"orderId": other.id}, "reason": {"reason": "x"}}[changed]
    )
    error = await kitchen.error(MOVE, again)

    assert (error["type"], error["code"], error["retryable"]) == ("conflict", "idempotency_key_reused", False)
    assert "commandId" in error["message"]
    for each, status in ((order, "preparing"), (other, "paid")):
        assert (await world.services.orders.get(each.id, world.place[Role.COUNTER])).status == status


async def test_the_same_id_of_somebody_else_is_another_command(world: World) -> None:
    order, command_id = await world.place.paid_order(), new_id()
    kitchen = await world.screen("/kitchen", Role.KITCHEN)
    colleague = await world.screen("/kitchen", world.place.person(Role.KITCHEN))

    await kitchen.result(MOVE, move(order.id, "preparing", commandId=command_id))
    await colleague.result(MOVE, move(order.id, "ready", commandId=command_id))

    assert await times_moved(world) == 2


async def test_a_command_refused_by_a_rule_stays_refused(world: World) -> None:
    order = await world.place.order()
    counter = await world.screen("/counter", Role.COUNTER)
    command = move(order.id, "preparing")
    first = await counter.error(MOVE, command)
    await world.place.take_cash(await world.place.start_cash(order))

    again = await counter.error(MOVE, command)
    anew = await counter.result(MOVE, move(order.id, "preparing"))

    assert first == again
    assert first["code"] == "transition_not_allowed"
    assert anew["status"] == "preparing"


async def test_a_conflict_is_not_kept_so_that_the_command_may_come_again(world: World) -> None:
    order = await world.place.paid_order()
    counter = await world.screen("/counter", Role.COUNTER)
    command_id = new_id()
    stale = move(order.id, "preparing", expectedVersion=order.version - 1, commandId=command_id)

    assert (await counter.error(MOVE, stale))["code"] == "version_conflict"

    assert await counter.result(MOVE, stale | {"expectedVersion": order.version})


async def test_messages_wait_for_one_that_takes_long_and_only_their_own_clients(world: World) -> None:
    order = await world.place.paid_order()
    slow, other = await world.screen("/kitchen", Role.KITCHEN), await world.screen("/counter", Role.COUNTER)
    world.may_move.clear()
    acks: list[str] = []

    for status in ("preparing", "ready"):
        await slow.client.emit(MOVE, move(order.id, status), namespace="/kitchen", callback=noting(acks, slow, status))
    await slow.client.emit("stream_ack", {"cursors": {}}, namespace="/kitchen", callback=noting(acks, slow, "ack"))
    assert (await other.ask("stream_ack", {"cursors": {}}))["ok"] is True
    begun, before = list(world.moving), list(acks)
    world.may_move.set()
    await slow.until(lambda: len(acks) == 3)

    assert (begun, before) == ([order.id], [])
    assert acks == ["preparing ok", "ready ok", "ack ok"]


def noting(acks: list[str], screen: Screen, what: str) -> Any:
    """A callback that notes which ack came, in order."""

    def came(ack: Any) -> None:
        acks.append(f"{what} ok" if ack["ok"] else f"{what} {ack['error']['code']}")
        screen.nudge()

    return came


async def test_from_a_blocked_address_nobody_commands_anything(world: World) -> None:
    order = await world.place.paid_order()
    manager, security = world.place[Role.MANAGER], world.services.security
    async with served(world.server(trusted_proxies=["127.0.0.1"])) as url:
        blocked, free = [
            await world.screen("/counter", Role.COUNTER, url=url, headers={"X-Forwarded-For": address})
            for address in ("203.0.113.5", "203.0.113.6")
        ]
        row = await security.block(BlockAddress(address="203.0.113.5", reason="tests"), manager)

        error = await blocked.error(MOVE, move(order.id, "preparing"))
        await blocked.result("auth_refresh", {"token": world.token(Role.COUNTER)})
        still = await blocked.error(MOVE, move(order.id, "preparing"))
        assert (await free.result(MOVE, move(order.id, "preparing")))["status"] == "preparing"
        await security.unblock(row.id, manager)
        assert (await blocked.result(MOVE, move(order.id, "ready")))["status"] == "ready"

    assert (error["type"], error["code"]) == ("authorization_denied", "address_blocked")
    assert still == error
    noted = (await security.events(manager, 10, None)).items
    assert [(event.rule, event.route, event.address) for event in noted] == [("address_blocked", MOVE, "203.0.113.5")]
