"""What the explorer shows, and where a page of it goes on. Pure."""

import base64
import binascii
import re
from datetime import UTC, date, datetime
from typing import Literal

import msgspec

from tabletap.kernel.csv_text import Cell, amount, csv_text
from tabletap.kernel.errors import FieldError, InvalidRequest
from tabletap.kernel.ids import Id, is_id
from tabletap.ledger import model as accounts

AccountKind = Literal["asset", "liability", "income", "expense"]
_KINDS: dict[str, AccountKind] = {
    accounts.provider(""): "asset",
    accounts.BANK: "asset",
    accounts.CASH_DRAWER: "asset",
    accounts.DISPUTES: "asset",
    accounts.customer_credit(""): "liability",
    accounts.TIPS_PAYABLE: "liability",
    accounts.TAX_PAYABLE: "liability",
    accounts.REFUNDS_PENDING: "liability",
    accounts.SUSPENSE: "liability",
    accounts.SALES: "income",
    accounts.CREDIT_BREAKAGE: "income",
    accounts.CASH_ROUNDING: "expense",
    accounts.CREDIT_PROMOTION: "expense",
    accounts.PROVIDER_FEES: "expense",
}
_KIND_OF = {name.partition(":")[0]: kind for name, kind in _KINDS.items()}


def kind_of(account: str) -> AccountKind:
    """What an account is. One that belongs to somebody is of the kind of those it stands among."""
    return _KIND_OF.get(account.partition(":")[0], "asset")


class AccountRow(msgspec.Struct, frozen=True):
    """An account with what its entries come to."""

    account: str
    currency: str
    balance_minor: int
    entry_count: int


class AccountView(msgspec.Struct, frozen=True, rename="camel"):
    """An account; debits are positive: what we own grows by them, what we owe or earned by credits."""

    account: str
    kind: AccountKind
    currency: str
    balance: int
    entry_count: int


def account_view(row: AccountRow) -> AccountView:
    """An account as people see it."""
    return AccountView(row.account, kind_of(row.account), row.currency, int(row.balance_minor), row.entry_count)


class TrialBalance(msgspec.Struct, frozen=True, rename="camel"):
    """`GET /ledger/trial-balance`: accounts of one beginning are summed up (`customer_credit`), the total is zero."""

    at: datetime
    accounts: list[AccountView]
    debit_total: int
    credit_total: int
    total: int


def trial_balance(rows: list[AccountRow], at: datetime) -> TrialBalance:
    """The accounts of one beginning summed up."""
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for row in rows:
        group = (row.account.partition(":")[0], row.currency)
        balance, count = sums.get(group, (0, 0))
        sums[group] = (balance + int(row.balance_minor), count + row.entry_count)
    shown = [
        AccountView(account, kind_of(account), currency, balance, count)
        for (account, currency), (balance, count) in sorted(sums.items())
    ]
    debits = sum(each.balance for each in shown if each.balance > 0)
    credits = sum(each.balance for each in shown if each.balance < 0)
    return TrialBalance(at, shown, debits, credits, debits + credits)


class Position(msgspec.Struct, frozen=True):
    """A place in the order of all entries: by time, then by journal, then by line."""

    at: datetime
    journal_id: Id
    n: int


class EntryRow(msgspec.Struct, frozen=True):
    """An entry with its journal."""

    at: datetime
    journal_id: Id
    n: int
    kind: str
    amount_minor: int
    currency: str
    mode: str
    order_id: Id | None
    payment_id: Id | None
    refund_id: Id | None
    source_id: Id | None


class LineView(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One line of a statement, with the balance after it."""

    at: datetime
    journal_id: Id
    kind: str
    amount: int
    balance: int
    mode: str
    order_id: Id | None = None
    payment_id: Id | None = None
    refund_id: Id | None = None
    source_id: Id | None = None


def lines_of(rows: list[EntryRow], balance: int) -> list[LineView]:
    """Statement lines that continue a balance."""
    lines = []
    for row in rows:
        balance += row.amount_minor
        lines.append(
            LineView(
                row.at, row.journal_id, row.kind, row.amount_minor, balance, row.mode, row.order_id, row.payment_id,
                row.refund_id, row.source_id,
            )
        )  # fmt: skip
    return lines


class StatementView(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """`GET /ledger/accounts/{account}/entries`: balances are those of the whole period, whichever page this is."""

    account: str
    kind: AccountKind
    currency: str
    opening_balance: int
    items: list[LineView]
    closing_balance: int
    from_: date | None = msgspec.field(default=None, name="from")
    to: date | None = None
    next_cursor: str | None = None


_HEAD = (
    "at", "kind", "amount", "balance", "currency", "journalId", "orderId", "paymentId", "refundId", "sourceId", "mode"
)  # fmt: skip


def statement_csv(statement: StatementView) -> bytes:
    """A statement as a table: the opening balance, the lines, the closing balance."""
    currency = statement.currency

    def edge(name: str, day: date | None, balance: int) -> list[Cell]:
        return [day.isoformat() if day else "", name, "", amount(balance, currency), currency, *[""] * 6]

    rows = [edge("opening balance", statement.from_, statement.opening_balance)]
    rows += [
        [
            line.at.astimezone(UTC).isoformat().replace("+00:00", "Z"), line.kind, amount(line.amount, currency),
            amount(line.balance, currency), currency, line.journal_id, line.order_id, line.payment_id, line.refund_id,
            line.source_id, line.mode,
        ]
        for line in statement.items
    ]  # fmt: skip
    return csv_text(_HEAD, [*rows, edge("closing balance", statement.to, statement.closing_balance)])


class JournalLine(msgspec.Struct, frozen=True):
    """One account of a journal."""

    account: str
    amount: int


class JournalView(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """A journal with its entries, which sum to zero."""

    id: Id
    kind: str
    at: datetime
    currency: str
    mode: str
    entries: list[JournalLine]
    order_id: Id | None = None
    payment_id: Id | None = None
    refund_id: Id | None = None
    source_id: Id | None = None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which journals are asked for."""

    day: date | None = None
    """A business day."""
    kind: str | None = None
    order_id: Id | None = None
    payment_id: Id | None = None


_POSITION = re.compile(r"([0-9]{1,20})/([0-9a-f-]{36})/([0-9]{1,9})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def encode_text(text: str) -> str:
    """An opaque cursor."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_text(cursor: str) -> str:
    """What `encode_text` was given. Raises InvalidRequest."""
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise _wrong_cursor() from None


def encode_position(position: Position) -> str:
    """A cursor that goes on behind a place."""
    microseconds = (position.at - _EPOCH) // (datetime.resolution)
    return encode_text(f"{microseconds}/{position.journal_id}/{position.n}")


def decode_position(cursor: str) -> Position:
    """The place a cursor names. Raises InvalidRequest."""
    found = _POSITION.fullmatch(decode_text(cursor))
    if found is None or not is_id(found[2]):
        raise _wrong_cursor()
    try:
        return Position(_EPOCH + int(found[1]) * datetime.resolution, found[2], int(found[3]))
    except OverflowError:
        raise _wrong_cursor() from None


def _wrong_cursor() -> InvalidRequest:
    sentence = "cursor is not one that a list gave out."
    return InvalidRequest(sentence, errors=[FieldError("cursor", sentence)])
