"""The routes, one file per resource. Those of the API answer under `/api/v1`."""

from collections.abc import Sequence

from litestar.types import ControllerRouterHandler

from tabletap.http.routes import (
    announcements,
    auth,
    bank_statements,
    cafes,
    credits,
    customers,
    docs,
    health,
    ledger,
    orders,
    payments,
    presence,
    provider_accounts,
    qr,
    receipts,
    refunds,
    reviews,
    security,
    splits,
    statistics,
    streams,
    till,
    tips,
    top_ups,
    webhooks,
)

API_ROUTES: Sequence[ControllerRouterHandler] = (
    *auth.ROUTES,
    *cafes.ROUTES,
    *customers.ROUTES,
    *orders.ROUTES,
    *payments.ROUTES,
    *receipts.ROUTES,
    *refunds.ROUTES,
    *reviews.ROUTES,
    *splits.ROUTES,
    *statistics.ROUTES,
    *credits.ROUTES,
    *tips.ROUTES,
    *till.ROUTES,
    *top_ups.ROUTES,
    *qr.ROUTES,
    *bank_statements.ROUTES,
    *webhooks.ROUTES,
    *provider_accounts.ROUTES,
    *security.ROUTES,
    *streams.ROUTES,
    *announcements.ROUTES,
    *presence.ROUTES,
    *ledger.ROUTES,
)
PLAIN_ROUTES: Sequence[ControllerRouterHandler] = (*health.ROUTES, *docs.ROUTES)
