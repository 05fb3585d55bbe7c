"""A receipt as bytes for a receipt printer (ESC/POS)."""

from escpos.magicencode import Encoder
from escpos.printer import Dummy

from tabletap.reports.receipts.model import ReceiptView
from tabletap.reports.receipts.printing import WIDE, text_lines

CODE_PAGES = {"CP437": 0, "CP850": 2, "CP1252": 16, "CP866": 17, "CP852": 18, "CP858": 19}
"""Those that every printer of the kind has under the same number: Western and Central Europe, Cyrillic."""


def as_escpos(receipt: ReceiptView, columns: int = WIDE) -> bytes:
    """What a receipt printer takes, with a cut at the end. What its code pages do not have is a question mark."""
    encoder = Encoder(CODE_PAGES)
    printer = Dummy(magic_encode_args={"encoder": encoder})
    printer.hw("INIT")
    for line in text_lines(receipt, columns):
        shown = "".join(each if each.isascii() or encoder.find_suitable_encoding(each) else "?" for each in line)
        printer.textln(shown)
    printer.cut()
    return bytes(printer.output)
