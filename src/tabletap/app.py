"""Builds everything, by hand, once: services, reactions, jobs, the HTTP and the live edge."""

from datetime import timedelta
from functools import partial
from typing import Any

import msgspec

from tabletap import reactions, tables  # noqa: F401 - importing the tables fills the metadata
from tabletap.audiences.broadcasts import Broadcasts
from tabletap.audiences.roll_call import RollCalls
from tabletap.audiences.snapshots import Snapshots
from tabletap.cafes import store as cafes_store
from tabletap.cafes.service import CafeService
from tabletap.credits import jobs as credit_jobs
from tabletap.credits import store as credits_store
from tabletap.credits.service import CreditService, Terms
from tabletap.http.app import create_http
from tabletap.http.services import HttpSettings, Services
from tabletap.identity import store as identity_store
from tabletap.identity.service import IdentityService
from tabletap.identity.tokens import Tokens
from tabletap.infra.db.open import open_database
from tabletap.infra.db.transaction import Reader
from tabletap.infra.idempotency import prune as prune_idempotency
from tabletap.infra.jobs.engine import JobEngine
from tabletap.infra.jobs.model import Job
from tabletap.infra.mail import Mailer
from tabletap.infra.retention import forget_events
from tabletap.infra.revocations import Revocations
from tabletap.infra.revocations import prune as prune_revocations
from tabletap.infra.secrets import Sealer
from tabletap.infra.settings import Settings
from tabletap.infra.shared.open import open_shared
from tabletap.kernel.clock import Clock, SystemClock
from tabletap.kernel.errors import InvalidRequest
from tabletap.kernel.ids import Id
from tabletap.ledger.audit import jobs as audit_jobs
from tabletap.ledger.audit.service import AuditService
from tabletap.ledger.explorer.service import ExplorerService
from tabletap.orders import store as orders_store
from tabletap.orders.service import OrderService
from tabletap.payments import jobs as payment_jobs
from tabletap.payments.accounts.service import Accounts, AccountService
from tabletap.payments.changing import OrderChanges
from tabletap.payments.counter import CounterService
from tabletap.payments.daily import service as daily
from tabletap.payments.disputes.service import DisputeService
from tabletap.payments.errors import QrPaymentNotFound
from tabletap.payments.gateways.gateway import GatewayContext, found_gateways
from tabletap.payments.moving import OrderCommands, OrderMoves
from tabletap.payments.order_refunds import OrderRefundService
from tabletap.payments.pay_page import PayPage, PayPageService
from tabletap.payments.refunds import RefundService
from tabletap.payments.reviewing import ReviewService
from tabletap.payments.security.service import SecurityService
from tabletap.payments.service import PaymentService
from tabletap.payments.splits import SplitService
from tabletap.payments.top_ups import TopUpService
from tabletap.qr.model import BankDetails, checked_bank_details
from tabletap.realtime import asyncapi
from tabletap.realtime.connections import LiveLimits
from tabletap.realtime.server import LiveServer
from tabletap.reconciliation.checks import open_items as bank_open_items
from tabletap.reconciliation.payouts.service import PayoutService
from tabletap.reconciliation.resolving import ResolveService
from tabletap.reconciliation.uploading import StatementService
from tabletap.reports.receipts import jobs as receipt_jobs
from tabletap.reports.receipts.service import ReceiptService
from tabletap.reports.sales.service import SalesService
from tabletap.reports.statistics.service import StatisticsService
from tabletap.screens.pages import AnyRequest, MenuPage, routes
from tabletap.till.days.service import DayService
from tabletap.till.service import TillService
from tabletap.tips.rules.service import TipRuleService
from tabletap.tips.service import TipService
from tabletap.tips.sharing.pools import before_close
from tabletap.tips.sharing.service import SharingService
from tabletap.tips.sharing.statements import StatementService as TipStatementService
from tabletap.tips.shifts.service import ShiftService
from tabletap.webhooks import jobs as webhook_jobs
from tabletap.webhooks import open_items as webhook_items
from tabletap.webhooks.service import WebhookService

PRUNE_IDEMPOTENCY = "upkeep:prune_idempotency"
FORGET_EVENTS = "upkeep:forget_events"
_LIVE_PATH = "/socket.io"


