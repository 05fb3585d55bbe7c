"""The one way in: which format a file has is seen from its content, never from its name."""

import io
import re
from collections.abc import Iterable
from typing import BinaryIO

import msgspec

from tabletap.reconciliation.model import Statement
from tabletap.reconciliation.readers.camt import read_camt
from tabletap.reconciliation.readers.csv_lines import read_csv
from tabletap.reconciliation.readers.csv_mapping import CsvMapping
from tabletap.reconciliation.readers.errors import StatementUnreadable
from tabletap.reconciliation.readers.mt940 import read_mt940
from tabletap.reconciliation.readers.ofx import read_ofx
from tabletap.reconciliation.readers.text import encoding_by_mark

_HEAD_BYTES = 4_096
_OTHERS = {
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a ZIP archive or an office document",
    b"\x1f\x8b": "a compressed file",
    b"\xd0\xcf\x11\xe0": "an office document",
}
_MT940 = re.compile(r"(?:^|\n|\{4:\r?\n?):20:")


def read(
    file: bytes | BinaryIO,
    *,
    mapping: CsvMapping | None = None,
    currency: str | None = None,
    account: str | None = None,
) -> tuple[Statement, ...]:
    """Read a bank statement whole: camt.053, camt.054, MT940, OFX or CSV. Nothing is handed out unless all is right.

    `file` is bytes, or a binary file that can be rewound. `mapping` says which column of a CSV file is what; `currency`
    and `account` stand in where a CSV file names none. Blocking: run it in a thread. Raises StatementUnreadable,
    StatementBalanceWrong, StatementMappingNeeded.
    """
    source = io.BytesIO(file) if isinstance(file, bytes) else file
    head = source.read(_HEAD_BYTES)
    source.seek(0)
    statements = tuple(_named(each, account) for each in _statements(source, head, mapping, currency))
    _require_once(statements)
    return statements


def _statements(source: BinaryIO, head: bytes, mapping: CsvMapping | None, currency: str | None) -> Iterable[Statement]:
    other = next((name for mark, name in _OTHERS.items() if head.startswith(mark)), None)
    if other is not None:
        raise StatementUnreadable(f"This is {other}. Ask the bank for the statement as camt.053, MT940, OFX or CSV.")
    start = head.decode(encoding_by_mark(head) or "latin-1", errors="replace").lstrip()
    if not start:
        raise StatementUnreadable("The file is empty.")
    if "OFXHEADER" in start or "<OFX>" in start:
        return read_ofx(source)
    if start.startswith("<"):
        return read_camt(source)
    if _MT940.search(start):
        return read_mt940(source)
    return read_csv(source, mapping, currency)


def _named(statement: Statement, account: str | None) -> Statement:
    return statement if statement.account or not account else msgspec.structs.replace(statement, account=account)


def _require_once(statements: tuple[Statement, ...]) -> None:
    """One statement twice in a file would count every booking twice."""
    seen = set()
    for each in statements:
        known = (each.account, each.currency, each.statement_id, each.opening_minor, each.closing_minor, each.from_date)
        if known in seen and each.statement_id is not None and each.lines:
            raise StatementUnreadable(f"Statement {each.statement_id} is twice in the file.")
        seen.add(known)
