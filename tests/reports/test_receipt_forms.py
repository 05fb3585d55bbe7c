"""Every form of a receipt says the same, in letters that can be seen, whatever people called things."""

import io
import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from tabletap.cafes.model import BusinessDetails
from tabletap.kernel.money import parse_major
from tabletap.reports.receipts.model import LineView, PartView, PaymentLineView, ReceiptView, TaxView
from tabletap.reports.receipts.page import CONTENT_SECURITY_POLICY, as_html
from tabletap.reports.receipts.pdf import as_pdf
from tabletap.reports.receipts.printer import CODE_PAGES, as_escpos
from tabletap.reports.receipts.printing import NARROW, WIDE, Printed, as_text, text_lines

AT = datetime(2026, 3, 1, 22, 15, tzinfo=UTC)
RECEIPT = ReceiptView(
    cafe="Kawiarnia Łódź",
    business=BusinessDetails(
        legal_name="The Extraordinarily Long-Named Coffee Roasting and Baking Company of New South Wales",
        address_lines=("1 Long Street", "Sydney NSW 2000"),
        tax_number="ABN 51 824 753 556",
        footer_lines=("Thank you!",),
    ),
    currency="AUD",
    time_zone="Australia/Sydney",
    order_number=7,
    placed_at=AT,
    lines=[
        LineView("Flat white", ["Oat"], 2, 550, 1_100),
        LineView("Crème brûlée with a name that is much longer than any paper is wide", [], 1, 1_250, 1_250),
        LineView("Żurek", [], 1, 900, 900),
    ],
    taxes=[TaxView(0, 900, 0, 900), TaxView(1_000, 2_136, 214, 2_350)],
    total_amount=3_250,
    tax_amount=214,
    payments=[
        PaymentLineView("payment", "cash", 1_002, 0, -2, AT),
        PaymentLineView("payment", "payconic_card", 2_248, 200, 0, AT),
        PaymentLineView("refund", "payconic_card", -500, 0, 0, AT),
    ],
    tip_amount=200,
    outstanding_amount=0,
    is_test=True,
    number=12,
    issued_at=AT,
    table_number="4",
    refunded_amount=500,
    tax_refunded_amount=33,
)
anything = st.text(max_size=60)
_FIGURE = re.compile(r"(?:^|\s)(-?\d+\.\d\d)$")


def figures(lines: list[str]) -> list[int]:
    """The amounts at the right of the lines, in minor units."""
    found = [_FIGURE.search(line) for line in lines]
    return [(-1 if match[1][0] == "-" else 1) * parse_major(match[1].lstrip("-"), "AUD") for match in found if match]


FIGURES = [1_100, 1_250, 900, 3_250, 214, 200, 1_000, -2, 2_448, -500, -500, -33]


def of_printer(printed: bytes) -> tuple[list[str], str]:
    """The text that ESC/POS bytes print, and the commands that are left: an own reading of the few that we send."""
    pages, page, text, rest = {number: name for name, number in CODE_PAGES.items()}, "ascii", "", ""
    while printed:
        if printed[:2] == b"\x1bt":
            page, printed = pages[printed[2]], printed[3:]
        elif printed[:1] in (b"\x1b", b"\x1d"):
            length = 4 if printed[:2] == b"\x1dV" and printed[2] in b"AB" else 3 if printed[:2] == b"\x1dV" else 2
            rest, printed = rest + printed[:length].decode("latin-1") + " ", printed[length:]
        else:
            text, printed = text + printed[:1].decode(page), printed[1:]
    return text.split("\n"), rest


def of_pdf(pdf: bytes) -> list[str]:
    """The lines of text that another program finds in a PDF."""
    return PdfReader(io.BytesIO(pdf)).pages[0].extract_text().splitlines()


def test_pdf_printer_text_and_page_have_the_same_figures() -> None:
    page = as_html(RECEIPT).decode()

    assert figures(as_text(RECEIPT).splitlines()) == FIGURES
    assert figures(of_pdf(as_pdf(RECEIPT))) == FIGURES
    for columns in (WIDE, NARROW):
        assert figures(of_printer(as_escpos(RECEIPT, columns))[0]) == FIGURES
    assert figures(re.findall(r"<td>(.*?)</td>", page)) == FIGURES
    assert FIGURES[0] + FIGURES[1] + FIGURES[2] == FIGURES[3] == RECEIPT.total_amount


