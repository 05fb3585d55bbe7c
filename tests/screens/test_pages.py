"""What the server sends before any script has run."""

import re
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Browser
from yarl import URL

from tabletap.screens.pages import BuiltFiles, ScreensNotBuilt, amount_text, content_security_policy
from tests.screens.conftest import TABLE_CODE
from tests.screens.devices import PHONE, TABLET, device, violations

STYLE_OR_SCRIPT = re.compile(r'(?:href|src)="(/screens/[^"]+)"')


async def read(http: aiohttp.ClientSession, url: str, **headers: str) -> tuple[aiohttp.ClientResponse, bytes]:
    async with http.get(url, headers=headers) as response:
        return response, await response.read()


async def test_a_guest_reads_the_whole_menu_before_any_script_has_come(
    pages_url: str, http: aiohttp.ClientSession
) -> None:
    response, body = await read(http, f"{pages_url}/t/{TABLE_CODE}")
    page = body.decode()

    assert response.status == 200
    assert "Flat white" in page
    assert "$4.80" in page
    assert "Sold out" in page
    assert "Contains: milk" in page
    assert "Double ristretto &amp; &lt;silky&gt; milk" in page


async def test_the_first_paint_of_the_menu_stays_under_100_kilobytes(
    pages_url: str, http: aiohttp.ClientSession
) -> None:
    _, page = await read(http, f"{pages_url}/t/{TABLE_CODE}")
    [style] = [name for name in STYLE_OR_SCRIPT.findall(page.decode()) if name.endswith(".css")]
    _, plain = await read(http, pages_url + style, **{"Accept-Encoding": "identity"})
    response, compressed = await read(http, pages_url + style, **{"Accept-Encoding": "gzip"})

    assert response.headers["Content-Encoding"] == "gzip"
    assert len(compressed) < len(plain) / 4
    assert len(page) + len(plain) < 100_000, "even where nothing is compressed"


@pytest.mark.parametrize(
    "address", [f"/t/{TABLE_CODE}", "/t/nobody", "/pay/nobody", "/kitchen", "/kitchen/bar", "/admin/webhooks", "/login"]
)
async def test_no_page_has_anything_inline_or_from_elsewhere(
    pages_url: str, http: aiohttp.ClientSession, address: str
) -> None:
    response, body = await read(http, pages_url + address)
    page = body.decode()
    policy = response.headers["Content-Security-Policy"]

    assert "'unsafe" not in policy
    assert "default-src 'none'" in policy
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)
    assert not re.search(r'(?:href|src)="(?:https?:)?//', page)
    for name in STYLE_OR_SCRIPT.findall(page):
        loaded, _ = await read(http, pages_url + name)
        assert loaded.status == 200
        assert "immutable" in loaded.headers["Cache-Control"]


@pytest.mark.parametrize("code", ["nobody", "x" * 500, "%00", "..%2fkitchen"])
async def test_a_code_that_no_table_has_is_said_in_words(
    pages_url: str, http: aiohttp.ClientSession, code: str
) -> None:
    async with http.get(URL(f"{pages_url}/t/{code}", encoded=True)) as response:
        page = await response.text()

    assert response.status == 404
    assert "Flat white" not in page


@pytest.mark.parametrize("name", ["manifest.json", "..%2fpages.py", "%2e%2e%2fpages.py", "guest.js"])
async def test_only_what_was_built_for_a_page_can_be_fetched(
    pages_url: str, http: aiohttp.ClientSession, name: str
) -> None:
    async with http.get(URL(f"{pages_url}/screens/{name}", encoded=True)) as response:
        await response.read()

    assert response.status == 404


def test_screens_that_were_not_built_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ScreensNotBuilt, match="make setup"):
        BuiltFiles(tmp_path)


@pytest.mark.parametrize(
    ("amount_minor", "currency", "text"),
    [(480, "AUD", "$4.80"), (1200, "JPY", "¥1,200"), (480, "CHF", "CHF\u00a04.80"), (1234567, "EUR", "€12,345.67"),
     (4800, "KWD", "KWD\u00a04.800"), (5, "AUD", "$0.05")],
)  # fmt: skip
def test_amounts_are_written_as_browsers_write_them(amount_minor: int, currency: str, text: str) -> None:
    assert amount_text(amount_minor, currency) == text


def test_the_live_connection_is_allowed_by_name() -> None:
    assert "connect-src 'self' wss://tap.example;" in content_security_policy("https://tap.example")
    assert "connect-src 'self' ws://127.0.0.1:8000;" in content_security_policy("http://127.0.0.1:8000")


@pytest.mark.browser
async def test_the_menu_stays_readable_while_the_api_does_not_answer(pages_url: str, browser: Browser) -> None:
    async with device(browser, pages_url, PHONE) as reader:
        broken: list[str] = []
        reader.page.on("pageerror", lambda error: broken.append(str(error)))

        await reader.page.goto(f"{pages_url}/t/{TABLE_CODE}")
        await reader.page.locator("#first-problem").get_by_text("Something went wrong").wait_for()

        assert await reader.page.get_by_role("heading", name="Flat white").is_visible()
        assert broken == []


@pytest.mark.browser
async def test_a_kitchen_that_nobody_signed_in_to_leads_to_the_login_and_back(pages_url: str, browser: Browser) -> None:
    async with device(browser, pages_url, TABLET) as kitchen:
        await kitchen.page.goto(f"{pages_url}/kitchen")
        await kitchen.page.wait_for_url("**/login?next=%2Fkitchen")

        assert await kitchen.page.get_by_label("Password").is_visible()


@pytest.mark.browser
@pytest.mark.parametrize("address", [f"/t/{TABLE_CODE}", "/t/nobody", "/pay/nobody", "/login"])
async def test_pages_without_script_pass_axe(pages_url: str, browser: Browser, address: str) -> None:
    async with device(browser, pages_url, PHONE) as reader:
        await reader.page.route("**/*.js", lambda route: route.abort())
        await reader.page.goto(pages_url + address)

        assert await violations(reader) == []
