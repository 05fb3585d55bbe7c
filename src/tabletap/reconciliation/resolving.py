"""What people decide about lines that wait, and how they take a decision back.

**What can be undone.** The assignment of a line can, a payment cannot: `completed` is final (money.md, "Payment
states"). So undoing a match by which a payment was completed gives that payment back in full, as a refund whose money
does not leave the account but waits in suspense again with its line. A match that only showed what somebody had
confirmed by hand is taken off, and the line waits in suspense. A refund that a line settled is over: the money is gone.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.infra.idempotency import Once, Outcome, remember, run_once
from tabletap.infra.paging import Page, page_of
from tabletap.kernel.ids import Id
from tabletap.kernel.people import Actor, Role
from tabletap.orders import service as orders
from tabletap.payments import flags, late_money, transfers
from tabletap.payments import store as payments
from tabletap.payments.gateways.gateway import Gateways
from tabletap.payments.model import Payment, RefundAnswer
from tabletap.payments.refund_plan import ONE_PAYMENT, Destination, plan
from tabletap.payments.refunding import give_back, tender_of
from tabletap.payments.refunding import settle as settle_refund
from tabletap.reconciliation import store
from tabletap.reconciliation.booking import Booking
from tabletap.reconciliation.errors import (
    BankLineDecided,
    BankLineNotFound,
    MatchNotPossible,
    MatchNotUndoable,
    NothingWaits,
)
from tabletap.reconciliation.expected import store as expected
from tabletap.reconciliation.matching import Take
from tabletap.reconciliation.payouts import service as payouts
from tabletap.reconciliation.records import WAITING, BankLine, BankMatch, LineState, LineStatus
from tabletap.reconciliation.views import BankLineView, StatementView, line_view, statement_view

_SEND_BACK = (
    "Nobody knows which payment this belongs to: name one, or send it back at the bank; the line of that transfer is "
    "then matched with this one."
)


class MatchLine(msgspec.Struct, frozen=True, kw_only=True):
    """What a line is, in a person's word: payments, or a refund, a payout, the counterpart of another line."""

    payment_ids: tuple[Id, ...] = ()
    refund_id: Id | None = None
    payout_id: Id | None = None
    line_id: Id | None = None
    reason: str | None = None


class GiveAway(msgspec.Struct, frozen=True, kw_only=True):
    """Where money that waits is to go."""

    destination: Literal["credit", "refund"]
    reason: str
    payment_id: Id | None = None


class _Held:
    """A line held for a decision."""

    def __init__(self, booking: Booking, state: LineState, matches: Sequence[BankMatch]) -> None:
        self.booking, self.line, self.state, self.matches = booking, booking.line, state, matches

    @property
    def active(self) -> list[BankMatch]:
        """The decisions that stand."""
        return _active(self.matches)

    def free(self, reason: str | None) -> None:
        """Take what waits out of suspense. Raises BankLineDecided where nothing does."""
        if self.state.status not in WAITING:
            raise BankLineDecided
        for match in self.active:
            self.booking.out_of_suspense(match, reason)

    def move(self, status: LineStatus, note: str | None = None) -> None:
        """Where it stands now."""
        waiting = self.line.amount_minor if status in WAITING else 0
        self.state = self.booking.move(self.state, status=status, waiting_minor=waiting, note=note)

    def view(self) -> BankLineView:
        """As managers see it."""
        return line_view(self.line, self.state, [*self.matches, *self.booking.written])


