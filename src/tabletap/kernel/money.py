"""Money: whole minor units beside an ISO 4217 currency, never a float."""

import re
from collections.abc import Sequence

from tabletap.kernel.errors import InvalidAmount, Kind, Refusal

MAX_AMOUNT_MINOR = 10**12
"""No single amount is larger: far above any bill, far below where 64 bits end even when summed."""

_OTHER_EXPONENTS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_TWO_DIGITS = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC "
    "CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD "
    "KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO "
    "NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL "
    "THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)
EXPONENTS: dict[str, int] = dict.fromkeys(_TWO_DIGITS.split(), 2) | {
    code: digits for digits, codes in _OTHER_EXPONENTS.items() for code in codes.split()
}
"""Digits after the decimal point by currency (ISO 4217, list one)."""

_MAJOR = re.compile(r"^(-?)(\d{1,13})(?:\.(\d{1,4}))?$", re.ASCII)


class UnknownCurrency(Refusal):
    """The currency is not an ISO 4217 code that we know."""

    code, kind = "currency_unknown", Kind.REFUSED


def exponent(currency: str) -> int:
    """Digits after the decimal point: AUD 2, JPY 0, KWD 3. Raises UnknownCurrency."""
    try:
        return EXPONENTS[currency]
    except KeyError:
        raise UnknownCurrency(f"{currency[:8]!r} is not an ISO 4217 currency that we know.") from None


def parse_major(text: str, currency: str) -> int:
    """Minor units of an amount written in major units, "4.80" or "4.8" or "-4": 480, 480, -400 for AUD.

    Raises InvalidAmount for anything else: thousands separators, exponents, more digits than the currency has, or more
    than MAX_AMOUNT_MINOR.
    """
    match = _MAJOR.match(text.strip())
    digits = exponent(currency)
    fraction = (match[3] or "") if match else ""
    if match is None or len(fraction) > digits:
        raise InvalidAmount(f"{text[:20]!r} is not an amount in {currency} with at most {digits} decimals.")
    minor = int(match[2] + fraction.ljust(digits, "0"))
    if minor > MAX_AMOUNT_MINOR:
        raise InvalidAmount(f"{text[:20]!r} is not an amount in {currency}: it is beyond any bill.")
    return -minor if match[1] else minor


def format_major(amount_minor: int, currency: str) -> str:
    """The amount in major units without a symbol: 480 AUD is "4.80", 480 JPY is "480"."""
    digits = exponent(currency)
    sign, whole = ("-" if amount_minor < 0 else ""), str(abs(amount_minor)).rjust(digits + 1, "0")
    return f"{sign}{whole[:-digits]}.{whole[-digits:]}" if digits else f"{sign}{whole}"


def require_positive(amount_minor: int) -> int:
    """The amount itself when it is above zero and within bounds; raises InvalidAmount otherwise."""
    if not 0 < amount_minor <= MAX_AMOUNT_MINOR:
        raise InvalidAmount
    return amount_minor


def share_out(total_minor: int, weights: Sequence[int]) -> list[int]:
    """Divide a total by whole weights so that the parts sum to it exactly: largest remainder, ties to the earlier part.

    Raises ValueError when there is nobody to share with.
    """
    whole = sum(weights)
    if total_minor < 0 or whole <= 0 or min(weights) < 0:
        raise ValueError("a total of at least zero is shared by weights of which one is above zero")
    parts = [total_minor * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda index: (-(total_minor * weights[index] % whole), index))
    for index in by_remainder[: total_minor - sum(parts)]:
        parts[index] += 1
    return parts


def basis_points_of(amount_minor: int, basis_points: int) -> int:
    """A percentage of an amount in hundredths of a percent, rounded half up to the minor unit."""
    return (amount_minor * basis_points + 5_000) // 10_000
