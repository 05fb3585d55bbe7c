"""Reading the ledger: accounts, the trial balance, statements, journals. Nothing here changes anything."""

from datetime import UTC, date, datetime, timedelta

from tabletap.cafes import store as cafes_store
from tabletap.cafes.business_day import business_day
from tabletap.cafes.errors import CafeNotFound
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader
from tabletap.infra.paging import Page, checked_limit
from tabletap.kernel.errors import FieldError, InvalidRequest
from tabletap.kernel.ids import Id
from tabletap.kernel.people import Actor
from tabletap.ledger.explorer import store
from tabletap.ledger.explorer.errors import JournalNotFound, LedgerAccountNotFound, StatementTooLong
from tabletap.ledger.explorer.model import (
    AccountView,
    EntryRow,
    JournalLine,
    JournalView,
    Position,
    StatementView,
    TrialBalance,
    Wanted,
    account_view,
    decode_position,
    decode_text,
    encode_position,
    encode_text,
    kind_of,
    lines_of,
    trial_balance,
)
from tabletap.ledger.model import Journal

MOST_LINES_OF_A_FILE = 20_000
_ALL = 2**31 - 1
_FIRST_ID = "00000000-0000-0000-0000-000000000000"
_LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_END = datetime(9999, 1, 1, tzinfo=UTC)
Period = tuple[date | None, date | None]


class ExplorerService:
    """What an accountant asks of the ledger."""

    def __init__(self, db: AnyDatabase) -> None:
        self.db = db

    async def accounts(self, by: Actor, limit: int, cursor: str | None) -> Page[AccountView]:
        """Every account with its balance, by name. Raises InvalidRequest for a bad limit or cursor."""
        count, after = checked_limit(limit), decode_text(cursor) if cursor is not None else ""
        rows = await self.db.read(by.cafe_id, lambda reader: store.accounts(reader, after, count + 1))
        more = encode_text(rows[count - 1].account) if len(rows) > count else None
        return Page([account_view(row) for row in rows[:count]], more)

    async def trial_balance(self, by: Actor) -> TrialBalance:
        """All accounts in sum: zero, if the ledger is right."""

        async def look(reader: Reader) -> TrialBalance:
            return trial_balance(await store.accounts(reader, "", _ALL), reader.now)

        return await self.db.read(by.cafe_id, look)

    async def statement(self, account: str, period: Period, by: Actor, limit: int, cursor: str | None) -> StatementView:
        """A page of an account's statement over business days, both included; None: from the first, to the last.

        Raises LedgerAccountNotFound, and InvalidRequest for a bad period, limit or cursor.
        """
        count = checked_limit(limit)
        after = decode_position(cursor) if cursor is not None else None
        return await self._statement(account, period, by, count, after)

    async def whole_statement(self, account: str, period: Period, by: Actor) -> StatementView:
        """The same in one piece, for a file. Raises StatementTooLong as well."""
        statement = await self._statement(account, period, by, MOST_LINES_OF_A_FILE, None)
        if statement.next_cursor is not None:
            raise StatementTooLong
        return statement

    async def _statement(
        self, account: str, period: Period, by: Actor, count: int, after: Position | None
    ) -> StatementView:
        async def look(reader: Reader) -> StatementView:
            since, until = await _moments(reader, period)
            currency = await store.currency_of(reader, account)
            if currency is None:
                raise LedgerAccountNotFound
            opening = await store.sum_before(reader, account, Position(since, _FIRST_ID, 0))
            closing = await store.sum_before(reader, account, Position(until, _FIRST_ID, 0))
            start = after if after is not None and after.at >= since else Position(since, _FIRST_ID, 0)
            rows = await store.entries(reader, account, start, until, count + 1)
            shown = rows[:count]
            before = await store.sum_before(reader, account, _place(shown[0])) if shown else opening
            return StatementView(
                account=account,
                kind=kind_of(account),
                currency=currency,
                opening_balance=opening,
                items=lines_of(shown, before),
                closing_balance=closing,
                from_=period[0],
                to=period[1],
                next_cursor=encode_position(_place(shown[-1])) if len(rows) > count else None,
            )

        return await self.db.read(by.cafe_id, look, consistent=True)

    async def journals(self, wanted: Wanted, by: Actor, limit: int, cursor: str | None) -> Page[JournalView]:
        """Journals with their entries, the newest first. Raises InvalidRequest for a bad day, limit or cursor."""
        count = checked_limit(limit)
        before = decode_position(cursor) if cursor is not None else None

        async def look(reader: Reader) -> Page[JournalView]:
            since, until = await _moments(reader, (wanted.day, wanted.day))
            first = Position(until - timedelta(microseconds=1), _LAST_ID, 0)
            start = first if before is None or before.at > first.at else before
            rows = await store.journals(reader, wanted, since, start, count + 1)
            shown = rows[:count]
            more = encode_position(Position(shown[-1].at, shown[-1].id, 0)) if len(rows) > count else None
            return Page([await _with_lines(reader, row) for row in shown], more)

        return await self.db.read(by.cafe_id, look)

    async def journal(self, journal_id: Id, by: Actor) -> JournalView:
        """One journal with its entries. Raises JournalNotFound."""

        async def look(reader: Reader) -> JournalView:
            row = await store.journal_of(reader, journal_id)
            if row is None:
                raise JournalNotFound
            return await _with_lines(reader, row)

        return await self.db.read(by.cafe_id, look)


async def _moments(reader: Reader, period: Period) -> tuple[datetime, datetime]:
    """The moments at which a period of business days begins and ends. Raises InvalidRequest, CafeNotFound."""
    first, last = period
    if first is not None and last is not None and first > last:
        sentence = "to lies before from."
        raise InvalidRequest(sentence, errors=[FieldError("to", sentence)])
    cafe = await cafes_store.get_cafe(reader, reader.cafe_id)
    if cafe is None:
        raise CafeNotFound
    try:
        since = business_day(cafe, first).starts_at if first else _BEGINNING
        until = business_day(cafe, last).ends_at if last else _END
    except OverflowError:
        raise InvalidRequest("That day is beyond the calendar.") from None
    return max(since, _BEGINNING), max(until, _BEGINNING)


def _place(row: EntryRow) -> Position:
    return Position(row.at, row.journal_id, row.n)


async def _with_lines(reader: Reader, row: Journal) -> JournalView:
    return JournalView(
        id=row.id,
        kind=row.kind,
        at=row.at,
        currency=row.currency,
        mode=row.mode,
        entries=[JournalLine(line.account, line.amount_minor) for line in await store.lines(reader, row.id)],
        order_id=row.order_id,
        payment_id=row.payment_id,
        refund_id=row.refund_id,
        source_id=row.source_id,
    )
