"""Every table there is: importing this fills the metadata for migrations and tests."""

from tabletap.cafes import store as cafes
from tabletap.credits import store as credit
from tabletap.identity import store as identity
from tabletap.infra import idempotency, revocations, streams
from tabletap.ledger import store as ledger
from tabletap.ledger.audit import store as audit
from tabletap.orders import store as orders
from tabletap.payments import store as payments
from tabletap.payments.accounts import store as provider_accounts
from tabletap.payments.disputes import store as disputes
from tabletap.payments.security import store as security
from tabletap.qr import store as qr
from tabletap.reconciliation import store as reconciliation
from tabletap.reconciliation.payouts import store as payouts
from tabletap.reports.receipts import store as receipts
from tabletap.till import store as till
from tabletap.till.days import store as days
from tabletap.tips import store as tips
from tabletap.tips.payouts import store as tip_payouts
from tabletap.tips.rules import store as tip_rules
from tabletap.tips.sharing import store as tip_sharing
from tabletap.tips.shifts import store as shifts
from tabletap.webhooks import store as webhooks

__all__ = [
    "audit",
    "cafes",
    "credit",
    "days",
    "disputes",
    "idempotency",
    "identity",
    "ledger",
    "orders",
    "payments",
    "payouts",
    "provider_accounts",
    "qr",
    "receipts",
    "reconciliation",
    "revocations",
    "security",
    "shifts",
    "streams",
    "till",
    "tip_payouts",
    "tip_rules",
    "tip_sharing",
    "tips",
    "webhooks",
]
