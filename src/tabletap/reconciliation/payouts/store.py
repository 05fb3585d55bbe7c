"""The tables and statements of payouts."""

import sqlalchemy as sa

from tabletap.infra.db.schema import Id, Instant, Json, Minor, Text, Whole, column, columns_of, metadata, of_cafe, param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader
from tabletap.reconciliation.matching import Announced
from tabletap.reconciliation.records import Payout, PayoutLine

payout = sa.Table(
    "payout",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("provider_account_id", Id),
    column("external_id", Text),
    column("currency", Text),
    column("gross_minor", Minor),
    column("fee_minor", Minor),
    column("refund_minor", Minor),
    column("dispute_minor", Minor),
    column("net_minor", Minor),
    column("paid_on", Text),
    column("mode", Text),
    column("state", Text),
    column("differences", Json, null=True),
    column("imported_by", Id),
    column("imported_at", Instant),
    column("version", Whole),
    sa.CheckConstraint("gross_minor - fee_minor - refund_minor - dispute_minor = net_minor", name="net"),
    sa.CheckConstraint("state IN ('announced', 'received')", name="state"),
    sa.CheckConstraint("mode IN ('live', 'test')", name="mode"),
    of_cafe("provider_account", "provider_account_id"),
    sa.UniqueConstraint("cafe_id", "provider_account_id", "external_id"),
    sa.Index("ix_payout_state", "cafe_id", "state", "id"),
)
payout_line = sa.Table(
    "payout_line",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("payout_id", Id, primary_key=True),
    column("n", Whole, primary_key=True),
    column("kind", Text),
    column("reference", Text),
    column("amount_minor", Minor),
    column("fee_minor", Minor),
    column("payment_id", Id, null=True),
    column("refund_id", Id, null=True),
    column("difference", Text, null=True),
    sa.CheckConstraint("kind IN ('payment', 'refund', 'dispute')", name="kind"),
    sa.CheckConstraint("amount_minor > 0", name="amount"),
    of_cafe("payout", "payout_id"),
)

_GET = Statement(
    sa.select(*columns_of(payout, Payout)).where(payout.c.cafe_id == param("cafe_id"), payout.c.id == param("id"))
)
_BY_NAME = Statement(
    sa.select(*columns_of(payout, Payout)).where(
        payout.c.cafe_id == param("cafe_id"),
        payout.c.provider_account_id == param("provider_account_id"),
        payout.c.external_id == param("external_id"),
    )
)
_ANNOUNCED = Statement(
    sa.select(payout.c.id, payout.c.external_id, payout.c.net_minor)
    .where(payout.c.cafe_id == param("cafe_id"), payout.c.state == "announced")
    .order_by(payout.c.id)
    .limit(1000)
)
_PAGE = Statement(
    sa.select(*columns_of(payout, Payout))
    .where(payout.c.cafe_id == param("cafe_id"), payout.c.id < param("before"))
    .order_by(payout.c.id.desc())
    .limit(param("limit"))
)
_LINES = Statement(
    sa.select(*columns_of(payout_line, PayoutLine))
    .where(payout_line.c.cafe_id == param("cafe_id"), payout_line.c.payout_id == param("payout_id"))
    .order_by(payout_line.c.n)
)


async def get(reader: Reader, payout_id: str, *, lock: bool = False) -> Payout | None:
    """A payout of the reader's cafe."""
    return await reader.one(_GET, Payout, lock=lock, cafe_id=reader.cafe_id, id=payout_id)


async def by_name(reader: Reader, provider_account_id: str, external_id: str) -> Payout | None:
    """A payout as its provider names it."""
    return await reader.one(
        _BY_NAME, Payout, cafe_id=reader.cafe_id, provider_account_id=provider_account_id, external_id=external_id
    )


async def announced(reader: Reader) -> list[Announced]:
    """Payouts that no statement has shown yet."""
    rows = await reader.rows(_ANNOUNCED, {"cafe_id": reader.cafe_id}, False)
    return [Announced(payout_id=row[0], external_id=row[1], net_minor=row[2]) for row in rows]


async def page(reader: Reader, before: str, limit: int) -> list[Payout]:
    """Payouts, the newest first."""
    return await reader.all(_PAGE, Payout, cafe_id=reader.cafe_id, before=before, limit=limit)


async def lines(reader: Reader, payout_id: str) -> list[PayoutLine]:
    """The lines of a payout."""
    return await reader.all(_LINES, PayoutLine, cafe_id=reader.cafe_id, payout_id=payout_id)
