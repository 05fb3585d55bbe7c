"""The tables and statements of bank statements, their lines and payouts."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from tabletap.infra.db.schema import (
    Flag,
    Id,
    Instant,
    Json,
    Minor,
    Text,
    Whole,
    any_of,
    column,
    columns_of,
    metadata,
    named,
    of_cafe,
    param,
    portions,
)
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader
from tabletap.ledger.model import SUSPENSE
from tabletap.ledger.store import entry, journal
from tabletap.reconciliation.records import (
    BankLine,
    BankMatch,
    BankStatement,
    CsvMappingRow,
    LineState,
    LineStatus,
)

LINE_JOURNALS = ("bank_line", "bank_line_assigned")

bank_statement = sa.Table(
    "bank_statement",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("file_hash", Text),
    column("part", Whole),
    column("format", Text),
    column("account", Text),
    column("currency", Text),
    column("statement_id", Text, null=True),
    column("opening_minor", Minor, null=True),
    column("closing_minor", Minor, null=True),
    column("line_count", Whole),
    column("state", Text),
    column("imported_by", Id),
    column("imported_at", Instant),
    column("finished_at", Instant, null=True),
    column("version", Whole),
    sa.CheckConstraint("state IN ('importing', 'done')", name="state"),
    sa.UniqueConstraint("cafe_id", "file_hash", "part"),
)
bank_line = sa.Table(
    "bank_line",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("statement_id", Id),
    column("n", Whole),
    column("account", Text),
    column("content_hash", Text),
    column("occurrence", Whole),
    column("amount_minor", Minor),
    column("currency", Text),
    column("booked_on", Text),
    column("value_on", Text, null=True),
    column("bank_reference", Text, null=True),
    column("end_to_end_id", Text, null=True),
    column("structured_reference", Text, null=True),
    column("remittance", Text),
    column("counterparty_name", Text, null=True),
    column("counterparty_account", Text, null=True),
    column("reversal", Flag),
    column("created_at", Instant),
    sa.CheckConstraint("amount_minor <> 0", name="amount"),
    sa.CheckConstraint("occurrence > 0", name="occurrence"),
    of_cafe("bank_statement", "statement_id"),
    sa.UniqueConstraint("cafe_id", "account", "content_hash", "occurrence"),
    sa.Index("ix_bank_line_payer", "cafe_id", "counterparty_account"),
)
bank_line_state = sa.Table(
    "bank_line_state",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("status", Text),
    column("waiting_minor", Minor),
    column("suggestions", Json, null=True),
    column("note", Text, null=True),
    column("version", Whole),
    column("updated_at", Instant),
    sa.CheckConstraint(
        "status IN ('matched', 'partly_paid', 'overpaid', 'suggested', 'suspense', 'dismissed')", name="status"
    ),
    sa.CheckConstraint("(waiting_minor <> 0) = (status IN ('suggested', 'suspense'))", name="waiting"),
    of_cafe("bank_line", "id"),
    sa.Index("ix_bank_line_state_status", "cafe_id", "status", "id"),
)
bank_match = sa.Table(
    "bank_match",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("line_id", Id),
    column("target", Text),
    column("target_id", Id, null=True),
    column("amount_minor", Minor),
    column("booked", Flag),
    column("undoes_id", Id, null=True),
    column("reason", Text, null=True),
    column("actor", Id),
    column("at", Instant),
    sa.CheckConstraint("amount_minor <> 0", name="amount"),
    sa.CheckConstraint(
        "target IN ('payment', 'refund', 'payout', 'line', 'suspense', 'nothing') "
        "AND (target_id IS NULL) = (target IN ('suspense', 'nothing'))",
        name="target",
    ),
    of_cafe("bank_line", "line_id"),
    sa.UniqueConstraint("cafe_id", "undoes_id"),
    sa.Index("ix_bank_match_line", "cafe_id", "line_id"),
    sa.Index("ix_bank_match_target", "cafe_id", "target_id"),
)
bank_csv_mapping = sa.Table(
    "bank_csv_mapping",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("mapping", Json),
    column("version", Whole),
    column("updated_by", Id),
    column("updated_at", Instant),
)


_FILE = Statement(
    sa.select(*columns_of(bank_statement, BankStatement))
    .where(bank_statement.c.cafe_id == param("cafe_id"), bank_statement.c.file_hash == param("file_hash"))
    .order_by(bank_statement.c.part)
)
_STATEMENTS = Statement(
    sa.select(*columns_of(bank_statement, BankStatement))
    .where(bank_statement.c.cafe_id == param("cafe_id"), bank_statement.c.id < param("before"))
    .order_by(bank_statement.c.id.desc())
    .limit(param("limit"))
)
_ACCOUNT = Statement(
    sa.select(bank_statement.c.id)
    .where(bank_statement.c.cafe_id == param("cafe_id"), bank_statement.c.account == param("account"))
    .limit(1)
)
_KNOWN = Statement(
    sa.select(bank_line.c.content_hash, bank_line.c.occurrence, bank_line.c.id).where(
        bank_line.c.cafe_id == param("cafe_id"),
        bank_line.c.account == param("account"),
        bank_line.c.content_hash.in_(any_of("hash")),
    )
)
_LINE = Statement(
    sa.select(*columns_of(bank_line, BankLine)).where(
        bank_line.c.cafe_id == param("cafe_id"), bank_line.c.id == param("id")
    )
)
_STATE = Statement(
    sa.select(*columns_of(bank_line_state, LineState)).where(
        bank_line_state.c.cafe_id == param("cafe_id"), bank_line_state.c.id == param("id")
    )
)
_WITH_STATE = sa.and_(bank_line_state.c.cafe_id == bank_line.c.cafe_id, bank_line_state.c.id == bank_line.c.id)
_BOTH = (*columns_of(bank_line, BankLine), *columns_of(bank_line_state, LineState))
_LINES = Statement(
    sa.select(*_BOTH)
    .select_from(bank_line.join(bank_line_state, _WITH_STATE))
    .where(
        bank_line.c.cafe_id == param("cafe_id"),
        bank_line.c.id < param("before"),
        sa.or_(param("any_status") == sa.true(), bank_line_state.c.status == param("status")),
        sa.or_(param("any_statement") == sa.true(), bank_line.c.statement_id == param("statement_id")),
    )
    .order_by(bank_line.c.id.desc())
    .limit(param("limit"))
)
_MATCHES = Statement(
    sa.select(*columns_of(bank_match, BankMatch))
    .where(bank_match.c.cafe_id == param("cafe_id"), bank_match.c.line_id == param("line_id"))
    .order_by(bank_match.c.id)
)
_WAITING = Statement(
    sa.select(
        bank_line_state.c.status,
        sa.func.count(),
        sa.cast(sa.func.sum(bank_line_state.c.waiting_minor), sa.BigInteger),
        sa.func.min(bank_line.c.booked_on),
    )
    .select_from(bank_line.join(bank_line_state, _WITH_STATE))
    .where(
        bank_line.c.cafe_id == param("cafe_id"),
        bank_line_state.c.status.in_(("suggested", "suspense")),
        bank_line.c.booked_on <= param("until"),
    )
    .group_by(bank_line_state.c.status)
)
_UNEVEN = Statement(
    sa.select(bank_line.c.id)
    .select_from(
        bank_line.outerjoin(
            bank_match,
            sa.and_(bank_match.c.cafe_id == bank_line.c.cafe_id, bank_match.c.line_id == bank_line.c.id),
        )
    )
    .where(bank_line.c.cafe_id == param("cafe_id"))
    .group_by(bank_line.c.id, bank_line.c.amount_minor)
    .having(sa.func.coalesce(sa.func.sum(bank_match.c.amount_minor), 0) != bank_line.c.amount_minor)
)
_MATCHED = Statement(
    sa.select(sa.cast(sa.func.coalesce(sa.func.sum(bank_match.c.amount_minor), 0), sa.BigInteger)).where(
        bank_match.c.cafe_id == param("cafe_id"), bank_match.c.target_id == param("target_id")
    )
)
_IN_SUSPENSE = Statement(
    sa.select(journal.c.source_id, sa.cast(-sa.func.sum(entry.c.amount_minor), sa.BigInteger))
    .select_from(journal.join(entry, sa.and_(entry.c.cafe_id == journal.c.cafe_id, entry.c.journal_id == journal.c.id)))
    .where(journal.c.cafe_id == param("cafe_id"), journal.c.kind.in_(LINE_JOURNALS), entry.c.account == SUSPENSE)
    .group_by(journal.c.source_id)
)
_WAITING_OF_LINES = Statement(
    sa.select(bank_line_state.c.id, bank_line_state.c.waiting_minor).where(
        bank_line_state.c.cafe_id == param("cafe_id"), bank_line_state.c.waiting_minor != 0
    )
)
_MAPPING = Statement(
    sa.select(*columns_of(bank_csv_mapping, CsvMappingRow)).where(bank_csv_mapping.c.cafe_id == param("cafe_id"))
)


async def of_file(reader: Reader, file_hash: str) -> list[BankStatement]:
    """The statements that were imported from a file with this content."""
    return await reader.all(_FILE, BankStatement, cafe_id=reader.cafe_id, file_hash=file_hash)


async def statements(reader: Reader, before: str, limit: int) -> list[BankStatement]:
    """Imported statements, the newest first."""
    return await reader.all(_STATEMENTS, BankStatement, cafe_id=reader.cafe_id, before=before, limit=limit)


async def knows_account(reader: Reader, account: str) -> bool:
    """Whether a statement of this account was imported before."""
    return await reader.value(_ACCOUNT, cafe_id=reader.cafe_id, account=account) is not None


async def known_lines(reader: Reader, account: str, hashes: Iterable[str]) -> dict[tuple[str, int], str]:
    """Which of these lines were imported before: their ids by content hash and occurrence."""
    known: dict[tuple[str, int], str] = {}
    for some in portions(hashes):
        given = {"cafe_id": reader.cafe_id, "account": account, **named("hash", some)}
        known |= {(row[0], row[1]): row[2] for row in await reader.rows(_KNOWN, given, False)}
    return known


async def line(reader: Reader, line_id: str) -> BankLine | None:
    """A line of the reader's cafe."""
    return await reader.one(_LINE, BankLine, cafe_id=reader.cafe_id, id=line_id)


