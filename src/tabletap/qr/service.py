"""Bank-transfer QR payments as rows: opening one, showing it, drawing its image."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import Id, new_id
from tabletap.qr import store
from tabletap.qr.errors import BankDetailsMissing
from tabletap.qr.events import QrPaymentScanned
from tabletap.qr.image import SVG_MEDIA_TYPE, data_url, svg
from tabletap.qr.model import BankDetails
from tabletap.qr.payloads import payload_for
from tabletap.qr.references import new_reference, shown_reference
from tabletap.qr.store import QrPayment


class QrView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """The `qr` part of a payment (contract 2.2)."""

    qr_payment_id: Id
    reference: str
    payload: str
    format: str
    image_url: str
    bank_details: dict[str, str]
    status: str
    expires_at: datetime | None = None


def view_of(row: QrPayment) -> QrView:
    """The QR payment as callers see it."""
    return QrView(
        qr_payment_id=row.id,
        reference=shown_reference(row.reference),
        payload=row.payload,
        format=row.format,
        image_url=f"/api/v1/qr-payments/{row.id}/image.svg",
        bank_details=row.bank_details,
        status=row.status,
        expires_at=row.expires_at,
    )


async def open_qr(
    tx: Transaction,
    payment_id: Id,
    amount_minor: int,
    currency: str,
    bank_details: Mapping[str, Any] | None,
    expires_at: datetime | None,
    public_url: str,
) -> QrPayment:
    """Await a transfer: a fresh reference and the payload for the bank app.

    A reference that the cafe has used already is drawn again; the database refuses the one that another transaction
    takes in the same moment, and then this one decides again. Raises BankDetailsMissing.
    """
    if not bank_details:
        raise BankDetailsMissing
    details = msgspec.convert(dict(bank_details), BankDetails)
    qr_payment_id, reference = new_id(), await _free_reference(tx, currency, details)
    pay_page_url = f"{public_url}/pay/{qr_payment_id}"
    encoded = payload_for(currency, amount_minor, details, reference, pay_page_url, expires_at)
    shown: dict[str, str] = msgspec.to_builtins(details)
    row = QrPayment(
        tx.cafe_id, qr_payment_id, payment_id, reference, encoded.payload, encoded.format.value, amount_minor, currency,
        shown, "generated", None, 1, tx.now, expires_at, None,
    )  # fmt: skip
    tx.add(store.qr_payment, row, retry_on_duplicate=True)
    tx.remember(("qr", payment_id), row)
    return row


async def _free_reference(tx: Transaction, currency: str, details: BankDetails) -> str:
    """A Belgian reference has ten random digits: now and then one comes up twice."""
    while True:
        reference = new_reference(currency, details.reference_style or "iso11649")
        if not await store.has_reference(tx, reference):
            return reference


def note_scanned(tx: Transaction, row: QrPayment, order_id: Id) -> QrPayment:
    """Note that the payer opened the pay page. Safe to repeat: only a code nobody opened yet moves, and once."""
    if row.status != "generated":
        return row
    after = msgspec.structs.replace(row, status="scanned", scanned_at=tx.now, version=row.version + 1)
    tx.save(store.qr_payment, row, after, ("cafe_id", "id"), ("version",))
    tx.emit(
        QrPaymentScanned(
            cafe_id=tx.cafe_id, at=tx.now, qr_payment_id=row.id, payment_id=row.payment_id, order_id=order_id
        )
    )
    return after


def close_qr(tx: Transaction, row: QrPayment, status: str, bank_reference: str | None = None) -> QrPayment:
    """Note what became of an awaited transfer: paid, expired or cancelled."""
    after = msgspec.structs.replace(row, status=status, bank_reference=bank_reference, version=row.version + 1)
    tx.save(store.qr_payment, row, after, ("cafe_id", "id"), ("version",))
    tx.remember(("qr", row.payment_id), after)
    return after


def image_data_url(row: QrPayment) -> str:
    """The code as a data URL (`qrCodeData`), drawn only when asked for."""
    return data_url(svg(row.payload, f"Pay {shown_reference(row.reference)}"), SVG_MEDIA_TYPE)
