"""What the simulated provider does: take payments, give money back, and note down whom to tell."""

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

import msgspec

from tabletap.kernel.clock import Clock, SystemClock, milliseconds
from tabletap.kernel.errors import InvalidRequest
from tabletap.kernel.ids import new_id
from tabletap.kernel.money import EXPONENTS
from tabletap.sandbox.errors import IdempotencyConflict, NoOpenDispute, PaymentClosed, UnknownMerchant, UnknownPayment
from tabletap.sandbox.faults import Fault, Faults
from tabletap.sandbox.model import (
    OPEN_FOR_MS,
    Dispute,
    DisputeStatus,
    Mode,
    Notice,
    Payment,
    Refund,
    SandboxAccount,
    StartPayment,
    StartRefund,
    Status,
    Timing,
)
from tabletap.sandbox.outbox import Outbox
from tabletap.sandbox.store import Store

_P = ParamSpec("_P")
_T = TypeVar("_T")

_CLOSED_EVENTS = {
    Status.SUCCEEDED: "payment.succeeded",
    Status.FAILED: "payment.failed",
    Status.CANCELLED: "payment.cancelled",
    # The provider has no event of its own for it; the status in the body tells which it was.
    Status.EXPIRED: "payment.cancelled",
}


class Sandbox:
    """The provider itself. Every method is one transaction that is on the disk when it returns."""

    def __init__(
        self,
        state_file: Path,
        accounts: Sequence[SandboxAccount] = (),
        *,
        timing: Timing | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.faults = Faults()
        self.timing = timing or Timing()
        self.closing = asyncio.Event()
        self.changed = asyncio.Event()
        """Set after each change: there may be something to send, or a new time to wake up at."""
        self._accounts = {account.merchant_id: account for account in accounts}
        self._clock = clock or SystemClock()
        self._store = Store(state_file)
        self._outbox = Outbox(self._store, self.faults, self.timing, self._now_ms)

    async def open(self) -> None:
        """Open the state and enter the accounts given. Raises StateInUse, StateUnreadable."""
        try:
            await self._store.open()
        except BaseException:
            await self._store.close()
            raise
        for account in list(self._accounts.values()):
            await self.put_account(account)
        self._accounts = {account.merchant_id: account for account in await self._store.run(self._store.accounts)}

    async def close(self) -> None:
        """Let held requests go and close the state."""
        self.closing.set()
        await self._store.close()

    # --- for merchants

    def sign_in(self, merchant_id: str, api_key: str) -> SandboxAccount:
        """The account that a request belongs to. Raises UnknownMerchant."""
        account = self._accounts.get(merchant_id)
        if account is None or not hmac.compare_digest(account.api_key.encode(), api_key.encode()):
            raise UnknownMerchant
        return account

    async def start(
        self, account: SandboxAccount, request: StartPayment, key: str | None, *, charge: bool = False
    ) -> Payment:
        """Start a payment. The same key gives the same payment; raises IdempotencyConflict for another body.

        `charge` takes its money at once. Raises InvalidRequest for an unknown currency.
        """
        if request.currency not in EXPONENTS:
            raise InvalidRequest(f"{request.currency} is not a currency of ISO 4217 that is in use.")
        return await self._change(self._start, account, request, key, charge)

    async def payment(self, payment_id: str, merchant_id: str | None = None) -> Payment:
        """One payment as it stands, of this merchant if one is named. Raises UnknownPayment."""
        return await self._read(self._find, payment_id, merchant_id)

    async def payments_by_reference(self, account: SandboxAccount, reference: str) -> list[Payment]:
        """The merchant's payments under its reference, oldest first."""
        found = await self._read(self._store.payments_by_reference, reference)
        return [payment for payment in found if payment.merchant_id == account.merchant_id]

    async def refund(self, account: SandboxAccount, payment_id: str, request: StartRefund, key: str | None) -> Refund:
        """Give money back, never more than was charged. The same key gives the same refund.

        Raises UnknownPayment, NotCharged, RefundExceedsCharge, IdempotencyConflict.
        """
        return await self._change(self._refund, account, payment_id, request, key)

    async def refunds(self, account: SandboxAccount, payment_id: str, reference: str | None) -> list[Refund]:
        """The refunds of a payment, all or those under one reference, oldest first. Raises UnknownPayment."""
        payment = await self.payment(payment_id, account.merchant_id)
        found = await self._read(self._store.refunds, payment.id)
        return [refund for refund in found if reference in (None, refund.reference)]

    async def cancel(self, account: SandboxAccount, payment_id: str) -> Payment:
        """End a payment that nobody paid. Safe to repeat; one that ended without money stays as it ended.

        Raises UnknownPayment, PaymentClosed when the money was taken.
        """
        return await self._change(self._cancel, payment_id, account.merchant_id)

    async def disputes(self, payment_id: str) -> list[Dispute]:
        """The disputes of a payment, oldest first."""
        return await self._read(self._store.disputes, payment_id)

    # --- for the guest, and for tests in the guest's place

    async def approve(self, payment_id: str) -> Payment:
        """The guest pays. Safe to repeat. Raises UnknownPayment, PaymentClosed."""
        return await self._change(self._approve, payment_id)

    async def decline(self, payment_id: str) -> Payment:
        """The guest's bank says no. Safe to repeat. Raises UnknownPayment, PaymentClosed."""
        return await self._change(self._decline, payment_id)

    async def dispute(self, id_or_reference: str, amount: int | None, reason: str) -> Payment:
        """The guest's bank wants money back, all that is left unless an amount is given. Opens another each time.

        Raises UnknownPayment, NotCharged, DisputeExceedsCharge.
        """
        return await self._change(self._dispute, id_or_reference, amount, reason)

    async def close_dispute(self, id_or_reference: str, *, won: bool) -> Payment:
        """Decide the oldest open dispute: won, and the merchant has its money again, or lost.

        Raises UnknownPayment, NoOpenDispute.
        """
        return await self._change(self._close_dispute, id_or_reference, won)

    async def known_payment(self, id_or_reference: str) -> Payment:
        """A payment by its id or by the merchant's reference (the newest). Raises UnknownPayment."""
        return await self._read(self._known, id_or_reference)

    # --- for whoever controls the sandbox

    async def put_account(self, account: SandboxAccount) -> None:
        """Add a merchant's account, or change its key and secret."""
        await self._store.run(self._store.put_account, account)
        self._accounts[account.merchant_id] = account

    async def mode(self) -> Mode:
        """How payments and callbacks go at present."""
        return await self._store.run(self._store.mode)

    async def put_mode(self, mode: Mode) -> None:
        """Say how payments and callbacks go from now on, also after a restart."""
        await self._store.run(self._store.put_mode, mode)

    async def charges(self) -> list[Payment]:
        """The payments whose money was really taken, oldest first."""
        return await self._read(self._store.charged_payments)

    # --- for the sender of notices

    async def due(self) -> tuple[list[Notice], int | None]:
        """The notices to send by now, and in how many milliseconds more will be due (None: only after a change)."""
        return await self._store.run(self._due)

    async def notices_of(self, payment_id: str) -> list[Notice]:
        """Every notice about a payment, also those that were never sent, oldest first."""
        return await self._store.run(self._store.notices_of, payment_id)

    async def given_up(self) -> list[Notice]:
        """The notices that nobody accepted for a day and that are no longer sent, oldest first."""
        return await self._store.run(self._store.given_up)

    def secret_of(self, merchant_id: str) -> str:
        """The secret that signs a merchant's notices."""
        return self._accounts[merchant_id].webhook_secret

    async def sent(self, notice: Notice, *, accepted: bool) -> None:
        """Note an attempt; one that was not accepted is tried again later."""
        await self._change(self._outbox.sent, notice, accepted)

    # --- the work inside a transaction

    async def _change(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return await self._read(work, *args, **kwargs)
        finally:
            self.changed.set()

    async def _read(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        def up_to_date() -> _T:
            self._let_time_act()
            return work(*args, **kwargs)

        return await self._store.run(up_to_date)

    def _now_ms(self) -> int:
        return milliseconds(self._clock.now())

    def _let_time_act(self) -> None:
        """Expire what is overdue and take the money that comes late."""
        now_ms = self._now_ms()
        for payment in self._store.overdue_payments(now_ms):
            self._close(payment, Status.EXPIRED)
        for payment in self._store.late_payments(now_ms):
            self._charge(payment)

    def _find(self, payment_id: str, merchant_id: str | None = None) -> Payment:
        payment = self._store.payment(payment_id)
        if payment is None or merchant_id not in (None, payment.merchant_id):
            raise UnknownPayment
        return payment

    def _known(self, id_or_reference: str) -> Payment:
        payment = self._store.payment(id_or_reference)
        found = [payment] if payment else self._store.payments_by_reference(id_or_reference)
        if not found:
            raise UnknownPayment
        return found[-1]

    def _start(self, account: SandboxAccount, request: StartPayment, key: str | None, charge: bool) -> Payment:
        fingerprint = _fingerprint("payment", request)
        made_id = self._made_before(account, key, fingerprint)
        if made_id is not None:
            return self._find(made_id)
        now_ms = self._now_ms()
        payment = Payment(
            id=new_id(),
            merchant_id=account.merchant_id,
            reference=request.reference,
            order_id=request.order_id,
            method=request.payment_method,
            amount=request.amount,
            currency=request.currency,
            status=Status.PENDING,
            return_url=request.return_url,
            webhook_url=request.webhook_url,
            metadata=msgspec.json.encode(request.metadata),
            created_at_ms=now_ms,
            expires_at_ms=now_ms + (self.timing.open_for_ms or OPEN_FOR_MS[request.payment_method]),
        )
        self._store.add_payment(payment)
        if key is not None:
            self._store.use_key(account.merchant_id, key, fingerprint, payment.id)
        if charge:
            return self._charge(payment)
        return self._approve(payment.id) if self._store.mode().auto_approve else payment

    def _made_before(self, account: SandboxAccount, key: str | None, fingerprint: str) -> str | None:
        used = None if key is None else self._store.used_key(account.merchant_id, key)
        if used is None:
            return None
        if used[0] != fingerprint:
            raise IdempotencyConflict
        return used[1]

    def _approve(self, id_or_reference: str) -> Payment:
        payment = self._known(id_or_reference)
        if payment.status is Status.SUCCEEDED:
            return payment
        if payment.status is Status.PENDING:
            return self._close_late(payment) if self.faults.take(Fault.LATE_SUCCESS) else self._charge(payment)
        if payment.late_at_ms is not None or self.faults.take(Fault.LATE_SUCCESS):
            return self._charge(payment)
        raise PaymentClosed(f"The payment is {payment.status} and can no longer be paid.")

    def _decline(self, id_or_reference: str) -> Payment:
        payment = self._known(id_or_reference)
        return payment if payment.status is Status.FAILED else self._close(payment, Status.FAILED)

    def _cancel(self, payment_id: str, merchant_id: str) -> Payment:
        payment = self._find(payment_id, merchant_id)
        if payment.status in (Status.FAILED, Status.CANCELLED, Status.EXPIRED):
            return payment
        return self._close(payment, Status.CANCELLED)

    def _charge(self, payment: Payment) -> Payment:
        """Take the money: the one place where it happens, and so the place where it can be the wrong amount."""
        if self.faults.take(Fault.WRONG_AMOUNT):
            payment = msgspec.structs.replace(payment, amount=payment.amount - 1 or 2)
        if self.faults.take(Fault.WRONG_CURRENCY):
            payment = msgspec.structs.replace(payment, currency="EUR" if payment.currency == "USD" else "USD")
        return self._save(payment.charged())

    def _close(self, payment: Payment, status: Status) -> Payment:
        closed = payment.closed_as(status)
        if status is not Status.FAILED and self.faults.take(Fault.LATE_SUCCESS):
            closed = msgspec.structs.replace(closed, late_at_ms=self._late_at_ms())
        return self._save(closed)

    def _close_late(self, payment: Payment) -> Payment:
        """The guest paid at the last moment: the payment expires, and its money arrives after that."""
        now_ms, late_at_ms = self._now_ms(), self._late_at_ms()
        late = msgspec.structs.replace(payment, expires_at_ms=now_ms, late_at_ms=late_at_ms)
        return self._save(late.closed_as(Status.EXPIRED))

    def _late_at_ms(self) -> int:
        return self._now_ms() + self.timing.late_success_ms

    def _save(self, payment: Payment) -> Payment:
        self._store.save_payment(payment)
        self._outbox.tell(payment, _CLOSED_EVENTS[payment.status])
        return payment

    def _refund(self, account: SandboxAccount, payment_id: str, request: StartRefund, key: str | None) -> Refund:
        payment = self._find(payment_id, account.merchant_id)
        fingerprint = _fingerprint(payment.id, request)
        made_id = self._made_before(account, key, fingerprint)
        made = None if made_id is None else self._store.refund(made_id)
        if made is not None:
            return made
        payment = payment.with_refund(request.amount)
        refund = Refund(
            id=new_id(),
            payment_id=payment.id,
            reference=request.reference,
            amount=request.amount,
            status=Status.SUCCEEDED,
            created_at_ms=self._now_ms(),
        )
        self._store.save_payment(payment)
        self._store.add_refund(refund)
        if key is not None:
            self._store.use_key(account.merchant_id, key, fingerprint, refund.id)
        self._outbox.tell(payment, "refund.succeeded", refund)
        return refund

    def _dispute(self, id_or_reference: str, amount: int | None, reason: str) -> Payment:
        before = self._known(id_or_reference)
        payment = before.with_dispute(amount)
        dispute = Dispute(
            id=new_id(),
            payment_id=payment.id,
            amount=payment.disputed - before.disputed,
            status=DisputeStatus.OPEN,
            reason=reason,
            opened_at_ms=self._now_ms(),
        )
        self._store.save_payment(payment)
        self._store.add_dispute(dispute)
        self._outbox.tell(payment, "dispute.opened", dispute)
        return payment

    def _close_dispute(self, id_or_reference: str, won: bool) -> Payment:
        payment = self._known(id_or_reference)
        opened = [each for each in self._store.disputes(payment.id) if each.status is DisputeStatus.OPEN]
        if not opened:
            raise NoOpenDispute
        status = DisputeStatus.WON if won else DisputeStatus.LOST
        dispute = msgspec.structs.replace(opened[0], status=status, closed_at_ms=self._now_ms())
        if won:
            payment = msgspec.structs.replace(payment, disputed=payment.disputed - dispute.amount)
        self._store.save_payment(payment)
        self._store.save_dispute(dispute)
        self._outbox.tell(payment, "dispute.closed", dispute)
        return payment

    def _due(self) -> tuple[list[Notice], int | None]:
        self._let_time_act()
        now_ms = self._now_ms()
        next_ms = self._store.next_due_ms(now_ms)
        return self._store.due_notices(now_ms), None if next_ms is None else next_ms - now_ms


def _fingerprint(route: str, request: msgspec.Struct) -> str:
    return hashlib.sha256(route.encode() + b"\n" + msgspec.json.encode(request, order="sorted")).hexdigest()
