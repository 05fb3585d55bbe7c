"""What the QR code of a transfer says: the transfer itself where bank apps read it, else a link to its pay page."""

import re
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

import msgspec
from stdnum import iso11649

from tabletap.kernel.errors import InvalidAmount
from tabletap.kernel.money import format_major, require_positive
from tabletap.qr.model import EMVCO_CURRENCIES, BankDetails, epc_fits, epc_lines, require_payable_in
from tabletap.qr.references import shown_reference
from tabletap.qr.schemes import emvco_payload

EPC_MAX_AMOUNT_MINOR = 99_999_999_999
"""EPC069-12: EUR 0.01 to 999,999,999.99."""
_EPC_TEXT_MAX_CHARACTERS = 140
_LINK_MAX_CHARACTERS = 500


class QrFormat(StrEnum):
    """How a payload is written (contract section 2.2)."""

    EPC = "epc"
    EMVCO = "emvco"
    LINK = "link"


class QrPayload(msgspec.Struct, frozen=True, kw_only=True):
    """The text that a QR code carries, and how it is written."""

    format: QrFormat
    payload: str


def payload_for(
    currency: str,
    amount_minor: int,
    details: BankDetails | None,
    reference: str,
    pay_page_url: str,
    expires_at: datetime | None = None,
) -> QrPayload:
    """What the QR code of this transfer says: the transfer itself for EUR, SGD, THB and BRL, elsewhere a link.

    No Australian bank app is known to read a transfer from a QR code, so AUD gets the page that shows the details.
    Raises InvalidAmount, UnknownCurrency, BankDetailsMissing, BankDetailsInvalid.
    """
    require_positive(amount_minor)
    payable = require_payable_in(currency, details)
    if currency == "EUR":
        return QrPayload(format=QrFormat.EPC, payload=_epc_payload(amount_minor, payable, reference))
    if currency in EMVCO_CURRENCIES:
        payload = emvco_payload(currency, amount_minor, payable, reference, expires_at)
        return QrPayload(format=QrFormat.EMVCO, payload=payload)
    return QrPayload(format=QrFormat.LINK, payload=_link_payload(pay_page_url))


def _epc_payload(amount_minor: int, details: BankDetails, reference: str) -> str:
    """A SEPA credit transfer as EPC069-12 version 002 writes it, in UTF-8.

    A valid ISO 11649 reference is structured remittance information; any other, a Belgian one too, is text. Raises
    InvalidAmount above the format's limit, and ValueError for what checked details never hold.
    """
    if amount_minor > EPC_MAX_AMOUNT_MINOR:
        raise InvalidAmount(f"A SEPA transfer is at most EUR {format_major(EPC_MAX_AMOUNT_MINOR, 'EUR')}.")
    structured = iso11649.is_valid(reference)
    remittance = [iso11649.compact(reference)] if structured else ["", shown_reference(reference)]
    lines = epc_lines(format_major(amount_minor, "EUR"), details, remittance)
    fits = 0 < len(reference) <= _EPC_TEXT_MAX_CHARACTERS and epc_fits(lines)
    if not fits or not all(line.isprintable() for line in lines):
        raise ValueError("an EPC payload needs a reference, printable lines and at most 331 bytes")
    return "\n".join(lines)


def _link_payload(pay_page_url: str) -> str:
    """The address of the hosted pay page. Raises ValueError when it is no plain absolute http(s) address."""
    parts = urlsplit(pay_page_url)
    plain = re.fullmatch(r"[!-~]+", pay_page_url) and len(pay_page_url) <= _LINK_MAX_CHARACTERS
    if not plain or parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise ValueError("the pay page needs a plain absolute http or https address")
    return pay_page_url
