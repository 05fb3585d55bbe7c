"""The tables and statements of disputes."""

import sqlalchemy as sa

from tabletap.infra.db.schema import Id, Instant, Minor, Text, Whole, column, columns_of, metadata, of_cafe, param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.payments.disputes.model import Dispute, DisputeChange
from tabletap.payments.model import DisputeStatus, Evidence

dispute = sa.Table(
    "dispute",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("payment_id", Id),
    column("order_id", Id),
    column("external_id", Text),
    column("amount_minor", Minor),
    column("currency", Text),
    column("mode", Text),
    column("status", Text),
    column("reason", Text),
    column("order_minor", Minor),
    column("tip_minor", Minor),
    column("suspense_minor", Minor),
    column("version", Whole),
    column("opened_at", Instant),
    column("closed_at", Instant, null=True),
    sa.CheckConstraint("amount_minor > 0", name="amount"),
    sa.CheckConstraint("status IN ('open', 'won', 'lost')", name="status"),
    sa.CheckConstraint("mode IN ('live', 'test')", name="mode"),
    sa.CheckConstraint(
        "order_minor >= 0 AND tip_minor >= 0 AND suspense_minor >= 0 "
        "AND order_minor + tip_minor + suspense_minor <= amount_minor",
        name="parts",
    ),
    sa.UniqueConstraint("cafe_id", "payment_id", "external_id"),
    of_cafe("payment", "payment_id"),
)
dispute_change = sa.Table(
    "dispute_change",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("dispute_id", Id, primary_key=True),
    column("n", Whole, primary_key=True),
    column("from_status", Text, null=True),
    column("to_status", Text),
    column("amount_minor", Minor),
    column("evidence", Text),
    column("actor", Id),
    column("at", Instant),
    sa.ForeignKeyConstraint(
        ["cafe_id", "dispute_id"], ["dispute.cafe_id", "dispute.id"], deferrable=True, initially="DEFERRED"
    ),
)

_OF_PAYMENT = Statement(
    sa.select(*columns_of(dispute, Dispute))
    .where(dispute.c.cafe_id == param("cafe_id"), dispute.c.payment_id == param("payment_id"))
    .order_by(dispute.c.id)
)
_PAGE = Statement(
    sa.select(*columns_of(dispute, Dispute))
    .where(
        dispute.c.cafe_id == param("cafe_id"),
        dispute.c.id < param("before"),
        sa.or_(param("any_status") == sa.true(), dispute.c.status == param("status")),
    )
    .order_by(dispute.c.id.desc())
    .limit(param("limit"))
)


async def of_payment(reader: Reader, payment_id: str, *, lock: bool = False) -> list[Dispute]:
    """The disputes of a payment, oldest first."""
    return await reader.all(_OF_PAYMENT, Dispute, lock=lock, cafe_id=reader.cafe_id, payment_id=payment_id)


async def page(reader: Reader, before: str, limit: int, status: DisputeStatus | None) -> list[Dispute]:
    """Disputes older than an id, newest first; all, or those of one status."""
    return await reader.all(
        _PAGE,
        Dispute,
        cafe_id=reader.cafe_id,
        before=before,
        limit=limit,
        any_status=status is None,
        status=status or "",
    )


def save(tx: Transaction, before: Dispute | None, after: Dispute, evidence: Evidence, actor: str) -> None:
    """A new or changed dispute and the step that made it so."""
    if before is None:
        tx.add(dispute, after, retry_on_duplicate=True)
    else:
        tx.save(dispute, before, after, ("cafe_id", "id"), ("version",))
    change = DisputeChange(
        after.cafe_id, after.id, after.version, before.status if before else None, after.status, after.amount_minor,
        evidence, actor, tx.now,
    )  # fmt: skip
    tx.add(dispute_change, change)
