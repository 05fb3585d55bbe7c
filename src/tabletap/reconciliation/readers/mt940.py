"""MT940, SWIFT's statement of old: messages of tagged fields, balances with a mark, amounts with a comma."""

import re
from collections.abc import Iterator
from datetime import date
from typing import BinaryIO

import msgspec

from tabletap.reconciliation.model import Statement, StatementLine
from tabletap.reconciliation.readers.errors import StatementBalanceWrong, StatementUnreadable
from tabletap.reconciliation.readers.mt940_details import details_of
from tabletap.reconciliation.readers.text import decoded
from tabletap.reconciliation.readers.values import MAX_BALANCE_MINOR, day_of, minor_of, reference_of, require_balance

_TAG = re.compile(r":(\d{2}[A-Z]?|NS):")
_BALANCE = re.compile(r"([CD])(\d{2})(\d{2})(\d{2})([A-Z]{3})(\d{1,15}(?:[,.]\d{0,4})?)", re.ASCII)
_BOOKING = re.compile(
    r"(?P<year>\d{2})(?P<month>\d{2})(?P<day>\d{2})(?:(?P<entry_month>\d{2})(?P<entry_day>\d{2})|[ ]{4})?"
    r"(?P<mark>R?[CD])[A-Z]?(?P<amount>\d{1,15}(?:[,.]\d{0,4})?)[A-Z][A-Z0-9 ]{3}"
    r"(?P<reference>(?:(?!//)[^\n]){0,40})(?://(?P<bank>[^\n]{0,40}))?(?:\n(?P<further>[^\n]*(?:\n[^\n]*)*))?",
    re.ASCII,
)
_END = frozenset({"-", "-}"})
_POINTERS = frozenset({"EREF", "KREF", "MREF", "PREF", "MARF", "CREF"})
"""Instead of a reference: it stands in field 86."""


class Field(msgspec.Struct, frozen=True):
    """A tagged field with all its lines."""

    tag: str
    text: str
    line: int

    @property
    def at(self) -> str:
        """Where it stands in the file."""
        return f"Line {self.line}"


class Balance(msgspec.Struct, frozen=True):
    """A balance with its day; `final` unless the statement goes on in another message."""

    minor: int
    currency: str
    day: date
    final: bool


def read_mt940(file: BinaryIO) -> Iterator[Statement]:
    """The statements of the file, one for each message. Raises StatementUnreadable, StatementBalanceWrong."""
    before: tuple[str | None, Balance] | None = None
    for message in _messages(_fields(decoded(file))):
        statement, opening, closing = _statement(message)
        follows = before is not None and before[0] == statement.account and not before[1].final and not opening.final
        if before is not None and follows and before[1].minor != opening.minor:
            raise StatementBalanceWrong(f"{message[0].at}: this page does not go on where the page before it ended.")
        before = statement.account, closing
        yield statement


def _fields(text: str) -> Iterator[Field]:
    """Fields with their lines. What stands between messages (envelopes, the name of a bank) is not ours."""
    tag, lines, start = "", list[str](), 0
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.rstrip("\r\n")
        match = _TAG.match(line)
        ended = line.strip() in _END or line.startswith("-}")
        if tag and (match or ended):
            yield Field(tag, "\n".join(lines), start)
            tag = ""
        if match:
            tag, lines, start = match[1], [line[match.end() :]], number
        elif tag:
            lines.append(line)
    if tag:
        yield Field(tag, "\n".join(lines).rstrip(), start)


def _messages(fields: Iterator[Field]) -> Iterator[list[Field]]:
    message: list[Field] = []
    for field in fields:
        if field.tag == "20" and message:
            yield message
            message = []
        if message or field.tag == "20":
            message.append(field)
        else:
            raise StatementUnreadable(f"{field.at}: field {field.tag} stands before the first field 20.")
    if not message:
        raise StatementUnreadable("The file holds no MT940 message: there is no field 20.")
    yield message