class App:
    """One process of TableTap. `asgi` is served by uvicorn between `start` and `stop`."""

    def __init__(
        self, settings: Settings, secret: str, *, public_url: str | None = None, clock: Clock | None = None
    ) -> None:
        self.settings, self.clock = settings, clock or SystemClock()
        self.public_url = public_url or settings.address()
        self.shared = open_shared(settings.redis_url, secret, settings.database_url)
        self.broker = self.shared.broker
        self.db = open_database(
            settings.database_url, self.clock, reactions.follow, self.broker.publish, settings.database_connections
        )
        sealer = Sealer(settings.encryption_keys, secret)
        self.accounts, self.audit = Accounts(self.db, sealer), AuditService(self.db, sealer)
        context = GatewayContext(self.public_url, self.accounts.find, settings.payconic_timeout_seconds)
        self.gateways = found_gateways(context)
        self.revocations = Revocations(self.db, self.clock, self.broker)
        self.services = self._services(secret)
        self.jobs = JobEngine(self.db)
        payment_jobs.register(self.jobs, self.services.payments, self.services.refunds)
        webhook_jobs.register(self.jobs, self.services.webhooks)
        audit_jobs.register(self.jobs, self.audit)
        credit_jobs.register(self.jobs, self.services.credits)
        receipt_jobs.register(self.jobs, self.services.receipts)
        self.jobs.let_nobody_starve()
        self.jobs.cron("17 3 * * *", "upkeep:prune_job_log")(self._prune_job_log)
        self.jobs.cron("37 3 * * *", PRUNE_IDEMPOTENCY, timeout=timedelta(minutes=10))(self._prune_idempotency)
        self.jobs.cron("23 * * * *", FORGET_EVENTS, timeout=timedelta(minutes=10))(self._forget_events)
        self.live = LiveServer(
            db=self.db,
            broker=self.broker,
            verify=self.services.tokens.verify,
            move_order=OrderCommands(self.services.order_moves, self.services.security).move,
            clock=self.clock,
            roll_calls=self.services.roll_calls,
            allowed_origins=(self.public_url, *settings.allowed_origins),
            limits=LiveLimits(
                connections_per_cafe=settings.live_connections_per_cafe,
                connects_per_minute=settings.live_connects_per_minute,
            ),
            trusted_proxies=settings.trusted_proxies,
            revocations=self.revocations,
        )
        self.http = create_http(
            self.services,
            HttpSettings(
                public_url=self.public_url,
                allowed_origins=settings.allowed_origins,
                trusted_proxies=settings.trusted_proxies,
                access_log=settings.log_level == "debug",
                asyncapi=partial(asyncapi.document, self.public_url),
            ),
            extra_routes=routes(self._menu_page, _TransferLinks(self.services.pay_pages), self.public_url),
        )

    def _services(self, secret: str) -> Services:
        db, gateways, settings = self.db, self.gateways, self.settings
        tokens = Tokens(secret, self.clock, current=self.revocations.current)
        origins = (self.public_url, *settings.allowed_origins, *settings.return_origins)
        security = SecurityService(db, self.shared.rate_limits(exact=True))
        payments = PaymentService(db, gateways, origins, security.screening)
        refunds = RefundService(db, gateways)
        return Services(
            db=db,
            broker=self.broker,
            tokens=tokens,
            identity=IdentityService(
                db, tokens, self.clock, limits=self.shared.rate_limits(), revocations=self.revocations
            ),
            cafes=CafeService(db, self.clock, _checked_bank_details, _currency_is_free),
            orders=OrderService(db),
            order_moves=OrderMoves(db, gateways),
            order_changes=OrderChanges(db),
            payments=payments,
            refunds=refunds,
            reviews=ReviewService(db, payments.asking),
            disputes=DisputeService(db),
            order_refunds=OrderRefundService(db, gateways, refunds),
            counter=CounterService(db, gateways),
            pay_pages=PayPageService(db, self.shared.rate_limits()),
            splits=SplitService(db),
            credits=CreditService(db, _credit_terms),
            top_ups=TopUpService(db, _is_customer),
            tips=TipService(db),
            shifts=ShiftService(db),
            tip_rules=TipRuleService(db),
            tip_sharing=SharingService(db),
            tip_statements=TipStatementService(db),
            till=TillService(db),
            days=DayService(
                db,
                self.audit,
                open_items=(daily.open_items, bank_open_items, webhook_items.open_items),
                figures=(daily.totals,),
                before_close=(before_close,),
            ),
            bank_statements=StatementService(db, gateways),
            bank_lines=ResolveService(db, gateways),
            payouts=PayoutService(db),
            webhooks=WebhookService(db, gateways, self.accounts, payments, refunds),
            provider_accounts=AccountService(
                db, self.accounts, gateways.at_provider, self.public_url, settings.payconic_api_url
            ),
            security=security,
            receipts=ReceiptService(db, _mailer(settings)),
            statistics=StatisticsService(db),
            sales=SalesService(db),
            snapshots=Snapshots(db),
            roll_calls=RollCalls(db, self.shared.board),
            broadcasts=Broadcasts(db),
            audit=self.audit,
            ledger=ExplorerService(db),
        )

    async def open(self) -> None:
        """Open the database and see to it that no secret in it is in clear or under an earlier key."""
        await self.db.start()
        await self.accounts.seal()
        await self.audit.signing_keys.seal()
        await self.broker.start()

    async def start(self, *, with_jobs: bool = True) -> None:
        """Open the database, begin to deliver events and, unless another process does, to run jobs."""
        await self.open()
        await self.live.start()
        if with_jobs:
            await self.jobs.start()

    async def stop(self) -> None:
        """Stop taking, finish or hand back, close. Safe to repeat."""
        await self.jobs.stop()
        await self.live.stop()
        await self.services.security.stop()
        await self.gateways.close()
        await self.shared.stop()
        await self.db.stop()

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        """The live edge below /socket.io, HTTP everywhere else."""
        edge = self.live.asgi if scope.get("path", "").startswith(_LIVE_PATH) else self.http
        await edge(scope, receive, send)

    async def _prune_job_log(self, _: Job) -> None:
        await self.jobs.prune_log()

    async def _prune_idempotency(self, _: Job) -> None:
        await prune_idempotency(self.db)
        await prune_revocations(self.db)

    async def _forget_events(self, _: Job) -> None:
        await forget_events(self.db, timedelta(days=self.settings.stream_retention_days))

    async def _menu_page(self, code: str) -> MenuPage | None:
        table = await self.db.across_cafes(lambda reader: cafes_store.table_by_code(reader, code))
        if table is None or not table.active:
            return None
        return MenuPage(table.id, table.number, await self.services.cafes.menu(table.cafe_id))


