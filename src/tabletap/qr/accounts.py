"""How an account is named, country by country: each reader gives it as we keep it, or says in words what is wrong."""

import re
import unicodedata
import uuid

from schwifty import BIC, IBAN
from schwifty.exceptions import InvalidChecksumDigits, InvalidCountryCode, InvalidLength, SchwiftyException
from stdnum.au import abn
from stdnum.br import cnpj, cpf
from stdnum.sg import uen
from stdnum.th import tin

from tabletap.qr.emvco import CITY_MAX_CHARACTERS, NAME_MAX_CHARACTERS

ACCOUNT_NAME_MAX_CHARACTERS = 70
_PIX_E_MAIL_MAX_CHARACTERS = 77
_E_MAIL_MAX_CHARACTERS = 254
_E_MAIL = re.compile(r"[0-9A-Za-z.!#$%&'*+/=?^_`{|}~-]+@[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)+")
_UEN_SUFFIX_CHARACTERS = 3


def read_account_name(text: str) -> str:
    """The name on the account."""
    name = unicodedata.normalize("NFC", text)
    if not name.isprintable() or len(name) > ACCOUNT_NAME_MAX_CHARACTERS:
        raise ValueError(f"must be 1 to {ACCOUNT_NAME_MAX_CHARACTERS} printable characters on one line.")
    return name


def read_iban(text: str) -> str:
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


def read_bic(text: str) -> str:
    """ISO 9362: 8 or 11 characters with a country in the middle."""
    try:
        return str(BIC(_compact(text), enforce_swift_compliance=True))
    except SchwiftyException:
        raise ValueError("is not a BIC of 8 or 11 characters, for example GEBABEBB.") from None


def read_bsb(text: str) -> str:
    """The branch of an Australian account; it has no check digit."""
    digits = _compact(text)
    if not re.fullmatch(r"[0-9]{6}", digits):
        raise ValueError("must be six digits, for example 062-000.")
    return digits


def read_account_number(text: str) -> str:
    """The number of an Australian account."""
    digits = _compact(text)
    if not re.fullmatch(r"[0-9]{1,9}", digits):
        raise ValueError("must be 1 to 9 digits.")
    return digits


def read_pay_id(text: str) -> str:
    """An e-mail address, a phone number or an ABN; kept as PayID compares them: lower case, +61…, digits only."""
    if "@" in text:
        return _read_e_mail(text, _E_MAIL_MAX_CHARACTERS)
    digits = _digits(text)
    if re.fullmatch(r"0[23478][0-9]{8}", digits):
        return f"+61{digits[1:]}"
    if re.fullmatch(r"\+(61[23478][0-9]{8}|(?!61)[1-9][0-9]{7,14})", digits):
        return digits
    if re.fullmatch(r"[0-9]{11}", digits) and abn.is_valid(digits):
        return digits
    raise ValueError("must be an e-mail address, a phone number like +61 412 345 678 or a valid ABN of 11 digits.")


def read_uen(text: str) -> str:
    """Singapore's Unique Entity Number with its check letter; PayNow lets a company add three characters to it."""
    number = _compact(text)
    if re.fullmatch(r"[0-9A-Z]{9,13}", number) and any(
        _is_uen(whole) for whole in (number, number[:-_UEN_SUFFIX_CHARACTERS])
    ):
        return number
    raise ValueError("is not a valid UEN, for example 201403121W, with or without the suffix that PayNow gave.")


def _is_uen(number: str) -> bool:
    try:
        return bool(uen.is_valid(number))
    except ValueError:
        return False  # a letter that its check cannot count


def read_singapore_mobile(text: str) -> str:
    """A mobile number of Singapore, kept as +65…."""
    match = re.fullmatch(r"(?:\+65)?([89][0-9]{7})", _digits(text))
    if match is None:
        raise ValueError("must be a mobile number of Singapore, for example +65 9123 4567.")
    return f"+65{match[1]}"


def read_prompt_pay_id(text: str) -> str:
    """A Thai mobile number (kept as +66…), a national or tax id with its check digit, or an e-wallet's 15 digits."""
    digits = _digits(text)
    if match := re.fullmatch(r"(?:0|\+66)([689][0-9]{8})", digits):
        return f"+66{match[1]}"
    if re.fullmatch(r"[0-9]{13}", digits) and tin.is_valid(digits):
        return digits
    if re.fullmatch(r"[0-9]{15}", digits):
        return digits
    raise ValueError("must be a mobile number like 081 234 5678, a valid id of 13 digits or an e-wallet's 15 digits.")


def read_pix_key(text: str) -> str:
    """A Pix key: CPF, CNPJ (both with check digits), e-mail address, phone number with +55, or a random key (UUID)."""
    if "@" in text:
        return _read_e_mail(text, _PIX_E_MAIL_MAX_CHARACTERS)
    if re.fullmatch(r"\+55[1-9][0-9]{9,10}", _digits(text)):
        return _digits(text)
    if re.fullmatch(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", text):
        return str(uuid.UUID(text))
    number = _compact(text)
    if re.fullmatch(r"[0-9]{11}", number) and cpf.is_valid(number):
        return number
    if re.fullmatch(r"[0-9A-Z]{12}[0-9]{2}", number) and cnpj.is_valid(number):
        return number
    raise ValueError("must be a valid CPF or CNPJ, an e-mail address, a phone number with +55 or a random Pix key.")


def read_merchant_name(text: str) -> str:
    """The name of a merchant as EMVCo codes carry it."""
    return _read_latin(text, NAME_MAX_CHARACTERS)


def read_city(text: str) -> str:
    """The city as EMVCo codes carry it."""
    return _read_latin(text, CITY_MAX_CHARACTERS)


def read_category_code(text: str) -> str:
    """ISO 18245: four digits, 5814 is fast food and coffee."""
    if not re.fullmatch(r"[0-9]{4}", text):
        raise ValueError("must be four digits, for example 5814.")
    return text


def without_accents(text: str) -> str:
    """The text with plain letters in place of those with accents; what has no plain letter stays."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _read_latin(text: str, longest: int) -> str:
    plain = without_accents(text)
    if not re.fullmatch(rf"[ -~]{{1,{longest}}}", plain):
        raise ValueError(f"must be 1 to {longest} Latin letters, digits or signs.")
    return plain


def _read_e_mail(text: str, longest: int) -> str:
    if len(text) <= longest and _E_MAIL.fullmatch(text):
        return text.lower()
    raise ValueError("is not an e-mail address.")


def _digits(text: str) -> str:
    return re.sub(r"[ ().-]", "", text)


def _compact(text: str) -> str:
    compact = re.sub(r"[\s.,/:-]", "", text)
    return compact.upper() if compact.isascii() else compact