def _statement(message: list[Field]) -> tuple[Statement, Balance, Balance]:
    of = {field.tag: field for field in reversed(message)}
    opening = _balance(of.get("60F"), of.get("60M"), message[0], "an opening balance (field 60F)")
    closing = _balance(of.get("62F"), of.get("62M"), message[0], "a closing balance (field 62F)")
    lines = tuple(_lines(message, opening.currency))
    if opening.currency != closing.currency:
        raise StatementUnreadable(f"{message[0].at}: the balances are in {opening.currency} and {closing.currency}.")
    moved = sum(line.amount_minor for line in lines)
    require_balance(opening.minor, moved, closing.minor, opening.currency, at=message[0].at)
    account, number = of.get("25") or of.get("25P"), of.get("28C") or of.get("28") or message[0]
    statement = Statement(
        format="mt940",
        account=reference_of(account.text.split("\n")[0], at=account.at) if account else None,
        statement_id=reference_of(number.text, at=number.at),
        currency=opening.currency,
        opening_minor=opening.minor,
        closing_minor=closing.minor,
        from_date=opening.day,
        to_date=closing.day,
        lines=tuple(line for line in lines if line.amount_minor),
    )
    return statement, opening, closing


def _balance(final: Field | None, between: Field | None, message: Field, what: str) -> Balance:
    field = final or between
    if field is None:
        raise StatementUnreadable(f"{message.at}: this message lacks {what}.")
    match = _BALANCE.fullmatch(field.text.strip())
    if match is None:
        raise StatementUnreadable(f"{field.at}: this is not a balance.")
    mark, year, month, day, currency, amount = match.groups()
    minor = minor_of(amount.replace(",", "."), currency, at=field.at, most=MAX_BALANCE_MINOR)
    booked = day_of(_century(year), month, day, at=field.at)
    return Balance(minor if mark == "C" else -minor, currency, booked, final is not None)


def _lines(message: list[Field], currency: str) -> Iterator[StatementLine]:
    """Each field 61 with the fields 86 that follow it."""
    booking: Field | None = None
    details: list[str] = []
    number = 0
    for field in message:
        if field.tag == "86" and booking is not None:
            details.append(field.text)
            continue
        if booking is not None:
            yield _line(booking, "\n".join(details), number, currency)
        booking, details = (field, []) if field.tag == "61" else (None, [])
        number += field.tag == "61"
    if booking is not None:
        yield _line(booking, "\n".join(details), number, currency)


def _line(field: Field, details: str, number: int, currency: str) -> StatementLine:
    match = _BOOKING.fullmatch(field.text.rstrip())
    if match is None:
        raise StatementUnreadable(f"{field.at}: this is not a booking (field 61).")
    minor = minor_of(match["amount"].replace(",", "."), currency, at=field.at)
    value = day_of(_century(match["year"]), match["month"], match["day"], at=field.at)
    said = details_of(details or match["further"] or "", at=field.at)
    reference = reference_of(match["reference"], at=field.at)
    return StatementLine(
        line_number=number,
        amount_minor=minor if match["mark"] in {"C", "RD"} else -minor,
        currency=currency,
        booked_on=_entry_day(value, match["entry_month"], match["entry_day"], field.at),
        value_on=value,
        end_to_end_id=said.end_to_end_id or (reference if reference not in _POINTERS else None),
        structured_reference=said.structured_reference,
        remittance=said.remittance,
        counterparty_name=said.name,
        counterparty_account=said.account,
        bank_reference=reference_of(match["bank"], at=field.at),
        reversal=match["mark"].startswith("R"),
    )


def _century(year: str) -> str:
    return f"19{year}" if int(year) >= 80 else f"20{year}"


def _entry_day(value: date, month: str | None, day: str | None, at: str) -> date:
    """The booking date has no year: it is the one closest to the value date."""
    if month is None or day is None:
        return value
    if (month, day) == ("02", "29"):
        return day_of(str(value.year), month, day, at=at)
    near = (day_of(str(value.year + away), month, day, at=at) for away in (0, -1, 1))
    return min(near, key=lambda each: abs((each - value).days))
