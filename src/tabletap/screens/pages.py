"""The pages of the screens and the files they load: HTML from templates, a strict content policy, nothing inline."""

import gzip
import mimetypes
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from litestar import MediaType, Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from tabletap.cafes.model import MenuView
from tabletap.kernel.errors import Kind, Refusal
from tabletap.kernel.ids import Id
from tabletap.kernel.money import exponent, format_major
from tabletap.payments.pay_page import PayPage
from tabletap.qr.image import PNG_MEDIA_TYPE
from tabletap.screens.transfers import transfer_page

FILES_PATH = "/screens"
MAX_TABLE_CODE_CHARACTERS = 128
_HERE = Path(__file__).parent
_NARROW_SYMBOLS = {
    "AUD": "$", "CAD": "$", "EUR": "€", "GBP": "£", "INR": "₹", "JPY": "¥", "KRW": "₩", "NZD": "$", "USD": "$",
}  # fmt: skip
"""As browsers write amounts in English, so that the script's drawing of the menu does not differ from ours."""


class MenuPage(msgspec.Struct, frozen=True):
    """What a guest sees who scanned a table's code."""

    table_id: Id
    table_number: str
    menu: MenuView


AnyRequest = Request[Any, Any, Any]
MenuSource = Callable[[str], Awaitable[MenuPage | None]]
"""The menu at the table with this code; None when there is no such table."""


class TransferLinks(Protocol):
    """What is behind the link of an awaited bank transfer. None where there is nothing."""

    async def page(self, qr_payment_id: str, request: AnyRequest) -> PayPage | None:
        """The page of the transfer."""
        ...

    async def picture(self, qr_payment_id: str, request: AnyRequest) -> bytes | None:
        """The code as PNG, as long as the transfer is awaited."""
        ...


class ScreensNotBuilt(Refusal):
    """The screens are not built: run `make setup`."""

    code, kind = "screens_not_built", Kind.UNAVAILABLE


class BuiltFile(msgspec.Struct, frozen=True):
    """A file that pages load, ready to be sent."""

    content: bytes
    compressed: bytes
    media_type: str


class BuiltFiles:
    """What `npm run build` made. A file's name changes with its content, so browsers may keep it for good."""

    def __init__(self, folder: Path) -> None:
        """Read everything once. Raises ScreensNotBuilt."""
        manifest = folder / "manifest.json"
        if not manifest.exists():
            raise ScreensNotBuilt
        self.names: Mapping[str, str] = msgspec.json.decode(manifest.read_bytes(), type=dict[str, str])
        self.files = {name: _built_file(folder / name) for name in self.names.values()}

    def address(self, source: str) -> str:
        """Where the file that was built from this source is found."""
        return f"{FILES_PATH}/{self.names[source]}"


class Pages:
    """Draws pages, each with the headers that protect it."""

    def __init__(self, files: BuiltFiles, public_url: str) -> None:
        self.environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.filters["amount"] = amount_text
        self.environment.globals["address"] = files.address
        self.headers = {
            "content-security-policy": content_security_policy(public_url),
            "cross-origin-opener-policy": "same-origin",
            "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
            "referrer-policy": "same-origin",
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "cache-control": "no-cache",
        }

    def draw(self, template: str, status_code: int = 200, **facts: Any) -> Response[str]:
        """The page of a template."""
        html = self.environment.get_template(template).render(**facts)
        return Response(html, status_code=status_code, media_type=MediaType.HTML, headers=self.headers)


