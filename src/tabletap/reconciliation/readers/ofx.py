"""OFX, version 1 (SGML: end tags are left out) and 2 (XML). Own tokens: a missing end tag must not move money."""

import html
import re
from collections.abc import Iterator
from datetime import date
from typing import BinaryIO

from tabletap.reconciliation.model import Statement, StatementLine
from tabletap.reconciliation.readers.errors import StatementUnreadable
from tabletap.reconciliation.readers.text import decoded
from tabletap.reconciliation.readers.values import MAX_BALANCE_MINOR, day_of, minor_of, reference_of, text_of

_TOKEN = re.compile(r"<(?P<end>/?)(?P<tag>[A-Z0-9._]{1,40})\s*>(?P<text>[^<]*)", re.ASCII)
_STATEMENTS = frozenset({"STMTRS", "CCSTMTRS"})
_ACCOUNTS = frozenset({"BANKACCTFROM", "CCACCTFROM"})
_LEAVES = frozenset(
    "TRNTYPE DTPOSTED DTUSER DTAVAIL TRNAMT FITID CORRECTFITID CORRECTACTION SRVRTID CHECKNUM REFNUM SIC PAYEEID NAME "
    "EXTDNAME MEMO CURDEF BANKID BRANCHID ACCTID ACCTTYPE ACCTKEY DTSTART DTEND BALAMT DTASOF CODE SEVERITY MESSAGE "
    "TRNUID CLTCOOKIE MKTGINFO CURRATE CURSYM DTSERVER LANGUAGE ORG FID INTU.BID INTU.USERID".split()
)
"""Elements that may be empty and never hold others: an SGML file does not end them."""
_DAY = re.compile(r"(\d{4})(\d{2})(\d{2})(?:\d{2,6}(?:\.\d{1,3})?)?(?:\[[-+0-9.]+(?::\w{1,10})?\])?", re.ASCII)
_MAX_DEPTH = 64


def read_ofx(file: BinaryIO) -> Iterator[Statement]:
    """The statements of bank and card accounts in the file. Raises StatementUnreadable."""
    found = False
    draft: _Draft | None = None
    for path, leaf, text, line in _walk(decoded(file)):
        if path[-1] in _STATEMENTS and leaf == "":
            draft, found = _Draft(), True
        elif draft is not None and leaf == "/":
            if path[-1] == "STMTTRN":
                draft.line(line)
            elif path[-1] in _STATEMENTS:
                yield draft.finish(line)
                draft = None
        elif draft is not None:
            draft.take(path, leaf, text, line)
    if not found:
        raise StatementUnreadable("This OFX file holds no statement of a bank account.")


def _walk(text: str) -> Iterator[tuple[tuple[str, ...], str, str, int]]:
    """Go through the elements: (path, name, text, line); an aggregate begins with the name "" and ends with "/"."""
    start = text.find("<OFX>")
    if start < 0:
        raise StatementUnreadable("This OFX file has no <OFX> element.")
    line = text.count("\n", 0, start) + 1
    body = _plain(text[start:].rstrip())
    path: tuple[str, ...] = ()
    leaf, place = "", 0
    for token in _TOKEN.finditer(body):
        if token.start() != place or (place and not path):
            break
        place, tag, said = token.end(), token["tag"], token["text"].strip()
        if token["end"]:
            if said or (tag != leaf and tag not in path):
                raise StatementUnreadable(f"Line {line}: </{tag}> does not belong here.")
            if tag != leaf:
                while path[-1] != tag:
                    _require_unknown(path[-1], line)
                    path = path[:-1]
                yield path, "/", "", line
                path = path[:-1]
            leaf = ""
        elif (said or tag in _LEAVES) and not path:
            raise StatementUnreadable(f"Line {line}: <{tag}> stands outside of everything.")
        elif said or tag in _LEAVES:
            leaf = tag
            yield path, tag, html.unescape(said), line
        else:
            path, leaf = (*path, tag), ""
            if len(path) > _MAX_DEPTH:
                raise StatementUnreadable(f"Line {line}: the file is nested too deep.")
            yield path, "", "", line
        line += token[0].count("\n")
    if path or place != len(body):
        raise StatementUnreadable(f"Line {line}: this is not whole OFX; the file may be cut off or damaged.")


def _plain(text: str) -> str:
    """CDATA sections as text like any other; each is looked at once, however many were never ended."""
    before, *sections = text.split("<![CDATA[")
    plain = [before]
    for section in sections:
        said, end, after = section.partition("]]>")
        if not end:
            raise StatementUnreadable("A CDATA section is not ended; the file may be cut off or damaged.")
        plain += [html.escape(said), after]
    return "".join(plain)


