"""The kitchen display on the real server: signing in, bumping by tap and key, taking back, coming back."""

import re

import pytest
from playwright.async_api import Browser, expect

from tabletap.kernel.people import Role
from tests.screens.devices import (
    TABLET,
    bump,
    device,
    hire,
    let_undo_pass,
    notices_silence,
    open_kitchen,
    sign_in,
    sign_out,
    ticket,
)
from tests.support.jobs import assert_eventually
from tests.support.world import World

pytestmark = pytest.mark.browser


async def becomes(world: World, order_id: str, status: str) -> bool:
    """Whether the order gets this status before long."""

    async def has_it() -> bool:
        return bool((await world.call("GET", f"/orders/{order_id}", "staff")).body["status"] == status)

    await assert_eventually(has_it)
    return True


async def test_only_who_belongs_in_the_kitchen_gets_in(world: World, browser: Browser) -> None:
    await hire(world, Role.STAFF, "waiter@cafe.example")
    await hire(world)
    async with device(browser, world.url, TABLET) as kitchen:
        await sign_in(kitchen, password="a wrong one")
        await expect(kitchen.page.get_by_role("alert")).to_have_text(
            "E-mail address and password do not belong together."
        )

        await sign_in(kitchen, "waiter@cafe.example")
        await expect(kitchen.page.locator(".message")).to_contain_text("This account may not see the kitchen.")

        await sign_out(kitchen)
        await sign_in(kitchen)
        await kitchen.is_live()
        await expect(kitchen.page.get_by_text("No tickets. Paid orders appear here by themselves.")).to_be_visible()


async def test_a_ticket_is_bumped_with_the_keyboard_alone(world: World, browser: Browser) -> None:
    await hire(world)
    async with device(browser, world.url, TABLET) as kitchen:
        # given a ticket, and nobody who touches the screen or a mouse
        await open_kitchen(kitchen)
        order = await world.order(items={"Flat white": 2})
        await world.pay(order, "customer_credit")
        head = ticket(kitchen, 1).get_by_role("button")
        await expect(head).to_contain_text("Takeaway")

        # when somebody tabs to it, in plain sight, and presses Enter
        for _step in range(12):
            await kitchen.page.keyboard.press("Tab")
            if await head.evaluate("head => head === document.activeElement"):
                break
        await expect(head).to_be_focused()
        assert await head.evaluate("head => getComputedStyle(head).outlineStyle") == "solid"
        await kitchen.page.keyboard.press("Enter")
        await let_undo_pass(kitchen)

        # then it moves, and its own key moves it on
        await expect(head).to_contain_text("Cooking")
        assert await becomes(world, order["id"], "preparing")
        await kitchen.page.keyboard.press("1")
        await let_undo_pass(kitchen)
        await expect(head).to_contain_text("Ready")
        assert await becomes(world, order["id"], "ready")
        assert kitchen.complaints == []


async def test_a_bump_that_is_taken_back_in_time_never_happened(world: World, browser: Browser) -> None:
    await hire(world)
    async with device(browser, world.url, TABLET) as kitchen:
        await open_kitchen(kitchen)
        order = await world.order()
        await world.pay(order, "customer_credit")
        await bump(kitchen, 1)
        await expect(kitchen.page.locator(".undo")).to_contain_text("Order 1 started")
        await expect(kitchen.button("Undo order 1")).to_contain_text(re.compile("[2-4]$"))  # it counts down

        await kitchen.page.keyboard.press("u")

        await expect(kitchen.page.get_by_text("1 new · 0 cooking · 0 ready")).to_be_visible()
        await expect(kitchen.page.locator(".undo")).to_have_count(0)
        await let_undo_pass(kitchen)
        await kitchen.page.wait_for_timeout(300)  # a bump that was not taken back would have come by now
        assert (await world.call("GET", f"/orders/{order['id']}", "staff")).body["status"] == "paid"


async def test_what_was_collected_can_be_looked_up(world: World, browser: Browser) -> None:
    await hire(world)
    async with device(browser, world.url, TABLET) as kitchen:
        await open_kitchen(kitchen)
        order = await world.order()
        await world.pay(order, "customer_credit")
        for status in ("preparing", "ready", "collected"):
            moved = await world.call("POST", f"/orders/{order['id']}/status", "manager", {"status": status})
            assert moved.status == 200, moved

        await expect(kitchen.page.get_by_text("No tickets.")).to_be_visible()
        await kitchen.page.keyboard.press("r")

        await expect(kitchen.page.get_by_role("dialog", name="Recall")).to_contain_text(
            re.compile(r"1 Takeaway · Collected\s*1 × Flat white")
        )


async def test_a_reload_without_a_connection_shows_the_last_state_and_its_time(world: World, browser: Browser) -> None:
    await hire(world)
    async with device(browser, world.url, TABLET) as kitchen:
        # given a ticket on a display that has its pages, but no live connection any more
        await open_kitchen(kitchen)
        await world.pay(await world.order(), "customer_credit")
        await expect(ticket(kitchen, 1)).to_be_visible()
        await kitchen.is_live()
        await kitchen.context.route("**/api/**", lambda route: route.abort())
        await kitchen.context.route("**/socket.io/**", lambda route: route.abort())
        await kitchen.context.route_web_socket(re.compile("socket.io"), lambda line: line.close())

        # when it is reloaded
        await kitchen.page.reload()

        # then the ticket is there at once, and never as if it were sure
        await expect(ticket(kitchen, 1)).to_contain_text("Flat white")
        await expect(kitchen.strip).to_contain_text(re.compile(r"(as of|Not up to date since) \d\d:\d\d"))
        await notices_silence(kitchen)
        await expect(ticket(kitchen, 1)).to_contain_text("Flat white")
