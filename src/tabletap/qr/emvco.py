"""The QR code that a merchant shows, as EMVCo writes it: numbered fields, each with its length, and a checksum.

EMV QR Code Specification for Payment Systems, Merchant-Presented Mode, version 1.1. What each country's scheme puts
into the fields is in schemes.py.
"""

import re
from binascii import crc_hqx
from collections.abc import Iterator, Mapping

INITIATION, SINGLE_USE = "01", "12"
CATEGORY, CURRENCY, AMOUNT, COUNTRY, NAME, CITY = "52", "53", "54", "58", "59", "60"
ADDITIONAL, BILL_NUMBER, REFERENCE_LABEL = "62", "01", "05"
_FORMAT, _VERSION = "00", "01"
_CHECKSUM = "63"

AMOUNT_MAX_CHARACTERS = 13
NAME_MAX_CHARACTERS = 25
CITY_MAX_CHARACTERS = 15
REFERENCE_MAX_CHARACTERS = 25
_VALUE_MAX_CHARACTERS = 99
_PAYLOAD_MAX_CHARACTERS = 512

_ID = re.compile(r"[0-9]{2}")
_PRINTABLE = re.compile(r"[ -~]+")
_FIELD_HEAD = re.compile(r"([0-9]{2})([0-9]{2})")
_WITH_FIELDS_INSIDE = frozenset({*(f"{number:02}" for number in (*range(26, 52), *range(80, 100))), "62", "64"})

Fields = Mapping[str, str | Mapping[str, str]]
"""Values by the two digits of their field; some fields have fields inside."""


class EmvcoUnreadable(ValueError):
    """The text is no payload of this kind, or a character of it was changed on the way."""


def encode(fields: Fields) -> str:
    """The payload with these fields, in the order of their numbers, the checksum last.

    Raises ValueError for a value that does not fit: nothing is ever cut off.
    """
    ordered = {_FORMAT: _VERSION, **dict(sorted(fields.items()))}
    body = "".join(_field(name, value if isinstance(value, str) else _inside(value)) for name, value in ordered.items())
    payload = _with_checksum(body)
    if len(payload) > _PAYLOAD_MAX_CHARACTERS:
        raise ValueError(f"an EMVCo payload has at most {_PAYLOAD_MAX_CHARACTERS} characters")
    return payload


def decode(payload: str) -> dict[str, str | dict[str, str]]:
    """The fields of a payload, without its checksum. Raises EmvcoUnreadable."""
    if len(payload) > _PAYLOAD_MAX_CHARACTERS or not payload.startswith(_field(_FORMAT, _VERSION)):
        raise EmvcoUnreadable("it does not begin as such a payload does, or is too long")
    if payload != _with_checksum(payload[:-8]):
        raise EmvcoUnreadable("its checksum is wrong")
    fields: dict[str, str | dict[str, str]] = {}
    for name, value in _read(payload[:-8]).items():
        fields[name] = _read(value) if name in _WITH_FIELDS_INSIDE else value
    return fields


def _inside(fields: Mapping[str, str]) -> str:
    return "".join(_field(name, value) for name, value in sorted(fields.items()))


def _field(name: str, value: str) -> str:
    if not _ID.fullmatch(name) or name == _CHECKSUM:
        raise ValueError(f"{name!r} is no field to be written")
    if not _PRINTABLE.fullmatch(value) or len(value) > _VALUE_MAX_CHARACTERS:
        raise ValueError(f"field {name} takes 1 to {_VALUE_MAX_CHARACTERS} printable ASCII characters")
    return f"{name}{len(value):02}{value}"


def _with_checksum(body: str) -> str:
    """CRC-16 of ISO/IEC 13239 (polynomial 1021, beginning with FFFF) over everything before its own four digits."""
    covered = f"{body}{_CHECKSUM}04"
    return f"{covered}{crc_hqx(covered.encode(), 0xFFFF):04X}"


def _read(text: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in _each(text):
        if name in fields:
            raise EmvcoUnreadable(f"field {name} is there twice")
        fields[name] = value
    return fields


def _each(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(text):
        head = _FIELD_HEAD.match(text, place)
        length = int(head[2]) if head else 0
        if head is None or not 0 < length <= len(text) - head.end():
            raise EmvcoUnreadable(f"the field at character {place} is broken")
        yield head[1], text[head.end() : head.end() + length]
        place = head.end() + length
