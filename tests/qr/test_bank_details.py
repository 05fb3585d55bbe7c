"""Bank details are checked when they are entered."""

import msgspec
import pytest

from tabletap.kernel.money import UnknownCurrency
from tabletap.qr.errors import BankDetailsInvalid, BankDetailsMissing
from tabletap.qr.model import BankDetails, checked_bank_details, require_payable_in

BELGIAN = BankDetails(account_name="Café Zoë", iban="BE68539007547034", bic="GEBABEBB")
AUSTRALIAN = BankDetails(account_name="Flat White Pty Ltd", bsb="062000", account_number="12345678")


def entered(**fields: str) -> BankDetails:
    return msgspec.convert({"accountName": "Café Zoë", **fields}, BankDetails)


def faults_of(given: BankDetails) -> dict[str, str]:
    with pytest.raises(BankDetailsInvalid) as refused:
        checked_bank_details(given)
    assert all(error.message in refused.value.detail for error in refused.value.errors)
    return {error.field: error.message for error in refused.value.errors}


def test_details_are_kept_without_the_separators_people_type() -> None:
    given = entered(
        accountName="  Café Zoë ",
        iban="be68 5390 0754 7034",
        bic="gebabebb",
        bsb="062-000",
        accountNumber="1234 5678",
        payId="Pay@Zoe.Example",
    )

    kept = checked_bank_details(given)

    assert kept == BankDetails(
        account_name="Café Zoë",
        iban="BE68539007547034",
        bic="GEBABEBB",
        bsb="062000",
        account_number="12345678",
        pay_id="pay@zoe.example",
    )
    assert checked_bank_details(kept) == kept


def test_details_travel_in_camel_case_and_leave_out_what_is_not_there() -> None:
    encoded = msgspec.json.encode(AUSTRALIAN)

    assert encoded == b'{"accountName":"Flat White Pty Ltd","bsb":"062000","accountNumber":"12345678"}'
    assert msgspec.json.decode(encoded, type=BankDetails) == AUSTRALIAN


def test_an_unknown_field_is_not_bank_details() -> None:
    with pytest.raises(msgspec.ValidationError, match="sortCode"):
        entered(iban="BE68539007547034", sortCode="200000")


def test_an_empty_field_counts_as_not_given() -> None:
    assert checked_bank_details(entered(iban="BE68539007547034", bic="", payId=" ")).bic is None


@pytest.mark.parametrize(
    ("field", "text", "sentence"),
    [
        ("iban", "BE68 5390 0754 7035", "iban has wrong check digits: a character may be mistyped."),
        ("iban", "BE68 5390 0754 703", "iban has the wrong length for its country."),
        ("iban", "ZZ68 5390 0754 7034", "iban begins with a country code that has no IBANs."),
        ("iban", "my account", "iban is not written like an IBAN, for example BE68 5390 0754 7034."),
        ("iban", "BE68 5390 0754 70３4", "iban is not written like an IBAN, for example BE68 5390 0754 7034."),
        ("bic", "GEBABEB", "bic is not a BIC of 8 or 11 characters, for example GEBABEBB."),
        ("bic", "GEBAZZBB", "bic is not a BIC of 8 or 11 characters, for example GEBABEBB."),
        ("bic", "1234BEBB", "bic is not a BIC of 8 or 11 characters, for example GEBABEBB."),
        ("bsb", "06200", "bsb must be six digits, for example 062-000."),
        ("bsb", "06200O", "bsb must be six digits, for example 062-000."),
        ("bsb", "٠٦٢٠٠٠", "bsb must be six digits, for example 062-000."),
        ("accountNumber", "1234567890", "accountNumber must be 1 to 9 digits."),
        ("accountNumber", "12E4", "accountNumber must be 1 to 9 digits."),
        ("payId", "zoe@", "payId is not an e-mail address."),
        ("payId", "zoe <zoe@cafe.example>", "payId is not an e-mail address."),
        ("payId", "12 345", "payId must be an e-mail address, a phone number like +61 412 345 678 or a valid ABN"),
        ("payId", "51 824 753 557", "payId must be an e-mail address, a phone number like +61 412 345 678 or a valid"),
        ("payId", "+61 0412 345 678", "payId must be an e-mail address, a phone number like +61 412 345 678 or a"),
        ("accountName", "x" * 71, "accountName must be 1 to 70 printable characters on one line."),
        ("accountName", "Zoë\nEUR999", "accountName must be 1 to 70 printable characters on one line."),
        ("accountName", "Zoë \u202egnihton", "accountName must be 1 to 70 printable characters on one line."),
    ],
)
def test_what_cannot_be_right_is_refused_by_the_name_of_its_field(field: str, text: str, sentence: str) -> None:
    faults = faults_of(entered(**{field: text}))

    assert faults[field].startswith(sentence)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("0412 345 678", "+61412345678"),
        ("+61 412 345 678", "+61412345678"),
        ("(02) 9876 5432", "+61298765432"),
        ("+32 470 12 34 56", "+32470123456"),
        ("51 824 753 556", "51824753556"),
        ("Barista+pay@cafe.com.au", "barista+pay@cafe.com.au"),
    ],
)
def test_a_pay_id_is_a_phone_number_a_business_number_or_an_address(text: str, kept: str) -> None:
    assert checked_bank_details(entered(payId=text)).pay_id == kept


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({}, "iban"),
        ({"bic": "GEBABEBB"}, "iban"),
        ({"bsb": "062000"}, "accountNumber"),
        ({"accountNumber": "12345678"}, "bsb"),
        ({"accountName": " ", "iban": "BE68539007547034"}, "accountName"),
    ],
)
def test_what_is_missing_is_named(fields: dict[str, str], missing: str) -> None:
    faults = faults_of(entered(**fields))

    assert list(faults) == [missing]
    assert "is needed" in faults[missing]


