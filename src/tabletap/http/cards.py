"""Card numbers have no place here: a body with one is refused before it is logged or stored (money.md, "Never")."""

import re
from itertools import pairwise

from tabletap.kernel.errors import Refusal

_SHORTEST, _LONGEST = 13, 19
"""Digits of a primary account number (ISO/IEC 7812-1) as card schemes issue them."""
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_RUN = re.compile(r"\d(?:[\s\-\u2010-\u2015]*\d){12,}")
_DIGITS = re.compile(r"\d+")


class CardNumberRefused(Refusal):
    """The request carries what looks like a card number; we never take those. Nothing of it was kept."""

    code = "card_number_refused"


def has_card_number(text: str) -> bool:
    """Whether the text has a Luhn-valid run of 13 to 19 digits, spaces and dashes allowed.

    Ids are no card numbers, whatever their digits.
    """
    return any(_is_in(run[0]) for run in _RUN.finditer(_UUID.sub("id", text)))


def _is_in(run: str) -> bool:
    """Whether some of the run's groups, taken together, are one: a date may follow the number after a space."""
    groups = _DIGITS.findall(run)
    ends = [0]
    for group in groups:
        ends.append(ends[-1] + len(group))
    digits = [int(digit) for digit in "".join(groups)]
    return any(
        _SHORTEST <= end - start <= _LONGEST and _passes_luhn(digits[start:end])
        for start, _ in pairwise(ends)
        for end in ends
    )


def _passes_luhn(digits: list[int]) -> bool:
    """ISO/IEC 7812-1, annex B. All zeros pass the sum and are no number."""
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return any(digits) and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
