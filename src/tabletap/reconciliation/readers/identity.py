"""How a booking is known again: in the same file, in a statement after its notification, in overlapping exports."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from tabletap.reconciliation.model import Statement, StatementLine


class LineIdentity(msgspec.Struct, frozen=True, gc=False):
    """What a booking says, and which one it is of those that say the same."""

    content_hash: str
    occurrence: int
    """From 1: two identical transfers on one day are two."""


def content_hash(account: str, line: StatementLine) -> str:
    """SHA-256 of what never differs between two reports of one booking.

    The bank's own reference tells bookings apart wherever there is one: a notification and a statement of the same day
    give texts and names at different length, but the same reference. Else all that the payer wrote counts, but for the
    blanks, which banks add and drop where they cut lines.
    """
    parts = [_compact(account), line.booked_on.isoformat(), str(line.amount_minor), line.currency, str(line.reversal)]
    if line.bank_reference is not None:
        parts += ["bank", line.bank_reference]
    else:
        said = (line.end_to_end_id, line.structured_reference, line.remittance, line.counterparty_account)
        parts += ["payer", *(_compact(text or "") for text in said)]
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def _compact(text: str) -> str:
    return "".join(text.split()).casefold()


def identified(
    statements: Iterable[Statement], account: str = "", seen: Counter[str] | None = None
) -> Iterator[tuple[StatementLine, LineIdentity]]:
    """The lines of one file with their identities, in the order of the file; `account` stands in where none is named.

    Occurrences are counted through the whole file, and as the booking date is part of the content, within that day: a
    day that two files hold has the same occurrences in both. Pass `seen` to count on from statement to statement.
    """
    counts = Counter[str]() if seen is None else seen
    for statement in statements:
        for line in statement.lines:
            content = content_hash(statement.account or account, line)
            counts[content] += 1
            yield line, LineIdentity(content, counts[content])
