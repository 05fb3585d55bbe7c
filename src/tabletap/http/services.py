"""What the routes call, built by the app and handed in once."""

import msgspec

from tabletap.audiences.snapshots import Snapshots
from tabletap.cafes.service import CafeService
from tabletap.credits.service import CreditService
from tabletap.identity.service import IdentityService
from tabletap.identity.tokens import Tokens
from tabletap.infra.db.open import AnyDatabase
from tabletap.orders.service import OrderService
from tabletap.payments.counter import CounterService
from tabletap.payments.moving import OrderMoves
from tabletap.payments.refunds import RefundService
from tabletap.payments.service import PaymentService
from tabletap.payments.splits import SplitService
from tabletap.tips.service import TipService
from tabletap.webhooks.service import WebhookService


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """Every service that a route needs."""

    db: AnyDatabase
    tokens: Tokens
    identity: IdentityService
    cafes: CafeService
    orders: OrderService
    order_moves: OrderMoves
    payments: PaymentService
    refunds: RefundService
    counter: CounterService
    splits: SplitService
    credits: CreditService
    tips: TipService
    webhooks: WebhookService
    snapshots: Snapshots


class HttpSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What can be set about the edge itself."""

    public_url: str = ""
    """Where people reach us; addresses in answers begin with it."""
    allowed_origins: tuple[str, ...] = ()
    """Other sites whose pages may call us."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks of proxies whose X-Forwarded-For is believed."""
    access_log: bool = True
