"""The statements of the explorer: each within one cafe, each over an index."""

from typing import Any

import sqlalchemy as sa

from tabletap.infra.db.schema import columns_of, param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader
from tabletap.kernel.ids import Id
from tabletap.ledger.explorer.model import AccountRow, EntryRow, Position, Wanted
from tabletap.ledger.model import Entry, Journal
from tabletap.ledger.store import entry, journal

_of_journal = sa.and_(journal.c.cafe_id == entry.c.cafe_id, journal.c.id == entry.c.journal_id)
_with_journal = entry.join(journal, _of_journal)
_own = entry.c.cafe_id == param("cafe_id")

_ACCOUNTS = Statement(
    sa.select(entry.c.account, sa.func.min(journal.c.currency), sa.func.sum(entry.c.amount_minor), sa.func.count())
    .select_from(_with_journal)
    .where(_own, entry.c.account > param("after"))
    .group_by(entry.c.account)
    .order_by(entry.c.account)
    .limit(param("limit"))
)
_ACCOUNT = Statement(
    sa.select(journal.c.currency).select_from(_with_journal).where(_own, entry.c.account == param("account")).limit(1)
)


def _before(strictly: bool) -> Any:
    """Entries up to a place in the order of all of them, without or with that place."""
    at, journal_id, n = param("at"), param("journal_id"), param("n")
    last = entry.c.n < n if strictly else entry.c.n <= n
    same = sa.and_(journal.c.at == at, sa.or_(journal.c.id < journal_id, sa.and_(journal.c.id == journal_id, last)))
    return sa.or_(journal.c.at < at, same)


_SUM_BEFORE = Statement(
    sa.select(sa.func.coalesce(sa.func.sum(entry.c.amount_minor), 0))
    .select_from(_with_journal)
    .where(_own, entry.c.account == param("account"), _before(strictly=True))
)
_ENTRIES = Statement(
    sa.select(
        journal.c.at,
        entry.c.journal_id,
        entry.c.n,
        journal.c.kind,
        entry.c.amount_minor,
        journal.c.currency,
        journal.c.mode,
        journal.c.order_id,
        journal.c.payment_id,
        journal.c.refund_id,
        journal.c.source_id,
    )
    .select_from(_with_journal)
    .where(
        _own,
        entry.c.account == param("account"),
        journal.c.at >= param("at"),
        sa.not_(_before(strictly=False)),
        journal.c.at < param("until"),
    )
    .order_by(journal.c.at, journal.c.id, entry.c.n)
    .limit(param("limit"))
)


def _journals(*more: Any) -> Statement:
    at, journal_id = param("at"), param("journal_id")
    return Statement(
        sa.select(*columns_of(journal, Journal))
        .where(
            journal.c.cafe_id == param("cafe_id"),
            journal.c.at >= param("since"),
            journal.c.at <= at,
            sa.or_(journal.c.at < at, journal.c.id < journal_id),
            sa.or_(param("any_kind") == sa.true(), journal.c.kind == param("kind")),
            *more,
        )
        .order_by(journal.c.at.desc(), journal.c.id.desc())
        .limit(param("limit"))
    )


_JOURNALS = _journals()
_JOURNALS_OF_ORDER = _journals(journal.c.order_id == param("order_id"))
_JOURNALS_OF_PAYMENT = _journals(journal.c.payment_id == param("payment_id"))
_JOURNALS_OF_BOTH = _journals(journal.c.order_id == param("order_id"), journal.c.payment_id == param("payment_id"))
_JOURNAL = Statement(
    sa.select(*columns_of(journal, Journal)).where(
        journal.c.cafe_id == param("cafe_id"), journal.c.id == param("journal_id")
    )
)
_LINES = Statement(
    sa.select(*columns_of(entry, Entry)).where(_own, entry.c.journal_id == param("journal_id")).order_by(entry.c.n)
)


async def accounts(reader: Reader, after: str, limit: int) -> list[AccountRow]:
    """Accounts with their balances, in the order of their names."""
    return await reader.all(_ACCOUNTS, AccountRow, cafe_id=reader.cafe_id, after=after, limit=limit)


async def currency_of(reader: Reader, account: str) -> str | None:
    """The currency of an account; None when nothing was ever booked to it."""
    found: str | None = await reader.value(_ACCOUNT, cafe_id=reader.cafe_id, account=account)
    return found


async def sum_before(reader: Reader, account: str, place: Position) -> int:
    """What an account's entries before a place come to."""
    where = {"at": place.at, "journal_id": place.journal_id, "n": place.n}
    return int(await reader.value(_SUM_BEFORE, cafe_id=reader.cafe_id, account=account, **where))


async def entries(reader: Reader, account: str, after: Position, until: Any, limit: int) -> list[EntryRow]:
    """An account's entries behind a place and before a moment, in order."""
    where: dict[str, Any] = {"at": after.at, "journal_id": after.journal_id, "n": after.n}
    span: dict[str, Any] = {"cafe_id": reader.cafe_id, "account": account, "until": until, "limit": limit}
    return await reader.all(_ENTRIES, EntryRow, **span, **where)


async def journals(reader: Reader, wanted: Wanted, since: Any, before: Position, limit: int) -> list[Journal]:
    """Journals before a place, the newest first."""
    named = {"order_id": wanted.order_id, "payment_id": wanted.payment_id}
    given: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    statement = {
        (): _JOURNALS,
        ("order_id",): _JOURNALS_OF_ORDER,
        ("payment_id",): _JOURNALS_OF_PAYMENT,
    }.get(tuple(given), _JOURNALS_OF_BOTH)
    place: dict[str, Any] = {"since": since, "at": before.at, "journal_id": before.journal_id}
    kind: dict[str, Any] = {"any_kind": wanted.kind is None, "kind": wanted.kind or ""}
    return await reader.all(statement, Journal, cafe_id=reader.cafe_id, limit=limit, **given, **place, **kind)


async def journal_of(reader: Reader, journal_id: Id) -> Journal | None:
    """One journal."""
    return await reader.one(_JOURNAL, Journal, cafe_id=reader.cafe_id, journal_id=journal_id)


async def lines(reader: Reader, journal_id: Id) -> list[Entry]:
    """A journal's entries."""
    return await reader.all(_LINES, Entry, cafe_id=reader.cafe_id, journal_id=journal_id)
