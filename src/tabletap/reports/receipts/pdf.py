"""A receipt as a PDF of one narrow page, as long as the receipt."""

from pathlib import Path

from fpdf import FPDF
from fpdf.fonts import TTFFont

from tabletap.reports.receipts.model import ReceiptView
from tabletap.reports.receipts.printing import Printed, text_lines

_LETTERS = Path(__file__).parents[2] / "screens" / "static" / "DejaVuSansMono.ttf"
"""Set-up puts it there. Without it the letters built into PDF readers have to do: those of Western Europe."""
_WIDTH_MM, _MARGIN_MM, _LINE_MM, _POINTS = 84, 5, 4, 8


def as_pdf(receipt: ReceiptView, letters: Path = _LETTERS) -> bytes:
    """The PDF. A letter that cannot be shown is a question mark, never left out. Takes a tenth of a second."""
    lines = text_lines(receipt)
    pdf = FPDF(unit="mm", format=(_WIDTH_MM, max(60, 3 * _MARGIN_MM + _LINE_MM * len(lines))))
    pdf.set_auto_page_break(False)
    pdf.set_title(f"{receipt.cafe}: {Printed(receipt).title()}")
    pdf.set_lang(Printed(receipt).texts.language)
    pdf.set_creation_date(receipt.issued_at or receipt.placed_at)
    pdf.add_page()
    if letters.exists():
        pdf.add_font("Letters", fname=letters)
        pdf.set_font("Letters", size=_POINTS)
        font = pdf.fonts["letters"]
        known = font.cmap if isinstance(font, TTFFont) else {}
        lines = ["".join(each if ord(each) in known else "?" for each in line) for line in lines]
    else:
        pdf.set_font("Courier", size=_POINTS)
        lines = [line.encode("latin-1", "replace").decode("latin-1") for line in lines]
    for number, line in enumerate(lines):
        pdf.text(_MARGIN_MM, 2 * _MARGIN_MM + _LINE_MM * number, line)
    return bytes(pdf.output())
