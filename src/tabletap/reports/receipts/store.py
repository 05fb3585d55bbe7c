"""The tables and statements of receipts."""

import sqlalchemy as sa

from tabletap.infra.db.schema import Id, Instant, Text, Whole, column, columns_of, metadata, of_cafe, param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader
from tabletap.reports.receipts.model import ReceiptMail, ReceiptRow

receipt = sa.Table(
    "receipt",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("order_id", Id),
    column("number", Whole),
    column("issued_at", Instant),
    sa.CheckConstraint("number > 0", name="number"),
    of_cafe("cafe_order", "order_id"),
    sa.UniqueConstraint("cafe_id", "number"),
    sa.UniqueConstraint("cafe_id", "order_id"),
)
receipt_mail = sa.Table(
    "receipt_mail",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("order_id", Id),
    column("address", Text),
    column("status", Text),
    column("attempts", Whole),
    column("error", Text, null=True),
    column("asked_by", Id),
    column("asked_at", Instant),
    column("sent_at", Instant, null=True),
    column("version", Whole),
    sa.CheckConstraint("status IN ('waiting', 'sent', 'failed')", name="status"),
    of_cafe("cafe_order", "order_id"),
    sa.Index("ix_receipt_mail_order", "cafe_id", "order_id"),
)

_OF_ORDER = Statement(
    sa.select(*columns_of(receipt, ReceiptRow)).where(
        receipt.c.cafe_id == param("cafe_id"), receipt.c.order_id == param("order_id")
    )
)
_FIRST = Statement(
    sa.select(*columns_of(receipt, ReceiptRow)).where(receipt.c.cafe_id == param("cafe_id"), receipt.c.number == 1)
)
_LAST = Statement(sa.select(sa.func.max(receipt.c.number)).where(receipt.c.cafe_id == param("cafe_id")))
_MAIL = Statement(
    sa.select(*columns_of(receipt_mail, ReceiptMail)).where(
        receipt_mail.c.cafe_id == param("cafe_id"), receipt_mail.c.id == param("id")
    )
)
_MAILS = Statement(
    sa.select(*columns_of(receipt_mail, ReceiptMail))
    .where(receipt_mail.c.cafe_id == param("cafe_id"), receipt_mail.c.order_id == param("order_id"))
    .order_by(receipt_mail.c.id)
)


async def of_order(reader: Reader, order_id: str, *, lock: bool = False) -> ReceiptRow | None:
    """The receipt of an order, if one was issued."""
    return await reader.one(_OF_ORDER, ReceiptRow, lock=lock, cafe_id=reader.cafe_id, order_id=order_id)


async def next_number(reader: Reader) -> int:
    """The number of the next receipt. Of two at once, the second decides again: numbers are unique.

    The first receipt's row is where those who decide again queue up, so that each of them has its turn.
    """
    await reader.one(_FIRST, ReceiptRow, lock=True, cafe_id=reader.cafe_id)
    return int(await reader.value(_LAST, cafe_id=reader.cafe_id) or 0) + 1


async def mail(reader: Reader, mail_id: str, *, lock: bool = False) -> ReceiptMail | None:
    """One mail."""
    return await reader.one(_MAIL, ReceiptMail, lock=lock, cafe_id=reader.cafe_id, id=mail_id)


async def mails(reader: Reader, order_id: str) -> list[ReceiptMail]:
    """The mails with an order's receipt, oldest first."""
    return await reader.all(_MAILS, ReceiptMail, cafe_id=reader.cafe_id, order_id=order_id)
