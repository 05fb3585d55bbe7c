"""What each country's scheme writes into an EMVCo code: PayNow, PromptPay and Pix.

DuitNow (MYR) is missing on purpose: its account field names an acquirer and a number that this acquirer gave out, which
no cafe can enter as details of an account.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from tabletap.kernel.errors import InvalidAmount
from tabletap.kernel.money import format_major
from tabletap.qr import emvco
from tabletap.qr.model import EMVCO_CURRENCIES, BankDetails, merchant_name_of

_NO_CATEGORY = "0000"
_REFERENCE = re.compile(rf"[0-9A-Za-z]{{1,{emvco.REFERENCE_MAX_CHARACTERS}}}")
_SINGAPORE = ZoneInfo("Asia/Singapore")
_BY_MOBILE, _BY_UEN = "0", "2"
_AMOUNT_IS_FIXED = "0"
_NATIONAL_ID_DIGITS = 13

_Parts = dict[str, str | Mapping[str, str]]


def emvco_payload(
    currency: str, amount_minor: int, details: BankDetails, reference: str, expires_at: datetime | None = None
) -> str:
    """The payload of the scheme of this currency. Its details must have been found payable (model.py).

    Raises InvalidAmount above the format's limit, and ValueError for what checked details and our own references never
    hold: nothing is cut off to make it fit.
    """
    amount = format_major(amount_minor, currency)
    if len(amount) > emvco.AMOUNT_MAX_CHARACTERS:
        raise InvalidAmount(f"{currency} {amount} is more than a payment code can say.")
    if not _REFERENCE.fullmatch(reference):
        raise ValueError(f"a reference has 1 to {emvco.REFERENCE_MAX_CHARACTERS} letters and digits")
    number, country = EMVCO_CURRENCIES[currency]
    common: _Parts = {emvco.CURRENCY: number, emvco.AMOUNT: amount, emvco.COUNTRY: country}
    return emvco.encode({**common, **_SCHEMES[currency](details, reference, expires_at)})


def _merchant(details: BankDetails, city: str) -> _Parts:
    return {
        emvco.CATEGORY: details.merchant_category_code or _NO_CATEGORY,
        emvco.NAME: merchant_name_of(details),
        emvco.CITY: city,
    }


def _pay_now(details: BankDetails, reference: str, expires_at: datetime | None) -> _Parts:
    """SGQR, the template of PayNow (field 26). The code is good until the end of its last day in Singapore."""
    proxy, account = (_BY_UEN, details.pay_now_uen) if details.pay_now_uen else (_BY_MOBILE, details.pay_now_mobile)
    template = {"00": "SG.PAYNOW", "01": proxy, "02": account or "", "03": _AMOUNT_IS_FIXED}
    if expires_at is not None:
        template["04"] = f"{expires_at.astimezone(_SINGAPORE):%Y%m%d}"
    return {
        emvco.INITIATION: emvco.SINGLE_USE,
        "26": template,
        **_merchant(details, details.city or "Singapore"),
        emvco.ADDITIONAL: {emvco.BILL_NUMBER: reference},
    }


def _prompt_pay(details: BankDetails, reference: str, expires_at: datetime | None) -> _Parts:
    """Thai QR Payment, credit transfer by PromptPay id (field 29).

    It says nothing but account and amount: a credit transfer has no field whose reference is known to reach the
    payee, so the payer is asked to write it into the note.
    """
    account = details.prompt_pay_id or ""
    if account.startswith("+66"):
        template = {"01": f"0066{account[3:]}"}
    else:
        template = {"02" if len(account) == _NATIONAL_ID_DIGITS else "03": account}
    return {emvco.INITIATION: emvco.SINGLE_USE, "29": {"00": "A000000677010111", **template}}


def _pix(details: BankDetails, reference: str, expires_at: datetime | None) -> _Parts:
    """BR Code of the Banco Central do Brasil, a static Pix (field 26) with its amount and its transaction id."""
    return {
        "26": {"00": "br.gov.bcb.pix", "01": details.pix_key or ""},
        **_merchant(details, details.city or ""),
        emvco.ADDITIONAL: {emvco.REFERENCE_LABEL: reference},
    }


_SCHEMES: Mapping[str, Callable[[BankDetails, str, datetime | None], _Parts]] = {
    "SGD": _pay_now,
    "THB": _prompt_pay,
    "BRL": _pix,
}
