"""Screens that lose the server: they say so, keep what was done on them, and then have everything, once."""

import re
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.screens.devices import (
    PHONE,
    TABLET,
    bump,
    device,
    hire,
    let_undo_pass,
    notices_silence,
    open_kitchen,
    order_says,
    pay_by,
    payment_says,
    place_order,
    put_in_cart,
    scan,
    ticket,
)
from tests.screens.lines import served, through_a_line
from tests.support.jobs import assert_eventually
from tests.support.world import World

pytestmark = pytest.mark.browser


async def moves_of(world: World, order: dict[str, Any]) -> list[str]:
    """Every status that the kitchen's stream has told of the order."""
    page = await world.call("GET", f"/events?stream=cafe:{world.home.id}:kitchen&after=0", "manager")
    return [
        event["status"]
        for event in page.body["items"]
        if event["name"] == "order_status_changed" and event["orderId"] == order["id"]
    ]


async def paid_order(world: World) -> dict[str, Any]:
    order = await world.order()
    assert (await world.pay(order, "customer_credit")).status == 201
    return order


async def test_a_kitchen_that_was_cut_off_says_so_bumps_once_and_misses_nothing(world: World, browser: Browser) -> None:
    await hire(world)
    async with device(browser, world.url, TABLET) as kitchen:
        # given a ticket on a display that has lost its network
        await open_kitchen(kitchen)
        first = await paid_order(world)
        await expect(ticket(kitchen, 1)).to_be_visible()
        await kitchen.context.set_offline(True)
        await expect(kitchen.strip).to_contain_text("Catching up, as of")
        await notices_silence(kitchen)

        # when it is bumped, and two more orders are paid meanwhile
        await bump(kitchen, 1)
        await let_undo_pass(kitchen)
        await expect(ticket(kitchen, 1)).to_contain_text("waiting to be sent")
        await expect(kitchen.strip).to_contain_text("1 change waits to be sent")
        for _turn in range(2):
            await paid_order(world)
        assert await moves_of(world, first) == ["paid"]

        # then nothing happens until the network is back, and then everything does, once
        await kitchen.context.set_offline(False)
        await kitchen.is_live()
        await expect(kitchen.page.get_by_text("2 new · 1 cooking · 0 ready")).to_be_visible()
        await expect(ticket(kitchen, 1)).not_to_contain_text("sen")
        await expect(kitchen.strip).to_contain_text("all 7 events received")
        assert await moves_of(world, first) == ["paid", "preparing"]


async def test_a_bump_whose_answer_was_lost_is_sent_again_and_happens_once(world: World, browser: Browser) -> None:
    await hire(world)
    async with through_a_line(world) as (line, url), device(browser, url, TABLET) as kitchen:
        # given a ticket, and a line on which the server's answers get lost
        await open_kitchen(kitchen)
        order = await paid_order(world)
        await expect(ticket(kitchen, 1)).to_be_visible()
        line.deaf = True

        # when it is bumped and the server does it, but nobody hears that
        await bump(kitchen, 1)
        await let_undo_pass(kitchen)

        async def it_happened() -> bool:
            return await moves_of(world, order) == ["paid", "preparing"]

        await assert_eventually(it_happened)
        await expect(ticket(kitchen, 1)).to_contain_text(re.compile("sending|waiting to be sent"))

        # then the display asks again on the next connection, and learns that it has happened
        line.deaf = False
        line.cut()
        await kitchen.is_live()
        await expect(ticket(kitchen, 1)).not_to_contain_text("sen")
        await expect(ticket(kitchen, 1)).to_contain_text("Cooking")
        assert await moves_of(world, order) == ["paid", "preparing"]
        await expect(kitchen.page.locator(".message")).to_have_count(0)


async def test_screens_recover_by_themselves_when_the_server_comes_back(world: World, browser: Browser) -> None:
    await hire(world)
    async with (
        served(world) as process,
        device(browser, process.url, TABLET) as kitchen,
        device(browser, process.url, PHONE) as guest,
    ):
        # given a kitchen and a guest who waits for a coffee
        await open_kitchen(kitchen)
        await scan(guest, world)
        await put_in_cart(guest, "Espresso")
        await place_order(guest)
        await pay_by(guest, "Cash at the counter")
        await payment_says(guest, "Please pay $3.50 at the counter")

        # when their server stops, and the coffee is paid at the counter, which has another one
        await process.stop()
        await notices_silence(kitchen)
        await expect(guest.strip).to_contain_text("Not up to date since")
        [cash] = (await world.call("GET", "/payments", "manager")).body["items"]
        path = f"/payments/{cash['paymentId']}/cash"
        assert (await world.call("POST", path, "counter", {"received": 350}, key=cash["paymentId"])).status == 200

        # then both screens come back with the server, and have it
        await process.start()
        await kitchen.is_live()
        await expect(ticket(kitchen, 1)).to_contain_text("Table 1")
        await guest.is_live()
        await order_says(guest, "The kitchen has your order.")
        await bump(kitchen, 1)
        await let_undo_pass(kitchen)
        await order_says(guest, "The kitchen is preparing your order.")
