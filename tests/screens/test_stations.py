"""A station of the kitchen shows its own items, and never calls an order ready that others still work on."""

import re

import pytest
from playwright.async_api import Browser, expect

from tabletap.cafes.menu_file import parse_menu
from tabletap.kernel.people import system
from tests.screens.devices import TABLET, bump, device, hire, let_undo_pass, open_kitchen, ticket, violations
from tests.support.jobs import assert_eventually
from tests.support.world import World

pytestmark = pytest.mark.browser

MENU = b"""name,price,category,station,modifiers
Flat white,4.80,Coffee,Cold bar,Milk: oat +0.70
Burger,15.00,Food,Grill,
Banana bread,6.20,Food,,
"""


async def furnish(world: World) -> None:
    """A menu whose items are made in two places, and one that is made anywhere."""
    cafes = world.app.services.cafes
    await cafes.replace_menu(parse_menu("menu.csv", MENU, "AUD"), system(world.home.id))
    menu = await cafes.menu(world.home.id)
    world.home.menu.clear()
    world.home.menu.update({item.name: item for category in menu.categories for item in category.items})
    await hire(world)


async def test_a_station_sees_and_finishes_its_own_part(world: World, browser: Browser) -> None:
    await furnish(world)
    async with device(browser, world.url, TABLET) as bar:
        # given the whole kitchen with two orders: one for both stations, one for the grill
        await open_kitchen(bar)
        both = await world.order(items={"Flat white": 2, "Burger": 1, "Banana bread": 1})
        await world.pay(both, "customer_credit")
        await world.pay(await world.order(items={"Burger": 3}), "customer_credit")
        counts = bar.page.locator(".all-day")
        await expect(counts.get_by_role("heading", level=3)).to_have_text(["No station", "Cold bar", "Grill"])
        await expect(counts).to_contain_text(
            re.compile(r"No station\s*1 × Banana bread.*Grill\s*4 × Burger", re.DOTALL)
        )

        # when it goes to the cold bar
        await counts.get_by_role("link", name="Cold bar").click()
        await bar.is_live()

        # then it sees what is made there, and how much more there is
        await expect(bar.page.get_by_role("heading", name="Kitchen: Cold bar")).to_be_visible()
        await expect(ticket(bar, 1)).to_contain_text("2 × Flat white")
        await expect(ticket(bar, 1)).not_to_contain_text("Burger")
        await expect(ticket(bar, 1)).to_contain_text("+ 2 made at other stations")
        await expect(ticket(bar, 2)).to_have_count(0)
        await expect(bar.page.locator(".counts")).to_contain_text("(1 elsewhere)")
        await expect(counts).to_contain_text("2 × Flat white")
        await expect(counts).not_to_contain_text("Burger")

        # when it makes its part: the order starts, but is not ready while the grill still works on it
        await bump(bar, 1)
        await let_undo_pass(bar)
        await expect(ticket(bar, 1)).to_contain_text("Cooking")
        await assert_eventually(lambda: status_is(world, both["id"], "preparing"))
        await bump(bar, 1)
        await expect(bar.page.get_by_role("region", name="Your part is done")).to_contain_text("2 × Flat white")
        await let_undo_pass(bar)
        await bar.page.reload()
        await expect(bar.page.get_by_role("region", name="Your part is done")).to_contain_text("2 × Flat white")
        assert await status_is(world, both["id"], "preparing")
        assert await violations(bar) == []
        assert bar.complaints == []


async def status_is(world: World, order_id: str, status: str) -> bool:
    """Whether the order stands there now."""
    return bool((await world.call("GET", f"/orders/{order_id}", "staff")).body["status"] == status)
