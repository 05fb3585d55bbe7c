"""Field 86 of MT940: free text, numbered subfields (?20, as in Germany), or named ones (/REMI/, as at many others)."""

import re

import msgspec

from tabletap.reconciliation.readers.values import reference_of, text_of, unwrapped

_NUMBERED = re.compile(r"\d{3}([?~<>^|])\d{2}", re.ASCII)
_TEXTS = frozenset(str(number) for number in (*range(20, 30), *range(60, 66)))
_SEPA = re.compile(
    r"(EREF|KREF|MREF|CRED|DEBT|COAM|OAMT|SVWZ|ABWA|ABWE|IBAN|BIC|PURP|MDAT|SQTP|ORCR|ORMR|DDAT)\+",
)
_NAMED = re.compile(
    r"/(EREF|REMI|NAME|IBAN|BIC|BENM|ORDP|CNTP|ACCW|MARF|CSID|TRTP|TRCD|ISDT|PURP|KREF|PREF|BUSP|RTRN|ULTC|ULTD|ULTB|"
    r"SVCL|OCMT|CHGS|EXCH|ADDR|ID|CITY|NRTX|INIS|RREF|IREF|CREF|PRDT)/"
)


class Details(msgspec.Struct, frozen=True):
    """What field 86 says, as far as it does."""

    remittance: str
    end_to_end_id: str | None = None
    structured_reference: str | None = None
    name: str | None = None
    account: str | None = None


def details_of(text: str, *, at: str) -> Details:
    """Read field 86 in whichever way the bank writes it. Raises StatementUnreadable beyond the limits of texts."""
    lines = text.split("\n")
    if match := _NUMBERED.match(text):
        return _numbered("".join(lines), match[1], at)
    whole = unwrapped(lines)
    if _NAMED.match(whole) or "/REMI/" in whole or "/EREF/" in whole:
        return _named(whole, at)
    return Details(text_of(whole, at=at))


def _numbered(text: str, separator: str, at: str) -> Details:
    pieces = re.split(re.escape(separator) + r"(\d{2})", text[3:])
    fields = list(zip(pieces[1::2], pieces[2::2], strict=True))
    said = unwrapped([value for code, value in fields if code in _TEXTS])
    tagged = _tagged(said)
    name = "".join(value for code, value in fields if code in {"32", "33"})
    account = next((value for code, value in fields if code == "31"), None) or tagged.get("IBAN")
    return Details(
        remittance=text_of(tagged.get("SVWZ", "") if tagged else said, at=at),
        end_to_end_id=reference_of(tagged.get("EREF"), at=at),
        name=text_of(name, at=at, most=350) or None,
        account=reference_of(account, at=at),
    )


def _tagged(text: str) -> dict[str, str]:
    """SEPA's own names within the text; what stands before the first one belongs to the payer's text."""
    pieces = _SEPA.split(text)
    if len(pieces) == 1:
        return {}
    found: dict[str, str] = {}
    for code, value in zip(pieces[1::2], pieces[2::2], strict=True):
        found.setdefault(code, value.strip())
    leading = pieces[0].strip()
    if leading or "SVWZ" not in found:
        found["SVWZ"] = f"{leading} {found.get('SVWZ', '')}".strip()
    return found


def _named(text: str, at: str) -> Details:
    pieces = _NAMED.split(text)
    found: dict[str, str] = {}
    for code, value in zip(pieces[1::2], pieces[2::2], strict=True):
        found.setdefault(code, value.strip().strip("/").strip())
    party = [part.strip() for part in found.get("CNTP", "").split("/")] + ["", "", ""]
    structured, remittance = _remittance(found.get("REMI", ""))
    return Details(
        remittance=text_of(f"{pieces[0].strip()} {remittance}".strip(), at=at),
        end_to_end_id=reference_of(found.get("EREF"), at=at),
        structured_reference=reference_of(structured, at=at),
        name=text_of(found.get("NAME") or party[2], at=at, most=350) or None,
        account=reference_of(found.get("IBAN") or found.get("ACCW") or party[0] or None, at=at),
    )


def _remittance(text: str) -> tuple[str | None, str]:
    """USTD//text, STRD/CUR/reference (ISO and BBA name the kind of reference), or just the text."""
    kind, _, rest = text.partition("/")
    if kind == "STRD":
        return rest.rsplit("/", 1)[-1].strip() or None, ""
    return None, rest.strip("/ ") if kind == "USTD" else text