def routes(menu_source: MenuSource, transfers: TransferLinks, public_url: str) -> list[HTTPRouteHandler]:
    """The screens' pages and the files they load, to be mounted beside the API. Raises ScreensNotBuilt."""
    files = BuiltFiles(_HERE / "static")
    pages = Pages(files, public_url)

    @get("/t/{code:str}", include_in_schema=False)
    async def guest(code: FromPath[str]) -> Response[str]:
        """The menu at a table: readable before any script has come."""
        page = await menu_source(code) if len(code) <= MAX_TABLE_CODE_CHARACTERS else None
        if page is None:
            return pages.draw("unknown_table.html.j2", status_code=404)
        return pages.draw("guest.html.j2", page=page, menu=page.menu, code=code)

    @get("/kitchen", include_in_schema=False, sync_to_thread=False)
    def kitchen() -> Response[str]:
        """The kitchen's tickets; the script sends whoever is not signed in to /login."""
        return pages.draw("kitchen.html.j2")

    @get("/kitchen/{station:str}", include_in_schema=False, sync_to_thread=False)
    def station(station: FromPath[str]) -> Response[str]:
        """What one station has to make; the script takes its own items from the kitchen's stream."""
        return pages.draw("kitchen.html.j2")

    @get("/admin/webhooks", include_in_schema=False, sync_to_thread=False)
    def webhooks() -> Response[str]:
        """What payment providers told us; the script sends whoever is not signed in to /login."""
        return pages.draw("webhooks.html.j2")

    @get("/login", include_in_schema=False, sync_to_thread=False)
    def login() -> Response[str]:
        """Where staff sign in."""
        return pages.draw("login.html.j2")

    return [guest, kitchen, station, webhooks, login, *_transfer_routes(pages, transfers), _file_route(files)]


def _transfer_routes(pages: Pages, transfers: TransferLinks) -> list[HTTPRouteHandler]:
    @get("/pay/{qr_payment_id:str}", include_in_schema=False)
    async def transfer(qr_payment_id: FromPath[str], request: AnyRequest) -> Response[str]:
        """What to transfer, and what became of it: all of it readable before any script has come."""
        page = await transfers.page(qr_payment_id, request)
        if page is None:
            return pages.draw("unknown_transfer.html.j2", status_code=404)
        drawn = pages.draw("transfer.html.j2", page=transfer_page(page))
        drawn.headers["x-robots-tag"] = "noindex"
        return drawn

    @get("/pay/{qr_payment_id:str}/code.png", include_in_schema=False)
    async def picture(qr_payment_id: FromPath[str], request: AnyRequest) -> Response[Any]:
        """The code as a picture, which a bank's app on the same phone can open."""
        image = await transfers.picture(qr_payment_id, request)
        if image is None:
            return pages.draw("unknown_transfer.html.j2", status_code=404)
        headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
        return Response(image, media_type=PNG_MEDIA_TYPE, headers=headers)

    return [transfer, picture]


def _file_route(files: BuiltFiles) -> HTTPRouteHandler:
    @get(FILES_PATH + "/{name:str}", include_in_schema=False, sync_to_thread=False)
    def built_file(name: FromPath[str], request: AnyRequest) -> Response[bytes]:
        """A script, style sheet or image of the screens: only what was built has a name here."""
        found = files.files.get(name)
        if found is None:
            return Response(b"", status_code=404, media_type=MediaType.TEXT)
        headers = {
            "cache-control": "public, max-age=31536000, immutable",
            "vary": "Accept-Encoding",
            "x-content-type-options": "nosniff",
        }
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
            return Response(found.compressed, media_type=found.media_type, headers=headers)
        return Response(found.content, media_type=found.media_type, headers=headers)

    return built_file


def content_security_policy(public_url: str) -> str:
    """Everything from this site, nothing inline, nothing evaluated, no frames.

    The live connection is named beside 'self' because older browsers take that for http alone (CSP 3, section 6.7.2.8).
    """
    parts = urlsplit(public_url)
    live = f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}"
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            f"connect-src 'self' {live}",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


def amount_text(amount_minor: int, currency: str) -> str:
    """The amount as an English browser writes it: $4.80, ¥1,200, CHF 4.80."""
    whole, _, fraction = format_major(amount_minor, currency).partition(".")
    symbol = _NARROW_SYMBOLS.get(currency, f"{currency}\u00a0")
    return f"{symbol}{int(whole):,}" + (f".{fraction}" if exponent(currency) else "")


@cache  # a file's name changes with its content
def _built_file(path: Path) -> BuiltFile:
    content = path.read_bytes()
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return BuiltFile(content, gzip.compress(content, mtime=0), media_type)
