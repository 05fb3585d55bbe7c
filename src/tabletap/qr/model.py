"""The rules of a bank transfer: which bank details are right, how it is referred to, what its QR code says."""

import re
import secrets
import unicodedata
from collections.abc import Callable
from enum import StrEnum
from urllib.parse import urlsplit

import msgspec
from schwifty import BIC, IBAN
from schwifty.exceptions import InvalidChecksumDigits, InvalidCountryCode, InvalidLength, SchwiftyException
from stdnum import iso11649
from stdnum.au import abn
from stdnum.iso7064 import mod_97_10

from tabletap.kernel.errors import FieldError, InvalidAmount
from tabletap.kernel.money import exponent, format_major, require_positive
from tabletap.qr.errors import BankDetailsInvalid, BankDetailsMissing

ACCOUNT_NAME_MAX_CHARACTERS = 70
EPC_MAX_AMOUNT_MINOR = 99_999_999_999
"""EPC069-12: EUR 0.01 to 999,999,999.99."""
EPC_MAX_BYTES = 331
"""EPC069-12: what a QR code of version 13 holds at error correction level M."""
ISO11649_MAX_CHARACTERS = 25
_CHARACTER_SET_MARK_BYTES = 1
"""Other than ASCII is marked as UTF-8 in the symbol: 12 bits, which leave one byte less at the limit."""
_LINK_MAX_CHARACTERS = 500

_EEA_COUNTRIES = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK"
_OTHER_SEPA_COUNTRIES = "AD AL CH GB GI MC MD ME MK RS SM VA"
_EEA, _OTHER_SEPA = frozenset(_EEA_COUNTRIES.split()), frozenset(_OTHER_SEPA_COUNTRIES.split())
"""IBAN countries that take euro credit transfers but, outside the EEA, only with a BIC (EPC069-12, version 002)."""


class QrFormat(StrEnum):
    """How a payload is written (contract section 2.2)."""

    EPC = "epc"
    EMVCO = "emvco"
    LINK = "link"


class QrPayload(msgspec.Struct, frozen=True, kw_only=True):
    """The text that a QR code carries, and how it is written."""

    format: QrFormat
    payload: str


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
    if faults:
        raise BankDetailsInvalid(" ".join(fault.message for fault in faults), errors=faults)
    details = BankDetails(**values)
    if details.iban and not _fits(_epc_lines(EPC_MAX_AMOUNT_MINOR, details, "0" * ISO11649_MAX_CHARACTERS)):
        sentence = "accountName has too many characters outside the Latin alphabet to fit in a payment QR code."
        raise BankDetailsInvalid(sentence, errors=[FieldError("accountName", sentence)])
    return details


def require_payable_in(currency: str, details: BankDetails | None) -> BankDetails:
    """The details when a transfer in this currency can reach them: EUR by IBAN, AUD by BSB and account or PayID.

    Raises BankDetailsMissing when something is still to be entered, BankDetailsInvalid when the account takes no euro.
    """
    exponent(currency)
    if details is None:
        raise BankDetailsMissing
    if currency == "AUD" and not (details.bsb and details.account_number) and not details.pay_id:
        raise BankDetailsMissing("A transfer in AUD needs a BSB and an account number, or a PayID.")
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
    if not any(text for attribute, text in entered.items() if attribute != "account_name"):
        gaps.append(FieldError("iban", "iban is needed, or bsb with accountNumber, or payId: one way to be paid."))
    return gaps


def _read_account_name(text: str) -> str:
    name = unicodedata.normalize("NFC", text)
    if not name.isprintable() or len(name) > ACCOUNT_NAME_MAX_CHARACTERS:
        raise ValueError(f"must be 1 to {ACCOUNT_NAME_MAX_CHARACTERS} printable characters on one line.")
    return name


