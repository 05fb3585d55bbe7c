"""CSV layouts that are known without asking: those that no other bank's file could be taken for."""

import csv
import re
from collections.abc import Sequence

from tabletap.reconciliation.readers.csv_mapping import CsvMapping
from tabletap.reconciliation.readers.errors import StatementMappingNeeded, StatementUnreadable

_DAY_FIRST = frozenset({"AUD", "NZD"})
"""Where 03/04/2026 is nothing but the third of April."""
_DAY, _AMOUNT = re.compile(r"\d{2}/\d{2}/\d{4}", re.ASCII), re.compile(r"[+-]?\d[\d,]*\.\d{2}", re.ASCII)
_WESTPAC = ["bank account", "date", "narrative", "debit amount", "credit amount", "balance", "categories", "serial"]
_SHOWN_COLUMNS, _SHOWN_CHARACTERS = 12, 30

WESTPAC = CsvMapping(
    date="Date",
    debit="Debit Amount",
    credit="Credit Amount",
    description=("Narrative",),
    account="Bank Account",
    balance="Balance",
    date_format="DD/MM/YYYY",
)
BARE = CsvMapping(date="1", amount="2", description=("3",), date_format="DD/MM/YYYY", header=False)
"""Day, amount, text and nothing above them (ANZ)."""
BARE_WITH_BALANCE = CsvMapping(
    date="1", amount="2", description=("3",), balance="4", date_format="DD/MM/YYYY", header=False
)
"""The same with the balance after each line (Commonwealth Bank)."""


def layout_of(head: str, currency: str | None) -> CsvMapping:
    """The mapping for a file that begins like this. Raises StatementMappingNeeded when only the cafe can know it."""
    row = _first_row(head)
    if row is None:
        raise StatementUnreadable
    names = [cell.casefold() for cell in row]
    if names == _WESTPAC:
        return WESTPAC
    if currency in _DAY_FIRST and len(row) in {3, 4} and _DAY.fullmatch(row[0]) and _AMOUNT.fullmatch(row[1]):
        if len(row) == 3:
            return BARE
        if _AMOUNT.fullmatch(row[3]):
            return BARE_WITH_BALANCE
    found = ", ".join(repr(cell[:_SHOWN_CHARACTERS]) for cell in row[:_SHOWN_COLUMNS])
    raise StatementMappingNeeded(
        f"The columns of this file are not known: {found}. Say which one is the date, the amount (or credit and debit) "
        "and the text, and how dates and amounts are written; then upload it again."
    )


def _first_row(head: str) -> Sequence[str] | None:
    """The first line cut at whichever sign cuts it into most cells; None when it has no columns at all."""
    line = next((each for each in head.splitlines() if each.strip()), "")
    rows = [next(csv.reader([line], delimiter=sign), []) for sign in ",;\t|"]
    widest = max(rows, key=len)
    return [cell.strip() for cell in widest] if len(widest) > 1 else None
