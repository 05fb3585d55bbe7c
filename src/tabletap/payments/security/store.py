"""The tables and statements of limits, blocked addresses and security events."""

from typing import Any

import sqlalchemy as sa

from tabletap.infra.db.schema import (
    Id,
    Instant,
    Json,
    Minor,
    Text,
    Whole,
    column,
    columns_of,
    metadata,
    param,
)
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader
from tabletap.payments.security.model import (
    BlockedAddress,
    Earlier,
    Lookback,
    Pace,
    PaymentAttempt,
    PolicyRow,
    SecurityEvent,
)
from tabletap.payments.store import payment

security_policy = sa.Table(
    "security_policy",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("rules", Json),
    column("version", Whole),
    column("updated_by", Id),
    column("updated_at", Instant),
    sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"]),
)
blocked_address = sa.Table(
    "blocked_address",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("network", Text),
    column("reason", Text),
    column("blocked_by", Id),
    column("created_at", Instant),
    column("until", Instant, null=True),
    sa.UniqueConstraint("cafe_id", "network"),
    sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"]),
)
payment_attempt = sa.Table(
    "payment_attempt",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("payment_id", Id, primary_key=True),
    column("person_id", Id),
    column("network", Text, null=True),
    column("day", Text),
    column("total_minor", Minor),
    column("at", Instant),
    sa.ForeignKeyConstraint(
        ["cafe_id", "payment_id"], ["payment.cafe_id", "payment.id"], deferrable=True, initially="DEFERRED"
    ),
    sa.Index("ix_payment_attempt_person", "cafe_id", "person_id", "at"),
    sa.Index("ix_payment_attempt_network", "cafe_id", "network", "at"),
)
payment_pace = sa.Table(
    "payment_pace",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("subject", Text, primary_key=True),
    column("version", Whole),
    sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"]),
)
security_event = sa.Table(
    "security_event",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("rule", Text),
    column("count", Whole),
    column("person_id", Id, null=True),
    column("audience", Text, null=True),
    column("address", Text, null=True),
    column("route", Text),
    column("order_id", Id, null=True),
    column("payment_id", Id, null=True),
    column("amount_minor", Minor, null=True),
    column("method", Text, null=True),
    column("correlation_id", Text, null=True),
    column("first_at", Instant),
    column("last_at", Instant),
    sa.CheckConstraint("count > 0", name="count"),
    sa.CheckConstraint("last_at >= first_at", name="in_order"),
    sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"]),
)

_POLICY = Statement(
    sa.select(*columns_of(security_policy, PolicyRow)).where(security_policy.c.cafe_id == param("cafe_id"))
)
_BLOCKED = Statement(
    sa.select(*columns_of(blocked_address, BlockedAddress)).where(
        blocked_address.c.cafe_id == param("cafe_id"),
        sa.or_(blocked_address.c.until.is_(None), blocked_address.c.until > param("now")),
    )
)
_BLOCKED_PAGE = Statement(
    sa.select(*columns_of(blocked_address, BlockedAddress))
    .where(blocked_address.c.cafe_id == param("cafe_id"), blocked_address.c.id < param("before"))
    .order_by(blocked_address.c.id.desc())
    .limit(param("limit"))
)
_BLOCKED_ONE = Statement(
    sa.select(*columns_of(blocked_address, BlockedAddress)).where(
        blocked_address.c.cafe_id == param("cafe_id"), blocked_address.c.id == param("id")
    )
)
_BLOCKED_NETWORK = Statement(
    sa.select(*columns_of(blocked_address, BlockedAddress)).where(
        blocked_address.c.cafe_id == param("cafe_id"), blocked_address.c.network == param("network")
    )
)
_BLOCKED_COUNT = Statement(
    sa.select(sa.func.count()).select_from(blocked_address).where(blocked_address.c.cafe_id == param("cafe_id"))
)
_EVENTS = Statement(
    sa.select(*columns_of(security_event, SecurityEvent))
    .where(security_event.c.cafe_id == param("cafe_id"), security_event.c.id < param("before"))
    .order_by(security_event.c.id.desc())
    .limit(param("limit"))
)
_PACE = Statement(
    sa.select(*columns_of(payment_pace, Pace)).where(
        payment_pace.c.cafe_id == param("cafe_id"), payment_pace.c.subject == param("subject")
    )
)

