"""The table and statements of bank-transfer QR payments."""

from datetime import datetime

import msgspec
import sqlalchemy as sa

from tabletap.infra.db.schema import Id, Instant, Json, Minor, Text, Whole, column, columns_of, metadata, param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader


class QrPayment(msgspec.Struct, frozen=True):
    """A bank transfer that is awaited: a row of `qr_payment`. The image is drawn when somebody asks for it."""

    cafe_id: str
    id: str
    payment_id: str
    reference: str
    payload: str
    format: str
    amount_minor: int
    currency: str
    bank_details: dict[str, str]
    status: str
    bank_reference: str | None
    version: int
    created_at: datetime
    expires_at: datetime | None
    scanned_at: datetime | None


qr_payment = sa.Table(
    "qr_payment",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("payment_id", Id),
    column("reference", Text),
    column("payload", Text),
    column("format", Text),
    column("amount_minor", Minor),
    column("currency", Text),
    column("bank_details", Json),
    column("status", Text),
    column("bank_reference", Text, null=True),
    column("version", Whole),
    column("created_at", Instant),
    column("expires_at", Instant, null=True),
    column("scanned_at", Instant, null=True),
    sa.CheckConstraint("amount_minor > 0", name="amount"),
    sa.CheckConstraint("status IN ('generated', 'scanned', 'paid', 'expired', 'cancelled')", name="status"),
    sa.UniqueConstraint("cafe_id", "payment_id"),
    sa.UniqueConstraint("cafe_id", "reference"),
    sa.Index("ix_qr_payment_id", "id"),
)

_GET = Statement(
    sa.select(*columns_of(qr_payment, QrPayment)).where(
        qr_payment.c.cafe_id == param("cafe_id"), qr_payment.c.id == param("id")
    )
)
_OF_PAYMENT = Statement(
    sa.select(*columns_of(qr_payment, QrPayment)).where(
        qr_payment.c.cafe_id == param("cafe_id"), qr_payment.c.payment_id == param("payment_id")
    )
)
_BY_ID = Statement(sa.select(*columns_of(qr_payment, QrPayment)).where(qr_payment.c.id == param("id")))
_HAS_REFERENCE = Statement(
    sa.select(qr_payment.c.id).where(
        qr_payment.c.cafe_id == param("cafe_id"), qr_payment.c.reference == param("reference")
    )
)


async def get(reader: Reader, qr_payment_id: str, *, lock: bool = False) -> QrPayment | None:
    """A QR payment of the reader's cafe by its own id."""
    return await reader.one(_GET, QrPayment, lock=lock, cafe_id=reader.cafe_id, id=qr_payment_id)


async def of_payment(reader: Reader, payment_id: str, *, lock: bool = False) -> QrPayment | None:
    """The QR payment behind a payment."""
    return await reader.one(_OF_PAYMENT, QrPayment, lock=lock, cafe_id=reader.cafe_id, payment_id=payment_id)


async def by_link(reader: Reader, qr_payment_id: str) -> QrPayment | None:
    """The QR payment whose pay page this is, whichever cafe's: for `across_cafes` (infra/tenancy.py)."""
    return await reader.one(_BY_ID, QrPayment, id=qr_payment_id)


async def has_reference(reader: Reader, reference: str) -> bool:
    """Whether the cafe has used the reference before."""
    return await reader.value(_HAS_REFERENCE, cafe_id=reader.cafe_id, reference=reference) is not None
