"""Where guests send their transfers: which bank details are right, and which currencies they can be paid in."""

from collections.abc import Callable

import msgspec

from tabletap.kernel.errors import FieldError
from tabletap.kernel.money import exponent
from tabletap.qr import accounts
from tabletap.qr.errors import BankDetailsInvalid, BankDetailsMissing
from tabletap.qr.references import ReferenceStyle

EPC_MAX_BYTES = 331
"""EPC069-12: what a QR code of version 13 holds at error correction level M."""
_LONGEST_AMOUNT, _LONGEST_REFERENCE = "999999999.99", "0" * 25
_CHARACTER_SET_MARK_BYTES = 1
"""Other than ASCII is marked as UTF-8 in the symbol: 12 bits, which leave one byte less at the limit."""

EMVCO_CURRENCIES = {"SGD": ("702", "SG"), "THB": ("764", "TH"), "BRL": ("986", "BR")}
"""Where bank apps read EMVCo codes of a scheme that publishes its own: the currency's number and its country."""

_EEA_COUNTRIES = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK"
_OTHER_SEPA_COUNTRIES = "AD AL CH GB GI MC MD ME MK RS SM VA"
_EEA, _OTHER_SEPA = frozenset(_EEA_COUNTRIES.split()), frozenset(_OTHER_SEPA_COUNTRIES.split())
"""IBAN countries that take euro credit transfers but, outside the EEA, only with a BIC (EPC069-12, version 002)."""


