"""Amounts, dates and texts as banks write them, each read exactly or refused."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date

from tabletap.kernel.money import MAX_AMOUNT_MINOR, UnknownCurrency, exponent, format_major
from tabletap.reconciliation.readers.errors import StatementBalanceWrong, StatementUnreadable

MAX_BALANCE_MINOR = 10**15
"""A balance is a sum, so it may be larger than any amount; still far below where 64 bits end."""
MAX_TEXT = 4_000
"""Characters of one text: SEPA has 140, SWIFT 390, both sometimes several times."""
MAX_REFERENCE = 140
NOTHING = frozenset({"", "NOTPROVIDED", "NONREF", "NOREF", "NOT PROVIDED", "-", "NULL"})
"""What banks write when the payer gave no reference."""

_DECIMAL = re.compile(r"\+?(\d{0,18})(?:\.(\d{0,18}))?", re.ASCII)
_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:Z|[+-]\d{2}:\d{2}|T[0-9:.+\-]+Z?)?", re.ASCII)
_WIDTHS = frozenset({27, 35, 65, 70, 140})
"""How wide banks cut texts, wherever the cut falls (SWIFT 27, 35, 65; SEPA 70, 140)."""


def minor_of(text: str, currency: str, *, at: str, most: int = MAX_AMOUNT_MINOR) -> int:
    """Minor units of an unsigned decimal number, exactly: more decimals than the currency has must be zeros.

    Raises StatementUnreadable, which says where (`at`).
    """
    match = _DECIMAL.fullmatch(text.strip()) if len(text) < 64 else None
    whole, fraction = (match[1], match[2] or "") if match else ("", "")
    if not whole and not fraction:
        raise StatementUnreadable(f"{at}: {text[:40]!r} is not an amount.")
    digits = known_exponent(currency, at=at)
    if fraction[digits:].strip("0"):
        raise StatementUnreadable(f"{at}: {text[:40]!r} has more decimals than {currency} has ({digits}).")
    minor = int((whole or "0") + fraction[:digits].ljust(digits, "0"))
    if minor > most:
        raise StatementUnreadable(f"{at}: {text[:40]!r} is beyond any amount.")
    return minor


def known_exponent(currency: str, *, at: str) -> int:
    """Decimals of a currency; raises StatementUnreadable for one that we do not know."""
    try:
        return exponent(currency)
    except UnknownCurrency as unknown:
        raise StatementUnreadable(f"{at}: {unknown.detail}") from None


def iso_day(text: str, *, at: str) -> date:
    """The date of an ISO 8601 date or time, as the bank's own calendar has it: no time zone moves a booking."""
    match = _DAY.fullmatch(text.strip()) if len(text) < 64 else None
    return day_of(match[1], match[2], match[3], at=at) if match else _no_day(text, at)


def day_of(year: str, month: str, day: str, *, at: str) -> date:
    """The date of three numbers; raises StatementUnreadable for a day that no calendar has."""
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return _no_day(f"{year}-{month}-{day}", at)
    return found if 1970 <= found.year < 2200 else _no_day(f"{year}-{month}-{day}", at)


def _no_day(text: str, at: str) -> date:
    raise StatementUnreadable(f"{at}: {text[:40]!r} is not a date.")


def clean(text: str) -> str:
    """A text on one line: no control characters, blanks collapsed."""
    if text.isprintable() and "  " not in text:
        return text.strip()
    plain = "".join(" " if unicodedata.category(each)[0] == "C" else each for each in text)
    return " ".join(plain.split())


def text_of(text: str, *, at: str, most: int = MAX_TEXT) -> str:
    """A text within its limit; raises StatementUnreadable beyond it."""
    cleaned = clean(text)
    if len(cleaned) > most:
        raise StatementUnreadable(f"{at}: a text of {len(cleaned)} characters is longer than any bank writes ({most}).")
    return cleaned


def reference_of(text: str | None, *, at: str) -> str | None:
    """A reference or an id, or None when it only says that there is none."""
    if text is None:
        return None
    cleaned = text_of(text, at=at, most=MAX_REFERENCE)
    return None if cleaned.upper() in NOTHING else cleaned


def unwrapped(parts: Sequence[str]) -> str:
    """A text that the bank cut into lines: a full line goes on without a blank, as a cut does not care for words."""
    width = max((len(part) for part in parts[:-1]), default=0)
    whole = "".join(part if width in _WIDTHS and len(part) == width else part + " " for part in parts)
    return clean(whole)


def require_balance(opening: int, moved: int, closing: int, currency: str, *, at: str) -> None:
    """Opening balance + lines = closing balance; raises StatementBalanceWrong with both figures."""
    if opening + moved != closing:
        raise StatementBalanceWrong(
            f"{at}: {format_major(opening, currency)} at the opening and {format_major(moved, currency)} of lines make "
            f"{format_major(opening + moved, currency)}, but the statement closes with "
            f"{format_major(closing, currency)} {currency}. Nothing of it was taken in."
        )
