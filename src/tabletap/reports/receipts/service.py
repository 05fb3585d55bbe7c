"""Issuing receipts, and sending them by mail."""

import asyncio
import logging
from datetime import datetime, timedelta

import msgspec

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.infra.mail import Letter, MailAway, Mailer, MailRefused
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Actor, Role
from tabletap.orders import service as orders
from tabletap.orders import store as orders_store
from tabletap.orders.errors import OrderNotFound
from tabletap.orders.model import Order
from tabletap.payments import policy
from tabletap.payments import store as payments
from tabletap.payments.errors import PaymentNotFound
from tabletap.reports.receipts import store
from tabletap.reports.receipts.errors import MailNotSetUp, ReceiptNotPaid, TooManyReceipts
from tabletap.reports.receipts.model import (
    Behind,
    ReceiptMail,
    ReceiptRow,
    ReceiptView,
    is_settled,
    part_of,
    receipt_of,
)
from tabletap.reports.receipts.page import as_html
from tabletap.reports.receipts.pdf import as_pdf
from tabletap.reports.receipts.printing import Printed, as_text, visible

log = logging.getLogger(__name__)

SEND = "receipts:send_mail"
MOST_MAILS = 5
"""Of one order in a day: a receipt is no way to fill somebody's mailbox."""
SAME_MAIL_FOR = timedelta(minutes=10)
MAX_ATTEMPTS = 12


class MailJob(msgspec.Struct):
    """The payload of the job that sends a receipt."""

    cafe_id: Id
    mail_id: Id


class ReceiptMailView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """A receipt on its way by mail."""

    mail_id: Id
    address: str
    status: str
    attempts: int
    asked_at: datetime
    sent_at: datetime | None = None
    error: str | None = None


class ReceiptMailsView(msgspec.Struct, rename="camel", frozen=True):
    """The mails with an order's receipt."""

    items: list[ReceiptMailView]


