"""What the routes call, built by the app and handed in once."""

from collections.abc import Callable
from typing import Any

import msgspec

from tabletap.audiences.broadcasts import Broadcasts
from tabletap.audiences.roll_call import RollCalls
from tabletap.audiences.snapshots import Snapshots
from tabletap.cafes.service import CafeService
from tabletap.credits.service import CreditService
from tabletap.identity.service import IdentityService
from tabletap.identity.tokens import Tokens
from tabletap.infra.broker import Broker
from tabletap.infra.db.open import AnyDatabase
from tabletap.ledger.audit.service import AuditService
from tabletap.ledger.explorer.service import ExplorerService
from tabletap.orders.service import OrderService
from tabletap.payments.accounts.service import AccountService
from tabletap.payments.changing import OrderChanges
from tabletap.payments.counter import CounterService
from tabletap.payments.disputes.service import DisputeService
from tabletap.payments.moving import OrderMoves
from tabletap.payments.order_refunds import OrderRefundService
from tabletap.payments.pay_page import PayPageService
from tabletap.payments.refunds import RefundService
from tabletap.payments.reviewing import ReviewService
from tabletap.payments.security.service import SecurityService
from tabletap.payments.service import PaymentService
from tabletap.payments.splits import SplitService
from tabletap.payments.top_ups import TopUpService
from tabletap.reconciliation.payouts.service import PayoutService
from tabletap.reconciliation.resolving import ResolveService
from tabletap.reconciliation.uploading import StatementService
from tabletap.reports.receipts.service import ReceiptService
from tabletap.reports.sales.service import SalesService
from tabletap.reports.statistics.service import StatisticsService
from tabletap.till.days.service import DayService
from tabletap.till.service import TillService
from tabletap.tips.rules.service import TipRuleService
from tabletap.tips.service import TipService
from tabletap.tips.sharing.service import SharingService
from tabletap.tips.sharing.statements import StatementService as TipStatementService
from tabletap.tips.shifts.service import ShiftService
from tabletap.webhooks.service import WebhookService


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """Every service that a route needs."""

    db: AnyDatabase
    broker: Broker
    tokens: Tokens
    identity: IdentityService
    cafes: CafeService
    orders: OrderService
    order_moves: OrderMoves
    order_changes: OrderChanges
    payments: PaymentService
    refunds: RefundService
    reviews: ReviewService
    disputes: DisputeService
    order_refunds: OrderRefundService
    counter: CounterService
    pay_pages: PayPageService
    splits: SplitService
    credits: CreditService
    top_ups: TopUpService
    tips: TipService
    shifts: ShiftService
    tip_rules: TipRuleService
    tip_sharing: SharingService
    tip_statements: TipStatementService
    till: TillService
    days: DayService
    bank_statements: StatementService
    bank_lines: ResolveService
    payouts: PayoutService
    webhooks: WebhookService
    provider_accounts: AccountService
    security: SecurityService
    receipts: ReceiptService
    statistics: StatisticsService
    sales: SalesService
    snapshots: Snapshots
    roll_calls: RollCalls
    broadcasts: Broadcasts
    audit: AuditService
    ledger: ExplorerService


class HttpSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What can be set about the edge itself."""

    public_url: str = ""
    """Where people reach us; addresses in answers begin with it."""
    allowed_origins: tuple[str, ...] = ()
    """Other sites whose pages may call us."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks of proxies whose X-Forwarded-For is believed."""
    access_log: bool = True
    asyncapi: Callable[[], Any] = dict
    """Makes the document in which the live edge says what it offers."""
