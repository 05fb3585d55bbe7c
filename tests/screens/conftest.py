"""The screens' pages on a socket of their own, and a browser to look at them."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import uvicorn
from litestar import Litestar
from playwright.async_api import Browser, async_playwright

from tabletap.cafes.model import CategoryView, MenuItemView, MenuView, ModifierGroupView, ModifierView
from tabletap.kernel.ids import new_id
from tabletap.payments.pay_page import PayPage, TransferStatus
from tabletap.qr.model import BankDetails
from tabletap.screens.pages import AnyRequest, MenuPage, routes
from tests.support import services
from tests.support.world import World, running

HERE = Path(__file__).parent
TABLE_CODE = "q2w3e4r5t6"
TRANSFERS: dict[str, PayPage] = {}
"""What the pages alone know of transfers: a test puts in what it wants to see, by its link."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here run in one event loop, so that they can share a browser."""
    for item in items:
        if item.path.parent == HERE and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="package"), append=False)


def menu() -> MenuView:
    milk = ModifierGroupView("Milk", [ModifierView(new_id(), "Oat", 70), ModifierView(new_id(), "Soy", 70)])
    flat_white = MenuItemView(
        id=new_id(), name="Flat white", price=480, category="Coffee", allergens=["milk"], available=True,
        modifier_groups=[milk], description="Double ristretto & <silky> milk",
    )  # fmt: skip
    batch_brew = MenuItemView(
        id=new_id(), name="Batch brew", price=400, category="Coffee", allergens=[], available=False, modifier_groups=[]
    )
    return MenuView(new_id(), "Café Demo", "AUD", [CategoryView("Coffee", [flat_white, batch_brew])])


async def menu_at(code: str) -> MenuPage | None:
    return MenuPage(new_id(), "4", menu()) if code == TABLE_CODE else None


def awaited(currency: str, amount: int, details: BankDetails, **more: Any) -> PayPage:
    """The page of a transfer, waiting unless a test says otherwise."""
    status: dict[str, Any] = {
        "status": "waiting", "amount": amount, "received_amount": 0, "missing_amount": 0, "currency": currency,
        "expires_at": None,
    }  # fmt: skip
    link = new_id()
    page = PayPage(
        qr_payment_id=link,
        status=TransferStatus(**{**status, **more}),
        reference="7K2M9XPQ4BT1",
        format="link",
        payload=f"https://cafe.example/pay/{link}",
        details=details,
    )
    TRANSFERS[link] = page
    return page


class Links:
    """The links of TRANSFERS."""

    async def page(self, qr_payment_id: str, request: AnyRequest) -> PayPage | None:
        """The page behind a link."""
        return TRANSFERS.get(qr_payment_id)

    async def picture(self, qr_payment_id: str, request: AnyRequest) -> bytes | None:
        """Nothing to be saved."""
        return None


@pytest_asyncio.fixture(loop_scope="package")
async def pages_url() -> AsyncIterator[str]:
    """The pages alone, without an API behind them."""
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    app = Litestar(routes(menu_at, Links(), url), openapi_config=None)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    running = asyncio.create_task(server.serve(sockets=[listening]))
    yield url
    server.should_exit = True
    await running


@pytest_asyncio.fixture(loop_scope="package")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser(chromium_path: Path) -> AsyncIterator[Browser]:
    """A real Chromium without a window; each test opens profiles of its own."""
    arguments = [*services.chromium_arguments(), "--disable-gpu", "--disable-background-networking"]
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium_path, args=arguments)
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="package")
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A running cafe on SQLite."""
    async with running(tmp_path / "world", "sqlite", None) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="package")
async def each_world(request: pytest.FixtureRequest, tmp_path: Path, engine_name: str) -> AsyncIterator[World]:
    """A running cafe, on each engine in turn."""
    postgres_url = request.getfixturevalue("postgres_url") if engine_name == "postgres" else None
    async with running(tmp_path / "world", engine_name, postgres_url) as world:
        yield world
