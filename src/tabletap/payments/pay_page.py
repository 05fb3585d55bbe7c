"""The page that a payer opens from a transfer's link: what to transfer, and what became of it.

It asks nobody to sign in: the link is scanned by whichever phone has the bank's app. What protects it is the id in the
link, which needs no token beside it: 74 of its bits are random and it is told to nobody but the payer and the cafe's
people, so that guessing one of a million open links takes some 10^16 tries, and tries are limited by address. What it
shows is what a payer has to see anyway: where the money goes, how much, under which reference, and whether it came; not
who pays, nor for what.
"""

from datetime import datetime
from typing import Literal

import msgspec

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.infra.ratelimit import Limit, RateLimits
from tabletap.kernel.ids import Id, is_id
from tabletap.orders import store as orders
from tabletap.payments import store
from tabletap.payments.errors import QrPaymentNotFound
from tabletap.qr import image
from tabletap.qr import store as qr_store
from tabletap.qr.model import BankDetails
from tabletap.qr.references import shown_reference
from tabletap.qr.service import note_scanned
from tabletap.qr.store import QrPayment

PAGE_VIEWS = Limit("pay-page", 120, 60)
"""Of one link: several phones look at it every few seconds."""
WRONG_LINKS = Limit("pay-page-wrong", 60, 60)
"""From one address. A whole cafe may sit behind it: right links open there whoever else tries wrong ones."""

TransferState = Literal["waiting", "received", "partly_paid", "expired", "cancelled"]


class TransferStatus(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What became of an awaited transfer, for whoever has its link."""

    status: TransferState
    amount: int
    """What the transfer is asked for."""
    received_amount: int
    missing_amount: int
    """What is still to be paid of a transfer that brought too little; it needs a code of its own."""
    currency: str
    expires_at: datetime | None


class PayPage(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows."""

    qr_payment_id: Id
    status: TransferStatus
    reference: str
    format: str
    payload: str
    details: BankDetails


class PayPageService:
    """What somebody may see and say who has nothing but the link."""

    def __init__(self, db: AnyDatabase, limits: RateLimits | None = None) -> None:
        self.db, self.limits = db, limits or RateLimits()

    async def page(self, qr_payment_id: str, address: str | None) -> PayPage:
        """The page as it is now. Raises QrPaymentNotFound and TooMany."""
        row = await self._found(qr_payment_id, address)
        row, status = await self.db.read(row.cafe_id, lambda reader: _now(reader, row.id), consistent=True)
        return PayPage(
            qr_payment_id=row.id,
            status=status,
            reference=shown_reference(row.reference),
            format=row.format,
            payload=row.payload,
            details=msgspec.convert(row.bank_details, BankDetails),
        )

    async def status(self, qr_payment_id: str, address: str | None) -> TransferStatus:
        """What became of the transfer until now. Raises QrPaymentNotFound and TooMany."""
        row = await self._found(qr_payment_id, address)
        _, status = await self.db.read(row.cafe_id, lambda reader: _now(reader, row.id), consistent=True)
        return status

    async def picture(self, qr_payment_id: str, address: str | None) -> bytes | None:
        """The code as PNG, to be opened in a bank's app; None when there is nothing to be paid with it any more.

        Raises QrPaymentNotFound and TooMany.
        """
        row = await self._found(qr_payment_id, address)
        _, status = await self.db.read(row.cafe_id, lambda reader: _now(reader, row.id), consistent=True)
        return image.png(row.payload) if status.status == "waiting" else None

    async def scanned(self, qr_payment_id: str, address: str | None) -> TransferStatus:
        """Note that the page was opened. Safe to repeat: a code that was opened, paid or ended before stays as it is.

        Raises QrPaymentNotFound and TooMany.
        """
        row = await self._found(qr_payment_id, address)

        async def decide(tx: Transaction) -> TransferStatus:
            payment = await store.get(tx, row.payment_id)
            before = await qr_store.get(tx, row.id, lock=True)
            if payment is None or before is None:
                raise QrPaymentNotFound
            _, status = await _now(tx, row.id)
            if status.status == "waiting":
                note_scanned(tx, before, payment.order_id)
            return status

        if row.status == "generated":
            return await self.db.transaction(row.cafe_id, decide)
        return (await self.db.read(row.cafe_id, lambda reader: _now(reader, row.id), consistent=True))[1]

    async def _found(self, qr_payment_id: str, address: str | None) -> QrPayment:
        row = None
        if is_id(qr_payment_id):
            row = await self.db.across_cafes(lambda reader: qr_store.by_link(reader, qr_payment_id))
        if row is None:
            await self.limits.hit(WRONG_LINKS, address or "")
            raise QrPaymentNotFound
        await self.limits.hit(PAGE_VIEWS, row.id)
        return row


async def _now(reader: Reader, qr_payment_id: Id) -> tuple[QrPayment, TransferStatus]:
    row = await qr_store.get(reader, qr_payment_id)
    payment = await store.get(reader, row.payment_id) if row else None
    order = await orders.get(reader, payment.order_id) if payment else None
    if row is None or payment is None or order is None:
        raise QrPaymentNotFound
    received = payment.total_minor if payment.state == "completed" else 0
    return row, transfer_status(row, received, order.outstanding_minor, reader.now)


def transfer_status(row: QrPayment, received_minor: int, outstanding_minor: int, now: datetime) -> TransferStatus:
    """What a transfer has come to. Of one that brought too little only what its bill still lacks is missing."""
    missing = min(max(0, row.amount_minor - received_minor), outstanding_minor) if received_minor else 0
    if received_minor:
        state: TransferState = "partly_paid" if missing else "received"
    elif row.status == "expired" or (row.expires_at is not None and row.expires_at <= now):
        state = "expired"
    else:
        state = "waiting" if row.status in ("generated", "scanned") else "cancelled"
    return TransferStatus(
        status=state,
        amount=row.amount_minor,
        received_amount=received_minor,
        missing_amount=missing,
        currency=row.currency,
        expires_at=row.expires_at,
    )