_FAILED = sa.and_(payment.c.state == "failed", payment.c.failed_at > param("failed_since"))
_REPEATED = sa.and_(
    payment_attempt.c.total_minor == param("total_minor"), payment_attempt.c.at > param("repeated_since")
)
_SPENT = sa.and_(payment_attempt.c.day == param("day"), payment.c.state.in_(("pending", "processing", "completed")))
_TO_ITS_PAYMENT = sa.and_(payment.c.cafe_id == payment_attempt.c.cafe_id, payment.c.id == payment_attempt.c.payment_id)
_COUNTS: list[Any] = [
    sa.cast(sa.func.coalesce(sa.func.sum(sa.case((_SPENT, payment_attempt.c.total_minor), else_=0)), 0), sa.BigInteger),
    sa.func.count(sa.case((_FAILED, 1))),
    sa.func.min(sa.case((_FAILED, payment.c.failed_at)), type_=Instant),
    sa.func.count(sa.case((_REPEATED, 1))),
    sa.func.min(sa.case((_REPEATED, payment_attempt.c.at)), type_=Instant),
]
"""In the order of the fields of Earlier."""
_EARLIER = (
    sa.select(*_COUNTS)
    .select_from(sa.join(payment_attempt, payment, _TO_ITS_PAYMENT))
    .where(payment_attempt.c.cafe_id == param("cafe_id"), payment_attempt.c.at > param("since"))
)
_OF_PERSON = Statement(_EARLIER.where(payment_attempt.c.person_id == param("person_id")))
_FROM_NETWORK = Statement(_EARLIER.where(payment_attempt.c.network == param("network")))


async def policy(reader: Reader, *, lock: bool = False) -> PolicyRow | None:
    """The cafe's own limits, None while none were set."""
    return await reader.one(_POLICY, PolicyRow, lock=lock, cafe_id=reader.cafe_id)


async def blocked(reader: Reader) -> list[BlockedAddress]:
    """What is kept out now."""
    return await reader.all(_BLOCKED, BlockedAddress, cafe_id=reader.cafe_id, now=reader.now)


async def blocked_page(reader: Reader, before: str, limit: int) -> list[BlockedAddress]:
    """What is and was kept out, the newest first."""
    return await reader.all(_BLOCKED_PAGE, BlockedAddress, cafe_id=reader.cafe_id, before=before, limit=limit)


async def blocked_one(reader: Reader, blocked_id: str) -> BlockedAddress | None:
    """One of them."""
    return await reader.one(_BLOCKED_ONE, BlockedAddress, cafe_id=reader.cafe_id, id=blocked_id)


async def blocked_network(reader: Reader, network: str) -> BlockedAddress | None:
    """The one with this very network."""
    return await reader.one(_BLOCKED_NETWORK, BlockedAddress, cafe_id=reader.cafe_id, network=network)


async def blocked_count(reader: Reader) -> int:
    """How many there are."""
    return int(await reader.value(_BLOCKED_COUNT, cafe_id=reader.cafe_id))


async def events(reader: Reader, before: str, limit: int) -> list[SecurityEvent]:
    """What was refused, the newest first."""
    return await reader.all(_EVENTS, SecurityEvent, cafe_id=reader.cafe_id, before=before, limit=limit)


async def pace(reader: Reader, subject: str) -> Pace | None:
    """The row that those who count the same past wait at."""
    return await reader.one(_PACE, Pace, lock=True, cafe_id=reader.cafe_id, subject=subject)


async def earlier_of_person(reader: Reader, attempt: PaymentAttempt, back: Lookback) -> Earlier:
    """What its person paid before this attempt."""
    return await _earlier(reader, _OF_PERSON, attempt, back, person_id=attempt.person_id)


async def earlier_from_network(reader: Reader, attempt: PaymentAttempt, back: Lookback) -> Earlier:
    """What was paid from its address before this attempt."""
    return await _earlier(reader, _FROM_NETWORK, attempt, back, network=attempt.network)


async def _earlier(
    reader: Reader, statement: Statement, attempt: PaymentAttempt, back: Lookback, **who: Any
) -> Earlier:
    found = await reader.one(
        statement,
        Earlier,
        cafe_id=reader.cafe_id,
        day=attempt.day,
        total_minor=attempt.total_minor,
        failed_since=back.failed_since,
        repeated_since=back.repeated_since,
        since=back.since,
        **who,
    )
    assert found is not None, "an aggregate has one row"
    return found