class ReceiptService:
    """Receipts of orders."""

    def __init__(self, db: AnyDatabase, mailer: Mailer | None = None) -> None:
        self.db, self.mailer = db, mailer

    async def get(self, order_id: Id, by: Actor) -> ReceiptView:
        """The receipt of an order; its number is given when it is first asked for after the bill was paid.

        Safe to repeat: the number stays. Raises OrderNotFound and NotAllowed.
        """

        async def decide(tx: Transaction) -> ReceiptView:
            order = await orders.visible(tx, order_id, by)
            row, is_copy = await _issued(tx, order)
            return receipt_of(await _behind(tx, order), row, is_copy=is_copy)

        return await self.db.transaction(by.cafe_id, decide)

    async def of_payment(self, payment_id: Id, by: Actor) -> ReceiptView:
        """The receipt of one completed payment, for those who split a bill. It has the number of the order's receipt.

        Safe to repeat. Raises PaymentNotFound, NotAllowed and ReceiptNotPaid.
        """

        async def decide(tx: Transaction) -> ReceiptView:
            payment = await payments.get(tx, payment_id)
            if payment is None:
                raise PaymentNotFound
            policy.require_own(payment, by)
            order = await orders_store.get(tx, payment.order_id)
            if order is None or payment.state != "completed":
                raise ReceiptNotPaid
            row, is_copy = await _issued(tx, order)
            behind = await _behind(tx, order)
            return part_of(receipt_of(behind, row, is_copy=is_copy), behind, payment)

        return await self.db.transaction(by.cafe_id, decide)

    async def mail(self, order_id: Id, address: str, by: Actor) -> ReceiptMailView:
        """Send a receipt by mail, in the background. The same address within ten minutes is the same mail.

        Raises OrderNotFound, NotAllowed, ReceiptNotPaid, TooManyReceipts, MailNotSetUp.
        """
        if self.mailer is None:
            raise MailNotSetUp

        async def decide(tx: Transaction) -> ReceiptMailView:
            order = await orders.visible(tx, order_id, by)
            if not is_settled(order):
                raise ReceiptNotPaid
            await _issued(tx, order)
            earlier = await store.mails(tx, order_id)
            for each in earlier:
                if each.address == address and each.status != "failed" and each.asked_at > tx.now - SAME_MAIL_FOR:
                    return _view(each)
            lately = [each for each in earlier if each.asked_at > tx.now - timedelta(days=1)]
            if len(lately) >= MOST_MAILS:
                raise TooManyReceipts(retry_after_seconds=24 * 3600)
            mail = ReceiptMail(
                tx.cafe_id, new_id(), order_id, address, "waiting", 0, None, by.person_id, tx.now, None, 1
            )
            tx.add(store.receipt_mail, mail)
            tx.enqueue(SEND, MailJob(tx.cafe_id, mail.id), dedupe_key=f"receipt:{mail.id}")
            return _view(mail)

        # With locks from the first: who asks at once for the same receipt is counted one after the other.
        return await self.db.transaction(by.cafe_id, decide, lock=True)

    async def mails(self, order_id: Id, by: Actor) -> ReceiptMailsView:
        """What became of the mails with an order's receipt. Raises OrderNotFound and NotAllowed."""
        by.require(Role.STAFF)

        async def look(reader: Reader) -> ReceiptMailsView:
            await orders.visible(reader, order_id, by)
            return ReceiptMailsView([_view(each) for each in await store.mails(reader, order_id)])

        return await self.db.read(by.cafe_id, look)

    async def send(self, cafe_id: Id, mail_id: Id) -> bool:
        """Hand a mail over. Safe to repeat; in the worst moment it is sent twice. False: try again later."""

        async def look(reader: Reader) -> tuple[ReceiptMail, ReceiptView] | None:
            mail = await store.mail(reader, mail_id)
            order = await orders_store.get(reader, mail.order_id) if mail else None
            if mail is None or order is None:
                return None
            row = await store.of_order(reader, order.id)
            is_copy = row is not None and row.issued_at < mail.asked_at
            return mail, receipt_of(await _behind(reader, order), row, is_copy=is_copy)

        found = await self.db.read(cafe_id, look, consistent=True)
        if found is None or found[0].status != "waiting":
            return True
        mail, receipt = found
        try:
            await self._hand_over(mail, receipt)
        except MailAway as away:
            last = mail.attempts + 1 >= MAX_ATTEMPTS
            await self._note(cafe_id, mail_id, "failed" if last else "waiting", str(away))
            if last:
                log.warning("the receipt mail %s was not sent: %s", mail_id, away)
            return last
        except MailRefused as refused:
            await self._note(cafe_id, mail_id, "failed", str(refused))
            log.warning("the receipt mail %s was refused: %s", mail_id, refused)
            return True
        await self._note(cafe_id, mail_id, "sent", None)
        return True

    async def _hand_over(self, mail: ReceiptMail, receipt: ReceiptView) -> None:
        if self.mailer is None:  # in this process; another may have one
            raise MailAway("no mail server is set up")
        await self.mailer.send(await asyncio.to_thread(_letter, mail, receipt))

    async def _note(self, cafe_id: Id, mail_id: Id, status: str, error: str | None) -> None:
        async def decide(tx: Transaction) -> None:
            before = await store.mail(tx, mail_id, lock=True)
            if before is None:
                raise OrderNotFound
            if before.status == "sent":
                return  # by a run of this job that was believed dead
            after = msgspec.structs.replace(
                before, status=status, attempts=before.attempts + 1, error=error, version=before.version + 1,
                sent_at=tx.now if status == "sent" else None,
            )  # fmt: skip
            tx.save(store.receipt_mail, before, after, ("cafe_id", "id"), ("version",))

        await self.db.transaction(cafe_id, decide)


async def _issued(tx: Transaction, order: Order) -> tuple[ReceiptRow | None, bool]:
    """The number of an order's receipt, given now if it is time, and whether it was given before."""
    row = await store.of_order(tx, order.id, lock=True)
    if row is not None:
        return row, True
    if is_settled(order):
        row = ReceiptRow(tx.cafe_id, new_id(), order.id, await store.next_number(tx), tx.now)
        tx.add(store.receipt, row, retry_on_duplicate=True)
    return row, False


async def _behind(reader: Reader, order: Order) -> Behind:
    return Behind(
        await orders.cafe_of(reader),
        order,
        await orders_store.items(reader, order.id),
        await payments.of_order(reader, order.id),
        await payments.refunds_of_order(reader, order.id),
        await payments.shares(reader, order.id),
    )


def _letter(mail: ReceiptMail, receipt: ReceiptView) -> Letter:
    title = Printed(receipt).title()
    return Letter(
        id=mail.id,
        to=mail.address,
        subject=visible(f"{receipt.cafe}: {title}"),
        text=as_text(receipt),
        html=as_html(receipt),
        file_name=f"{title.lower().replace(' ', '-')}.pdf",
        pdf=as_pdf(receipt),
    )


def _view(mail: ReceiptMail) -> ReceiptMailView:
    return ReceiptMailView(mail.id, mail.address, mail.status, mail.attempts, mail.asked_at, mail.sent_at, mail.error)
