"""Blocked addresses: nobody in them orders or pays, and nobody locks the cafe itself out."""

from datetime import timedelta
from typing import Any

import pytest

from tabletap.kernel.ids import new_id
from tests.payments.guests import fresh_address, guest, refusals
from tests.support.world import Answer, World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def block(world: World, address: str, who: str = "manager", **more: Any) -> Answer:
    return await world.call("POST", "/blocked-addresses", who, {"address": address, "reason": "tests", **more})


async def test_from_a_blocked_address_nobody_orders_or_pays_until_it_is_let_in(guarded_world: World) -> None:
    world, payer = guarded_world, await guest(guarded_world)
    order = await payer.order()
    blocked = await block(world, payer.address)
    assert blocked.status == 201, blocked

    line = {"menuItemId": world.home.menu["Espresso"].id, "quantity": 1}
    key = new_id()
    ordering = await payer.call("POST", "/orders", {"items": [line]})
    paying = await payer.pay(order, key=key)
    splitting = await payer.call("POST", f"/orders/{order['id']}/splits", {"method": "equal", "count": 2})

    assert {answer.body["code"] for answer in (ordering, paying, splitting)} == {"address_blocked"}
    assert {answer.status for answer in (ordering, paying, splitting)} == {403}
    assert await refusals(world, rule="address_blocked", personId=payer.person_id) == 3
    assert (await payer.call("GET", f"/orders/{order['id']}")).status == 200

    assert (await world.call("DELETE", f"/blocked-addresses/{blocked.body['id']}", "manager")).status == 204
    assert (await payer.pay(order, key=key)).status == 201


async def test_a_network_is_blocked_with_everybody_in_it_and_nobody_beside_it(guarded_world: World) -> None:
    inside, beside = await guest(guarded_world, "203.0.113.77"), await guest(guarded_world, "203.0.114.1")
    six, other_six = await guest(guarded_world, "2001:db8:9::1"), await guest(guarded_world, "2001:db8:a::1")
    orders = [await each.order() for each in (inside, beside, six, other_six)]
    for network in ("203.0.113.0/24", "2001:db8:9::/48"):
        assert (await block(guarded_world, network)).status == 201

    answers = [await each.pay(order) for each, order in zip((inside, beside, six, other_six), orders, strict=True)]

    assert [answer.status for answer in answers] == [403, 201, 403, 201]


async def test_the_cafes_people_are_kept_out_as_well_but_its_managers(guarded_world: World) -> None:
    address, world = fresh_address(), guarded_world
    order = await world.order("staff")
    body = {"orderId": order["id"], "paymentMethod": "cash", "amount": 100}
    assert (await block(world, address)).status == 201
    there = {"X-Forwarded-For": address}

    assert (await world.call("POST", "/payments", "counter", body, key=new_id(), **there)).status == 403
    assert (await world.call("POST", "/payments", "manager", body, key=new_id(), **there)).status == 201


async def test_a_block_ends_when_it_was_said_to(guarded_world: World) -> None:
    payer = await guest(guarded_world)
    order = await payer.order()
    now = guarded_world.app.db.clock.now()
    until = (now + timedelta(seconds=30)).isoformat()
    assert (await block(guarded_world, payer.address, until=until)).status == 201
    assert (await payer.pay(order)).status == 403

    guarded_world.clock.ahead += timedelta(seconds=31)

    assert (await payer.pay(order)).status == 201
    shown = (await guarded_world.call("GET", "/blocked-addresses", "manager")).body["items"]
    assert [each["active"] for each in shown if each["address"] == payer.address] == [False]


async def test_a_block_is_of_one_cafe(guarded_world: World) -> None:
    world, address = guarded_world, fresh_address()
    blocked = await block(world, address)
    stranger = await guest(world, address, world.other)

    assert (await stranger.pay(await stranger.order())).status == 201
    assert (await world.call("GET", "/blocked-addresses", "other:manager")).body["items"] == []
    removed = await world.call("DELETE", f"/blocked-addresses/{blocked.body['id']}", "other:manager")
    assert (removed.status, removed.body["code"]) == (404, "blocked_address_not_found")


async def test_blocking_again_changes_the_reason_and_only_managers_do_it(guarded_world: World) -> None:
    world, address = guarded_world, fresh_address()
    first = await block(world, address)
    second = await block(world, f"{address}/32", reason="again")

    assert second.body["id"] == first.body["id"]
    assert second.body["reason"] == "again"
    assert second.body["address"] == address
    for who in ("counter", "staff", "kitchen", "customer"):
        assert (await block(world, fresh_address(), who)).status == 403
        assert (await world.call("GET", "/blocked-addresses", who)).status == 403
        assert (await world.call("DELETE", f"/blocked-addresses/{first.body['id']}", who)).status == 403


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("nobody", 400, "invalid_request"),
        ("203.0.113.0/33", 400, "invalid_request"),
        ("203.0.113.0/-1", 400, "invalid_request"),
        ("0.0.0.0/0", 422, "address_not_blockable"),
        ("::/0", 422, "address_not_blockable"),
        ("127.0.0.1", 422, "address_not_blockable"),
        ("127.0.0.0/8", 422, "address_not_blockable"),
        ("::ffff:127.0.0.1", 422, "address_not_blockable"),
    ],
)
async def test_nobody_blocks_the_world_or_themselves(
    guarded_world: World, address: str, status: int, code: str
) -> None:
    refused = await block(guarded_world, address)

    assert (refused.status, refused.body["code"]) == (status, code)


async def test_a_block_that_is_over_already_is_refused(guarded_world: World) -> None:
    refused = await block(guarded_world, fresh_address(), until="2020-01-01T00:00:00Z")

    assert (refused.status, refused.body["code"]) == (400, "invalid_request")


async def test_a_caller_cannot_choose_an_address(guarded_world: World) -> None:
    payer = await guest(guarded_world)
    order = await payer.order()
    assert (await block(guarded_world, payer.address)).status == 201

    spoofed = await payer.call(
        "POST", "/payments", {"orderId": order["id"], "paymentMethod": "cash"}, key=new_id(),
        **{"X-Forwarded-For": f"198.51.100.7, {payer.address}"},
    )  # fmt: skip

    assert (spoofed.status, spoofed.body["code"]) == (403, "address_blocked")
