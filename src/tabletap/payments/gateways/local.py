"""Ways to be paid that need no provider: customer credit, cash at the counter, and a bank transfer by QR."""

from collections.abc import Mapping
from datetime import timedelta

from tabletap.cafes import store as cafes
from tabletap.cafes.model import EXPIRY_MINUTES
from tabletap.credits import service as credits
from tabletap.infra.db.transaction import Transaction
from tabletap.ledger.model import BANK, CASH_DRAWER, customer_credit
from tabletap.payments.errors import MethodNotOffered
from tabletap.payments.gateways.gateway import GatewayContext
from tabletap.payments.model import Answer, Payment, Refund, RefundAnswer
from tabletap.qr.service import open_qr


class _Local:
    """Nobody outside is asked: what was decided here is the truth."""

    name = ""
    methods: Mapping[str, timedelta | None] = {}
    at_provider = False

    def __init__(self, context: GatewayContext | None = None) -> None:
        """Nothing is needed."""

    async def close(self) -> None:
        """Nothing is open."""

    async def start(self, payment: Payment, return_url: str | None) -> Answer:
        """Nothing to start: the state it has."""
        return Answer(state=payment.state, evidence="ledger")

    async def check(self, payment: Payment) -> Answer:
        """The state it has: only people move it."""
        return Answer(state=payment.state, evidence="ledger")

    async def cancel(self, payment: Payment) -> Answer:
        """Nobody can object."""
        return Answer(state="cancelled", evidence="clock")

    async def refund(self, payment: Payment, refund: Refund) -> RefundAnswer:
        """Done with the booking: the money is handed over, credited or sent by the person who refunds."""
        return RefundAnswer(status="completed")

    async def check_refund(self, payment: Payment, refund: Refund) -> RefundAnswer:
        """Done with the booking."""
        return RefundAnswer(status="completed")


class CustomerCreditGateway(_Local):
    """Prepaid credit: taken in the payment's own transaction."""

    name = "customer_credit"
    methods: Mapping[str, timedelta | None] = {name: timedelta(minutes=EXPIRY_MINUTES[name])}

    async def open(self, tx: Transaction, payment: Payment) -> Answer | None:
        """Spend the credit. Raises InsufficientCredit."""
        if payment.customer_id is None:
            raise MethodNotOffered("Credit needs a customer account; guests pay in another way.")
        await credits.move(
            tx, payment.customer_id, -payment.total_minor, "debit", "Order payment", payment.currency,
            order_id=payment.order_id, payment_id=payment.id, staff_id=payment.staff_id,
        )  # fmt: skip
        return Answer(state="completed", evidence="ledger")

    def account(self, payment: Payment) -> str:
        """What we owed the customer shrinks."""
        return customer_credit(payment.customer_id or "")


class CashGateway(_Local):
    """Cash: promised by the guest, completed by the counter."""

    name = "cash"
    methods: Mapping[str, timedelta | None] = {"cash": None}

    async def open(self, tx: Transaction, payment: Payment) -> Answer | None:
        """Wait for the counter."""
        return Answer(state="pending", evidence="staff")

    def account(self, payment: Payment) -> str:
        """The drawer."""
        return CASH_DRAWER


class QrBankTransferGateway(_Local):
    """A bank transfer that the guest makes from the code: completed when it is seen on the account."""

    name = "qr_bank_transfer"
    methods: Mapping[str, timedelta | None] = {
        "qr_bank_transfer": timedelta(minutes=EXPIRY_MINUTES["qr_bank_transfer"])
    }

    def __init__(self, context: GatewayContext) -> None:
        self.public_url = context.public_url

    async def open(self, tx: Transaction, payment: Payment) -> Answer | None:
        """Make the reference and the payload. Raises BankDetailsMissing."""
        cafe = await cafes.get_cafe(tx, tx.cafe_id)
        details = cafe.bank_details if cafe else None
        total_minor, currency = payment.total_minor, payment.currency
        await open_qr(tx, payment.id, total_minor, currency, details, payment.expires_at, self.public_url)
        return Answer(state="pending", evidence="guest")

    def account(self, payment: Payment) -> str:
        """The cafe's bank account."""
        return BANK
