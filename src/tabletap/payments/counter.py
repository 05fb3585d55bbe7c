"""What people at the counter complete by hand: cash in the drawer, a transfer seen on the account."""

import msgspec

from tabletap.infra.crash import crash_point
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.infra.idempotency import Once, Outcome, remember, run_once
from tabletap.kernel.ids import Id
from tabletap.kernel.money import require_positive
from tabletap.kernel.people import Actor, Role
from tabletap.ledger.model import CASH_DRAWER, CASH_ROUNDING
from tabletap.orders import service as orders
from tabletap.orders import store as orders_store
from tabletap.orders.errors import OrderNotFound
from tabletap.orders.model import Order
from tabletap.payments import policy, store, transfers
from tabletap.payments.errors import (
    CashTooLittle,
    PaymentNotCash,
    PaymentNotFound,
    QrPaymentNotFound,
    QrPaymentNotOpen,
    TransferAmountDiffers,
)
from tabletap.payments.gateways.gateway import Gateways
from tabletap.payments.model import LIVE, Answer, Payment
from tabletap.payments.settling import settle
from tabletap.payments.views import CashView, PaymentView, payment_view
from tabletap.qr import image
from tabletap.qr import store as qr_store
from tabletap.qr.references import shown_reference
from tabletap.qr.service import QrView, close_qr
from tabletap.qr.service import view_of as qr_view_of
from tabletap.qr.store import QrPayment


class ConfirmTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """The money was seen on the account."""

    amount_minor: int
    bank_reference: str | None = None
    accept_difference: bool = False
    """Whether another amount than what is due is taken as it is: less pays in part, more waits for a decision."""


class CounterService:
    """Completing payments by hand."""

    def __init__(self, db: AnyDatabase, gateways: Gateways) -> None:
        self.db, self.gateways = db, gateways

    async def take_cash(self, payment_id: Id, received_minor: int, by: Actor, once: Once | None) -> Outcome[CashView]:
        """Complete a cash payment. Safe to repeat under one key.

        Raises PaymentNotFound, PaymentNotCash, CashTooLittle, InvalidAmount, NotAllowed.
        """
        by.require(Role.COUNTER)

        async def decide(tx: Transaction) -> CashView:
            require_positive(received_minor)
            payment, order = await _locked(tx, payment_id)
            if payment.method != "cash" or payment.state not in LIVE:
                raise PaymentNotCash
            due = (await orders.cafe_of(tx)).rounded_cash_minor(payment.total_minor)
            if received_minor < due:
                raise CashTooLittle(f"{due} is due in cash, and {received_minor} was received.")
            rounding = due - payment.total_minor
            answer = Answer(state="completed", evidence="cash")
            done = await settle(
                tx, self.gateways.for_method(payment.method), _taken(tx, payment, by, rounding), order, answer,
                by.person_id, {CASH_DRAWER: rounding, CASH_ROUNDING: -rounding},
            )  # fmt: skip
            view = CashView(payment_view(done), rounding, received_minor - due)
            remember(tx, once, view)
            return view

        crash_point("cash.begun")
        outcome = await run_once(self.db, by.cafe_id, once, CashView, decide)
        crash_point("cash.taken")
        return outcome

    async def confirm_transfer(
        self, qr_payment_id: Id, request: ConfirmTransfer, by: Actor, once: Once | None
    ) -> Outcome[PaymentView]:
        """Complete a bank transfer that was seen on the account. Safe to repeat under one key.

        Another amount than what is due is refused unless the caller says that it is right. The line of the bank's
        statement, when it comes, is matched with it and books nothing again. Raises QrPaymentNotFound,
        QrPaymentNotOpen, TransferAmountDiffers, InvalidAmount, NotAllowed.
        """
        by.require(Role.COUNTER)

        async def decide(tx: Transaction) -> PaymentView:
            require_positive(request.amount_minor)
            found = await qr_store.get(tx, qr_payment_id)
            if found is None:
                raise QrPaymentNotFound
            payment, order = await _locked(tx, found.payment_id)
            row = await qr_store.get(tx, qr_payment_id, lock=True) or found
            if row.status in ("paid", "cancelled") or payment.state == "completed":
                raise QrPaymentNotOpen
            if request.amount_minor != row.amount_minor and not request.accept_difference:
                raise TransferAmountDiffers(
                    f"{row.amount_minor} is due on this reference, not {request.amount_minor}; check the account. If "
                    "that is what came, confirm it with acceptDifference."
                )
            paid = close_qr(tx, row, "paid", request.bank_reference)
            done = await transfers.receive(
                tx, self.gateways.for_method(payment.method), _taken(tx, payment, by), order, request.amount_minor,
                evidence="staff", by=by, bank_reference=request.bank_reference,
            )  # fmt: skip
            view = payment_view(done, qr_view_of(paid))
            remember(tx, once, view)
            return view

        return await run_once(self.db, by.cafe_id, once, PaymentView, decide)

    async def qr_payment(self, qr_payment_id: Id, by: Actor) -> QrView:
        """An awaited transfer, for its payer and for staff. Raises QrPaymentNotFound."""
        return qr_view_of(await self._visible_qr(qr_payment_id, by))

    async def qr_image(self, qr_payment_id: Id, by: Actor, *, as_png: bool = False) -> bytes:
        """The code as SVG or PNG, drawn now. Raises QrPaymentNotFound."""
        row = await self._visible_qr(qr_payment_id, by)
        return image.png(row.payload) if as_png else image.svg(row.payload, f"Pay {shown_reference(row.reference)}")

    async def _visible_qr(self, qr_payment_id: Id, by: Actor) -> QrPayment:
        async def look(reader: Reader) -> QrPayment:
            row = await qr_store.get(reader, qr_payment_id)
            payment = await store.get(reader, row.payment_id) if row else None
            if row is None or payment is None:
                raise QrPaymentNotFound
            policy.require_own(payment, by)
            return row

        return await self.db.read(by.cafe_id, look)


def _taken(tx: Transaction, payment: Payment, by: Actor, rounding_minor: int = 0) -> Payment:
    """The payment as somebody took it: they are accountable, and what coins made of it is written down."""
    taken = msgspec.structs.replace(payment, staff_id=by.person_id, rounding_minor=rounding_minor)
    store.save(tx, payment, taken)
    return taken


async def _locked(tx: Transaction, payment_id: Id) -> tuple[Payment, Order]:
    found = await store.get(tx, payment_id)
    if found is None:
        raise PaymentNotFound
    order = await orders_store.get(tx, found.order_id, lock=True)
    payment = await store.get(tx, payment_id, lock=True)
    if order is None or payment is None:
        raise OrderNotFound
    return payment, order
