"""Reading images as phones do: with two decoders that share no code with each other, one of them none with us.

Both look for QR codes alone, as a bank's app does: bars of other kinds are sometimes seen in the pattern of one.
"""

import io
import subprocess
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

import zxingcpp
from PIL import Image

from tests.support import programs

QR_CODES = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)


def by_zxing(image: bytes) -> list[str]:
    """The texts of all codes in a PNG."""
    opened = Image.open(io.BytesIO(image)).convert("L")
    found = zxingcpp.read_barcodes(opened, formats=QR_CODES, text_mode=zxingcpp.TextMode.Plain)
    return [code.text for code in found]


def by_zbar(images: Mapping[str, bytes], folder: Path) -> dict[str, str]:
    """The text of the code in each PNG, all of them in one run."""
    for name, image in images.items():
        (folder / name).write_bytes(image)
    options = ("--quiet", "--nodbus", "--xml", "-Sdisable", "-Sqrcode.enable")
    command: list[str | Path] = [programs.zbar_program(), *options, *images]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=60, check=True)
    root = ET.fromstring(done.stdout)  # noqa: S314 - the decoder's own words
    texts: dict[str, str] = {}
    for source in root.iter("{http://zbar.sourceforge.net/2008/barcode}source"):
        [data] = source.iter("{http://zbar.sourceforge.net/2008/barcode}data")
        texts[source.attrib["href"]] = data.text or ""
    return texts
