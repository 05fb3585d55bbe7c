"""Tables as comma-separated text (RFC 4180, UTF-8), safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Sequence

from tabletap.kernel.money import format_major

MEDIA_TYPE = "text/csv; charset=utf-8"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class Figure(str):
    """A number as text: it is written as it is, though it may begin with a minus."""

    __slots__ = ()


Cell = str | int | None


def amount(amount_minor: int, currency: str) -> Figure:
    """An amount in major units, as people write it; the currency belongs into a column beside it."""
    return Figure(format_major(amount_minor, currency))


def csv_text(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """A table with a head. Text that a spreadsheet would take for a formula gets a leading apostrophe."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(head)
    writer.writerows([_defused(cell) for cell in row] for row in rows)
    return written.getvalue().encode()


def _defused(cell: Cell) -> Cell:
    if isinstance(cell, str) and not isinstance(cell, Figure) and cell.startswith(_FORMULA_STARTS):
        return f"'{cell}"
    return cell