def _read_iban(text: str) -> str:
    """ISO 13616: the country's own length and structure, then the check digits."""
    try:
        return str(IBAN(_compact(text)))
    except InvalidChecksumDigits:
        raise ValueError("has wrong check digits: a character may be mistyped.") from None
    except InvalidLength:
        raise ValueError("has the wrong length for its country.") from None
    except InvalidCountryCode:
        raise ValueError("begins with a country code that has no IBANs.") from None
    except SchwiftyException:
        raise ValueError("is not written like an IBAN, for example BE68 5390 0754 7034.") from None


def _read_bic(text: str) -> str:
    """ISO 9362: 8 or 11 characters with a country in the middle."""
    try:
        return str(BIC(_compact(text), enforce_swift_compliance=True))
    except SchwiftyException:
        raise ValueError("is not a BIC of 8 or 11 characters, for example GEBABEBB.") from None


def _read_bsb(text: str) -> str:
    digits = _compact(text)
    if not re.fullmatch(r"[0-9]{6}", digits):
        raise ValueError("must be six digits, for example 062-000.")
    return digits


def _read_account_number(text: str) -> str:
    digits = _compact(text)
    if not re.fullmatch(r"[0-9]{1,9}", digits):
        raise ValueError("must be 1 to 9 digits.")
    return digits


_E_MAIL = re.compile(r"[0-9A-Za-z.!#$%&'*+/=?^_`{|}~-]+@[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)+")


def _read_pay_id(text: str) -> str:
    """An e-mail address, a phone number or an ABN; kept as PayID compares them: lower case, +61…, digits only."""
    if "@" in text:
        if len(text) <= 254 and _E_MAIL.fullmatch(text):
            return text.lower()
        raise ValueError("is not an e-mail address.")
    digits = re.sub(r"[ ()-]", "", text)
    if re.fullmatch(r"0[23478][0-9]{8}", digits):
        return f"+61{digits[1:]}"
    if re.fullmatch(r"\+(61[23478][0-9]{8}|(?!61)[1-9][0-9]{7,14})", digits):
        return digits
    if re.fullmatch(r"[0-9]{11}", digits) and abn.is_valid(digits):
        return digits
    raise ValueError("must be an e-mail address, a phone number like +61 412 345 678 or a valid ABN of 11 digits.")


_READERS: tuple[tuple[str, str, Callable[[str], str]], ...] = (
    ("account_name", "accountName", _read_account_name),
    ("iban", "iban", _read_iban),
    ("bic", "bic", _read_bic),
    ("bsb", "bsb", _read_bsb),
    ("account_number", "accountNumber", _read_account_number),
    ("pay_id", "payId", _read_pay_id),
)


# --- references ----------------------------------------------------------------

ALPHABET = "0123456789BCDFGHJKMNPQRTVWXYZ"
"""Crockford's base 32 without vowels (no words by accident) and without S (so like 5): 29 characters, a prime."""
_MISREAD = str.maketrans("OILS", "0115")
_SHORT_LENGTH = 12
_RF_RANDOM_CHARACTERS = 12
_RF_LENGTH = 4 + _RF_RANDOM_CHARACTERS


def new_reference(currency: str) -> str:
    """A fresh reference nobody can guess: for EUR an ISO 11649 one of 16 characters, else 12 characters.

    Twelve is what Australian statements surely carry; eleven of them are random (53 bits), the last is the check
    character. Raises UnknownCurrency.
    """
    exponent(currency)
    if currency == "EUR":
        body = _random_characters(_RF_RANDOM_CHARACTERS)
        return f"RF{mod_97_10.calc_check_digits(body + 'RF')}{body}"
    body = _random_characters(_SHORT_LENGTH - 1)
    return body + _check_character(body)


def normalise_reference(text: str) -> str:
    """The reference as we write it, whatever was typed: lower case, spaces, dashes, O for 0, I or L for 1, S for 5."""
    return _compact(text).translate(_MISREAD)


