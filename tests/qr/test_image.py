"""The images are read back by decoders that know nothing of how they were drawn."""

import base64
import io
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from playwright.async_api import async_playwright

from tabletap.qr.image import PNG_MEDIA_TYPE, QUIET_ZONE_MODULES, SVG_MEDIA_TYPE, data_url, matrix, png, svg
from tabletap.qr.model import BankDetails
from tabletap.qr.payloads import payload_for
from tests.qr.reading import QR_CODES
from tests.support import services

LINK = "https://cafe.example/p/019a0000-0000-7000-8000-000000000001"
EPC = payload_for("EUR", 1230, BankDetails(account_name="Café Łódź", iban="BE68539007547034"), "RF18539007547034", "")
PAYLOADS = [LINK, EPC.payload]
SVG = "{http://www.w3.org/2000/svg}"


def read(image: Image.Image) -> list[zxingcpp.Barcode]:
    return zxingcpp.read_barcodes(image.convert("L"), formats=QR_CODES, text_mode=zxingcpp.TextMode.Plain)


def drawn(image: bytes, pixels_a_module: int = 4) -> Image.Image:
    """The SVG painted by its own geometry, rectangle by rectangle."""
    root = ET.fromstring(image)  # noqa: S314 - our own image, not somebody's upload
    side = int(root.attrib["viewBox"].split()[2])
    canvas = Image.new("L", (side * pixels_a_module,) * 2, 255)
    path = root.find(f"{SVG}path")
    assert path is not None
    runs = re.findall(r"M(\d+) (\d+)h(\d+)v1h-(\d+)z", path.attrib["d"])
    assert "".join(f"M{x} {y}h{length}v1h-{back}z" for x, y, length, back in runs) == path.attrib["d"]
    for x, y, length, _ in ([int(number) for number in run] for run in runs):
        corner = ((x + length) * pixels_a_module - 1, (y + 1) * pixels_a_module - 1)
        ImageDraw.Draw(canvas).rectangle(((x * pixels_a_module, y * pixels_a_module), corner), fill=0)
    return canvas


@pytest.mark.parametrize("payload", PAYLOADS)
def test_the_svg_reads_back_as_what_was_written(payload: str) -> None:
    codes = read(drawn(svg(payload, "Pay")))

    assert [code.text for code in codes] == [payload]
    assert codes[0].bytes == payload.encode()
    assert codes[0].ec_level == "M"


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("scale", [2, 3, 8, 40])
def test_the_png_reads_back_as_what_was_written(payload: str, scale: int) -> None:
    image = Image.open(io.BytesIO(png(payload, scale)))
    image.load()

    assert image.format == "PNG"
    assert image.mode == "1"
    assert image.size == ((len(matrix(payload)) + 2 * QUIET_ZONE_MODULES) * scale,) * 2
    codes = read(image)
    assert [(code.text, code.bytes, code.ec_level) for code in codes] == [(payload, payload.encode(), "M")]


@settings(max_examples=60, deadline=None)
@given(payload=st.text(st.characters(min_codepoint=32, exclude_categories=["C"]), min_size=1, max_size=100))
def test_any_text_is_carried_as_utf_8(payload: str) -> None:
    codes = read(Image.open(io.BytesIO(png(payload, 4))))

    assert [code.bytes for code in codes] == [payload.encode()]


def test_svg_and_png_show_the_same_modules_inside_four_white_ones() -> None:
    rows = matrix(LINK)
    side = len(rows) + 8
    one_pixel = Image.open(io.BytesIO(png(LINK, 1))).convert("L")

    assert one_pixel.tobytes() == drawn(svg(LINK, "Pay"), 1).tobytes()
    assert [[one_pixel.getpixel((x, y)) == 0 for x in range(4, side - 4)] for y in range(4, side - 4)] == rows
    frame = [(x, y) for x in range(side) for y in range(side) if not (4 <= x < side - 4 and 4 <= y < side - 4)]
    assert {one_pixel.getpixel(place) for place in frame} == {255}


def test_the_svg_is_one_sharp_path_with_a_title_for_screen_readers() -> None:
    root = ET.fromstring(svg(LINK, 'Pay "Zoë & <Co>"\u0000\n to the cent'))  # noqa: S314 - our own image

    assert root.attrib["role"] == "img"
    assert root.attrib["shape-rendering"] == "crispEdges"
    assert [child.tag for child in root] == [f"{SVG}title", f"{SVG}rect", f"{SVG}path"]
    assert root[0].text == 'Pay "Zoë & <Co>"   to the cent'


def test_the_same_payload_gives_the_same_bytes() -> None:
    assert svg(LINK, "Pay") == svg(LINK, "Pay")
    assert png(LINK) == png(LINK)


@pytest.mark.parametrize("scale", [0, -1, 41])
def test_a_scale_nobody_needs_is_refused(scale: int) -> None:
    with pytest.raises(ValueError, match="1 to 40"):
        png(LINK, scale)


def test_a_data_address_carries_the_image_itself() -> None:
    image = png(LINK)
    head, _, body = data_url(image, PNG_MEDIA_TYPE).partition(",")

    assert head == "data:image/png;base64"
    assert base64.b64decode(body, validate=True) == image


@pytest.mark.browser
async def test_a_browser_shows_both_images_so_that_a_phone_can_read_them(chromium_path: Path) -> None:
    images = [data_url(svg(EPC.payload, "Pay"), SVG_MEDIA_TYPE), data_url(png(LINK, 5), PNG_MEDIA_TYPE)]
    markup = "".join(f'<img width="311" src="{image}">' for image in images)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=services.chromium_arguments())
        page = await browser.new_page()
        await page.set_content(f'<body style="background:#222">{markup}{svg(LINK + "2", "Pay").decode()}</body>')
        screen = await page.screenshot(full_page=True)
        name = await page.get_by_role("img", name="Pay").count()
        await browser.close()

    assert {code.text for code in read(Image.open(io.BytesIO(screen)))} == {EPC.payload, LINK, LINK + "2"}
    assert name == 1
