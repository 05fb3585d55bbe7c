"""QR codes as images: the matrix from zxing-cpp, the SVG and PNG our own. Drawn when somebody asks, never earlier."""

import base64
import html
import struct
import zlib
from itertools import groupby
from math import isqrt
from typing import Any

import zxingcpp

SVG_MEDIA_TYPE = "image/svg+xml"
PNG_MEDIA_TYPE = "image/png"
QUIET_ZONE_MODULES = 4
"""ISO/IEC 18004: four modules of white on every side."""
MAX_SCALE = 40


def matrix(payload: str) -> list[list[bool]]:
    """The modules of the QR code row by row, True is dark, without a quiet zone; error correction level M.

    Other than ASCII is written as UTF-8 and says so in the symbol: what EPC069-12 announces as character set 1. Left
    alone, zxing-cpp would take the shortest character set, and bank apps would show another name.
    """
    options = {} if payload.isascii() else {"eci": "UTF-8"}
    code = zxingcpp.create_barcode(payload, zxingcpp.BarcodeFormat.QRCode, ec_level="M", **options)
    image: Any = code.to_image(scale=1, add_quiet_zones=False)
    pixels = memoryview(image).tobytes()
    side = isqrt(len(pixels))
    return [[pixel == 0 for pixel in pixels[start : start + side]] for start in range(0, len(pixels), side)]


def svg(payload: str, title: str) -> bytes:
    """The QR code as a self-contained SVG of one path, sharp at every size; the title is what screen readers say."""
    rows = matrix(payload)
    side = len(rows) + 2 * QUIET_ZONE_MODULES
    path = "".join(_dark_runs(row, y) for y, row in enumerate(rows, start=QUIET_ZONE_MODULES))
    shown = html.escape("".join(character if character.isprintable() else " " for character in title))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" role="img" shape-rendering="crispEdges">'
        f'<title>{shown}</title><rect width="{side}" height="{side}" fill="#fff"/><path fill="#000" d="{path}"/></svg>'
    ).encode()


def _dark_runs(row: list[bool], y: int) -> str:
    """One rectangle for each run of dark modules: a quarter of the size of one for each module."""
    commands = []
    x = QUIET_ZONE_MODULES
    for dark, group in groupby(row):
        length = len(list(group))
        if dark:
            commands.append(f"M{x} {y}h{length}v1h-{length}z")
        x += length
    return "".join(commands)


def png(payload: str, scale: int = 8) -> bytes:
    """The QR code as a PNG of one bit a pixel, `scale` pixels a module (1 to 40)."""
    if not 1 <= scale <= MAX_SCALE:
        raise ValueError(f"a module is 1 to {MAX_SCALE} pixels wide")
    rows = matrix(payload)
    modules = len(rows) + 2 * QUIET_ZONE_MODULES
    blank = [False] * modules
    sides = [False] * QUIET_ZONE_MODULES
    padded = [blank] * QUIET_ZONE_MODULES + [sides + row + sides for row in rows] + [blank] * QUIET_ZONE_MODULES
    side = modules * scale
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(_pixel_row(row, scale) * scale for row in padded), 9)
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def _pixel_row(row: list[bool], scale: int) -> bytes:
    """A filter byte of zero, then a bit for each pixel (white is 1), filled up to bytes: PNG, sections 7 and 9."""
    bits = "".join(("0" if dark else "1") * scale for dark in row)
    size = (len(bits) + 7) // 8
    return b"\x00" + int(bits.ljust(size * 8, "0"), 2).to_bytes(size, "big")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def data_url(image: bytes, media_type: str) -> str:
    """The image as a `data:` address (RFC 2397), for `qrCodeData`."""
    return f"data:{media_type};base64,{base64.b64encode(image).decode()}"
