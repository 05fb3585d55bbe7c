"""The tables and statements of drawers."""

import sqlalchemy as sa

from tabletap.infra.db.schema import Id, Instant, Json, Minor, Text, Whole, column, columns_of, metadata, of_cafe, param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.till.model import NO_DRAWER, DrawerCount, DrawerMove, DrawerSession

drawer_session = sa.Table(
    "drawer_session",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("drawer", Text),
    column("status", Text),
    column("currency", Text),
    column("float_minor", Minor),
    column("expected_minor", Minor),
    column("counted_minor", Minor, null=True),
    column("difference_minor", Minor, null=True),
    column("opened_by", Id),
    column("opened_at", Instant),
    column("counted_by", Id, null=True),
    column("counted_at", Instant, null=True),
    column("closed_by", Id, null=True),
    column("closed_at", Instant, null=True),
    column("version", Whole),
    sa.CheckConstraint("status IN ('open', 'closed')", name="status"),
    sa.CheckConstraint("float_minor >= 0 AND counted_minor >= 0", name="cash"),
    sa.CheckConstraint("status = 'open' OR expected_minor = 0", name="closed_is_empty"),
    sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"]),
    sa.Index(
        "uq_drawer_session_open",
        "cafe_id",
        "drawer",
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
        sqlite_where=sa.text("status = 'open'"),
    ),
)
drawer_move = sa.Table(
    "drawer_move",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("session_id", Id),
    column("kind", Text),
    column("amount_minor", Minor),
    column("reason", Text, null=True),
    column("payment_id", Id, null=True),
    column("refund_id", Id, null=True),
    column("moved_by", Id),
    column("at", Instant),
    column("n", Whole),
    sa.CheckConstraint("amount_minor <> 0", name="amount"),
    of_cafe("drawer_session", "session_id"),
    sa.UniqueConstraint("cafe_id", "session_id", "n"),
)
drawer_count = sa.Table(
    "drawer_count",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("session_id", Id),
    column("counted_minor", Minor),
    column("expected_minor", Minor),
    column("denominations", Json, null=True),
    column("counted_by", Id),
    column("at", Instant),
    sa.CheckConstraint("counted_minor >= 0", name="counted"),
    of_cafe("drawer_session", "session_id"),
    sa.Index("ix_drawer_count_session", "cafe_id", "session_id", "id"),
)

_OF_CAFE = drawer_session.c.cafe_id == param("cafe_id")
_SESSION = Statement(
    sa.select(*columns_of(drawer_session, DrawerSession)).where(_OF_CAFE, drawer_session.c.id == param("id"))
)
_OPEN = Statement(
    sa.select(*columns_of(drawer_session, DrawerSession))
    .where(_OF_CAFE, drawer_session.c.status == "open")
    .order_by(drawer_session.c.id)
)
_PAGE = Statement(
    sa.select(*columns_of(drawer_session, DrawerSession))
    .where(
        _OF_CAFE,
        drawer_session.c.id < param("before"),
        drawer_session.c.drawer != NO_DRAWER,
        sa.or_(param("any_status") == sa.true(), drawer_session.c.status == param("status")),
    )
    .order_by(drawer_session.c.id.desc())
    .limit(param("limit"))
)
_CLOSED_BETWEEN = Statement(
    sa.select(*columns_of(drawer_session, DrawerSession))
    .where(_OF_CAFE, drawer_session.c.closed_at >= param("starts"), drawer_session.c.closed_at < param("ends"))
    .order_by(drawer_session.c.closed_at, drawer_session.c.id)
)
_MOVES = Statement(
    sa.select(*columns_of(drawer_move, DrawerMove))
    .where(drawer_move.c.cafe_id == param("cafe_id"), drawer_move.c.session_id == param("session_id"))
    .order_by(drawer_move.c.n)
)
_COUNTS = Statement(
    sa.select(*columns_of(drawer_count, DrawerCount))
    .where(drawer_count.c.cafe_id == param("cafe_id"), drawer_count.c.session_id == param("session_id"))
    .order_by(drawer_count.c.id)
)
_SUMS = Statement(
    sa.select(drawer_session.c.id, drawer_session.c.expected_minor, sa.func.sum(drawer_move.c.amount_minor))
    .join_from(
        drawer_session,
        drawer_move,
        sa.and_(drawer_move.c.cafe_id == drawer_session.c.cafe_id, drawer_move.c.session_id == drawer_session.c.id),
        isouter=True,
    )
    .where(_OF_CAFE)
    .group_by(drawer_session.c.id, drawer_session.c.expected_minor)
)


async def session(reader: Reader, session_id: str, *, lock: bool = False) -> DrawerSession | None:
    """A session; within a transaction, as that transaction will leave it."""
    if isinstance(reader, Transaction):
        known: DrawerSession | None = reader.recall(("drawer_session", session_id))
        if known is not None:
            return known
    return await reader.one(_SESSION, DrawerSession, lock=lock, cafe_id=reader.cafe_id, id=session_id)


async def open_sessions(reader: Reader, *, lock: bool = False) -> list[DrawerSession]:
    """The drawers that are open now, and where cash without one stands; as a transaction will leave them."""
    found = await reader.all(_OPEN, DrawerSession, lock=lock, cafe_id=reader.cafe_id)
    if not isinstance(reader, Transaction):
        return found
    known = [reader.recall(("drawer_session", each.id)) or each for each in found]
    return [each for each in known if each.is_open]


async def page(reader: Reader, before: str, limit: int, status: str | None) -> list[DrawerSession]:
    """Sessions older than an id, newest first."""
    return await reader.all(
        _PAGE, DrawerSession, cafe_id=reader.cafe_id, before=before, limit=limit, any_status=status is None,
        status=status or "",
    )  # fmt: skip


async def closed_between(reader: Reader, starts: object, ends: object) -> list[DrawerSession]:
    """The sessions that were closed from a moment on and before another."""
    return await reader.all(_CLOSED_BETWEEN, DrawerSession, cafe_id=reader.cafe_id, starts=starts, ends=ends)


async def moves(reader: Reader, session_id: str) -> list[DrawerMove]:
    """What moved in a session, oldest first."""
    return await reader.all(_MOVES, DrawerMove, cafe_id=reader.cafe_id, session_id=session_id)


async def counts(reader: Reader, session_id: str) -> list[DrawerCount]:
    """How often a session was counted, oldest first."""
    return await reader.all(_COUNTS, DrawerCount, cafe_id=reader.cafe_id, session_id=session_id)


async def loose_cash(reader: Reader) -> int:
    """Cash that was taken, or given back, while no drawer was open, and that no session has collected."""
    return sum(each.expected_minor for each in await open_sessions(reader) if each.drawer == NO_DRAWER)


async def sums(reader: Reader) -> list[tuple[str, int, int]]:
    """Every session: its id, what is expected in it, what its moves sum to."""
    found = await reader.rows(_SUMS, {"cafe_id": reader.cafe_id}, False)
    return [(row[0], int(row[1]), int(row[2] or 0)) for row in found]


def save(tx: Transaction, before: DrawerSession, after: DrawerSession) -> None:
    """A changed session, guarded by its version."""
    tx.save(drawer_session, before, after, ("cafe_id", "id"), ("version",))
    tx.remember(("drawer_session", after.id), after)


def add(tx: Transaction, opened: DrawerSession) -> None:
    """A new session. Of two that open one drawer at once, the second decides again and sees the first."""
    tx.add(drawer_session, opened, retry_on_duplicate=True)
    tx.remember(("drawer_session", opened.id), opened)
