"""Card numbers have no place here: what carries one is refused before it is logged or stored (money.md, "Never")."""

import re

from tabletap.kernel.errors import Refusal

_SHORTEST, _LONGEST = 13, 19
"""Digits of a primary account number (ISO/IEC 7812-1) as card schemes issue them."""
_UUID = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9a-fA-F])")
_RUN = re.compile(r"\d(?:[\s\-\u2010-\u2015]*\d){12,}")
_DIGITS = re.compile(r"\d+")
_MOMENT = re.compile(r"1\d{12}(?:\d{3}){0,2}")
"""A moment in milli-, micro- or nanoseconds since 1970, until 2033. No scheme issues such numbers: 1 is for airlines,
with 15 digits."""


class CardNumberRefused(Refusal):
    """The request carries what looks like a card number; we never take those. Nothing of it was kept."""

    code = "card_number_refused"


def refuse_card_number(text: str | None) -> None:
    """Raise CardNumberRefused for a text with one."""
    if text and has_card_number(text, moments_pass=True):
        raise CardNumberRefused


def has_card_number(text: str, *, moments_pass: bool = False) -> bool:
    """Whether the text has a Luhn-valid run of 13 to 19 digits, spaces and dashes allowed.

    Ids are no card numbers, whatever their digits; nor are moments, where callers put them into names of their own.
    """
    return any(_is_in(run[0], moments_pass) for run in _RUN.finditer(_UUID.sub("id", text)))


def _is_in(run: str, moments_pass: bool) -> bool:
    """Whether some of the run's groups, taken together, are one: a date may follow the number after a space."""
    groups = _DIGITS.findall(run)
    ends = [0]
    for group in groups:
        ends.append(ends[-1] + len(group))
    text = "".join(groups)
    digits = [int(digit) for digit in text]
    return any(
        _SHORTEST <= end - start <= _LONGEST
        and _passes_luhn(digits[start:end])
        and not (moments_pass and _MOMENT.fullmatch(text[start:end]))
        for index, start in enumerate(ends[:-1])
        for end in ends[index + 1 : index + 1 + _LONGEST]  # a group has a digit at least: more are never one number
    )


def _passes_luhn(digits: list[int]) -> bool:
    """ISO/IEC 7812-1, annex B. All zeros pass the sum and are no number."""
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return any(digits) and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
