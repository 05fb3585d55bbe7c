"""The map from the seed's names to our files stays true."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = re.findall(
    r"^\| (`.+?) \| `(\S+?)` \| ?(.*?) ?\|$", (ROOT / "docs/reference/seed-map.md").read_text(), re.MULTILINE
)
SEED_NAMES = """
PaymentModule WebSocketModule PaymentTransaction CustomerCredit CreditTransaction CafeTipConfiguration PaymentRefund
PaymentSplit PaymentWebhook TipDistribution QRCodePayment PaymentController PayconicWebhookController QRCodeController
CreditController TipController PaymentService PayconicService QRCodeService CreditService TipService
PaymentSecurityService PaymentGatewayFactory PayconicGateway QRCodeBankTransferGateway CustomerCreditGateway
PaymentProcessor WebhookProcessor CreditProcessor PaymentTransactionRepository CustomerCreditRepository
CreditTransactionRepository payment-queue webhook-processing websocket-events OrdersGateway KitchenGateway
CounterGateway CustomersGateway AdminGateway PaymentsGateway WebSocketService ConnectionTrackingService
MultiTenantWebSocketService WebSocketSecurityService WebSocketRateLimiter RealTimeStateManager
StateSynchronizationService WsAuthGuard WebSocketExceptionFilter WebSocketLoggingInterceptor
WebSocketValidationInterceptor EventEmitter2 JwtModule HttpModule ConfigModule BullModule TypeOrmModule initiatePayment
verifyPayment updatePaymentStatus refundPayment calculateExpiryTime calculateJobPriority emitToRoom emitToUser
emitToCafe broadcastToCafe notifyPaymentInitiated notifyOrderStatusChanged getCreditBalance addCredit deductCredit
getCreditHistory processRefundToCredit
""".split()


def test_every_name_of_the_seed_is_on_the_map() -> None:
    listed = {name for names, _, _ in ROWS for name in re.findall(r"`([^`]+)`", names)}
    assert set(SEED_NAMES) <= listed


def test_every_file_on_the_map_exists() -> None:
    assert [path for _, path, _ in ROWS if not (ROOT / path).is_file()] == []


def test_what_is_missing_says_which_issue_brings_it() -> None:
    vague = [names for names, _, remarks in ROWS if "missing" in remarks and not re.search(r"issue \d", remarks)]
    assert vague == []