def is_valid_reference(text: str) -> bool:
    """Whether this could be a reference of ours, however it was typed.

    One wrong character and two exchanged ones are always noticed in a short reference (a weighted sum modulo a prime).
    """
    reference = normalise_reference(text)
    body = reference[4:] if len(reference) == _RF_LENGTH else reference
    if not body or not set(body) <= set(ALPHABET):
        return False
    if len(reference) == _RF_LENGTH:
        return iso11649.is_valid(reference)
    return len(reference) == _SHORT_LENGTH and _check_character(reference[:-1]) == reference[-1]


def _random_characters(count: int) -> str:
    number = secrets.randbelow(len(ALPHABET) ** count)
    return "".join(ALPHABET[number // len(ALPHABET) ** position % len(ALPHABET)] for position in range(count))


def _check_character(body: str) -> str:
    """Weights 2, 3, 4… and 1 for the check character itself differ, so both kinds of slip change the sum."""
    total = sum(weight * ALPHABET.index(character) for weight, character in enumerate(body, start=2))
    return ALPHABET[-total % len(ALPHABET)]


def _compact(text: str) -> str:
    compact = re.sub(r"[\s.,/:-]", "", text)
    return compact.upper() if compact.isascii() else compact


# --- payloads ------------------------------------------------------------------


def payload_for(
    currency: str, amount_minor: int, details: BankDetails | None, reference: str, pay_page_url: str
) -> QrPayload:
    """What the QR code of this transfer says: the transfer itself for EUR, elsewhere a link to its pay page.

    No Australian bank app is known to read a transfer from a QR code, so AUD gets the page that shows the details.
    Raises InvalidAmount, UnknownCurrency, BankDetailsMissing, BankDetailsInvalid.
    """
    require_positive(amount_minor)
    payable = require_payable_in(currency, details)
    if currency == "EUR":
        return QrPayload(format=QrFormat.EPC, payload=_epc_payload(amount_minor, payable, reference))
    return QrPayload(format=QrFormat.LINK, payload=_link_payload(pay_page_url))


def _epc_payload(amount_minor: int, details: BankDetails, reference: str) -> str:
    """A SEPA credit transfer as EPC069-12 version 002 writes it, in UTF-8.

    Raises InvalidAmount above the format's limit, and ValueError for what checked details never hold.
    """
    if amount_minor > EPC_MAX_AMOUNT_MINOR:
        raise InvalidAmount(f"A SEPA transfer is at most EUR {format_major(EPC_MAX_AMOUNT_MINOR, 'EUR')}.")
    lines = _epc_lines(amount_minor, details, reference)
    if not 0 < len(reference) <= 140 or not all(line.isprintable() for line in lines) or not _fits(lines):
        raise ValueError("an EPC payload needs a reference, printable lines and at most 331 bytes")
    return "\n".join(lines)


def _epc_lines(amount_minor: int, details: BankDetails, reference: str) -> list[str]:
    """The lines in their order: a valid ISO 11649 reference is structured remittance information, any other is text."""
    remittance = [iso11649.compact(reference)] if iso11649.is_valid(reference) else ["", reference]
    amount, purpose = f"EUR{format_major(amount_minor, 'EUR')}", ""
    beneficiary = [details.bic or "", details.account_name, details.iban or ""]
    return ["BCD", "002", "1", "SCT", *beneficiary, amount, purpose, *remittance]


def _fits(lines: list[str]) -> bool:
    text = "\n".join(lines)
    return len(text.encode()) <= EPC_MAX_BYTES - (0 if text.isascii() else _CHARACTER_SET_MARK_BYTES)


def _link_payload(pay_page_url: str) -> str:
    """The address of the hosted pay page. Raises ValueError when it is no plain absolute http(s) address."""
    parts = urlsplit(pay_page_url)
    plain = re.fullmatch(r"[!-~]+", pay_page_url) and len(pay_page_url) <= _LINK_MAX_CHARACTERS
    if not plain or parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise ValueError("the pay page needs a plain absolute http or https address")
    return pay_page_url
