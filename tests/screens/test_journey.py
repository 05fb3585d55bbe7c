"""Two phones and a kitchen display on the real server: from the tap to the ticket and back, in real Chromium."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tabletap.kernel.people import Role, system
from tests.support import programs, services
from tests.support.jobs import assert_eventually
from tests.support.world import World, running

PHONE, TABLET = {"width": 390, "height": 844}, {"width": 1280, "height": 800}
PASSWORD = "correct horse battery"
AXE = programs.REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
PATIENCE_MILLISECONDS = 30_000

expect.set_options(timeout=PATIENCE_MILLISECONDS)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A running cafe with somebody in the kitchen who can sign in."""
    async with running(tmp_path / "world", "sqlite", None) as world:
        await world.app.services.identity.add_staff(
            name="Kit", email="kit@cafe.example", password=PASSWORD, roles=frozenset({Role.KITCHEN}),
            by=system(world.home.id),
        )  # fmt: skip
        yield world


@pytest.fixture
async def chromium(chromium_path: Path) -> AsyncIterator[Browser]:
    """Real Chromium."""
    async with async_playwright() as playwright:
        arguments = list(services.chromium_arguments())
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=arguments)
        yield browser
        await browser.close()


@asynccontextmanager
async def looking(
    chromium: Browser, size: dict[str, int], scheme: str = "light"
) -> AsyncIterator[tuple[Page, list[str]]]:
    """A page of its own device, and everything that it complained of or asked other sites for."""
    context: BrowserContext = await chromium.new_context(
        viewport={"width": size["width"], "height": size["height"]},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page, complaints = await context.new_page(), list[str]()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if re.match(r"(https?|wss?)://127\.0\.0\.1|data:|blob:", request.url)
            else complaints.append(request.url)
        ),
    )
    yield page, complaints
    await context.close()


async def sign_in_to_kitchen(page: Page, world: World) -> None:
    await page.goto(f"{world.url}/kitchen")
    await page.get_by_label("E-mail address").fill("kit@cafe.example")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("strong").filter(has_text=re.compile("^Live$"))).to_be_visible()


async def order_a_flat_white(page: Page, world: World) -> None:
    await page.goto(f"{world.url}/t/{world.home.tables[0].code}")
    await page.get_by_role("button", name=re.compile("options for Flat white")).click()
    await page.get_by_label(re.compile("oat")).check()
    await page.get_by_role("button", name=re.compile(r"^Add · ")).click()
    await page.get_by_role("button", name=re.compile("^View order")).click()
    await page.get_by_role("button", name="Place order and pay").click()
    await expect(page.get_by_role("heading", name=re.compile("Pay order 1"))).to_be_visible()


_FAULTS = (
    "axe.run().then((found) => found.violations.map((each) => each.id + ': ' + each.nodes.map((one) => one.target)))"
)


async def violations(page: Page) -> list[str]:
    """What axe finds wrong with the page."""
    return [str(each) for each in await page.evaluate(f"{AXE.read_text()}; {_FAULTS}")]


async def test_from_the_tap_to_the_ticket_and_back(world: World, chromium: Browser) -> None:
    async with (
        looking(chromium, TABLET) as (kitchen, kitchen_complaints),
        looking(chromium, PHONE) as (phone, complaints),
    ):
        # given a kitchen that is open and a guest who scanned the code
        await sign_in_to_kitchen(kitchen, world)
        await order_a_flat_white(phone, world)

        # when the guest pays by card on the provider's page
        await phone.get_by_label(re.compile("^No tip")).check()
        await phone.get_by_label(re.compile("^Card")).check()
        await phone.get_by_role("button", name=re.compile(r"^Pay \$5\.50")).click()
        await phone.get_by_role("button", name=re.compile("Approve")).click()

        # then it is paid, and the kitchen has the ticket without anybody asking
        await expect(phone.get_by_text("Paid. Thank you!")).to_be_visible()
        ticket = kitchen.get_by_role("button", name=re.compile(r"^(Order )?1\b")).first
        await expect(kitchen.get_by_text("Flat white").first).to_be_visible()
        await expect(kitchen.get_by_text(re.compile("oat")).first).to_be_visible()

        # and each bump shows on the guest's phone
        await ticket.click()
        await expect(phone.get_by_text(re.compile("prepar|making", re.IGNORECASE)).first).to_be_visible()
        await kitchen.get_by_role("button", name=re.compile(r"^(Order )?1\b")).first.click()
        await expect(phone.get_by_text(re.compile("ready", re.IGNORECASE)).first).to_be_visible()
        assert (complaints, kitchen_complaints) == ([], [])
        assert [charge["amount"] for charge in await world.charges()] == [550]


async def test_a_kitchen_that_was_cut_off_says_so_and_then_has_everything(world: World, chromium: Browser) -> None:
    async with looking(chromium, TABLET) as (kitchen, _):
        await sign_in_to_kitchen(kitchen, world)

        await kitchen.context.set_offline(True)
        await expect(kitchen.get_by_text(re.compile("Not up to date|Catching up")).first).to_be_visible()
        for _turn in range(3):
            await world.pay(await world.order(), "customer_credit")
        await kitchen.context.set_offline(False)

        await expect(kitchen.get_by_role("strong").filter(has_text=re.compile("^Live$"))).to_be_visible()
        await expect(kitchen.get_by_text(re.compile("all 6 events received"))).to_be_visible()
        await expect(kitchen.get_by_text(re.compile("3 new"))).to_be_visible()


async def test_a_key_bumps_a_ticket(world: World, chromium: Browser) -> None:
    async with looking(chromium, TABLET) as (kitchen, _):
        await sign_in_to_kitchen(kitchen, world)
        order = await world.order()
        await world.pay(order, "customer_credit")
        await expect(kitchen.get_by_text("Flat white").first).to_be_visible()

        await kitchen.keyboard.press("1")

        await expect(kitchen.get_by_text(re.compile("1 cooking"))).to_be_visible()

        async def is_being_prepared() -> bool:
            now = await world.call("GET", f"/orders/{order['id']}", "staff")
            return bool(now.body["status"] == "preparing")

        await assert_eventually(is_being_prepared)
        assert await is_being_prepared()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_pages_are_accessible(world: World, chromium: Browser, scheme: str) -> None:
    await world.pay(await world.order(items={"Flat white": 1, "Banana bread": 2}), "customer_credit")
    async with looking(chromium, PHONE, scheme) as (phone, _), looking(chromium, TABLET, scheme) as (kitchen, _):
        await order_a_flat_white_number(phone, world)
        assert await violations(phone) == []
        await sign_in_to_kitchen(kitchen, world)
        await expect(kitchen.get_by_text("Banana bread").first).to_be_visible()
        assert await violations(kitchen) == []


async def order_a_flat_white_number(page: Page, world: World) -> None:
    await page.goto(f"{world.url}/t/{world.home.tables[1].code}")
    await expect(page.get_by_role("strong").filter(has_text=re.compile("^Live$"))).to_be_visible()