class ResolveService:
    """The lines of statements: looked at, matched by people, undone, given away."""

    def __init__(self, db: AnyDatabase, gateways: Gateways) -> None:
        self.db, self.gateways = db, gateways

    async def statements(self, by: Actor, limit: int, cursor: str | None) -> Page[StatementView]:
        """Imported statements, the newest first. Raises NotAllowed."""
        by.require(Role.MANAGER)

        async def look(reader: Reader) -> Page[StatementView]:
            return await page_of(
                lambda before, count: store.statements(reader, before, count),
                limit, cursor, key=lambda row: row.id, view=statement_view,
            )  # fmt: skip

        return await self.db.read(by.cafe_id, look)

    async def lines(
        self, by: Actor, status: LineStatus | None, statement_id: Id | None, limit: int, cursor: str | None
    ) -> Page[BankLineView]:
        """Lines, the newest first. Raises NotAllowed."""
        by.require(Role.MANAGER)

        async def look(reader: Reader) -> Page[BankLineView]:
            return await page_of(
                lambda before, count: store.lines(reader, before, count, status, statement_id),
                limit, cursor, key=lambda row: row[0].id, view=lambda row: line_view(row[0], row[1]),
            )  # fmt: skip

        return await self.db.read(by.cafe_id, look)

    async def get(self, line_id: Id, by: Actor) -> BankLineView:
        """One line with every decision about it. Raises BankLineNotFound and NotAllowed."""
        by.require(Role.MANAGER)

        async def look(reader: Reader) -> BankLineView:
            line, state = await store.line(reader, line_id), await store.state(reader, line_id)
            if line is None or state is None:
                raise BankLineNotFound
            return line_view(line, state, await store.matches(reader, line_id))

        return await self.db.read(by.cafe_id, look)

    async def match(self, line_id: Id, request: MatchLine, by: Actor, once: Once | None) -> Outcome[BankLineView]:
        """Say what a waiting line is. Safe to repeat under one key.

        Of several payments each gets what it wants, in the order they are named, and the last what is left.
        Raises BankLineNotFound, BankLineDecided, MatchNotPossible, NotAllowed, and what payments and refunds refuse.
        """
        by.require(Role.MANAGER)
        targets = [request.refund_id, request.payout_id, request.line_id]
        if bool(request.payment_ids) + sum(target is not None for target in targets) != 1:
            raise MatchNotPossible("Name payments, or a refund, a payout or another line: one of them.")

        async def decide(tx: Transaction) -> BankLineView:
            line = await _line(tx, line_id)
            if request.line_id is not None:
                view = await self._pair(tx, line, await _line(tx, request.line_id), by, request.reason)
            else:
                view = await self._matched(tx, line, request, by)
            remember(tx, once, view)
            return view

        return await run_once(self.db, by.cafe_id, once, BankLineView, decide)

    async def _matched(self, tx: Transaction, line: BankLine, request: MatchLine, by: Actor) -> BankLineView:
        takes, status = await self._takes(tx, line, request)
        if line.amount_minor < 0 and request.payment_ids:
            refund_id = await self._returned(tx, line, request.payment_ids[0], by, request.reason)
            held = await self._held(tx, line, by)
            held.free(request.reason)
            held.booking.match("refund", refund_id, line.amount_minor, booked=True, reason=request.reason)
        else:
            held = await self._held(tx, line, by)
            held.free(request.reason)
            await held.booking.take(takes)
        held.move(status, request.reason)
        return held.view()

    async def _takes(self, tx: Transaction, line: BankLine, request: MatchLine) -> tuple[list[Take], LineStatus]:
        if request.refund_id is not None:
            return [Take("refund", request.refund_id, line.amount_minor)], "matched"
        if request.payout_id is not None:
            return [Take("payout", request.payout_id, line.amount_minor)], "matched"
        if line.amount_minor < 0:
            if len(request.payment_ids) != 1:
                raise MatchNotPossible("Money that left belongs to one payment: the one that the bank took back.")
            return [], "matched"
        left, takes = line.amount_minor, list[Take]()
        await transfers.hold_all(tx, request.payment_ids)
        for payment_id in dict.fromkeys(request.payment_ids):
            await transfers.locked(tx, payment_id)
            awaited = await expected.awaited(tx, payment_id)
            if awaited is None:
                raise MatchNotPossible("Only payments by bank transfer are matched with a statement.")
            if left <= 0:
                raise MatchNotPossible("The transfer is used up before the last of these payments.")
            is_last = payment_id == request.payment_ids[-1]
            takes.append(Take("payment", payment_id, left if is_last else min(left, max(1, awaited.due_minor))))
            left -= awaited.due_minor
        return takes, "matched" if left == 0 else "partly_paid" if left < 0 else "overpaid"

    async def _returned(self, tx: Transaction, line: BankLine, payment_id: Id, by: Actor, reason: str | None) -> Id:
        """The bank took a transfer back: the payment is refunded, and this line is that refund."""
        payment, _ = await transfers.locked(tx, payment_id)
        return await self._give_back(tx, payment, -line.amount_minor, reason or "The bank took the transfer back", by)

    async def _give_back(self, tx: Transaction, payment: Payment, amount_minor: int, reason: str, by: Actor) -> Id:
        """Refund part of a payment at once. Raises MatchNotPossible unless so much of it is left."""
        tender = await tender_of(tx, self.gateways, payment)
        if tender.how != "by_hand" or payment.state != "completed" or payment.disputed_minor:
            raise MatchNotPossible("Only a completed payment by bank transfer can be taken back.")
        round_cash = (await orders.cafe_of(tx)).rounded_cash_minor
        planned = plan([tender], amount_minor, "original", round_cash, ONE_PAYMENT)
        if sum(each.amount_minor for each in planned) != amount_minor:
            raise MatchNotPossible("Not so much of this payment is left: part of it went back before.")
        refund = await give_back(tx, self.gateways, planned[0], reason, "original", by)
        gateway = self.gateways.for_method(payment.method)
        await settle_refund(tx, gateway, refund, RefundAnswer(status="completed"))
        return refund.id

    async def _pair(
        self, tx: Transaction, line: BankLine, other: BankLine, by: Actor, reason: str | None
    ) -> BankLineView:
        """Money that came and left again: two lines that are each other's counterpart."""
        if line.amount_minor != -other.amount_minor:
            raise MatchNotPossible("Two lines belong together when one brought what the other took.")
        for each in sorted((line.id, other.id)):  # in one order, whichever is named first
            await store.state(tx, each, lock=True)
        first, second = await self._held(tx, line, by), await self._held(tx, other, by)
        for held, counterpart in ((first, other), (second, line)):
            held.free(reason)
            held.booking.match("line", counterpart.id, held.line.amount_minor, booked=True, reason=reason)
            held.move("matched", reason)
        return first.view()

    async def undo(self, line_id: Id, reason: str, by: Actor, once: Once | None) -> Outcome[BankLineView]:
        """Take the decision about a line back: it waits in suspense again. Safe to repeat under one key.

        Raises BankLineNotFound, MatchNotUndoable, NotAllowed.
        """
        by.require(Role.MANAGER)

        async def decide(tx: Transaction) -> BankLineView:
            line = await _line(tx, line_id)
            view = await self._undone(tx, line, reason, by)
            remember(tx, once, view)
            return view

        return await run_once(self.db, by.cafe_id, once, BankLineView, decide)

    async def _undone(self, tx: Transaction, line: BankLine, reason: str, by: Actor) -> BankLineView:
        found = _active(await store.matches(tx, line.id))
        await transfers.hold_all(tx, [each.target_id for each in found if each.target == "payment" and each.target_id])
        for match in found:
            if match.target == "payment" and match.target_id is not None:
                payment, _ = await transfers.locked(tx, match.target_id)
                if match.booked:
                    await self._unpay(tx, payment, match.amount_minor, reason, by)
            elif match.target == "payout" and match.target_id is not None:
                await payouts.take_back(tx, match.target_id)
            elif match.target == "suspense" or (match.target == "refund" and match.booked):
                raise MatchNotUndoable(
                    "There is nothing to undo: this line waits, or it settled a refund that is over."
                )
        held = await self._held(tx, line, by)
        lines = [
            held,
            *[await self._held(tx, await _line(tx, m.target_id or ""), by) for m in found if m.target == "line"],
        ]
        for each in lines:
            for match in each.active:
                each.booking.undo(match, reason)
            each.booking.into_suspense(each.line.amount_minor)
            each.move("suggested" if each.state.suggestions else "suspense", reason)
        return held.view()

    async def _unpay(self, tx: Transaction, payment: Payment, amount_minor: int, reason: str, by: Actor) -> None:
        """The payment that this line completed is given back; the money stays, and waits. Raises MatchNotUndoable."""
        try:
            await self._give_back(tx, payment, amount_minor, reason, by)
        except MatchNotPossible as refusal:
            raise MatchNotUndoable(refusal.detail) from None

    async def give(self, line_id: Id, request: GiveAway, by: Actor, once: Once | None) -> Outcome[BankLineView]:
        """Give the money of a line that found no bill to the customer's credit, or back to where it came from.

        What came twice is added to its payment first. Safe to repeat under one key. Raises BankLineNotFound,
        NothingWaits, MatchNotPossible, RefundToCreditNeedsAccount, PaymentDisputed, NotAllowed.
        """
        by.require(Role.MANAGER)
        destination: Destination = "credit" if request.destination == "credit" else "original"

        async def decide(tx: Transaction) -> BankLineView:
            line = await _line(tx, line_id)
            if line.amount_minor < 0:
                raise NothingWaits("This money left; there is nothing to give away.")
            payment_id = await self._payment_of(tx, line, request)
            payment, _ = await transfers.locked(tx, payment_id)
            held = await self._held(tx, line, by)
            if held.state.status in WAITING:
                if payment.state != "completed":
                    raise MatchNotPossible("This payment has no money yet: match the line with it.")
                held.free(request.reason)
                held.booking.match("payment", payment_id, line.amount_minor, booked=True, reason=request.reason)
                payment = await transfers.receive_more(
                    tx, held.booking.gateway, payment, line.amount_minor, "statement", by, "it was transferred twice"
                )
            await self._send_on(tx, payment, destination, request.reason, by)
            held.move("matched", f"{request.destination}: {request.reason}")
            view = held.view()
            remember(tx, once, view)
            return view

        return await run_once(self.db, by.cafe_id, once, BankLineView, decide)

    async def _payment_of(self, tx: Transaction, line: BankLine, request: GiveAway) -> Id:
        """The payment that the line's money belongs to: matched, named by the caller, or the one paid twice."""
        matched = [match.target_id for match in _active(await store.matches(tx, line.id)) if match.target == "payment"]
        if matched and request.payment_id in (None, *matched):
            return request.payment_id or matched[-1] or ""
        if matched:
            raise MatchNotPossible("This line is matched with another payment.")
        state = await store.state(tx, line.id)
        twice = [each for each in (state.suggestions if state else None) or () if each.get("kind") == "paid_twice"]
        found = request.payment_id or (twice[0].get("paymentId") if len(twice) == 1 else None)
        if found is None:
            raise MatchNotPossible(_SEND_BACK)
        return str(found)

    async def _send_on(
        self, tx: Transaction, payment: Payment, destination: Destination, reason: str, by: Actor
    ) -> None:
        gateway = self.gateways.for_method(payment.method)
        if not (await tender_of(tx, self.gateways, payment)).left.suspense_minor:
            raise NothingWaits
        after = await late_money.send_on(tx, gateway, payment, destination, reason, by)
        known = await payments.get(tx, payment.id) or after
        flags.resolve(tx, known, "staff", by.person_id, f"{destination}: {reason}")

    async def dismiss(self, line_id: Id, reason: str, by: Actor, once: Once | None) -> Outcome[BankLineView]:
        """Say that a line is none of the cafe's trade: it leaves the books. Safe to repeat under one key.

        Raises BankLineNotFound, BankLineDecided, NotAllowed.
        """
        by.require(Role.MANAGER)

        async def decide(tx: Transaction) -> BankLineView:
            held = await self._held(tx, await _line(tx, line_id), by)
            held.free(reason)
            held.booking.match("nothing", None, held.line.amount_minor, booked=False, reason=reason)
            held.move("dismissed", reason)
            remember(tx, once, held.view())
            return held.view()

        return await run_once(self.db, by.cafe_id, once, BankLineView, decide)

    async def _held(self, tx: Transaction, line: BankLine, by: Actor) -> _Held:
        """The line held; last of all, after whatever money it concerns (lock order)."""
        state = await store.state(tx, line.id, lock=True)
        if state is None:
            raise BankLineNotFound
        return _Held(Booking(tx, self.gateways, line, by), state, await store.matches(tx, line.id))


def _active(matches: Sequence[BankMatch]) -> list[BankMatch]:
    undone = {match.undoes_id for match in matches}
    return [match for match in matches if match.undoes_id is None and match.id not in undone]


async def _line(tx: Transaction, line_id: Id) -> BankLine:
    found = await store.line(tx, line_id)
    if found is None:
        raise BankLineNotFound
    return found
