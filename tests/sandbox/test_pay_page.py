"""The hosted pay page, as a guest's browser meets it."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import Page, async_playwright

from tests.sandbox.merchant import Merchant
from tests.support import services


@pytest.fixture
async def phone(chromium_path: Path) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=services.chromium_arguments())
        page = await browser.new_page(viewport={"width": 390, "height": 844}, has_touch=True)
        yield page
        await browser.close()


@pytest.fixture
async def return_url() -> AsyncIterator[str]:
    """A page of the cafe's own, on another origin than the sandbox."""

    async def welcome(_request: web.Request) -> web.Response:
        return web.Response(
            text="<!doctype html><title>Back</title><h1>Back at the cafe</h1>", content_type="text/html"
        )

    application = web.Application()
    application.router.add_get("/back", welcome)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/back?order=1&table=7"
    await runner.cleanup()


@pytest.mark.browser
@pytest.mark.parametrize(
    ("button", "status"),
    [("Approve 4.80 AUD", "succeeded"), ("Decline", "failed"), ("Leave without paying", "pending")],
)
async def test_each_button_does_what_it_says_and_leads_back_to_the_cafe(
    merchant: Merchant, phone: Page, return_url: str, button: str, status: str
) -> None:
    # given
    payment = await merchant.start(returnUrl=return_url)
    await phone.goto(payment["redirectUrl"])

    # when
    await phone.get_by_role("button", name=button, exact=True).click()
    await phone.wait_for_url(return_url)

    # then
    assert await phone.get_by_role("heading").inner_text() == "Back at the cafe"
    assert await merchant.status(payment["id"]) == status


@pytest.mark.browser
async def test_the_page_fits_a_phone_and_says_what_is_paid_to_whom(merchant: Merchant, phone: Page) -> None:
    # given
    faults: list[str] = []
    phone.on("console", lambda message: faults.append(message.text))
    payment = await merchant.start(amount=1_234_567_890)

    # when
    await phone.goto(payment["redirectUrl"])

    # then
    text = await phone.inner_text("main")
    assert "12345678.90" in text
    assert "cafe-aurora" in text
    width, view = await phone.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= view
    heights = [
        (await button.bounding_box() or {"height": 0})["height"] for button in await phone.query_selector_all("button")
    ]
    assert len(heights) == 3
    assert min(heights) >= 44
    assert [fault for fault in faults if "favicon" not in fault and "404" not in fault] == []


async def test_a_payment_that_is_over_shows_how_it_ended_and_cannot_be_paid_again(merchant: Merchant) -> None:
    # given
    payment = await merchant.start()
    await merchant.call("POST", f"/payments/{payment['id']}/cancel")

    # when
    async with merchant.session.get(payment["redirectUrl"]) as shown:
        html = await shown.text()
    async with merchant.session.post(f"{payment['redirectUrl']}/approve", allow_redirects=False) as approved:
        status = approved.status

    # then
    assert "cancelled" in html
    assert "<form" not in html
    assert 'href="https://cafe.example/back?a=1&amp;b=2"' in html
    assert status == 409
    assert await merchant.charges() == []


async def test_the_page_has_no_script_and_a_policy_that_allows_none(merchant: Merchant) -> None:
    # given
    payment = await merchant.start(reference="<script>alert(1)</script>", returnUrl='https://cafe.example/"><b>;x')

    # when
    async with merchant.session.get(payment["redirectUrl"]) as answer:
        html, policy = await answer.text(), answer.headers["Content-Security-Policy"]

    # then
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "form-action 'self' https://cafe.example;" in policy
    assert "unsafe" not in policy
    assert re.search("<b>", html) is None


@pytest.mark.parametrize("hostile", ["https://cafe.example;script-src*", "https://a,b/", "https://ä.example/"])
async def test_an_address_cannot_write_the_policy(merchant: Merchant, hostile: str) -> None:
    payment = await merchant.start(returnUrl=hostile)

    async with merchant.session.get(payment["redirectUrl"]) as answer:
        policy = answer.headers["Content-Security-Policy"]

    assert "form-action 'self';" in policy


async def test_a_page_that_is_not_there_says_so(merchant: Merchant) -> None:
    payment = await merchant.start()
    for path in ("/pay/nothing", f"/pay/{payment['id']}/steal"):
        method = "GET" if path.endswith("nothing") else "POST"
        async with merchant.session.request(method, merchant.url + path) as answer:
            assert answer.status == 404
            assert answer.content_type == "text/html"


async def test_without_a_way_back_the_page_itself_says_thank_you(merchant: Merchant) -> None:
    payment = await merchant.start(returnUrl=None)

    async with merchant.session.post(f"{payment['redirectUrl']}/approve") as answer:
        assert "Thank you" in await answer.text()