class _TransferLinks:
    """Who has the link of a transfer, and from where they come."""

    def __init__(self, pay_pages: PayPageService) -> None:
        self.pay_pages = pay_pages

    async def page(self, qr_payment_id: str, request: AnyRequest) -> PayPage | None:
        try:
            return await self.pay_pages.page(qr_payment_id, request.app.state.sign_in.address(request))
        except QrPaymentNotFound:
            return None

    async def picture(self, qr_payment_id: str, request: AnyRequest) -> bytes | None:
        try:
            return await self.pay_pages.picture(qr_payment_id, request.app.state.sign_in.address(request))
        except QrPaymentNotFound:
            return None


def _checked_bank_details(given: Any) -> dict[str, Any]:
    try:
        details: dict[str, Any] = msgspec.to_builtins(checked_bank_details(msgspec.convert(given, BankDetails)))
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"bankDetails are not as they should be: {error}") from None
    return details


async def _currency_is_free(reader: Reader, cafe_id: Id) -> bool:
    """Until the first order and the first credit; after that amounts would change their meaning."""
    return not await orders_store.has_any(reader) and not await credits_store.has_any(reader)


async def _credit_terms(reader: Reader, customer_id: Id) -> Terms | None:
    if not await _is_customer(reader, customer_id):
        return None
    cafe = await cafes_store.get_cafe(reader, reader.cafe_id)
    return Terms(cafe.currency, cafe.counter_credit_limit_minor) if cafe else None


async def _is_customer(reader: Reader, customer_id: Id) -> bool:
    person = await identity_store.get_person(reader, reader.cafe_id, customer_id)
    return person is not None and person.kind == "customer"


def _mailer(settings: Settings) -> Mailer | None:
    if settings.smtp_url is None or settings.mail_from is None:
        return None
    return Mailer(settings.smtp_url, settings.mail_from)
