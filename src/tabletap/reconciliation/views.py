"""Statements, lines and what a run came to, as people see them."""

from datetime import datetime
from typing import Any

import msgspec

from tabletap.kernel.ids import Id
from tabletap.reconciliation.records import WAITING, BankLine, BankMatch, BankStatement, LineState, LineStatus, Target


class Count(msgspec.Struct, rename="camel"):
    """Some lines and what they sum to."""

    lines: int = 0
    amount: int = 0


class Tally(msgspec.Struct, rename="camel"):
    """Where lines ended: how many, and what they sum to. Money that left counts below zero."""

    matched: Count = msgspec.field(default_factory=Count)
    partly_paid: Count = msgspec.field(default_factory=Count)
    overpaid: Count = msgspec.field(default_factory=Count)
    suggested: Count = msgspec.field(default_factory=Count)
    suspense: Count = msgspec.field(default_factory=Count)

    def add(self, status: LineStatus, amount_minor: int) -> None:
        """One more line."""
        count: Count = getattr(self, status)
        count.lines += 1
        count.amount += amount_minor

    @property
    def lines(self) -> int:
        """All of them."""
        return sum(each.lines for each in self._all())

    @property
    def amount_minor(self) -> int:
        """What all of them sum to."""
        return sum(each.amount for each in self._all())

    def _all(self) -> list[Count]:
        return [self.matched, self.partly_paid, self.overpaid, self.suggested, self.suspense]


class ReportedStatement(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """One statement of a file."""

    bank_statement_id: Id
    format: str
    account: str
    currency: str
    line_count: int
    statement_id: str | None = None
    opening_balance: int | None = None
    closing_balance: int | None = None
    pending: int = 0
    """Entries that the bank had not booked yet; they come with a later statement."""


class ImportReport(msgspec.Struct, rename="camel", frozen=True):
    """What a run through a file came to."""

    statements: list[ReportedStatement]
    already_imported: bool
    """The file was taken in before: nothing changed."""
    dry_run: bool
    line_count: int
    new_lines: int
    known_lines: int
    """Lines that another run or another file had brought before."""
    tally: Tally
    """Of the new lines."""


class StatementView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """An imported statement."""

    bank_statement_id: Id
    format: str
    account: str
    currency: str
    line_count: int
    status: str
    imported_by: Id
    imported_at: datetime
    statement_id: str | None = None
    opening_balance: int | None = None
    closing_balance: int | None = None
    finished_at: datetime | None = None


class MatchView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """One decision about (part of) a line, or its undoing (an amount of the other sign)."""

    match_id: Id
    target: Target
    amount: int
    at: datetime
    by: Id
    target_id: Id | None = None
    undoes_match_id: Id | None = None
    reason: str | None = None


class BankLineView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """A line of a statement with where it stands."""

    bank_line_id: Id
    bank_statement_id: Id
    status: LineStatus
    amount: int
    """Below zero: money that left."""
    currency: str
    account: str
    booked_on: str
    waiting_amount: int
    """What of it lies in suspense, belonging to nothing."""
    version: int
    remittance: str
    value_on: str | None = None
    bank_reference: str | None = None
    end_to_end_id: str | None = None
    structured_reference: str | None = None
    counterparty_name: str | None = None
    counterparty_account: str | None = None
    reversal: bool = False
    note: str | None = None
    suggestions: list[dict[str, Any]] | None = None
    matches: list[MatchView] | None = None


def line_view(line: BankLine, state: LineState, matches: list[BankMatch] | None = None) -> BankLineView:
    """The line as managers see it. Suggestions are shown while it waits."""
    return BankLineView(
        bank_line_id=line.id,
        bank_statement_id=line.statement_id,
        status=state.status,
        amount=line.amount_minor,
        currency=line.currency,
        account=line.account,
        booked_on=line.booked_on,
        waiting_amount=state.waiting_minor,
        version=state.version,
        remittance=line.remittance,
        value_on=line.value_on,
        bank_reference=line.bank_reference,
        end_to_end_id=line.end_to_end_id,
        structured_reference=line.structured_reference,
        counterparty_name=line.counterparty_name,
        counterparty_account=line.counterparty_account,
        reversal=line.reversal,
        note=state.note,
        suggestions=state.suggestions if state.status in WAITING else None,
        matches=None if matches is None else [_match_view(each) for each in matches],
    )


def _match_view(match: BankMatch) -> MatchView:
    return MatchView(
        match_id=match.id,
        target=match.target,
        amount=match.amount_minor,
        at=match.at,
        by=match.actor,
        target_id=match.target_id,
        undoes_match_id=match.undoes_id,
        reason=match.reason,
    )


def statement_view(row: BankStatement) -> StatementView:
    """The statement as managers see it."""
    return StatementView(
        bank_statement_id=row.id,
        format=row.format,
        account=row.account,
        currency=row.currency,
        line_count=row.line_count,
        status=row.state,
        imported_by=row.imported_by,
        imported_at=row.imported_at,
        statement_id=row.statement_id,
        opening_balance=row.opening_minor,
        closing_balance=row.closing_minor,
        finished_at=row.finished_at,
    )
