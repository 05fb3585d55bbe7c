"""Who sees which order: one's own and those of one's table, the whole cafe for those who work there."""

from typing import Any

import pytest

from tests.support.world import Answer, World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def sit_down(world: World, table: int = 0) -> str:
    """A guest's token."""
    answer = await world.call("POST", "/auth/guest", body={"tableCode": world.home.tables[table].code})
    return str(answer.body["accessToken"])


async def look(world: World, order: dict[str, Any], who: str) -> Answer:
    return await world.call("GET", f"/orders/{order['id']}", who)


async def listed(world: World, who: str, query: str = "limit=200") -> list[str]:
    """The ids of everything listed, page by page."""
    ids: list[str] = []
    cursor = ""
    while True:
        page = await world.call("GET", f"/orders?{query}{cursor}", who)
        assert page.status == 200, page
        ids += [order["id"] for order in page.body["items"]]
        if "nextCursor" not in page.body:
            return ids
        cursor = f"&cursor={page.body['nextCursor']}"


async def test_friends_at_one_table_share_their_orders_and_nobody_else_does(world: World) -> None:
    guest, friend, stranger = await sit_down(world), await sit_down(world), await sit_down(world, 1)
    order = await world.order(guest)

    for who in (guest, friend, "staff", "counter", "manager", "admin", "kitchen"):
        assert (await look(world, order, who)).status == 200, who
        assert order["id"] in await listed(world, who), who
    not_theirs, not_there = (403, "not_allowed"), (404, "order_not_found")
    for who in (stranger, "customer", "other:manager", "other:customer"):
        answer = await look(world, order, who)
        expected = not_there if who.startswith("other:") else not_theirs
        assert (answer.status, answer.body["code"]) == expected, who
        assert order["id"] not in await listed(world, who), who
    assert (await world.call("GET", f"/orders/{order['id']}")).status == 401


async def test_who_sits_down_later_sees_nothing_of_those_before(world: World) -> None:
    before = await sit_down(world)
    order = await world.order(before)
    await world.app.services.cafes.close_session(world.home.tables[0].id, world.home.people["manager"])
    after = await sit_down(world)

    assert (await look(world, order, after)).status == 403
    assert await listed(world, after) == []
    assert (await look(world, order, before)).status == 200  # placed by them


async def test_friends_cancel_what_is_still_pending(world: World) -> None:
    guest, friend, stranger = await sit_down(world), await sit_down(world), await sit_down(world, 1)
    order = await world.order(guest)
    path, body = f"/orders/{order['id']}/status", {"status": "cancelled"}

    refused = await world.call("POST", path, stranger, body)
    cancelled = await world.call("POST", path, friend, body)

    assert refused.status == 403
    assert (cancelled.status, cancelled.body["status"]) == (200, "cancelled")


async def test_who_paid_for_an_order_sees_it(world: World) -> None:
    order = await world.order("counter")
    customer_id = world.home.people["customer"].person_id
    before = await look(world, order, "customer")
    paid = await world.pay(order, "customer_credit", "counter", customerId=customer_id)

    assert before.status == 403
    assert paid.status == 201
    assert (await look(world, order, "customer")).status == 200
    assert (await look(world, order, "friend")).status == 403
    assert order["id"] in await listed(world, "customer")


async def test_a_list_is_read_page_by_page_newest_first(world: World) -> None:
    guest = await sit_down(world, 1)
    await world.app.services.cafes.close_session(world.home.tables[1].id, world.home.people["manager"])
    guest = await sit_down(world, 1)
    orders = [await world.order(guest) for _ in range(5)]
    newest_first = [order["id"] for order in reversed(orders)]

    for limit in (1, 2, 5, 200):
        assert await listed(world, guest, f"limit={limit}") == newest_first
    assert await listed(world, "manager", "limit=3") == await listed(world, "manager")


async def test_a_list_is_narrowed_to_a_state(world: World) -> None:
    pending, cancelled = await world.order("friend"), await world.order("friend")
    await world.call("POST", f"/orders/{cancelled['id']}/status", "friend", {"status": "cancelled"})

    assert pending["id"] in await listed(world, "friend", "status=pending")
    assert await listed(world, "friend", "status=cancelled") == [cancelled["id"]]
    assert await listed(world, "friend", "status=ready") == []


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=x", "status=eaten", "page=2"])
async def test_a_list_that_cannot_be_is_refused(world: World, query: str) -> None:
    answer = await world.call("GET", f"/orders?{query}", "manager")

    assert (answer.status, answer.body["code"]) == (400, "invalid_request")
