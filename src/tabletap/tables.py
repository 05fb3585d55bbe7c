"""Every table there is: importing this fills the metadata for migrations and tests."""

from tabletap.cafes import store as cafes
from tabletap.credits import store as credit
from tabletap.identity import store as identity
from tabletap.infra import idempotency, streams
from tabletap.ledger import store as ledger
from tabletap.orders import store as orders
from tabletap.payments import store as payments
from tabletap.payments.accounts import store as provider_accounts
from tabletap.payments.disputes import store as disputes
from tabletap.payments.security import store as security
from tabletap.qr import store as qr
from tabletap.tips import store as tips
from tabletap.webhooks import store as webhooks

__all__ = [
    "cafes",
    "credit",
    "disputes",
    "idempotency",
    "identity",
    "ledger",
    "orders",
    "payments",
    "provider_accounts",
    "qr",
    "security",
    "streams",
    "tips",
    "webhooks",
]
