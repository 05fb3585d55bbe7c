"""The page of a bank transfer: what a payer copies from it, and what it says while they wait."""

import io
import re
from typing import Any

import aiohttp
import pytest
import zxingcpp
from PIL import Image
from playwright.async_api import Browser, Locator, expect

from tabletap.kernel.ids import new_id
from tabletap.payments.pay_page import PayPage
from tabletap.qr.model import BankDetails
from tests.qr.reading import QR_CODES
from tests.screens.conftest import awaited
from tests.screens.devices import PHONE, TABLET, Device, device, violations
from tests.support import jobs
from tests.support.world import World

AUSTRALIAN = BankDetails(
    account_name="Flat & White", bsb="062000", account_number="12345678", pay_id="pay@flat.example"
)
BRAZILIAN = BankDetails(account_name="Padaria", pix_key="zoe@padaria.example", city="Recife")
EVERYTHING = BankDetails(
    account_name="Everywhere", iban="BE68539007547034", bsb="062000", account_number="12345678",
    pay_now_uen="201403121W", prompt_pay_id="+66812345678", pix_key="zoe@padaria.example", city="Gent",
)  # fmt: skip
ENDED: dict[str, dict[str, Any]] = {
    "received": {"status": "received", "received_amount": 1_230},
    "partly_paid": {"status": "partly_paid", "received_amount": 1_030, "missing_amount": 200},
    "expired": {"status": "expired"},
    "cancelled": {"status": "cancelled"},
}


async def html(http: aiohttp.ClientSession, pages_url: str, page: PayPage) -> str:
    async with http.get(f"{pages_url}/pay/{page.qr_payment_id}") as response:
        assert response.status == 200
        assert response.headers["X-Robots-Tag"] == "noindex"
        return await response.text()


def copied(page: str) -> dict[str, str]:
    """What each button copies, by its label."""
    found = re.findall(r'data-copy="([^"]*)" data-label="([^"]*)"', page)
    return {label: value.replace("&amp;", "&") for value, label in found}


async def test_everything_is_there_to_be_read_before_any_script_has_come(
    pages_url: str, http: aiohttp.ClientSession
) -> None:
    page = await html(http, pages_url, awaited("AUD", 1_230, AUSTRALIAN))

    for said in ("AUD\u00a012.30", "7K2M9XPQ4BT1", "Flat &amp; White", "062-000", "12345678", "pay@flat.example"):
        assert said in page
    assert copied(page) == {
        "Amount": "12.30",
        "Reference": "7K2M9XPQ4BT1",
        "Account name": "Flat & White",
        "PayID": "pay@flat.example",
        "BSB": "062000",
        "Account number": "12345678",
    }


@pytest.mark.parametrize(
    ("currency", "labels"),
    [
        ("EUR", ["IBAN"]),
        ("AUD", ["BSB", "Account number"]),
        ("SGD", ["PayNow UEN"]),
        ("THB", ["PromptPay ID"]),
        ("BRL", ["Pix key", "Pix copia e cola"]),
        ("NZD", ["IBAN", "BSB", "Account number"]),
    ],
)
async def test_only_what_the_payers_own_bank_asks_for_is_shown(
    pages_url: str, http: aiohttp.ClientSession, currency: str, labels: list[str]
) -> None:
    page = await html(http, pages_url, awaited(currency, 1_230, EVERYTHING))

    assert list(copied(page)) == ["Amount", "Reference", "Account name", *labels]


@pytest.mark.parametrize("state", ENDED)
async def test_what_has_ended_shows_no_details_and_never_says_pay(
    pages_url: str, http: aiohttp.ClientSession, state: str
) -> None:
    page = await html(http, pages_url, awaited("AUD", 1_230, AUSTRALIAN, **ENDED[state]))
    seen = re.sub(r"<[^>]+>", " ", page.split("<main")[1])

    assert copied(page) == {}
    assert "data:image" not in page
    assert "062" not in seen
    assert not re.search(r"\bpay\b", seen, re.IGNORECASE)


async def test_a_transfer_that_brought_too_little_says_what_is_missing(
    pages_url: str, http: aiohttp.ClientSession
) -> None:
    page = await html(http, pages_url, awaited("AUD", 1_230, AUSTRALIAN, **ENDED["partly_paid"]))

    assert "AUD\u00a02.00 is still missing" in page
    assert "AUD\u00a010.30 of AUD\u00a012.30 has arrived" in page


@pytest.mark.parametrize("link", ["nobody", "019a0000-0000-7000-8000-000000000001", "x" * 500])
@pytest.mark.parametrize("end", ["", "/code.png"])
async def test_a_link_that_is_not_known_says_so_in_words(
    pages_url: str, http: aiohttp.ClientSession, link: str, end: str
) -> None:
    async with http.get(f"{pages_url}/pay/{link}{end}") as response:
        page = await response.text()

    assert response.status == 404
    assert "This link is not known" in page


