"""Statements written by the tests themselves, so that what is read back can be compared with what was meant."""

from collections.abc import Sequence
from datetime import date
from html import escape

import msgspec

from tabletap.kernel.money import format_major

IBAN = "DE02120300000000202051"
DAY = date(2026, 11, 20)


class Booking(msgspec.Struct, frozen=True, kw_only=True):
    """What a bank booked."""

    amount_minor: int
    text: str = ""
    reference: str | None = None
    end_to_end_id: str | None = None
    name: str | None = None
    bank_reference: str | None = None
    day: date = DAY


def major(amount_minor: int, currency: str = "EUR") -> str:
    """An amount without its sign, which statements write apart."""
    return format_major(abs(amount_minor), currency)


def side(amount_minor: int) -> str:
    """Credit or debit, as ISO 20022 says it."""
    return "CRDT" if amount_minor >= 0 else "DBIT"


def balance(code: str, minor: int, currency: str = "EUR", day: date = DAY) -> str:
    """A balance of a camt.053."""
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy='{currency}'>{major(minor, currency)}</Amt>"
        f"<CdtDbtInd>{side(minor)}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"
    )


def entry(amount_minor: int, details: str = "", *, status: str = "<Cd>BOOK</Cd>", more: str = "") -> str:
    """A booking of a camt.053 with its details as XML."""
    return (
        f"<Ntry><Amt Ccy='EUR'>{major(amount_minor)}</Amt><CdtDbtInd>{side(amount_minor)}</CdtDbtInd>{more}"
        f"<Sts>{status}</Sts><BookgDt><Dt>{DAY}</Dt></BookgDt><AcctSvcrRef>BANK-1</AcctSvcrRef>"
        f"<NtryDtls>{details}</NtryDtls></Ntry>"
    )


def camt(inside: str, *, version: str = "08", message: str = "camt.053", kind: str = "Stmt") -> bytes:
    """A camt message around what stands in its statement."""
    return (
        f"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:{message}.001.{version}'><Msg><GrpHdr/><{kind}><Id>S1</Id>"
        f"<Acct><Id><IBAN>{IBAN}</IBAN></Id><Ccy>EUR</Ccy></Acct>{inside}</{kind}></Msg></Document>"
    ).encode()


def camt_of(bookings: Sequence[Booking], opening: int = 0) -> bytes:
    """The camt.053 of some bookings."""
    closing = opening + sum(each.amount_minor for each in bookings)
    return camt(balance("OPBD", opening) + balance("CLBD", closing) + "".join(map(_entry, bookings)))


def _entry(booking: Booking) -> str:
    role = "Dbtr" if booking.amount_minor > 0 else "Cdtr"
    parts = [
        f"<Refs><EndToEndId>{escape(booking.end_to_end_id or 'NOTPROVIDED')}</EndToEndId></Refs>",
        f"<RltdPties><{role}><Pty><Nm>{escape(booking.name)}</Nm></Pty></{role}></RltdPties>" if booking.name else "",
        f"<RmtInf><Ustrd>{escape(booking.text)}</Ustrd>" if booking.text else "<RmtInf>",
        f"<Strd><CdtrRefInf><Ref>{booking.reference}</Ref></CdtrRefInf></Strd>" if booking.reference else "",
        "</RmtInf>",
    ]
    return (
        f"<Ntry><Amt Ccy='EUR'>{major(booking.amount_minor)}</Amt><CdtDbtInd>{side(booking.amount_minor)}</CdtDbtInd>"
        f"<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{booking.day}</Dt></BookgDt>"
        + (f"<AcctSvcrRef>{booking.bank_reference}</AcctSvcrRef>" if booking.bank_reference else "")
        + f"<NtryDtls><TxDtls>{''.join(parts)}</TxDtls></NtryDtls></Ntry>"
    )


def mt940_of(bookings: Sequence[Booking], opening: int = 0) -> bytes:
    """The MT940 of some bookings, with the named subfields of field 86."""

    def marked(minor: int) -> str:
        return f"{'C' if minor >= 0 else 'D'}{DAY:%y%m%d}EUR{major(minor).replace('.', ',')}"

    closing = opening + sum(each.amount_minor for each in bookings)
    lines = [":20:REF", f":25:{IBAN}", ":28C:1/1", f":60F:{marked(opening)}"]
    for each in bookings:
        mark, amount = "C" if each.amount_minor > 0 else "D", major(each.amount_minor).replace(".", ",")
        lines.append(f":61:{each.day:%y%m%d}{each.day:%m%d}{mark}{amount}NTRFNONREF//{each.bank_reference or 'NONREF'}")
        said = [("EREF", each.end_to_end_id), ("NAME", each.name), ("REMI", each.text)]
        details = "".join(f"/{code}/{value}" for code, value in said if value)
        lines += [f":86:{details[:65]}", *(details[at : at + 65] for at in range(65, len(details), 65))]
    return "\n".join([*lines, f":62F:{marked(closing)}", "-", ""]).encode()


def csv_of(bookings: Sequence[Booking], opening: int = 0) -> bytes:
    """A CSV file as German banks write it: semicolons, decimal commas, the newest line first, with a balance."""
    rows, running = [], opening
    for each in bookings:
        running += each.amount_minor
        cells = [f"{each.day:%d.%m.%Y}", each.text, each.name or "", each.end_to_end_id or ""]
        amounts = [format_major(minor, "EUR").replace(".", ",") for minor in (each.amount_minor, running)]
        rows.append(";".join('"' + cell.replace('"', '""') + '"' for cell in [*cells, *amounts]))
    return "\r\n".join(["Datum;Zweck;Name;Kennung;Betrag;Saldo", *reversed(rows), ""]).encode()
