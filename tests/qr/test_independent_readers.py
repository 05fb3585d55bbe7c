"""What we write is read by decoders and libraries that nobody here wrote, and means the same to them."""

import io
import random
from decimal import Decimal
from pathlib import Path

import promptpay.qrcode
import pytest
from nlannuzel.sgqr.crc import check_crc
from nlannuzel.sgqr.encode import encode_sgqr
from nlannuzel.sgqr.tokenizer import Tokenizer
from pypix.pix import Pix
from segno.helpers import make_epc_qr
from stdnum import iban, iso11649
from stdnum.be import ogm_vcs

from tabletap.kernel.errors import InvalidAmount
from tabletap.kernel.money import format_major, parse_major
from tabletap.qr import emvco
from tabletap.qr.errors import BankDetailsInvalid
from tabletap.qr.image import png
from tabletap.qr.model import BankDetails, checked_bank_details
from tabletap.qr.payloads import payload_for
from tabletap.qr.references import new_reference, shown_reference
from tests.qr.details import BRAZILIAN, BY_CURRENCY, PAY_PAGE, SINGAPOREAN, STRUCTURED
from tests.qr.reading import by_zbar, by_zxing

AMOUNTS = 1_000
READ_BY_ZBAR = 250


def random_amounts(currency: str) -> list[int]:
    """As many small ones as large ones: a coffee, a wedding, and what no bank would carry."""
    chance = random.Random(currency)  # noqa: S311 - the same amounts in every run
    return [chance.randint(1, 10 ** chance.randint(1, 11) - 1) for _ in range(AMOUNTS)]


def written(currency: str, amount_minor: int, details: BankDetails | None = None, reference: str | None = None) -> str:
    where = details or BY_CURRENCY[currency]
    return payload_for(currency, amount_minor, where, reference or new_reference(currency), PAY_PAGE).payload


def fields_of(payload: str) -> dict[str, str | dict[str, str]]:
    return emvco.decode(payload)


def amount_in(currency: str, payload: str) -> int:
    """As a bank's app would find it, from the text of the code alone."""
    if currency == "EUR":
        [line] = [line for line in payload.split("\n") if line.startswith("EUR")]
        return parse_major(line.removeprefix("EUR"), "EUR")
    amount = fields_of(payload)["54"]
    assert isinstance(amount, str)
    return parse_major(amount, currency)


@pytest.mark.parametrize("currency", BY_CURRENCY)
def test_a_thousand_random_amounts_survive_the_trip(currency: str, tmp_path: Path) -> None:
    amounts = random_amounts(currency)
    payloads = [written(currency, amount) for amount in amounts]
    images = [png(payload, 3) for payload in payloads]

    read = [text for image in images for text in by_zxing(image)]
    some = {f"{place}.png": image for place, image in enumerate(images[:READ_BY_ZBAR])}
    also_read = by_zbar(some, tmp_path)

    assert read == payloads
    assert [also_read[f"{place}.png"] for place in range(READ_BY_ZBAR)] == payloads[:READ_BY_ZBAR]
    assert [amount_in(currency, text) for text in read] == amounts


def by_segno(amount: str, iban: str = "BE68539007547034") -> list[str]:
    """The lines of a euro transfer that another encoder wrote."""
    code = make_epc_qr(name="Café Zoë", iban=iban, amount=Decimal(amount), text="Table 4", encoding="utf-8")
    drawn = io.BytesIO()
    code.save(drawn, kind="png", scale=3)
    [text] = by_zxing(drawn.getvalue())
    return text.split("\n")


def test_half_a_cent_that_segno_drops_in_silence_is_refused_here() -> None:
    assert by_segno("15.505")[7] == "EUR15.5"

    with pytest.raises(InvalidAmount, match="at most 2 decimals"):
        parse_major("15.505", "EUR")
    assert [line for minor in (1550, 1551) for line in written("EUR", minor).split("\n") if line[:3] == "EUR"] == [
        "EUR15.50",
        "EUR15.51",
    ]


def test_a_mistyped_iban_that_segno_encodes_is_refused_here() -> None:
    mistyped = "BE68539007547035"

    assert by_segno("1.00", mistyped)[6] == mistyped
    assert not iban.is_valid(mistyped)
    with pytest.raises(BankDetailsInvalid, match="check digits"):
        checked_bank_details(BankDetails(account_name="Zoe", iban=mistyped))


def test_the_standard_number_library_knows_our_references() -> None:
    for _ in range(AMOUNTS):
        structured = new_reference("EUR", "belgian")
        assert ogm_vcs.is_valid(structured)
        assert shown_reference(structured) == f"+++{ogm_vcs.format(structured)}+++"
        assert iso11649.is_valid(new_reference("EUR"))


def test_a_belgian_reference_stands_in_the_line_for_text() -> None:
    reference = new_reference("EUR", "belgian")

    [text] = by_zxing(png(written("EUR", 1230, STRUCTURED, reference), 3))

    *_, purpose, structured, line = text.split("\n")
    assert (purpose, structured) == ("", "")
    assert ogm_vcs.validate(line) == reference


@pytest.mark.parametrize("prompt_pay_id", ["081-234-5678", "+66 81 234 5678", "1234567890121", "012345678901234"])
def test_prompt_pay_says_the_same_as_the_thai_library(prompt_pay_id: str) -> None:
    details = checked_bank_details(BankDetails(account_name="ร้านกาแฟ", prompt_pay_id=prompt_pay_id))

    for amount in random_amounts("THB"):
        theirs = promptpay.qrcode.generate_payload(prompt_pay_id, Decimal(format_major(amount, "THB")))
        assert fields_of(written("THB", amount, details)) == fields_of(theirs)


def test_pix_says_the_same_as_the_brazilian_library() -> None:
    """Theirs puts a word before the transaction id and shortens checksums that begin with 0: we do neither."""
    compared = 0
    for amount in random_amounts("BRL"):
        theirs = Pix()
        theirs.set_pixkey("zoe@padaria.example")
        theirs.set_merchant_name("Padaria Pão Quente")
        theirs.set_merchant_city("São Paulo")
        theirs.set_amount(Decimal(format_major(amount, "BRL")))
        payload = str(theirs)
        if payload[-8:-4] != "6304":
            continue
        ours = fields_of(written("BRL", amount, BRAZILIAN, "ABC123"))
        assert ours.pop("62") == {"05": "ABC123"}
        assert in_lower_case(ours) == in_lower_case(fields_of(payload))
        compared += 1
    assert compared > AMOUNTS * 0.9


def in_lower_case(fields: dict[str, str | dict[str, str]]) -> dict[str, object]:
    """Theirs writes the scheme's name in capitals, the manual of the Banco Central in small letters."""
    account = fields["26"]
    assert isinstance(account, dict)
    return {**fields, "26": {**account, "00": account["00"].lower()}}


def test_pay_now_is_taken_apart_and_put_together_alike_by_the_singaporean_library() -> None:
    for amount in random_amounts("SGD"):
        payload = written("SGD", amount, SINGAPOREAN)
        check_crc(payload)
        entries = Tokenizer.to_entries(payload)
        tree = [
            {**entry, "value": Tokenizer.to_entries(entry["value"])} if entry["id"] in ("26", "62") else entry
            for entry in entries
        ]
        account = {entry["id"]: entry["value"] for entry in tree[2]["value"]}

        assert encode_sgqr(tree) == payload
        assert account == {"00": "SG.PAYNOW", "01": "2", "02": "201403121W", "03": "0"}
        assert {entry["id"]: entry["value"] for entry in tree}["54"] == format_major(amount, "SGD")