@pytest.mark.browser
@pytest.mark.parametrize("state", ["waiting", *ENDED, "code", "unknown"])
async def test_every_state_is_accessible_in_light_and_dark_with_and_without_script(
    pages_url: str, browser: Browser, state: str
) -> None:
    given = ENDED.get(state, {})
    currency, details = ("BRL", BRAZILIAN) if state == "code" else ("AUD", AUSTRALIAN)
    link = "unknown" if state == "unknown" else awaited(currency, 1_230, details, **given).qr_payment_id
    found: list[str] = []

    for javascript in (True, False):
        async with device(browser, pages_url, PHONE) as payer:
            if not javascript:
                await payer.page.route("**/*.js", lambda route: route.abort())
            await payer.page.goto(f"{pages_url}/pay/{link}")
            found += await violations(payer)
            for size in (PHONE, TABLET):
                await payer.page.set_viewport_size(size)
                if not await payer.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"):
                    found.append(f"wider than {size['width']}")

    assert found == []


async def start_transfer(world: World, **more: Any) -> dict[str, Any]:
    answer = await world.pay(await world.order(), "qr_bank_transfer", **more)
    assert answer.status == 201, answer
    payment: dict[str, Any] = answer.body
    return payment


async def seen(world: World, payment: dict[str, Any], amount: int) -> None:
    """The counter sees so much of it on the account."""
    path = f"/qr-payments/{payment['qr']['qrPaymentId']}/confirm"
    answer = await world.call("POST", path, "counter", {"amount": amount, "acceptDifference": True}, key=new_id())
    assert answer.status == 200, answer


async def is_scanned(world: World, payment: dict[str, Any]) -> None:
    """Wait until the code has been opened."""
    path = f"/qr-payments/{payment['qr']['qrPaymentId']}"

    async def scanned() -> bool:
        return bool((await world.call("GET", path, "counter")).body["status"] == "scanned")

    await jobs.assert_eventually(scanned)


def heading(payer: Device) -> Locator:
    return payer.page.get_by_role("heading", level=1)


async def read_code(image: Locator) -> list[str]:
    screen = Image.open(io.BytesIO(await image.screenshot()))
    return [code.text for code in zxingcpp.read_barcodes(screen.convert("L"), formats=QR_CODES)]


@pytest.mark.browser
async def test_a_payer_scans_copies_and_sees_the_money_arrive(world: World, browser: Browser) -> None:
    payment = await start_transfer(world, tipAmount=50)
    address = payment["qr"]["payload"]

    async with device(browser, world.url, PHONE) as payer:
        await payer.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=world.url)
        await payer.page.goto(address)
        await expect(heading(payer)).to_have_text(re.compile(r"Transfer AUD\s5\.30"))
        await expect(payer.page.locator("#until")).to_have_text(re.compile(r"Until \d\d:\d\d\."))

        # the counter hears of it
        await is_scanned(world, payment)

        # copied by keyboard, as the bank's app wants it
        pasted = []
        for label in ("Amount", "Reference", "BSB", "Account number"):
            await payer.button(f"Copy: {label}").focus()
            await payer.page.keyboard.press("Enter")
            await expect(payer.page.locator("#announce")).to_have_text(f"{label} copied.")
            pasted.append(await payer.page.evaluate("navigator.clipboard.readText()"))
        assert pasted == ["5.30", payment["qr"]["reference"], "062000", "12345678"]

        # the code leads here
        assert await read_code(payer.page.get_by_role("img", name="QR code that opens this page")) == [address]

        # and the money comes
        await seen(world, payment, 530)
        await expect(heading(payer)).to_have_text(re.compile("Thank you"))
        await expect(payer.page.locator("main")).to_contain_text(re.compile(r"AUD\s5\.30 has arrived"))
        await expect(payer.page.locator("#announce")).to_have_text("Thank you")
        assert await payer.page.get_by_role("button").count() == 0
        assert payer.complaints == []


@pytest.mark.browser
async def test_a_payer_who_sent_too_little_learns_how_much_is_missing(world: World, browser: Browser) -> None:
    payment = await start_transfer(world)

    async with device(browser, world.url, PHONE) as payer:
        await payer.page.goto(payment["qr"]["payload"])
        await seen(world, payment, 280)

        await expect(heading(payer)).to_have_text(re.compile(r"AUD\s2\.00 is still missing"))
        assert payer.complaints == []


@pytest.mark.browser
async def test_a_page_of_a_cancelled_transfer_stops_asking_for_money(world: World, browser: Browser) -> None:
    payment = await start_transfer(world)

    async with device(browser, world.url, PHONE) as payer:
        await payer.page.goto(payment["qr"]["payload"])
        await expect(payer.button("Copy: Amount")).to_be_visible()
        cancelled = await world.call("POST", f"/payments/{payment['paymentId']}/cancel", "customer")

        assert cancelled.status == 200
        await expect(heading(payer)).to_have_text(re.compile("This request was cancelled"))
        await expect(payer.page.get_by_text("062-000")).to_have_count(0)


@pytest.mark.browser
async def test_a_payer_without_script_reads_everything_and_looks_again(world: World, browser: Browser) -> None:
    payment = await start_transfer(world)

    async with device(browser, world.url, PHONE, javascript=False) as payer:
        await payer.page.goto(payment["qr"]["payload"])
        await expect(payer.page.get_by_text(payment["qr"]["reference"])).to_be_visible()
        assert await payer.page.get_by_role("button").count() == 0
        await seen(world, payment, 480)
        await payer.page.get_by_role("link", name="Look again").click()

        await expect(heading(payer)).to_have_text(re.compile("Thank you"))
