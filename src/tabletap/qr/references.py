"""What a transfer is known by on the way: made so that nobody guesses it, found again however it was written."""

import re
import secrets
from collections.abc import Iterator
from string import ascii_lowercase, ascii_uppercase
from typing import Literal

from stdnum import iso11649
from stdnum.iso7064 import mod_97_10

from tabletap.kernel.money import exponent

ReferenceStyle = Literal["iso11649", "belgian"]
"""How references of transfers in EUR are written; elsewhere there is one way."""

ALPHABET = "0123456789BCDFGHJKMNPQRTVWXYZ"
"""Crockford's base 32 without vowels (no words by accident) and without S (so like 5): 29 characters, a prime."""
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_MISREAD = str.maketrans("OILS", "0115")
_AS_READ = str.maketrans(ascii_lowercase + "OILS", ascii_uppercase.translate(_MISREAD) + "0115")
_SHORT_LENGTH = 12
_FEWEST_LETTERS = 2
"""In a short reference: with one letter mistyped it is not yet a Belgian one, which has the same length."""
_RF_RANDOM_CHARACTERS = 12
_RF_LENGTH = 4 + _RF_RANDOM_CHARACTERS
_BELGIAN_NUMBERS = 10**10
_SEPARATORS = re.compile(r"[\s.,/:*+-]")


def new_reference(currency: str, style: ReferenceStyle = "iso11649") -> str:
    """A fresh reference nobody can guess: for EUR an ISO 11649 or a Belgian one, else 12 characters.

    Twelve is what Australian statements surely carry; eleven of them are random (53 bits), the last is the check
    character. A Belgian one has room for ten random digits only (33 bits), so whoever keeps it draws again when it is
    taken. Raises UnknownCurrency.
    """
    exponent(currency)
    if currency != "EUR":
        return _short_reference()
    if style == "belgian":
        return _belgian_reference(secrets.randbelow(_BELGIAN_NUMBERS))
    body = _random_characters(_RF_RANDOM_CHARACTERS)
    return f"RF{mod_97_10.calc_check_digits(body + 'RF')}{body}"


def shown_reference(reference: str) -> str:
    """A reference as payers write it: a Belgian one (twelve digits) between its plus signs, any other as it is."""
    if _is_number(reference):
        return f"+++{reference[:3]}/{reference[3:7]}/{reference[7:]}+++"
    return reference


def normalise_reference(text: str) -> str:
    """The reference as we keep it, whatever was typed: lower case, spaces, dashes, plus signs, O for 0, I or L for 1,
    S for 5.
    """
    compact = _SEPARATORS.sub("", text)
    return (compact.upper() if compact.isascii() else compact).translate(_MISREAD)


def is_valid_reference(text: str) -> bool:
    """Whether this could be a reference of ours, however it was typed.

    One wrong character and two exchanged ones are always noticed in a short reference (a weighted sum modulo a prime),
    one wrong digit and two exchanged neighbours in a Belgian one (modulo 97).
    """
    reference = normalise_reference(text)
    if len(reference) == _RF_LENGTH:
        return set(reference[4:]) <= _VALUES.keys() and iso11649.is_valid(reference)
    return len(reference) == _SHORT_LENGTH and set(reference) <= _VALUES.keys() and _has_right_check(reference)


def references_in(text: str) -> list[str]:
    """Every reference of ours that a remittance text may hold, as we keep them, each once, in the order of the text.

    Banks wrap lines at 35 characters and payers group, so spaces, line ends, dashes and the like inside count for
    nothing; words directly before or behind do not hide a reference either. Twelve digits out of a longer number, such
    as an account's, are none.
    """
    return list(dict.fromkeys(found for run in _runs(text) for found in _in_run(run)))


_Run = list[tuple[str, int]]
"""Characters that could stand in a reference, each with its place in the text, and nothing but separators between."""


def _runs(text: str) -> Iterator[_Run]:
    run: _Run = []
    for place, character in enumerate(text.translate(_AS_READ)):
        if character in _VALUES:
            run.append((character, place))
        elif character.isalnum() and run:
            yield run
            run = []
    if run:
        yield run


def _in_run(run: _Run) -> Iterator[str]:
    characters = "".join(character for character, _ in run)
    for start in range(len(run) - _SHORT_LENGTH + 1):
        longer = characters[start : start + _RF_LENGTH]
        if longer.startswith("RF") and is_valid_reference(longer):
            yield longer
        short = characters[start : start + _SHORT_LENGTH]
        if _has_right_check(short) and not (_is_number(short) and _goes_on(run, start)):
            yield short


def _goes_on(run: _Run, start: int) -> bool:
    """Whether the number has more digits, directly before or behind."""
    return any(
        run[left][0].isdigit() and run[left + 1][0].isdigit() and run[left][1] + 1 == run[left + 1][1]
        for left in (start - 1, start + _SHORT_LENGTH - 1)
        if 0 <= left < len(run) - 1
    )


def _short_reference() -> str:
    while True:
        body = _random_characters(_SHORT_LENGTH - 1)
        reference = body + _check_character(body)
        if sum(not character.isdigit() for character in reference) >= _FEWEST_LETTERS:
            return reference


def _belgian_reference(number: int) -> str:
    """Ten digits and the number modulo 97, of which 0 is written 97 (Febelfin, structured communication)."""
    return f"{number:010}{number % 97 or 97:02}"


def _has_right_check(reference: str) -> bool:
    """Of twelve characters of our alphabet: all digits are a Belgian reference, any other a short one."""
    if _is_number(reference):
        return _belgian_reference(int(reference[:10])) == reference
    return _check_character(reference[:-1]) == reference[-1]


def _is_number(reference: str) -> bool:
    return len(reference) == _SHORT_LENGTH and reference.isascii() and reference.isdigit()


def _random_characters(count: int) -> str:
    number = secrets.randbelow(len(ALPHABET) ** count)
    return "".join(ALPHABET[number // len(ALPHABET) ** position % len(ALPHABET)] for position in range(count))


def _check_character(body: str) -> str:
    """Weights 2, 3, 4… and 1 for the check character itself differ, so both kinds of slip change the sum."""
    total = sum(weight * _VALUES[character] for weight, character in enumerate(body, start=2))
    return ALPHABET[-total % len(ALPHABET)]
