"""What the QR code of a transfer says."""

from decimal import Decimal
from math import isqrt

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from segno.helpers import make_epc_qr

from tabletap.kernel.errors import InvalidAmount
from tabletap.kernel.money import UnknownCurrency, parse_major
from tabletap.qr.errors import BankDetailsInvalid, BankDetailsMissing
from tabletap.qr.image import matrix
from tabletap.qr.model import BankDetails
from tabletap.qr.payloads import EPC_MAX_AMOUNT_MINOR, QrFormat, payload_for
from tabletap.qr.references import new_reference

PAY_PAGE = "https://cafe.example/p/019a0000-0000-7000-8000-000000000001"
BELGIAN = BankDetails(account_name="Café Zoë", iban="BE68539007547034", bic="GEBABEBB")
AUSTRALIAN = BankDetails(account_name="Flat White Pty Ltd", bsb="062000", account_number="12345678")


def lines_for(amount_minor: int, reference: str = "RF18539007547034", details: BankDetails = BELGIAN) -> list[str]:
    qr = payload_for("EUR", amount_minor, details, reference, PAY_PAGE)
    assert qr.format is QrFormat.EPC
    return qr.payload.split("\n")


def test_a_euro_transfer_is_written_as_the_standard_says() -> None:
    assert lines_for(1230) == [
        "BCD",
        "002",
        "1",
        "SCT",
        "GEBABEBB",
        "Café Zoë",
        "BE68539007547034",
        "EUR12.30",
        "",
        "RF18539007547034",
    ]


def test_a_reference_of_another_kind_goes_into_the_text_line() -> None:
    assert lines_for(1230, "+++010/8068/17183+++")[9:] == ["", "+++010/8068/17183+++"]


def test_the_bic_may_be_missing_inside_the_european_economic_area() -> None:
    assert lines_for(500, details=BankDetails(account_name="Café", iban="BE68539007547034"))[4] == ""


@settings(max_examples=1_000, deadline=None)
@given(amount_minor=st.integers(1, EPC_MAX_AMOUNT_MINOR))
def test_every_amount_comes_back_to_the_cent(amount_minor: int) -> None:
    written = lines_for(amount_minor)[7]

    assert written.startswith("EUR")
    assert parse_major(written[3:], "EUR") == amount_minor
    assert Decimal(written[3:]) * 100 == amount_minor
    assert written[-3] == "."


@pytest.mark.parametrize("amount_minor", [1, 5, 10, 99, 100, 1550, 1230, EPC_MAX_AMOUNT_MINOR])
def test_an_encoder_of_others_writes_the_same_transfer(amount_minor: int) -> None:
    amount = Decimal(amount_minor) / 100
    theirs = make_epc_qr(
        name="Café Zoë",
        iban="BE68539007547034",
        amount=amount,
        reference="RF18539007547034",
        bic="GEBABEBB",
        encoding=1,
    )
    rows = bytes(0 if dark else 255 for row in theirs.matrix_iter(scale=4, border=4) for dark in row)
    side = isqrt(len(rows))
    read = zxingcpp.read_barcode(memoryview(rows).cast("B", (side, side)))

    assert read is not None
    expected = read.bytes.decode().split("\n")
    ours = lines_for(amount_minor)
    assert Decimal(ours.pop(7)[3:]) == Decimal(expected.pop(7)[3:])
    assert ours == expected


@pytest.mark.parametrize("amount_minor", [0, -1, EPC_MAX_AMOUNT_MINOR + 1])
def test_an_amount_no_transfer_can_have_is_refused(amount_minor: int) -> None:
    with pytest.raises(InvalidAmount):
        payload_for("EUR", amount_minor, BELGIAN, "RF18539007547034", PAY_PAGE)


@settings(max_examples=200, deadline=None)
@given(name=st.text(st.characters(min_codepoint=32, max_codepoint=0x24F, categories=["L", "N", "P"]), min_size=1))
def test_no_code_is_larger_than_the_standard_allows(name: str) -> None:
    details = BankDetails(account_name=name[:70], iban="MT84MALT011000012345MTLCAST001S", bic="MALTMTMT123")
    payload = payload_for("EUR", EPC_MAX_AMOUNT_MINOR, details, new_reference("EUR"), PAY_PAGE).payload

    assert len(payload.encode()) <= 331
    assert len(matrix(payload)) <= 69


def test_the_limit_is_what_version_13_holds() -> None:
    largest, ascii_bytes, marked_bytes = 69, "x" * 331, "é" * 165

    assert len(matrix(ascii_bytes)) == len(matrix(marked_bytes)) == largest
    assert len(matrix(marked_bytes + "x")) > largest, "the UTF-8 mark costs one byte, which the model keeps free"


def test_a_text_that_makes_the_code_too_large_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="331 bytes"):
        payload_for("EUR", 100, BELGIAN, "é" * 140, PAY_PAGE)


@pytest.mark.parametrize("reference", ["", "x" * 141, "two\nlines"])
def test_a_reference_that_would_break_the_code_is_our_own_mistake(reference: str) -> None:
    with pytest.raises(ValueError, match="EPC payload"):
        payload_for("EUR", 100, BELGIAN, reference, PAY_PAGE)


def test_unchecked_details_cannot_add_lines_to_the_code() -> None:
    smuggled = BankDetails(account_name="Zoë\nBE00", iban="BE68539007547034")

    with pytest.raises(ValueError, match="EPC payload"):
        payload_for("EUR", 100, smuggled, "RF18539007547034", PAY_PAGE)


@pytest.mark.parametrize("currency", ["AUD", "NZD", "JPY", "KWD"])
def test_other_currencies_get_a_link_to_the_pay_page(currency: str) -> None:
    qr = payload_for(currency, 1550, AUSTRALIAN, new_reference(currency), PAY_PAGE)

    assert qr.format is QrFormat.LINK
    assert qr.payload == PAY_PAGE


def test_the_pay_page_of_a_demo_may_be_plain_http() -> None:
    assert payload_for("AUD", 1, AUSTRALIAN, "7", "http://127.0.0.1:8080/p/1").payload == "http://127.0.0.1:8080/p/1"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "/p/1",
        "javascript:alert(1)",
        "https:///p",
        "https://a b.example",
        "https://x@evil.example/",
        "https://é.example",
        "https://cafe.example/" + "x" * 500,
        "https://cafe.example/p\n",
    ],
)
def test_a_link_that_is_no_plain_address_is_our_own_mistake(address: str) -> None:
    with pytest.raises(ValueError, match="pay page"):
        payload_for("AUD", 1550, AUSTRALIAN, "7K2M9XPQ4BT1", address)


def test_without_an_iban_no_euro_code_is_made() -> None:
    with pytest.raises(BankDetailsMissing) as refused:
        payload_for("EUR", 100, AUSTRALIAN, "RF18539007547034", PAY_PAGE)

    assert refused.value.code == "bank_details_missing"


def test_a_cafe_without_bank_details_takes_no_transfer() -> None:
    with pytest.raises(BankDetailsMissing):
        payload_for("AUD", 100, None, "7K2M9XPQ4BT1", PAY_PAGE)


def test_an_iban_outside_sepa_gets_no_euro_code() -> None:
    with pytest.raises(BankDetailsInvalid):
        payload_for("EUR", 100, BankDetails(account_name="X", iban="BR1800360305000010009795493C1"), "1", PAY_PAGE)


def test_an_unknown_currency_gets_no_code() -> None:
    with pytest.raises(UnknownCurrency):
        payload_for("AUS", 100, AUSTRALIAN, "7K2M9XPQ4BT1", PAY_PAGE)
