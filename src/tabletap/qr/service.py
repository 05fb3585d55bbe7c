"""Bank-transfer QR payments as rows: opening one, showing it, drawing its image."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import Id, new_id
from tabletap.qr import store
from tabletap.qr.errors import BankDetailsMissing
from tabletap.qr.image import SVG_MEDIA_TYPE, data_url, svg
from tabletap.qr.model import BankDetails, new_reference, payload_for
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
        reference=row.reference,
        payload=row.payload,
        format=row.format,
        image_url=f"/api/v1/qr-payments/{row.id}/image.svg",
        bank_details=row.bank_details,
        status=row.status,
        expires_at=row.expires_at,
    )


def open_qr(
    tx: Transaction,
    payment_id: Id,
    amount_minor: int,
    currency: str,
    bank_details: Mapping[str, Any] | None,
    expires_at: datetime | None,
    public_url: str,
) -> QrPayment:
    """Await a transfer: a fresh reference and the payload for the bank app. Raises BankDetailsMissing."""
    if not bank_details:
        raise BankDetailsMissing
    details = msgspec.convert(dict(bank_details), BankDetails)
    qr_payment_id, reference = new_id(), new_reference(currency)
    pay_page_url = f"{public_url}/pay/{qr_payment_id}"
    encoded = payload_for(currency, amount_minor, details, reference, pay_page_url)
    shown: dict[str, str] = msgspec.to_builtins(details)
    row = QrPayment(
        tx.cafe_id, qr_payment_id, payment_id, reference, encoded.payload, encoded.format.value, amount_minor, currency,
        shown, "generated", None, 1, tx.now, expires_at,
    )  # fmt: skip
    tx.add(store.qr_payment, row)
    tx.remember(("qr", payment_id), row)
    return row


def close_qr(tx: Transaction, row: QrPayment, status: str, bank_reference: str | None = None) -> QrPayment:
    """Note what became of an awaited transfer: paid, expired or cancelled."""
    after = msgspec.structs.replace(row, status=status, bank_reference=bank_reference, version=row.version + 1)
    tx.save(store.qr_payment, row, after, ("cafe_id", "id"), ("version",))
    tx.remember(("qr", row.payment_id), after)
    return after


def image_data_url(row: QrPayment) -> str:
    """The code as a data URL (`qrCodeData`), drawn only when asked for."""
    return data_url(svg(row.payload, f"Pay {row.reference}"), SVG_MEDIA_TYPE)
