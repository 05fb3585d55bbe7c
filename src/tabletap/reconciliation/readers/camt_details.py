"""What one transaction of a camt booking says: who, what for, under which references (ISO 20022, `TxDtls`)."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

import msgspec

from tabletap.reconciliation.readers.values import minor_of, reference_of, text_of, unwrapped

CREDIT, DEBIT = "CRDT", "DBIT"


class Detail(msgspec.Struct, frozen=True, kw_only=True):
    """One transaction within a booking, compactly: the XML is let go."""

    amount: tuple[str, str] | None
    """As written, with its currency."""
    indicator: str | None
    charges: tuple[tuple[str, str], ...]
    end_to_end_id: str | None
    bank_reference: str | None
    structured_reference: str | None
    remittance: str
    parties: dict[str, tuple[str | None, str | None]]
    """Name and account of the debtor and of the creditor."""
    returned: bool


def detail_of(element: Element, *, at: str) -> Detail:
    """Read a `TxDtls`; raises StatementUnreadable for texts beyond any limit."""
    references = _references(element)
    return Detail(
        amount=_amount(element),
        indicator=word(element, "CdtDbtInd"),
        charges=tuple(charges_of(element)),
        end_to_end_id=reference_of(word(element, "Refs/EndToEndId"), at=at),
        bank_reference=reference_of(word(element, "Refs/AcctSvcrRef"), at=at),
        structured_reference=reference_of(references[0] if references else None, at=at),
        remittance=text_of(" ".join(_remittance(element, references[1:])), at=at),
        parties={role: _party(element, role, at) for role in ("Dbtr", "Cdtr")},
        returned=element.find("RtrInf") is not None,
    )


def word(element: Element | None, path: str) -> str | None:
    """The text at a path, or None when there is none."""
    text = element.findtext(path) if element is not None else None
    return text.strip() or None if text else None


def amount_at(element: Element, path: str) -> tuple[str, str] | None:
    """An amount with its currency as written."""
    found = element.find(path)
    return (found.text or "", found.get("Ccy", "")) if found is not None else None


def charges_of(element: Element) -> Iterator[tuple[str, str]]:
    """What the bank says it kept: `Chrgs/Amt` in version 2, `Chrgs/Rcrd/Amt` in later ones."""
    for path in ("Chrgs/Amt", "Chrgs/Rcrd/Amt"):
        for found in element.findall(path):
            yield found.text or "", found.get("Ccy", "")


def sum_of_charges(charges: Iterator[tuple[str, str]] | tuple[tuple[str, str], ...], currency: str, *, at: str) -> int:
    """The charges that are in the account's currency."""
    return sum(minor_of(text, currency, at=at) for text, named in charges if named == currency)


def _amount(element: Element) -> tuple[str, str] | None:
    """From version 4 on `Amt`; before, the amount of the transaction, or what it is worth on the account."""
    paths = ("Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/CntrValAmt/Amt")
    return next((found for path in paths if (found := amount_at(element, path)) is not None), None)


def _references(element: Element) -> list[str]:
    found = (each.text for each in element.findall("RmtInf/Strd/CdtrRefInf/Ref"))
    return [text.strip() for text in found if text and text.strip()]


def _remittance(element: Element, further: list[str]) -> Iterator[str]:
    """The payer's text, further references, document numbers; else what the bank says about the transaction."""
    parts = [each.text or "" for each in element.findall("RmtInf/Ustrd")]
    said = [unwrapped(parts)] if parts else []
    said += further
    for path in ("RmtInf/Strd/RfrdDocInf/Nb", "RmtInf/Strd/AddtlRmtInf"):
        said += [each.text for each in element.findall(path) if each.text]
    yield from said or [word(element, "AddtlTxInf") or ""]


def _party(element: Element, role: str, at: str) -> tuple[str | None, str | None]:
    """Name and account: the name lies one level deeper from version 8 on."""
    parties = element.find("RltdPties")
    if parties is None:
        return None, None
    name = word(parties, f"{role}/Nm") or word(parties, f"{role}/Pty/Nm") or word(parties, f"Ultmt{role}/Nm")
    name = name or word(parties, f"Ultmt{role}/Pty/Nm")
    account = word(parties, f"{role}Acct/Id/IBAN") or word(parties, f"{role}Acct/Id/Othr/Id")
    return (text_of(name, at=at, most=350) if name else None), reference_of(account, at=at)
