"""Every page in light and dark through axe, on a phone and on a tablet, as people come upon it."""

import re

import pytest
from playwright.async_api import Browser, expect

from tabletap.kernel.people import Role
from tests.screens.devices import (
    PHONE,
    TABLET,
    Device,
    bump,
    device,
    hire,
    notices_silence,
    open_kitchen,
    pay_by,
    payment_says,
    place_order,
    put_in_cart,
    scan,
    sign_in,
    sign_out,
    ticket,
    violations,
)
from tests.support.world import World

pytestmark = pytest.mark.browser


async def fits(watched: Device) -> bool:
    """Whether nothing makes the page wider than the window."""
    return bool(await watched.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


async def test_the_guests_pages_are_accessible_in_light_and_dark(world: World, browser: Browser) -> None:
    found: dict[str, object] = {}

    async with device(browser, world.url, PHONE) as guest:

        async def check(page: str) -> None:
            found[page] = [*await violations(guest), *([] if await fits(guest) else ["wider than the window"])]

        await guest.page.goto(f"{guest.url}/t/nobody")
        await check("unknown table")
        await scan(guest, world)
        await check("menu")
        await guest.button("Choose options for Flat white").click()
        await check("options")
        await guest.page.get_by_role("dialog").get_by_label(re.compile("^oat")).check()
        await guest.button("Add ·").click()
        await put_in_cart(guest, "Banana bread")
        await guest.button("View order").click()
        await check("cart")
        await guest.button("Place order and pay").click()
        await expect(guest.page.get_by_role("radio", name=re.compile("^15%"))).to_be_attached()
        await guest.button("Pay $").click()
        await guest.page.get_by_role("radio", name="Another amount").check()
        await guest.page.get_by_text("Split the bill equally").click()
        await check("pay, with a problem")
        await guest.button("Split into 2").click()
        await guest.page.get_by_role("radio", name=re.compile("^Share 1")).check()
        await check("shares")
        await pay_by(guest, "Bank transfer by QR code")
        await expect(guest.page.get_by_role("img", name=re.compile("^QR code"))).to_be_visible()
        await check("bank transfer")

    assert {page: faults for page, faults in found.items() if faults} == {}
    assert len(found) == 7


async def test_a_guests_finished_order_is_accessible_in_light_and_dark(world: World, browser: Browser) -> None:
    async with device(browser, world.url, TABLET, friends=(world.sandbox.url,)) as guest:
        await scan(guest, world)
        await put_in_cart(guest, "Espresso")
        await place_order(guest)
        await pay_by(guest, "Card")
        await guest.button("Approve").click()
        await payment_says(guest, "Paid. Thank you!")
        assert await violations(guest) == []
        [order] = (await world.call("GET", "/orders", "staff")).body["items"]
        for status in ("preparing", "ready"):
            await world.call("POST", f"/orders/{order['id']}/status", "manager", {"status": status})
        await expect(guest.page.locator(".number-ready")).to_be_visible()
        assert await violations(guest) == []
        assert await fits(guest)


async def test_the_kitchens_pages_are_accessible_in_light_and_dark(world: World, browser: Browser) -> None:
    await hire(world)
    await hire(world, Role.STAFF, "waiter@cafe.example")
    found: dict[str, object] = {}

    async with device(browser, world.url, TABLET) as kitchen:

        async def check(page: str) -> None:
            found[page] = [*await violations(kitchen), *([] if await fits(kitchen) else ["wider than the window"])]

        await sign_in(kitchen, password="a wrong one")
        await expect(kitchen.page.get_by_role("alert")).not_to_be_empty()
        await check("login, with a problem")
        await sign_in(kitchen, "waiter@cafe.example")
        await expect(kitchen.page.locator(".message")).to_contain_text("This account may not see the kitchen.")
        await check("not for this account")
        await sign_out(kitchen)
        await open_kitchen(kitchen)
        await check("no tickets")

        # a ticket of each kind: new, cooking with its undo line, ready, cancelled, late
        orders = [await world.order(items={"Flat white": 1, "Banana bread": 2}) for _ in range(4)]
        for order in orders:
            await world.pay(order, "customer_credit")
        for order, statuses in ((orders[2], ("preparing", "ready")), (orders[3], ("cancelled",))):
            for status in statuses:
                moved = await world.call(
                    "POST", f"/orders/{order['id']}/status", "manager", {"status": status}, key=status
                )
                assert moved.status == 200, moved
        await bump(kitchen, 2)
        await expect(ticket(kitchen, 3)).to_contain_text("Ready")
        await expect(ticket(kitchen, 4)).to_contain_text("Cancelled: stop")
        await check("tickets")
        await kitchen.page.clock.fast_forward("08:30")
        await expect(ticket(kitchen, 1)).to_contain_text("Late")
        await check("late tickets")
        await kitchen.page.set_viewport_size(PHONE)
        await check("tickets on a phone")
        await kitchen.page.keyboard.press("r")
        await expect(kitchen.page.get_by_role("dialog", name="Recall")).to_be_visible()
        await check("recall")
        await kitchen.page.keyboard.press("Escape")
        await kitchen.context.set_offline(True)
        await notices_silence(kitchen)
        await check("not up to date")

    assert {page: faults for page, faults in found.items() if faults} == {}
    assert len(found) == 8
