"""Phones and tablets in real Chromium, and what people do on them."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from playwright.async_api import Browser, BrowserContext, Locator, Page, ViewportSize, expect

from tabletap.kernel.people import Role, system
from tests.support import programs
from tests.support.world import World

PHONE = ViewportSize(width=390, height=844)
TABLET = ViewportSize(width=1280, height=800)
EMAIL, PASSWORD = "kit@cafe.example", "correct horse battery"
PATIENCE_MILLISECONDS = 30_000
AXE = programs.REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
_VIOLATIONS = """axe.run().then((found) =>
  found.violations.map((fault) => fault.id + ': ' + fault.nodes.map((node) => node.target).join(', ')))"""

expect.set_options(timeout=PATIENCE_MILLISECONDS)


@dataclass
class Device:
    """One person's browser on the cafe's own pages."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)
    """What the browser put on its console as an error, and every request to a site that is not the cafe's."""

    @property
    def context(self) -> BrowserContext:
        """The browser's profile: storage, network, window."""
        return self.page.context

    @property
    def strip(self) -> Locator:
        """The line that says whether the screen shows the truth."""
        return self.page.locator(".strip")

    @property
    def problem(self) -> Locator:
        """The one sentence that says what went wrong."""
        return self.page.locator(".problem")

    def button(self, name: str) -> Locator:
        """The button whose name begins so."""
        return self.page.get_by_role("button", name=re.compile(f"^{re.escape(name)}"))

    async def is_live(self) -> None:
        """Wait until the screen says that it shows the truth."""
        await expect(self.strip).to_contain_text("Live")


@asynccontextmanager
async def device(
    browser: Browser, url: str, size: ViewportSize, *, friends: tuple[str, ...] = (), javascript: bool = True
) -> AsyncIterator[Device]:
    """A device of its own; `friends` are other sites where it may go, as the provider's pay page."""
    context = await browser.new_context(viewport=size, java_script_enabled=javascript)
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    page = await context.new_page()
    found = Device(page, url)
    allowed = tuple(f"{site}/" for site in (url, url.replace("http", "ws", 1), *friends))

    def note_request(address: str) -> None:
        if not address.startswith((*allowed, "data:", "blob:")):
            found.complaints.append(address)

    page.on("console", lambda said: found.complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: found.complaints.append(str(error)))
    page.on("request", lambda request: note_request(request.url))
    page.on("websocket", lambda opened: note_request(opened.url))
    yield found
    await context.close()


async def hire(world: World, role: Role = Role.KITCHEN, email: str = EMAIL) -> None:
    """Somebody who can sign in."""
    roles = frozenset({role})
    await world.app.services.identity.add_staff(
        name="Kit", email=email, password=PASSWORD, roles=roles, by=system(world.home.id)
    )


async def sign_in(kitchen: Device, email: str = EMAIL, password: str = PASSWORD) -> None:
    """Go to the kitchen, which asks who is there, and say it."""
    await kitchen.page.goto(f"{kitchen.url}/kitchen")
    await kitchen.page.get_by_label("E-mail address").fill(email)
    await kitchen.page.get_by_label("Password").fill(password)
    await kitchen.button("Sign in").click()


async def sign_out(kitchen: Device) -> None:
    """Leave, so that the next may sign in."""
    await kitchen.button("Sign out").click()
    await expect(kitchen.page.get_by_label("E-mail address")).to_be_visible()


async def open_kitchen(kitchen: Device) -> None:
    """A kitchen display that is live, with a clock that can be moved on."""
    await kitchen.page.clock.install()
    await sign_in(kitchen)
    await kitchen.is_live()


async def scan(guest: Device, world: World, table: int = 0) -> None:
    """Scan the code on a table."""
    await guest.page.goto(f"{guest.url}/t/{world.home.tables[table].code}")
    await guest.is_live()


async def put_in_cart(guest: Device, item: str, *modifiers: str, note: str = "") -> None:
    """Choose an item; the flat white asks what goes into it."""
    choose, add = guest.button(f"Choose options for {item}"), guest.button(f"Add {item}")
    await choose.or_(add).click()
    sheet = guest.page.get_by_role("dialog", name=item)
    if modifiers or note or await sheet.is_visible():
        for modifier in modifiers:
            await sheet.get_by_label(re.compile(f"^{modifier}")).check()
        await sheet.get_by_label("Note for the kitchen").fill(note)
        await sheet.get_by_role("button", name=re.compile("^Add ·")).click()


async def place_order(guest: Device) -> None:
    """From the menu through the cart to paying."""
    await guest.button("View order").click()
    await guest.button("Place order and pay").click()
    await expect(guest.page.get_by_role("heading", name=re.compile(r"^Pay order \d"))).to_be_visible()


async def pay_by(guest: Device, method: str, *, tip: str = "No tip") -> None:
    """Choose how, and pay."""
    await guest.page.get_by_role("radio", name=re.compile(f"^{tip}")).check()
    await guest.page.get_by_role("radio", name=re.compile(f"^{method}")).check()
    await guest.button("Pay $").click()


def ticket(kitchen: Device, number: int) -> Locator:
    """The ticket with this order number, wherever it is on the board."""
    return kitchen.page.get_by_role("article", name=str(number), exact=True)


async def bump(kitchen: Device, number: int) -> None:
    """Tap a ticket's head. It is sent when the time to take it back is over."""
    await ticket(kitchen, number).get_by_role("button").click()


async def let_undo_pass(kitchen: Device) -> None:
    """Move the display's clock on by the time in which a bump can be taken back."""
    await kitchen.page.clock.fast_forward(5_500)


async def notices_silence(kitchen: Device) -> None:
    """Move the display's clock on by the time after which an interruption is no longer a blink."""
    await kitchen.page.clock.fast_forward(4_000)
    await expect(kitchen.strip).to_contain_text(re.compile(r"■\s*Not up to date since \d\d:\d\d"))


async def order_says(guest: Device, words: str) -> None:
    """Wait until the guest's order says so."""
    await expect(guest.page.locator(".number-words")).to_have_text(words)


async def payment_says(guest: Device, words: str) -> None:
    """Wait until the guest's payment says so."""
    await expect(guest.page.locator(".payment")).to_contain_text(words)


async def violations(watched: Device) -> list[str]:
    """What axe finds wrong with the page in light and in dark."""
    found: list[str] = []
    for scheme in ("light", "dark"):
        await watched.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
        found += [f"{scheme}: {fault}" for fault in await watched.page.evaluate(f"{AXE.read_text()}; {_VIOLATIONS}")]
    return found