def test_letters_of_other_languages_are_printed_as_they_are() -> None:
    printed, commands = of_printer(as_escpos(RECEIPT))

    for text in ("Crème brûlée", "Żurek"):
        assert any(text in line for line in printed), text
        assert any(text in line for line in of_pdf(as_pdf(RECEIPT))), text
        assert text in as_html(RECEIPT).decode()
    assert commands.split()[0] == "\x1b@"
    assert "\x1dV" in commands


def test_a_letter_that_cannot_be_shown_is_a_question_mark() -> None:
    receipt = msgspec.structs.replace(RECEIPT, lines=[LineView("酸 Żurek", [], 1, 900, 900)])

    assert "1 x ? Żurek" in "\n".join(of_printer(as_escpos(receipt))[0])
    assert "1 x ? Żurek" in "\n".join(of_pdf(as_pdf(receipt)))


def test_without_letters_of_its_own_a_pdf_uses_those_built_in() -> None:
    lines = of_pdf(as_pdf(RECEIPT, Path("not there.ttf")))

    assert figures(lines) == FIGURES
    assert any("Crème brûlée" in line for line in lines)


def test_nothing_is_cut_off_and_no_line_is_wider_than_the_paper() -> None:
    for columns in (WIDE, NARROW):
        lines = text_lines(RECEIPT, columns)
        words = " ".join(" ".join(lines).split())

        assert max(len(line) for line in lines) <= columns
        assert "The Extraordinarily Long-Named Coffee Roasting and Baking Company of New South Wales" in words
        assert [word for word in "Crème brûlée with a name that is much longer".split() if word not in words] == []


@given(anything, anything, anything)
def test_no_name_can_give_the_printer_an_order(name: str, modifier: str, takeaway: str) -> None:
    receipt = msgspec.structs.replace(
        RECEIPT,
        takeaway_name=takeaway + "\x1bp\x00\x19\x19",
        lines=[LineView(name + "\x1b@", [modifier + "\x1dV\x00"], 1, 100, 100)],
    )

    _, commands = of_printer(as_escpos(receipt))

    assert commands == of_printer(as_escpos(RECEIPT))[1]
    assert "\x1b" not in as_text(receipt)
    assert max(len(line) for line in text_lines(receipt, NARROW)) <= NARROW


def test_a_name_is_no_markup_and_the_page_loads_nothing() -> None:
    page = as_html(msgspec.structs.replace(RECEIPT, takeaway_name="<img src=x onerror=alert(1)>")).decode()

    assert "<img" not in page
    assert re.findall(r"<(script|link|img|iframe)|url\(|https?:", page) == []
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY


def test_what_nobody_may_overlook_is_marked() -> None:
    def marks(**changes: object) -> str:
        return " ".join(Printed(msgspec.structs.replace(RECEIPT, **changes)).marks())

    assert "TEST" in marks()
    assert "CREDIT NOTE" in marks()
    assert "COPY, first issued 2026-03-02 09:15" in marks(is_copy=True)
    assert "CANCELLED" in marks(is_cancelled=True)
    assert "NOT PAID IN FULL" in marks(outstanding_amount=5, number=None)
    assert marks(is_test=False, refunded_amount=0) == ""


def test_one_payment_shows_its_part_of_the_bill() -> None:
    part = PartView("x", 1_625, 107, "Ann")
    receipt = msgspec.structs.replace(RECEIPT, part=part, payments=RECEIPT.payments[1:2], refunded_amount=0)

    text = as_text(receipt)

    assert "Receipt 12, one payment" in text
    assert "Share: Ann" in text
    assert figures(text.splitlines()) == [1_100, 1_250, 900, 3_250, 214, 1_625, 107, 200, 2_448]


@pytest.mark.parametrize(("currency", "shown"), [("JPY", "3250"), ("KWD", "3.250")])
def test_amounts_have_the_places_of_their_currency(currency: str, shown: str) -> None:
    text = as_text(msgspec.structs.replace(RECEIPT, currency=currency))

    assert f"Total {currency}" in text
    assert any(line.endswith(f" {shown}") for line in text.splitlines())