class BankDetails(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """Where guests send their transfers. What somebody enters goes through `checked_bank_details` first."""

    account_name: str
    iban: str | None = None
    bic: str | None = None
    bsb: str | None = None
    account_number: str | None = None
    pay_id: str | None = None
    pay_now_uen: str | None = None
    pay_now_mobile: str | None = None
    prompt_pay_id: str | None = None
    pix_key: str | None = None
    merchant_name: str | None = None
    """The account's name as codes of PayNow and Pix can carry it, where it is too long or not Latin: 25 characters."""
    city: str | None = None
    merchant_category_code: str | None = None
    """ISO 18245, for codes of PayNow and Pix."""
    reference_style: ReferenceStyle | None = None
    """`belgian`: references of transfers in EUR are structured communications, which Belgian banks alone know."""


# --- bank details --------------------------------------------------------------


def checked_bank_details(given: BankDetails) -> BankDetails:
    """The details as they are kept: separators gone, capitals where they belong, an empty text counted as not given.

    Safe to repeat: checked details come back unchanged. Raises BankDetailsInvalid, which names every field at fault.
    """
    entered = {attribute: (getattr(given, attribute) or "").strip() for attribute, _, _ in _READERS}
    values: dict[str, str] = {}
    faults: list[FieldError] = []
    for attribute, field, read in _READERS:
        try:
            if entered[attribute]:
                values[attribute] = read(entered[attribute])
        except ValueError as fault:
            faults.append(FieldError(field, f"{field} {fault}"))
    faults.extend(_gaps(entered))
    if not faults:
        details = BankDetails(**values, reference_style=given.reference_style)
        faults.extend(_misfits(details))
        if not faults:
            return details
    raise BankDetailsInvalid(" ".join(fault.message for fault in faults), errors=faults)


def merchant_name_of(details: BankDetails) -> str:
    """The name that a code of PayNow or Pix carries. Checked details have one where they need one."""
    return details.merchant_name or accounts.without_accents(details.account_name)


def require_payable_in(currency: str, details: BankDetails | None) -> BankDetails:
    """The details when a transfer in this currency can reach them: EUR by IBAN, AUD by BSB and account or PayID, SGD by
    PayNow, THB by PromptPay, BRL by Pix.

    Raises BankDetailsMissing when something is still to be entered, BankDetailsInvalid when the account takes no euro.
    """
    exponent(currency)
    if details is None:
        raise BankDetailsMissing
    if currency == "AUD" and not (details.bsb and details.account_number) and not details.pay_id:
        raise BankDetailsMissing("A transfer in AUD needs a BSB and an account number, or a PayID.")
    if currency == "SGD" and not details.pay_now_uen and not details.pay_now_mobile:
        raise BankDetailsMissing("A transfer in SGD needs the UEN or the mobile number that the cafe has at PayNow.")
    if currency == "THB" and not details.prompt_pay_id:
        raise BankDetailsMissing("A transfer in THB needs the cafe's PromptPay id.")
    if currency == "BRL" and not details.pix_key:
        raise BankDetailsMissing("A transfer in BRL needs the cafe's Pix key.")
    if currency == "EUR":
        _require_sepa(details)
    return details


def _require_sepa(details: BankDetails) -> None:
    if not details.iban:
        raise BankDetailsMissing("A transfer in EUR needs the IBAN of the cafe.")
    country = details.iban[:2]
    if country not in _EEA | _OTHER_SEPA:
        sentence = f"iban of {country} cannot receive SEPA credit transfers in EUR."
        raise BankDetailsInvalid(sentence, errors=[FieldError("iban", sentence)])
    if country in _OTHER_SEPA and not details.bic:
        raise BankDetailsMissing(f"A transfer in EUR to an IBAN of {country} needs the BIC too.")


def _gaps(entered: dict[str, str]) -> list[FieldError]:
    gaps = []
    if not entered["account_name"]:
        gaps.append(FieldError("accountName", "accountName is needed: guests see to whom they send money."))
    if entered["bsb"] and not entered["account_number"]:
        gaps.append(FieldError("accountNumber", "accountNumber is needed beside a bsb."))
    if entered["account_number"] and not entered["bsb"]:
        gaps.append(FieldError("bsb", "bsb is needed beside an accountNumber."))
    if entered["bic"] and not entered["iban"]:
        gaps.append(FieldError("iban", "iban is needed beside a bic."))
    if entered["pix_key"] and not entered["city"]:
        gaps.append(FieldError("city", "city is needed beside a pixKey: the code names it."))
    if not any(entered[attribute] for attribute in _WAYS):
        gaps.append(FieldError("iban", _NO_WAY))
    return gaps


_NO_WAY = "iban is needed, or bsb with accountNumber, payId, payNowUen, promptPayId or pixKey: one way to be paid."
_WAYS = ("iban", "bsb", "account_number", "pay_id", "pay_now_uen", "pay_now_mobile", "prompt_pay_id", "pix_key")


def _misfits(details: BankDetails) -> list[FieldError]:
    """What is right by itself and yet does not fit into a code."""
    misfits = []
    if details.iban and not epc_fits(epc_lines(_LONGEST_AMOUNT, details, [_LONGEST_REFERENCE])):
        sentence = "accountName has too many characters outside the Latin alphabet to fit in a payment QR code."
        misfits.append(FieldError("accountName", sentence))
    if details.pay_now_uen or details.pay_now_mobile or details.pix_key:
        try:
            accounts.read_merchant_name(merchant_name_of(details))
        except ValueError:
            sentence = (
                "merchantName is needed, 1 to 25 Latin letters: a code of PayNow or Pix cannot carry accountName."
            )
            misfits.append(FieldError("merchantName", sentence))
    if details.reference_style == "belgian" and not (details.iban or "").startswith("BE"):
        sentence = "referenceStyle belgian needs an iban of Belgium: other banks do not know such references."
        misfits.append(FieldError("referenceStyle", sentence))
    return misfits


_READERS: tuple[tuple[str, str, Callable[[str], str]], ...] = (
    ("account_name", "accountName", accounts.read_account_name),
    ("iban", "iban", accounts.read_iban),
    ("bic", "bic", accounts.read_bic),
    ("bsb", "bsb", accounts.read_bsb),
    ("account_number", "accountNumber", accounts.read_account_number),
    ("pay_id", "payId", accounts.read_pay_id),
    ("pay_now_uen", "payNowUen", accounts.read_uen),
    ("pay_now_mobile", "payNowMobile", accounts.read_singapore_mobile),
    ("prompt_pay_id", "promptPayId", accounts.read_prompt_pay_id),
    ("pix_key", "pixKey", accounts.read_pix_key),
    ("merchant_name", "merchantName", accounts.read_merchant_name),
    ("city", "city", accounts.read_city),
    ("merchant_category_code", "merchantCategoryCode", accounts.read_category_code),
)


# --- what EPC069-12 has room for -------------------------------------------------


def epc_lines(amount: str, details: BankDetails, remittance: list[str]) -> list[str]:
    """The lines of a SEPA credit transfer's code in their order; the amount as a decimal number."""
    purpose = ""
    beneficiary = [details.bic or "", details.account_name, details.iban or ""]
    return ["BCD", "002", "1", "SCT", *beneficiary, f"EUR{amount}", purpose, *remittance]


def epc_fits(lines: list[str]) -> bool:
    """Whether a code of the standard's size holds them."""
    text = "\n".join(lines)
    return len(text.encode()) <= EPC_MAX_BYTES - (0 if text.isascii() else _CHARACTER_SET_MARK_BYTES)
