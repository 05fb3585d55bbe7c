"""A receipt as lines of text, a page to print, a PDF, and bytes for a receipt printer.

The PDF's built-in letters are those of Latin-1; what they cannot show is shown as a question mark, never left out. The
printer chooses its own code pages.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from escpos.printer import Dummy
from fpdf import FPDF
from jinja2 import Environment

from tabletap.kernel.money import format_major
from tabletap.reports.receipts.model import ReceiptView

WIDE, NARROW = 42, 32
"""Characters of a line on paper of 80 and of 58 mm."""
_METHODS = {
    "cash": "Cash",
    "customer_credit": "Credit",
    "qr_bank_transfer": "Bank transfer",
    "payconic_card": "Card",
    "payconic_bank_transfer": "Bank transfer",
    "payconic_digital_wallet": "Wallet",
    "card_terminal": "Card",
}


class Printed:
    """A receipt in words: (left, right) pairs, and lines of one text."""

    def __init__(self, receipt: ReceiptView) -> None:
        self.receipt, self.zone = receipt, ZoneInfo(receipt.time_zone)

    def money(self, amount_minor: int) -> str:
        """An amount in major units."""
        return format_major(amount_minor, self.receipt.currency)

    def at(self, moment: datetime) -> str:
        """A moment on the cafe's clocks."""
        return f"{moment.astimezone(self.zone):%Y-%m-%d %H:%M}"

    def head(self) -> list[str]:
        """Who sells."""
        business = self.receipt.business
        lines = [business.legal_name or self.receipt.cafe, *business.address_lines]
        return lines + [text for text in (business.tax_number, business.phone, business.email) if text]

    def title(self) -> str:
        """What this is."""
        receipt = self.receipt
        if receipt.number is None or receipt.outstanding_amount:
            return f"Bill of order {receipt.order_number} - not paid in full"
        return f"Receipt {receipt.number}"

    def facts(self) -> list[str]:
        """When, where and for whom."""
        receipt = self.receipt
        found = [f"Order {receipt.order_number}, {self.at(receipt.placed_at)}"]
        if receipt.table_number:
            found.append(f"Table {receipt.table_number}")
        if receipt.takeaway_name:
            found.append(f"For {receipt.takeaway_name}")
        if receipt.is_test:
            found.append("TEST - no value")
        return found

    def bought(self) -> list[tuple[str, str]]:
        """The lines and what they come to."""
        pairs = []
        for line in self.receipt.lines:
            pairs.append((f"{line.quantity} x {line.name}", self.money(line.total)))
            pairs += [(f"    {modifier}", "") for modifier in line.modifiers]
        return [*pairs, (f"Total {self.receipt.currency}", self.money(self.receipt.total_amount))]

    def taxes(self) -> list[tuple[str, str]]:
        """The tax that the prices contain."""
        return [
            (f"incl. tax {tax.rate / 100:g} % of {self.money(tax.base)}", self.money(tax.tax))
            for tax in self.receipt.taxes
            if tax.tax
        ]

    def paid(self) -> list[tuple[str, str]]:
        """Tips, payments, what went back, and what is still to be paid."""
        pairs: list[tuple[str, str]] = []
        if self.receipt.tip_amount:
            pairs.append(("Tip", self.money(self.receipt.tip_amount)))
        for line in self.receipt.payments:
            name = _METHODS.get(line.payment_method, line.payment_method)
            what = f"Given back, {name}" if line.kind == "refund" else name
            pairs.append((f"{what}, {self.at(line.at)}", self.money(line.amount + line.tip + line.rounding)))
            if line.rounding:
                pairs.append(("    of which rounding of cash", self.money(line.rounding)))
        if self.receipt.outstanding_amount:
            pairs.append(("Still to be paid", self.money(self.receipt.outstanding_amount)))
        return pairs


def text_lines(receipt: ReceiptView, columns: int = WIDE) -> list[str]:
    """The receipt as lines of that many characters, names cut where they are too long, amounts never."""
    printed = Printed(receipt)
    rule = "-" * columns
    lines = [line[:columns].center(columns).rstrip() for line in [*printed.head(), printed.title()]]
    lines += [fact[:columns] for fact in printed.facts()]
    for block in (printed.bought(), printed.taxes(), printed.paid()):
        lines += [rule, *(_pair(left, right, columns) for left, right in block)] if block else []
    return [*lines, rule, *(line[:columns] for line in receipt.business.footer_lines)]


def _pair(left: str, right: str, columns: int) -> str:
    room = columns - len(right) - 1
    return f"{left[:room]:<{room}} {right}".rstrip()


_PAGE = Environment(autoescape=True).from_string("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{ p.title() }}</title></head><body><main>
<h1>{{ p.title() }}</h1>
<p>{% for line in p.head() %}{{ line }}<br>{% endfor %}</p>
<p>{% for line in p.facts() %}{{ line }}<br>{% endfor %}</p>
<table>{% for block in (p.bought(), p.taxes(), p.paid()) %}<tbody>
{% for left, right in block %}<tr><th scope="row" align="left">{{ left }}</th><td align="right">{{ right }}</td></tr>
{% endfor %}</tbody>{% endfor %}</table>
<p>{% for line in p.receipt.business.footer_lines %}{{ line }}<br>{% endfor %}</p>
</main></body></html>
""")


def as_html(receipt: ReceiptView) -> bytes:
    """A page to print; it needs nothing from elsewhere."""
    return _PAGE.render(p=Printed(receipt)).encode()


def as_pdf(receipt: ReceiptView) -> bytes:
    """A PDF of one narrow page, as long as the receipt."""
    lines = text_lines(receipt)
    pdf = FPDF(unit="mm", format=(84, max(60, 14 + 4 * len(lines))))
    pdf.set_auto_page_break(False)
    pdf.set_title(Printed(receipt).title())
    pdf.add_page()
    pdf.set_font("Courier", size=8)
    for number, line in enumerate(lines):
        pdf.text(5, 10 + 4 * number, line.encode("latin-1", "replace").decode("latin-1"))
    return bytes(pdf.output())


def as_escpos(receipt: ReceiptView, columns: int = WIDE) -> bytes:
    """What a receipt printer takes: ESC/POS, with a cut at the end."""
    printer = Dummy()
    printer.set(align="left")
    for line in text_lines(receipt, columns):
        printer.textln(line)
    printer.cut()
    return bytes(printer.output)


def as_text(receipt: ReceiptView) -> str:
    """The receipt as plain text."""
    return "\n".join(text_lines(receipt)) + "\n"