async def state(reader: Reader, line_id: str, *, lock: bool = False) -> LineState | None:
    """Where a line stands."""
    return await reader.one(_STATE, LineState, lock=lock, cafe_id=reader.cafe_id, id=line_id)


async def lines(
    reader: Reader, before: str, limit: int, status: LineStatus | None, statement_id: str | None
) -> list[tuple[BankLine, LineState]]:
    """Lines with their states, the newest first."""
    given = {
        "cafe_id": reader.cafe_id,
        "before": before,
        "limit": limit,
        "any_status": status is None,
        "status": status or "",
        "any_statement": statement_id is None,
        "statement_id": statement_id,
    }
    return [_both(row) for row in await reader.rows(_LINES, given, False)]


def _both(row: Sequence[Any]) -> tuple[BankLine, LineState]:
    width = len(BankLine.__struct_fields__)
    return BankLine(*row[:width]), LineState(*row[width:])


async def matches(reader: Reader, line_id: str) -> list[BankMatch]:
    """Every decision about a line and every undoing, oldest first."""
    return await reader.all(_MATCHES, BankMatch, cafe_id=reader.cafe_id, line_id=line_id)


async def waiting(reader: Reader, until: str) -> dict[str, tuple[int, int, str]]:
    """What waits in suspense, booked until that day, by status: how many lines, what they sum to, the oldest day."""
    rows = await reader.rows(_WAITING, {"cafe_id": reader.cafe_id, "until": until}, False)
    return {status: (count, int(amount), oldest) for status, count, amount, oldest in rows}


async def matched_minor(reader: Reader, target_id: str) -> int:
    """What of a payment, a refund or a payout statements have shown."""
    return int(await reader.value(_MATCHED, cafe_id=reader.cafe_id, target_id=target_id))


async def uneven_lines(reader: Reader) -> list[str]:
    """Lines whose decisions do not sum to them: always none."""
    return [row[0] for row in await reader.rows(_UNEVEN, {"cafe_id": reader.cafe_id}, False)]


async def misplaced_lines(reader: Reader) -> list[str]:
    """Lines of which another amount lies in suspense than they say: always none."""
    given = {"cafe_id": reader.cafe_id}
    booked = {row[0]: int(row[1]) for row in await reader.rows(_IN_SUSPENSE, given, False) if row[1]}
    said = {row[0]: int(row[1]) for row in await reader.rows(_WAITING_OF_LINES, given, False)}
    return sorted(line_id for line_id in booked.keys() | said.keys() if booked.get(line_id, 0) != said.get(line_id, 0))


async def mapping(reader: Reader, *, lock: bool = False) -> CsvMappingRow | None:
    """How the cafe's bank writes its CSV files, if somebody said so."""
    return await reader.one(_MAPPING, CsvMappingRow, lock=lock, cafe_id=reader.cafe_id)
