"""What the codes of PayNow, PromptPay and Pix say."""

from datetime import UTC, datetime

import msgspec
import pytest

from tabletap.kernel.errors import InvalidAmount
from tabletap.qr.emvco import decode
from tabletap.qr.errors import BankDetailsMissing
from tabletap.qr.model import BankDetails, checked_bank_details
from tabletap.qr.payloads import QrFormat, payload_for
from tabletap.qr.references import new_reference
from tests.qr.details import AUSTRALIAN, BRAZILIAN, BY_CURRENCY, PAY_PAGE, SINGAPOREAN, THAI

EMVCO = ["SGD", "THB", "BRL"]


def fields(
    currency: str, amount_minor: int, details: BankDetails, reference: str = "7K2M9XPQ4BT1", at: datetime | None = None
) -> dict[str, str | dict[str, str]]:
    qr = payload_for(currency, amount_minor, details, reference, PAY_PAGE, at)
    assert qr.format is QrFormat.EMVCO
    return decode(qr.payload)


def test_pay_now_names_the_company_the_exact_amount_and_the_bill() -> None:
    late_evening_in_singapore = datetime(2026, 11, 23, 15, 59, tzinfo=UTC)

    assert fields("SGD", 480, SINGAPOREAN, at=late_evening_in_singapore) == {
        "00": "01",
        "01": "12",
        "26": {"00": "SG.PAYNOW", "01": "2", "02": "201403121W", "03": "0", "04": "20261123"},
        "52": "5814",
        "53": "702",
        "54": "4.80",
        "58": "SG",
        "59": "Kopi Corner",
        "60": "Singapore",
        "62": {"01": "7K2M9XPQ4BT1"},
    }


def test_pay_now_is_good_until_the_day_ends_in_singapore() -> None:
    after_midnight_in_singapore = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)

    account = fields("SGD", 480, SINGAPOREAN, at=after_midnight_in_singapore)["26"]

    assert isinstance(account, dict)
    assert account["04"] == "20261124"


def test_pay_now_may_be_a_mobile_number() -> None:
    details = checked_bank_details(BankDetails(account_name="Kopi", pay_now_mobile="9123 4567"))

    assert fields("SGD", 1, details)["26"] == {"00": "SG.PAYNOW", "01": "0", "02": "+6591234567", "03": "0"}


@pytest.mark.parametrize(
    ("given", "template"),
    [
        ("081-234-5678", {"01": "0066812345678"}),
        ("+66 81 234 5678", {"01": "0066812345678"}),
        ("1-2345-67890-12-1", {"02": "1234567890121"}),
        ("012345678901234", {"03": "012345678901234"}),
    ],
)
def test_prompt_pay_is_a_phone_an_identity_or_a_wallet(given: str, template: dict[str, str]) -> None:
    details = checked_bank_details(BankDetails(account_name="ร้านกาแฟ", prompt_pay_id=given))

    assert fields("THB", 4_550, details) == {
        "00": "01",
        "01": "12",
        "29": {"00": "A000000677010111", **template},
        "53": "764",
        "54": "45.50",
        "58": "TH",
    }


def test_pix_names_key_payee_city_and_transaction() -> None:
    assert fields("BRL", 123_456, BRAZILIAN) == {
        "00": "01",
        "26": {"00": "br.gov.bcb.pix", "01": "zoe@padaria.example"},
        "52": "0000",
        "53": "986",
        "54": "1234.56",
        "58": "BR",
        "59": "Padaria Pao Quente",
        "60": "Sao Paulo",
        "62": {"05": "7K2M9XPQ4BT1"},
    }


@pytest.mark.parametrize("currency", EMVCO)
@pytest.mark.parametrize("reference", ["", "x" * 26, "7K2M-9XPQ", "7K2M 9XPQ", "+++010/8068/17183+++", "é"])
def test_a_reference_that_a_scheme_cannot_carry_is_refused_and_never_cut_off(currency: str, reference: str) -> None:
    with pytest.raises(ValueError, match="1 to 25 letters and digits"):
        payload_for(currency, 480, BY_CURRENCY[currency], reference, PAY_PAGE)


@pytest.mark.parametrize("currency", EMVCO)
def test_the_longest_reference_fits(currency: str) -> None:
    payload = payload_for(currency, 480, BY_CURRENCY[currency], "x" * 25, PAY_PAGE).payload

    assert ("x" * 25 in payload) == (currency != "THB"), "a PromptPay transfer has no field for it"


@pytest.mark.parametrize("currency", EMVCO)
def test_an_amount_with_more_digits_than_the_format_has_is_refused(currency: str) -> None:
    assert decode(payload_for(currency, 10**12 - 1, BY_CURRENCY[currency], "7", PAY_PAGE).payload)["54"] == (
        "9999999999.99"
    )
    for amount in (10**12, 10**12 + 1, 0, -1):
        with pytest.raises(InvalidAmount):
            payload_for(currency, amount, BY_CURRENCY[currency], "7", PAY_PAGE)


@pytest.mark.parametrize("currency", EMVCO)
@pytest.mark.parametrize("details", [AUSTRALIAN, None], ids=["elsewhere", "nothing"])
def test_a_scheme_without_its_account_is_not_offered(currency: str, details: BankDetails | None) -> None:
    with pytest.raises(BankDetailsMissing):
        payload_for(currency, 480, details, "7K2M9XPQ4BT1", PAY_PAGE)


@pytest.mark.parametrize("currency", [*EMVCO, "AUD"])
def test_our_own_references_fit_every_scheme(currency: str) -> None:
    details = BY_CURRENCY.get(currency, AUSTRALIAN)

    payloads = [payload_for(currency, 480, details, new_reference(currency), PAY_PAGE) for _ in range(200)]

    assert len({qr.payload for qr in payloads}) == {"AUD": 1, "THB": 1}.get(currency, 200)


def test_unchecked_details_are_our_own_mistake_and_never_cut_off() -> None:
    too_long = msgspec.structs.replace(BRAZILIAN, account_name="P" * 100)

    with pytest.raises(ValueError, match="field 59"):
        payload_for("BRL", 480, too_long, "7K2M9XPQ4BT1", PAY_PAGE)


def test_a_thai_name_needs_no_latin_one() -> None:
    assert checked_bank_details(THAI) == THAI
