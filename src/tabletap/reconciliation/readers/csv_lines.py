"""CSV statements: no standard, so a mapping says which column is what; every cell is read exactly or refused."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import BinaryIO

import msgspec

from tabletap.kernel.money import format_major
from tabletap.reconciliation.model import Statement, StatementLine
from tabletap.reconciliation.readers.csv_layouts import layout_of
from tabletap.reconciliation.readers.csv_mapping import CsvMapping
from tabletap.reconciliation.readers.errors import StatementBalanceWrong, StatementMappingNeeded, StatementUnreadable
from tabletap.reconciliation.readers.text import encoding_of
from tabletap.reconciliation.readers.values import MAX_BALANCE_MINOR, day_of, minor_of, reference_of, text_of

MAX_ROWS = 1_000_000
_HEAD_BYTES = 4_096
_DATES = {
    "YYYY-MM-DD": (r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})(?:[T ].*)?"),
    "DD/MM/YYYY": r"(?P<d>\d{1,2})/(?P<m>\d{1,2})/(?P<y>\d{4})",
    "MM/DD/YYYY": r"(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4})",
    "DD.MM.YYYY": r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})",
    "DD-MM-YYYY": r"(?P<d>\d{1,2})-(?P<m>\d{1,2})-(?P<y>\d{4})",
    "YYYYMMDD": r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})",
}
_AMOUNTS = {
    ".": re.compile(r"(\d{1,3}(?:[ ,']\d{3})+|\d+)?(?:\.(\d+))?", re.ASCII),
    ",": re.compile(r"(\d{1,3}(?:[ .']\d{3})+|\d+)?(?:,(\d+))?", re.ASCII),
}
_SPACES = str.maketrans({"\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " ", "\N{MINUS SIGN}": "-"})


def read_csv(file: BinaryIO, mapping: CsvMapping | None, currency: str | None) -> Iterator[Statement]:
    """The one statement of a CSV file. Raises StatementMappingNeeded, StatementUnreadable, StatementBalanceWrong."""
    encoding = encoding_of(file)
    if mapping is None:
        head = file.read(_HEAD_BYTES)
        file.seek(0)
        mapping = layout_of(head.decode(encoding, errors="replace"), currency)
    if (mapping.amount is None) == (mapping.credit is None or mapping.debit is None):
        raise StatementMappingNeeded("Name the column of the amount, or those of credit and debit.")
    text = io.TextIOWrapper(file, encoding, newline="")
    try:
        yield _Sheet(mapping, currency).read(csv.reader(text, delimiter=mapping.delimiter, strict=True))
    except csv.Error as error:
        raise StatementUnreadable(f"This is no CSV file as the mapping says: {error}.") from None
    finally:
        text.detach()


class _Sheet:
    """One file being read."""

    def __init__(self, mapping: CsvMapping, currency: str | None) -> None:
        self.mapping, self.currency = mapping, currency
        self.columns: dict[str, int] = {}
        self.account: str | None = None
        self.lines: list[StatementLine] = []
        self.steps: list[tuple[int, int | None, str]] = []
        """What each row moved, the balance after it (None: it gives none), and where it stands."""
        self.at = ""

    def read(self, rows: Iterator[list[str]]) -> Statement:
        """Every row, in its order."""
        for number, row in enumerate(rows, 1):
            self.at = f"Line {number}"
            if number > MAX_ROWS:
                raise StatementUnreadable(f"The file has more than {MAX_ROWS} lines.")
            if number <= self.mapping.skip_lines:
                continue
            if not self.columns:
                self._find_columns(row)
                if self.mapping.header:
                    continue
            if any(cell.strip() for cell in row):
                self._take(row)
        if not self.lines or self.currency is None:
            raise StatementUnreadable("The file holds no lines." if not self.lines else "The file names no currency.")
        opening, closing = self._balances()
        days = [line.booked_on for line in self.lines]
        return Statement(
            format="csv",
            account=self.account,
            statement_id=None,
            currency=self.currency,
            opening_minor=opening,
            closing_minor=closing,
            from_date=min(days),
            to_date=max(days),
            lines=tuple(self.lines),
        )

    def _find_columns(self, row: Sequence[str]) -> None:
        """Where each named column stands. Raises StatementMappingNeeded for one that is not there."""
        header = {cell.strip().casefold(): place for place, cell in enumerate(row)} if self.mapping.header else {}
        wanted = [self.mapping.date, *self.mapping.description]
        wanted += [
            name
            for name in (getattr(self.mapping, field) for field in self.mapping.__struct_fields__ if field in _ONE)
            if name is not None
        ]
        for name in wanted:
            place = header.get(name.strip().casefold())
            if place is None and name.isascii() and name.isdigit() and 0 < int(name) <= len(row):
                place = int(name) - 1
            if place is None:
                raise StatementMappingNeeded(f"{self.at}: there is no column {name!r}; look at the mapping again.")
            self.columns[name] = place

    def _cell(self, row: Sequence[str], name: str | None) -> str | None:
        """What a row says in a column; None where the column is not named or has nothing."""
        if name is None:
            return None
        place = self.columns[name]
        if place >= len(row):
            raise StatementUnreadable(f"{self.at} has {len(row)} cells; column {name!r} is number {place + 1}.")
        return row[place].strip() or None

    def _take(self, row: Sequence[str]) -> None:
        mapping, at = self.mapping, self.at
        currency = (self._cell(row, mapping.currency) or self.currency or "").upper()
        if self.currency is None:
            self.currency = currency or None
        if currency != self.currency:
            raise StatementUnreadable(f"{at} is in {currency[:8]!r}, the lines above are in {self.currency}.")
        account = self._cell(row, mapping.account)
        if account is not None and account != (self.account or account):
            raise StatementUnreadable(f"{at} is of account {account[:40]!r}, the lines above are of {self.account}.")
        self.account = self.account or account
        booked = self._day(row, mapping.date)
        if booked is None:
            raise StatementUnreadable(f"{at} has no date.")
        amount, balance = self._amount(row, currency), self._cell(row, mapping.balance)
        after = self._signed(balance, currency, MAX_BALANCE_MINOR) if balance is not None else None
        self.steps.append((amount, after, at))
        if amount:  # a line of nothing is a note of the bank's
            self.lines.append(self._line(row, amount, currency, booked))

    def _line(self, row: Sequence[str], amount: int, currency: str, booked: date) -> StatementLine:
        mapping, at = self.mapping, self.at
        return StatementLine(
            line_number=len(self.steps),
            amount_minor=amount,
            currency=currency,
            booked_on=booked,
            value_on=self._day(row, mapping.value_date),
            end_to_end_id=reference_of(self._cell(row, mapping.end_to_end_id), at=at),
            structured_reference=reference_of(self._cell(row, mapping.reference), at=at),
            remittance=text_of(" ".join(self._cell(row, name) or "" for name in mapping.description), at=at),
            counterparty_name=text_of(self._cell(row, mapping.counterparty_name) or "", at=at) or None,
            counterparty_account=reference_of(self._cell(row, mapping.counterparty_account), at=at),
            bank_reference=reference_of(self._cell(row, mapping.bank_reference), at=at),
        )

    def _day(self, row: Sequence[str], name: str | None) -> date | None:
        cell = self._cell(row, name)
        if cell is None:
            return None
        found = re.fullmatch(_DATES[self.mapping.date_format], cell, re.ASCII) if len(cell) < 40 else None
        if found is None:
            raise StatementUnreadable(f"{self.at}: {cell[:40]!r} is not a date written {self.mapping.date_format}.")
        return day_of(found["y"], found["m"], found["d"], at=self.at)

    def _amount(self, row: Sequence[str], currency: str) -> int:
        if self.mapping.amount is not None:
            return self._signed(self._cell(row, self.mapping.amount) or "", currency)
        credit, debit = self._cell(row, self.mapping.credit), self._cell(row, self.mapping.debit)
        came = self._signed(credit, currency) if credit is not None else 0
        left = abs(self._signed(debit, currency)) if debit is not None else 0
        if came and left:
            raise StatementUnreadable(f"{self.at} has both a credit and a debit.")
        return came - left

    def _signed(self, cell: str, currency: str, most: int | None = None) -> int:
        """Minor units of an amount as people write it: with a sign before or behind it, or in brackets."""
        text = cell.translate(_SPACES).strip()
        negative = text.startswith(("-", "(")) or text.endswith("-")
        text = text.strip("+-() ")
        found = _AMOUNTS[self.mapping.decimal].fullmatch(text) if 0 < len(text) < 40 else None
        if found is None or not (found[1] or found[2]):
            raise StatementUnreadable(f"{self.at}: {cell[:40]!r} is not an amount with {self.mapping.decimal!r}.")
        plain = f"{re.sub(r'[^0-9]', '', found[1] or '0')}.{found[2] or '0'}"
        minor = (
            minor_of(plain, currency, at=self.at) if most is None else minor_of(plain, currency, at=self.at, most=most)
        )
        return -minor if negative else minor

    def _balances(self) -> tuple[int | None, int | None]:
        """Opening and closing balance where the file has balances, whichever end of it is the newer.

        Raises StatementBalanceWrong when a line does not lead from one balance to the next.
        """
        forward, backward = _checked(self.steps), _checked(self.steps[::-1])
        newest_first = bool(self.lines) and self.lines[0].booked_on > self.lines[-1].booked_on
        likely, other = (backward, forward) if newest_first else (forward, backward)
        found = likely if likely.wrong is None else other
        if likely.wrong is not None and other.wrong is not None:
            at, expected, given = likely.wrong
            raise StatementBalanceWrong(
                f"{at}: the lines up to here make a balance of {format_major(expected, self.currency or '')}, but the "
                f"file says {format_major(given, self.currency or '')} {self.currency}. Nothing of it was taken in."
            )
        return found.opening, found.closing


class _Checked(msgspec.Struct, frozen=True):
    """What going through the balances in one direction showed; `wrong` is where, what it should be and what it is."""

    opening: int | None
    closing: int | None
    wrong: tuple[str, int, int] | None = None


def _checked(steps: Sequence[tuple[int, int | None, str]]) -> _Checked:
    """From balance to balance; rows without one count towards the next, and an end without one is not known."""
    moved, opening, running = 0, None, None
    for amount, balance, at in steps:
        moved += amount
        if balance is None:
            continue
        if running is None:
            opening, running = balance - moved, balance - moved
        if running + moved != balance:
            return _Checked(None, None, (at, running + moved, balance))
        moved, running = 0, balance
    return _Checked(opening, running + moved if running is not None else None)


_ONE = frozenset(
    "amount credit debit reference end_to_end_id bank_reference counterparty_name counterparty_account value_date "
    "currency account balance".split()
)
"""The fields of a mapping that name one column."""
