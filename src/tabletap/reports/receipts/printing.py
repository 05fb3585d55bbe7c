"""A receipt in words and figures: what every form of it shows, and lines of text for narrow paper.

People choose some of these words - the name on a cup, say - and a printer obeys bytes: nothing but letters that can be
seen gets through. What is too long for a line goes on in the next one; nothing is cut off.
"""

import textwrap
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from tabletap.kernel.money import format_major
from tabletap.reports.receipts.model import ReceiptView
from tabletap.reports.receipts.texts import ENGLISH, Texts

WIDE, NARROW = 42, 32
"""Characters of a line on paper of 80 and of 58 mm."""
Pair = tuple[str, str]
"""What stands at the left and at the right of a line."""


def visible(text: str) -> str:
    """The text without controls, whether of printers or of the direction of writing: they become spaces."""
    return " ".join("".join(" " if unicodedata.category(each)[0] == "C" else each for each in text).split())


class Printed:
    """A receipt in words."""

    def __init__(self, receipt: ReceiptView, texts: Texts = ENGLISH) -> None:
        self.receipt, self.texts, self.zone = receipt, texts, ZoneInfo(receipt.time_zone)

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
        lines += [text for text in (business.tax_number, business.phone, business.email) if text]
        return [visible(line) for line in lines]

    def title(self) -> str:
        """What this is."""
        receipt, texts = self.receipt, self.texts
        if receipt.number is None:
            text = texts.payment_of_bill if receipt.part else texts.bill
            return text.format(order=receipt.order_number)
        return (texts.payment_of_receipt if receipt.part else texts.receipt).format(number=receipt.number)

    def marks(self) -> list[str]:
        """What nobody may overlook."""
        receipt, texts = self.receipt, self.texts
        found = [texts.test] if receipt.is_test else []
        found += [texts.cancelled] if receipt.is_cancelled else []
        found += [texts.not_paid] if receipt.outstanding_amount and not receipt.part else []
        found += [texts.credit_note] if receipt.refunded_amount else []
        if receipt.is_copy and receipt.issued_at is not None:
            found.append(texts.copy.format(at=self.at(receipt.issued_at)))
        return found

    def facts(self) -> list[str]:
        """When, where and for whom."""
        receipt, texts = self.receipt, self.texts
        found = [texts.order.format(order=receipt.order_number, at=self.at(receipt.placed_at))]
        if receipt.table_number:
            found.append(texts.table.format(table=visible(receipt.table_number)))
        if receipt.takeaway_name:
            found.append(texts.takeaway.format(name=visible(receipt.takeaway_name)))
        if receipt.part and receipt.part.share:
            found.append(texts.share.format(share=visible(receipt.part.share)))
        return found

    def bought(self) -> list[Pair]:
        """The lines and what they come to."""
        pairs = []
        for line in self.receipt.lines:
            pairs.append((f"{line.quantity} x {visible(line.name)}", self.money(line.total)))
            pairs += [(f"    {visible(modifier)}", "") for modifier in line.modifiers]
        total = self.texts.total.format(currency=self.receipt.currency)
        return [*pairs, (total, self.money(self.receipt.total_amount))]

    def taxes(self) -> list[Pair]:
        """The tax that the prices contain."""
        return [
            (self.texts.tax.format(rate=_percent(tax.rate), base=self.money(tax.base)), self.money(tax.tax))
            for tax in self.receipt.taxes
            if tax.tax
        ]

    def paid(self) -> list[Pair]:
        """Tips, payments, what went back, and what is still to be paid."""
        receipt, texts, pairs = self.receipt, self.texts, list[Pair]()
        if receipt.part:
            pairs.append((texts.part, self.money(receipt.part.amount)))
            pairs.append((texts.tax_in_part, self.money(receipt.part.tax)))
        if receipt.tip_amount:
            pairs.append((texts.tip, self.money(receipt.tip_amount)))
        for line in receipt.payments:
            method = texts.methods.get(line.payment_method, line.payment_method)
            text = texts.given_back if line.kind == "refund" else texts.paid_with
            what = text.format(method=method, at=self.at(line.at))
            pairs.append((what, self.money(line.amount + line.tip + line.rounding)))
            if line.rounding:
                pairs.append((texts.rounding, self.money(line.rounding)))
        if receipt.outstanding_amount and not receipt.part:
            pairs.append((texts.outstanding, self.money(receipt.outstanding_amount)))
        return pairs

    def credit_note(self) -> list[Pair]:
        """What went back of the total, and the tax in it."""
        receipt = self.receipt
        if not receipt.refunded_amount:
            return []
        return [
            (self.texts.refunded, self.money(-receipt.refunded_amount)),
            (self.texts.tax_refunded, self.money(-receipt.tax_refunded_amount)),
        ]

    def blocks(self) -> list[list[Pair]]:
        """The blocks of lines, none of them empty."""
        return [block for block in (self.bought(), self.taxes(), self.paid(), self.credit_note()) if block]

    def foot(self) -> list[str]:
        """What the cafe wants to say below."""
        return [visible(line) for line in self.receipt.business.footer_lines]


def text_lines(receipt: ReceiptView, columns: int = WIDE) -> list[str]:
    """The receipt as lines of at most that many characters."""
    printed = Printed(receipt)
    rule = "-" * columns
    lines = [line.center(columns).rstrip() for line in _wrapped([*printed.head(), "", printed.title()], columns)]
    lines += [line.center(columns).rstrip() for line in _wrapped(printed.marks(), columns)]
    lines += ["", *_wrapped(printed.facts(), columns)]
    for block in printed.blocks():
        lines.append(rule)
        for left, right in block:
            lines += _pair(left, right, columns)
    return [*lines, rule, *(line.center(columns).rstrip() for line in _wrapped(printed.foot(), columns))]


def _wrapped(texts: Iterable[str], columns: int) -> list[str]:
    return [line for text in texts for line in textwrap.wrap(text, columns) or [""]]


def _pair(left: str, right: str, columns: int) -> list[str]:
    room = columns - len(right) - 1 if right else columns
    first, *more = textwrap.wrap(left, room, subsequent_indent="    ") or [""]
    return [f"{first:<{room}} {right}".rstrip(), *more]


def _percent(basis_points: int) -> str:
    whole, part = divmod(basis_points, 100)
    return f"{whole}.{part:02}".rstrip("0") if part else str(whole)


def as_text(receipt: ReceiptView) -> str:
    """The receipt as plain text."""
    return "\n".join(text_lines(receipt)) + "\n"
