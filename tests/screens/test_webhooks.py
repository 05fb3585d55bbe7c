"""The manager's page of what came in and what became of it, in real Chromium."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Locator, expect

from tabletap.kernel.people import Role
from tests.screens.devices import PASSWORD, PHONE, TABLET, Device, device, hire, violations
from tests.support.world import World
from tests.webhooks.provider import approve, card_payment, notice, notify, sign, until_told

pytestmark = pytest.mark.browser

MANAGER = "boss@cafe.example"


@asynccontextmanager
async def office(browser: Browser, world: World, role: Role = Role.MANAGER) -> AsyncIterator[Device]:
    """Somebody signed in at the page, which asked who is there."""
    await hire(world, role, MANAGER)
    async with device(browser, world.url, TABLET) as tablet:
        await tablet.page.goto(f"{tablet.url}/admin/webhooks")
        await tablet.page.wait_for_url("**/login?next=%2Fadmin%2Fwebhooks")
        await tablet.page.get_by_label("E-mail address").fill(MANAGER)
        await tablet.page.get_by_label("Password").fill(PASSWORD)
        await tablet.button("Sign in").click()
        await tablet.page.wait_for_url("**/admin/webhooks")
        yield tablet


def entries(tablet: Device) -> Locator:
    return tablet.page.get_by_role("article")


async def looks_right(tablet: Device) -> list[str]:
    """What is wrong with the page in light, in dark and on a phone."""
    found = await violations(tablet)
    await tablet.page.set_viewport_size(PHONE)
    if not await tablet.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"):
        found.append("wider than a phone")
    await tablet.page.set_viewport_size(TABLET)
    return found


async def test_a_manager_sees_what_came_in_and_what_became_of_it(world: World, browser: Browser) -> None:
    async with office(browser, world) as tablet:
        await expect(tablet.page.locator("main")).to_contain_text("Nothing came in yet.")
        await expect(tablet.strip).to_contain_text("Up to date")
        faults = {"empty": await looks_right(tablet)}

        payment = await card_payment(world)
        await approve(world, payment)
        await world.until(payment["paymentId"], "completed")

        # it appears by itself
        await expect(entries(tablet)).to_contain_text("Payment succeeded")
        await expect(entries(tablet)).to_contain_text("Done")
        became = "The provider was asked: the payment was waiting for the guest and is completed."
        await expect(entries(tablet)).to_contain_text(became)
        await expect(entries(tablet)).to_contain_text(f"Payment …{payment['paymentId'][-8:]} now: completed.")

        # what it said, by keyboard alone
        details = tablet.button("Details")
        await details.focus()
        await tablet.page.keyboard.press("Enter")
        await expect(entries(tablet).locator("dl")).to_contain_text(payment["paymentId"])
        await expect(entries(tablet)).to_contain_text("It also carried, not shown:")
        await expect(tablet.button("Hide details")).to_be_focused()
        faults["details"] = await looks_right(tablet)

        # and worked off again
        await tablet.page.keyboard.press("Tab")
        await expect(tablet.button("Work off again")).to_be_focused()
        await tablet.page.keyboard.press("Enter")
        await expect(entries(tablet)).to_contain_text("The provider was asked: the payment is completed, as before.")
        complaints = tablet.complaints

    assert {page: found for page, found in faults.items() if found} == {}
    assert complaints == []


async def test_what_is_held_is_found_and_worked_off_when_the_provider_is_back(world: World, browser: Browser) -> None:
    payment = await card_payment(world)
    await approve(world, payment)
    await until_told(world, payment["paymentId"], "handled")
    await world.control("POST", "/faults", {"fault": "error_500", "times": 1_000, "on": ["query"]})
    raw = notice("dispute.opened", payment["paymentId"])
    await notify(world, raw, sign(raw))
    await notify(world, notice("payout.sent", None), sign(raw, "a wrong secret"))
    kept = notice("payout.sent", None)
    await notify(world, kept, sign(kept))
    for _ in range(26):
        await world.let_time_pass(minutes=75)
    await world.control("DELETE", "/faults")

    async with office(browser, world) as tablet:
        await expect(entries(tablet)).to_have_count(3)
        await expect(tablet.page.locator(".account")).to_contain_text("1 notice was turned away for a wrong signature")
        await tablet.button("On hold").click()
        await expect(entries(tablet)).to_have_count(1)
        await expect(entries(tablet)).to_contain_text(re.compile(r"Tried \d+ times in vain"))
        faults = await looks_right(tablet)

        await tablet.button("Work off again").click()
        await expect(tablet.page.locator("main")).to_contain_text("No notice is in this state.")
        await tablet.button("Kept, nothing to do").click()
        await expect(entries(tablet)).to_contain_text("payout.sent")
        await expect(tablet.button("Work off again")).to_have_count(0)
        await tablet.button("All").click()
        await expect(entries(tablet)).to_have_count(3)

    assert faults == []


async def test_the_page_says_when_it_is_not_up_to_date_and_recovers(world: World, browser: Browser) -> None:
    async with office(browser, world) as tablet:
        await expect(tablet.strip).to_contain_text("Up to date")

        await tablet.context.set_offline(True)
        await expect(tablet.strip).to_contain_text(re.compile(r"■\s*Not up to date since \d\d:\d\d"))
        faults = await violations(tablet)
        await tablet.context.set_offline(False)
        await tablet.button("Try again").click()

        await expect(tablet.strip).to_contain_text("Up to date")
        await tablet.button("Sign out").click()
        await expect(tablet.page.get_by_label("E-mail address")).to_be_visible()
    assert faults == []


async def test_who_is_no_manager_is_told_so_in_words(world: World, browser: Browser) -> None:
    async with office(browser, world, Role.COUNTER) as tablet:
        await expect(tablet.page.locator("main")).to_contain_text("This account may not see webhooks.")
        faults = await looks_right(tablet)

        await expect(entries(tablet)).to_have_count(0)
        await expect(tablet.button("Sign out")).to_be_visible()
    assert faults == []


async def test_older_notices_are_shown_on_demand(world: World, browser: Browser) -> None:
    for number in range(55):
        raw = notice(f"payout.{number}", None)
        await notify(world, raw, sign(raw))

    async with office(browser, world) as tablet:
        await expect(entries(tablet)).to_have_count(50)
        await tablet.button("Show older notices").click()
        await expect(entries(tablet)).to_have_count(55)
        await expect(tablet.button("Show older notices")).to_have_count(0)

        raw = notice("payout.newest", None)
        await notify(world, raw, sign(raw))

        await expect(entries(tablet)).to_have_count(56)
        await expect(entries(tablet).first).to_contain_text("payout.newest")