def test_every_fault_is_told_at_once() -> None:
    faults = faults_of(entered(accountName="", iban="BE00539007547034", bsb="1"))

    assert set(faults) == {"accountName", "iban", "bsb", "accountNumber"}


def test_no_refusal_repeats_the_account_it_refuses() -> None:
    with pytest.raises(BankDetailsInvalid) as refused:
        checked_bank_details(entered(iban="BE68539007547035"))

    assert "539007547035" not in refused.value.detail


def test_a_name_that_would_overflow_the_code_is_refused_when_entered() -> None:
    faults = faults_of(entered(accountName="🍰" * 70, iban="BE68539007547034", bic="GEBABEBB"))

    assert list(faults) == ["accountName"]
    assert checked_bank_details(entered(accountName="咖" * 70, iban="BE68539007547034")).account_name == "咖" * 70


def test_euro_goes_to_an_iban_and_australian_dollars_to_a_bsb_or_a_pay_id() -> None:
    pay_id = BankDetails(account_name="Flat White", pay_id="+61412345678")

    assert require_payable_in("EUR", BELGIAN) is BELGIAN
    assert require_payable_in("AUD", AUSTRALIAN) is AUSTRALIAN
    assert require_payable_in("AUD", pay_id) is pay_id
    assert require_payable_in("GBP", AUSTRALIAN) is AUSTRALIAN


@pytest.mark.parametrize(
    ("currency", "details"), [("EUR", AUSTRALIAN), ("AUD", BELGIAN), ("EUR", None), ("AUD", None), ("JPY", None)]
)
def test_a_transfer_without_the_details_it_needs_is_refused(currency: str, details: BankDetails | None) -> None:
    with pytest.raises(BankDetailsMissing):
        require_payable_in(currency, details)


def test_an_account_outside_the_european_economic_area_needs_its_bic() -> None:
    swiss = BankDetails(account_name="Kaffee", iban="CH9300762011623852957")

    with pytest.raises(BankDetailsMissing, match="BIC"):
        require_payable_in("EUR", swiss)

    assert require_payable_in("EUR", msgspec.structs.replace(swiss, bic="UBSWCHZH80A")).bic == "UBSWCHZH80A"


def test_an_account_outside_sepa_takes_no_euro() -> None:
    brazilian = checked_bank_details(entered(iban="BR1800360305000010009795493C1", bic="CEFXBRSP"))

    with pytest.raises(BankDetailsInvalid, match="BR cannot receive SEPA"):
        require_payable_in("EUR", brazilian)


def test_a_currency_nobody_knows_is_refused() -> None:
    with pytest.raises(UnknownCurrency):
        require_payable_in("XXX", AUSTRALIAN)


