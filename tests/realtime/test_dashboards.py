"""Dashboards are told at once what their cafe looks like, then what changed: seldom, and only where somebody looks."""

import asyncio
import time
from typing import Any

from tabletap.kernel.people import Role
from tests.realtime.world import Screen, World, plain

ALL_OF_IT = {"businessDay", "currency", "openOrders", "sales", "kitchen", "paymentsInReview", "openShares"}


async def opened(world: World, who: Role = Role.MANAGER) -> tuple[Screen, Any]:
    """A dashboard, and the first that it was told."""
    screen = await world.screen("/admin", who)
    return screen, await screen.hears("dashboard_delta")


async def test_the_first_is_everything_and_the_next_only_what_changed(world: World) -> None:
    screen, first = await opened(world)
    order = await world.place.order()
    second = await screen.hears("dashboard_delta", 2)

    assert first["full"] is True
    assert set(first) == ALL_OF_IT | {"cafeId", "at", "full"}
    assert (first["cafeId"], first["openOrders"]["pending"]) == (world.place.id, 0)
    assert not {"stream", "seq", "eventId"} & set(first)
    assert set(second) == {"cafeId", "at", "openOrders"}
    assert second["openOrders"]["pending"] == 1

    await world.place.take_cash(await world.place.start_cash(order))
    await screen.until(lambda: merged(screen)["sales"]["netAmount"] == order.total_amount)
    assert merged(screen)["openOrders"] == {"pending": 0, "paid": 1, "preparing": 0, "ready": 0}


def merged(screen: Screen) -> Any:
    """What a client has that puts each delta over what it had."""
    state: dict[str, Any] = {}
    for told in screen.named("dashboard_delta"):
        state |= told
    return state


async def test_a_rush_is_told_once_a_second_at_most(world: World) -> None:
    screen, _ = await opened(world)
    start = time.monotonic()

    for _ in range(25):
        await world.place.order()
    await screen.until(lambda: merged(screen)["openOrders"]["pending"] == 25)

    assert len(screen.named("dashboard_delta")) <= 2 + (time.monotonic() - start)


async def test_who_comes_later_begins_with_everything_and_the_others_hear_no_more_than_the_news(world: World) -> None:
    first_screen, _ = await opened(world)
    _, first = await opened(world, Role.ADMIN)

    assert first["full"] is True
    assert [told.get("full", False) for told in first_screen.named("dashboard_delta")] == [True]
    await first_screen.result("join_cafe", {"cafeId": world.place.id})
    again = await first_screen.hears("dashboard_delta", 2)
    assert (again["full"], again["sales"]) == (True, first["sales"])


async def test_nobody_but_who_leads_the_cafe_is_told_and_no_other_cafe_is_looked_at(world: World) -> None:
    counter = await world.screen("/counter", Role.COUNTER)
    abroad = await world.screen("/admin", world.other.person(Role.MANAGER))
    await abroad.hears("dashboard_delta")
    assert world.live.dashboards.cafes == 1

    await world.place.paid_order()
    await world.other.order()
    news = await abroad.hears("dashboard_delta", 2)

    assert (news["cafeId"], news["openOrders"]["pending"]) == (world.other.id, 1)
    assert counter.named("dashboard_delta") == []
    await abroad.leave()
    await counter.result("stream_ack", {"cursors": {}})
    async with asyncio.timeout(30):
        while world.live.dashboards.cafes:  # noqa: ASYNC110 - the server hears of it from the transport
            await asyncio.sleep(0.01)


async def test_money_of_a_payment_from_before_today_counts_at_once(world: World) -> None:
    old = await world.place.start_cash(await world.place.order())
    world.services.clock.let_time_pass(days=3)
    screen, first = await opened(world)

    taken = await world.place.take_cash(old)

    await screen.until(lambda: merged(screen)["sales"]["count"] == 1)
    assert first["sales"]["count"] == 0
    assert merged(screen)["sales"]["grossAmount"] == plain(taken)["amount"]