def _require_unknown(tag: str, line: int) -> None:
    """What we read must end where it began; of the rest an empty element may have been left open (SGML)."""
    if tag in _STATEMENTS | _ACCOUNTS | {"STMTTRN", "BANKTRANLIST", "LEDGERBAL", "PAYEE", "OFX"}:
        raise StatementUnreadable(f"Line {line}: <{tag}> is not ended; the file may be cut off or damaged.")


class _Draft:
    """One statement while it is being read."""

    def __init__(self) -> None:
        self.of: dict[tuple[str, str], str] = {}
        self.row: dict[tuple[str, str], str] = {}
        self.lines: list[StatementLine] = []
        self.places = 0

    def take(self, path: tuple[str, ...], leaf: str, text: str, line: int) -> None:
        """A value: of the booking that is open, or else of the statement."""
        if not leaf:
            return
        if len(text) > 10_000:
            raise StatementUnreadable(f"Line {line}: a text is longer than any bank writes.")
        (self.row if "STMTTRN" in path else self.of).setdefault((path[-1], leaf), text)

    @property
    def currency(self) -> str:
        """The account's; it comes first in a statement."""
        return self.of.get(("STMTRS", "CURDEF")) or self.of.get(("CCSTMTRS", "CURDEF")) or ""

    def line(self, number: int) -> None:
        """A booking has ended."""
        at, row, self.row = f"Line {number}", self.row, {}
        posted, amount = row.get(("STMTTRN", "DTPOSTED")), row.get(("STMTTRN", "TRNAMT"))
        if not posted or not amount:
            raise StatementUnreadable(f"{at}: a booking lacks its date or its amount.")
        named = row.get(("CURRENCY", "CURSYM"), self.currency)
        if named != self.currency:
            raise StatementUnreadable(f"{at}: the booking is in {named[:8]!r}, the account in {self.currency[:8]!r}.")
        self.places += 1
        minor = _signed(amount, self.currency, at)
        value = row.get(("STMTTRN", "DTAVAIL"))
        name = row.get(("STMTTRN", "NAME")) or row.get(("PAYEE", "NAME")) or row.get(("STMTTRN", "EXTDNAME"))
        if minor:
            self.lines.append(
                StatementLine(
                    line_number=self.places,
                    amount_minor=minor,
                    currency=self.currency,
                    booked_on=_day(posted, at),
                    value_on=_day(value, at) if value else None,
                    end_to_end_id=reference_of(row.get(("STMTTRN", "REFNUM")), at=at),
                    structured_reference=None,
                    remittance=text_of(row.get(("STMTTRN", "MEMO"), ""), at=at),
                    counterparty_name=text_of(name, at=at, most=350) if name else None,
                    counterparty_account=_account(row, ("BANKACCTTO", "CCACCTTO"), at),
                    bank_reference=reference_of(row.get(("STMTTRN", "FITID")), at=at),
                )
            )

    def finish(self, number: int) -> Statement:
        """The statement: OFX gives a closing balance, and never an opening one."""
        at = f"Line {number}"
        named = (("LEDGERBAL", "BALAMT"), ("BANKTRANLIST", "DTSTART"), ("BANKTRANLIST", "DTEND"))
        closing, start, end = (self.of.get(key) for key in named)
        if not self.currency:
            raise StatementUnreadable(f"{at}: the statement does not say which currency its account has.")
        return Statement(
            format="ofx",
            account=_account(self.of, tuple(_ACCOUNTS), at),
            statement_id=None,
            currency=self.currency,
            opening_minor=None,
            closing_minor=_signed(closing, self.currency, at, MAX_BALANCE_MINOR) if closing else None,
            from_date=_day(start, at) if start else None,
            to_date=_day(end, at) if end else None,
            lines=tuple(self.lines),
        )


def _account(of: dict[tuple[str, str], str], kinds: tuple[str, ...], at: str) -> str | None:
    """The account's number. An Australian BSB stands in front of it, in the field for the bank."""
    for kind in kinds:
        if number := reference_of(of.get((kind, "ACCTID")), at=at):
            bank = reference_of(of.get((kind, "BANKID")), at=at) or ""
            return f"{bank} {number}" if re.fullmatch(r"\d{3}-?\d{3}", bank) else number
    return None


def _signed(text: str, currency: str, at: str, most: int | None = None) -> int:
    """An amount with its sign; OFX lets the bank choose between comma and point (section 3.2.9.1)."""
    plain = text.strip().replace(",", ".")
    minor = minor_of(plain.removeprefix("-"), currency, at=at, **({"most": most} if most else {}))
    return -minor if plain.startswith("-") else minor


def _day(text: str, at: str) -> date:
    match = _DAY.fullmatch(text.strip())
    if match is None:
        raise StatementUnreadable(f"{at}: {text[:40]!r} is not a date.")
    return day_of(match[1], match[2], match[3], at=at)