@pytest.mark.parametrize(
    ("field", "text", "kept"),
    [
        ("payNowUen", "201403121w", "201403121W"),
        ("payNowUen", "00192200-M", "00192200M"),
        ("payNowUen", "201403121WAB1", "201403121WAB1"),
        ("payNowMobile", "9123 4567", "+6591234567"),
        ("payNowMobile", "+65 8123 4567", "+6581234567"),
        ("promptPayId", "081-234-5678", "+66812345678"),
        ("promptPayId", "1-2345-67890-12-1", "1234567890121"),
        ("promptPayId", "012345678901234", "012345678901234"),
        ("pixKey", "390.533.447-05", "39053344705"),
        ("pixKey", "16.727.230/0001-97", "16727230000197"),
        ("pixKey", "12.ABC.345/01DE-35", "12ABC34501DE35"),
        ("pixKey", "Zoe@Padaria.example", "zoe@padaria.example"),
        ("pixKey", "+55 (11) 91234-5678", "+5511912345678"),
        ("pixKey", "123E4567-E12B-12D1-A456-426655440000", "123e4567-e12b-12d1-a456-426655440000"),
    ],
)
def test_an_account_of_a_scheme_is_kept_as_the_scheme_compares_it(field: str, text: str, kept: str) -> None:
    details = checked_bank_details(entered(**{field: text, "city": "São Paulo"}))

    assert msgspec.to_builtins(details)[field] == kept
    assert details.city == "Sao Paulo"
    assert checked_bank_details(details) == details


@pytest.mark.parametrize(
    ("field", "text", "sentence"),
    [
        ("payNowUen", "201403121X", "payNowUen is not a valid UEN"),
        ("payNowUen", "T26!!1234A", "payNowUen is not a valid UEN"),
        ("payNowUen", "TééFC6132D", "payNowUen is not a valid UEN"),
        ("payNowUen", "TZZZZ6132D", "payNowUen is not a valid UEN"),
        ("payNowMobile", "6123 4567", "payNowMobile must be a mobile number of Singapore"),
        ("payNowMobile", "+61 412 345 678", "payNowMobile must be a mobile number of Singapore"),
        ("promptPayId", "1234567890123", "promptPayId must be a mobile number"),
        ("promptPayId", "02 123 4567", "promptPayId must be a mobile number"),
        ("promptPayId", "๐๘๑๒๓๔๕๖๗๘", "promptPayId must be a mobile number"),
        ("pixKey", "390.533.447-06", "pixKey must be a valid CPF or CNPJ"),
        ("pixKey", "16.727.230/0001-98", "pixKey must be a valid CPF or CNPJ"),
        ("pixKey", "(11) 91234-5678", "pixKey must be a valid CPF or CNPJ"),
        ("pixKey", f"{'z' * 70}@zoe.example", "pixKey is not an e-mail address."),
        ("merchantName", "x" * 26, "merchantName must be 1 to 25 Latin letters"),
        ("merchantName", "咖啡", "merchantName must be 1 to 25 Latin letters"),
        ("city", "São José dos Campos", "city must be 1 to 15 Latin letters"),
        ("merchantCategoryCode", "58", "merchantCategoryCode must be four digits"),
        ("merchantCategoryCode", "５８１４", "merchantCategoryCode must be four digits"),
    ],
)
def test_an_account_that_no_scheme_can_have_is_refused_by_the_name_of_its_field(
    field: str, text: str, sentence: str
) -> None:
    assert faults_of(entered(**{"iban": "BE68539007547034", field: text}))[field].startswith(sentence)


@pytest.mark.parametrize("account", [{"payNowUen": "201403121W"}, {"pixKey": "zoe@padaria.example", "city": "Recife"}])
def test_a_name_that_a_scheme_cannot_carry_needs_another_one_beside_it(account: dict[str, str]) -> None:
    for name in ("咖啡店", "The Very Long Name Coffee Roasters"):
        assert list(faults_of(entered(accountName=name, **account))) == ["merchantName"]
        assert checked_bank_details(entered(accountName=name, merchantName="Kopi", **account)).merchant_name == "Kopi"


def test_a_pix_key_needs_the_city_beside_it() -> None:
    assert list(faults_of(entered(pixKey="zoe@padaria.example"))) == ["city"]


@pytest.mark.parametrize("fields", [{"iban": "DE89370400440532013000"}, {"bsb": "062000", "accountNumber": "1"}])
def test_belgian_references_are_for_belgian_accounts(fields: dict[str, str]) -> None:
    assert list(faults_of(entered(**fields, referenceStyle="belgian"))) == ["referenceStyle"]
    kept = checked_bank_details(entered(iban="BE68539007547034", referenceStyle="belgian"))
    assert kept.reference_style == "belgian"


def test_an_unknown_style_of_references_is_no_style() -> None:
    with pytest.raises(msgspec.ValidationError, match="referenceStyle"):
        entered(iban="BE68539007547034", referenceStyle="swiss")
