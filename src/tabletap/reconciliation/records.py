"""What is kept of bank statements, their lines and what was decided about them; payouts of providers. Pure.

A line's content never changes, and neither does a decision about it: what is undone is undone by a row with the
opposite amount. So the rows about a line always sum to the line, whatever was decided and taken back.
"""

from datetime import datetime
from typing import Any, Literal

import msgspec

from tabletap.kernel.ids import Id

LineStatus = Literal["matched", "partly_paid", "overpaid", "suggested", "suspense", "dismissed"]
"""Where a line ended.

- `matched`: all of it has found what it was sent for
- `partly_paid`: less came than was asked for; the rest is outstanding on the bill again
- `overpaid`: more came than was asked for; what is beyond waits for a person
- `suggested`: it waits in suspense, and we know what it could be for
- `suspense`: it waits in suspense, and we do not know what it could be for
- `dismissed`: a person said that it is none of the cafe's trade
"""
STATUSES: tuple[LineStatus, ...] = ("matched", "partly_paid", "overpaid", "suggested", "suspense", "dismissed")
WAITING: frozenset[str] = frozenset({"suggested", "suspense"})
"""The line's own money waits, without anything it belongs to."""
Target = Literal["payment", "refund", "payout", "line", "suspense", "nothing"]
"""What (part of) a line was found to be: for a payment, a refund, a payout; the counterpart of another line; nobody
knows yet; or none of the cafe's trade."""


class BankStatement(msgspec.Struct, frozen=True):
    """One statement of an imported file: a row of `bank_statement`."""

    cafe_id: Id
    id: Id
    file_hash: str
    part: int
    """Which statement of the file it is, from 1."""
    format: str
    account: str
    currency: str
    statement_id: str | None
    opening_minor: int | None
    closing_minor: int | None
    line_count: int
    state: Literal["importing", "done"]
    imported_by: Id
    imported_at: datetime
    finished_at: datetime | None
    version: int


class BankLine(msgspec.Struct, frozen=True):
    """What the bank said: a row of `bank_line`, never changed. `amount_minor` is negative for money that left."""

    cafe_id: Id
    id: Id
    statement_id: Id
    n: int
    account: str
    content_hash: str
    occurrence: int
    """Two identical transfers are two: the how-manieth of its content in its file."""
    amount_minor: int
    currency: str
    booked_on: str
    value_on: str | None
    bank_reference: str | None
    end_to_end_id: str | None
    structured_reference: str | None
    remittance: str
    counterparty_name: str | None
    counterparty_account: str | None
    reversal: bool
    created_at: datetime


class LineState(msgspec.Struct, frozen=True):
    """Where a line stands: a row of `bank_line_state`. `version` guards it."""

    cafe_id: Id
    id: Id
    """The line's."""
    status: LineStatus
    waiting_minor: int
    """What of the line lies in suspense for itself, with the line's sign."""
    suggestions: list[dict[str, Any]] | None
    """JSON of `Suggestion`, the best first."""
    note: str | None
    version: int
    updated_at: datetime


class BankMatch(msgspec.Struct, frozen=True):
    """One decision about (part of) a line: a row of `bank_match`, never changed."""

    cafe_id: Id
    id: Id
    line_id: Id
    target: Target
    target_id: Id | None
    amount_minor: int
    booked: bool
    """Whether the line's word put it in the books; else somebody's word had done so before."""
    undoes_id: Id | None
    reason: str | None
    actor: Id
    at: datetime


class CsvMappingRow(msgspec.Struct, frozen=True):
    """How a cafe's bank writes its CSV files: a row of `bank_csv_mapping`."""

    cafe_id: Id
    mapping: dict[str, Any]
    version: int
    updated_by: Id
    updated_at: datetime


class Payout(msgspec.Struct, frozen=True):
    """Money that a provider sent us: a row of `payout`. gross - fees - refunds - disputes = net."""

    cafe_id: Id
    id: Id
    provider_account_id: Id
    external_id: str
    currency: str
    gross_minor: int
    fee_minor: int
    refund_minor: int
    dispute_minor: int
    net_minor: int
    paid_on: str
    mode: str
    state: Literal["announced", "received"]
    """Whether its money was seen on a bank statement."""
    differences: list[str] | None
    imported_by: Id
    imported_at: datetime
    version: int


class PayoutLine(msgspec.Struct, frozen=True):
    """One payment, refund or dispute within a payout: a row of `payout_line`, never changed."""

    cafe_id: Id
    payout_id: Id
    n: int
    kind: Literal["payment", "refund", "dispute"]
    reference: str
    amount_minor: int
    """As the provider says it, above zero."""
    fee_minor: int
    payment_id: Id | None
    refund_id: Id | None
    difference: str | None
