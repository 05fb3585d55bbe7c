"""Every table there is: importing this fills the metadata for migrations and tests."""

from tabletap.cafes import store as cafes
from tabletap.credits import store as credit
from tabletap.identity import store as identity
from tabletap.infra import idempotency, streams
from tabletap.ledger import store as ledger
from tabletap.orders import store as orders
from tabletap.payments import store as payments
from tabletap.qr import store as qr
from tabletap.tips import store as tips
from tabletap.webhooks import store as webhooks

__all__ = [
    "cafes",
    "credit",
    "idempotency",
    "identity",
    "ledger",
    "orders",
    "payments",
    "qr",
    "streams",
    "tips",
    "webhooks",
]
