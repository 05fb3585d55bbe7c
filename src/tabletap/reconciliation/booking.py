"""What a decision about a line does, inside one transaction: payments, refunds and payouts move, the books follow.

Every line of a statement is in the books once. A line that is the evidence itself books its money where it belongs; one
that shows what somebody had confirmed by hand before books nothing again; what belongs to nothing is booked to bank and
suspense. So the ledger's `bank` is what the statements say, and what was confirmed by hand and not yet seen.
"""

from collections.abc import Sequence

import msgspec

from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Actor
from tabletap.ledger.model import BANK, SUSPENSE
from tabletap.ledger.service import post
from tabletap.orders import store as orders_store
from tabletap.payments import flags, transfers
from tabletap.payments import store as payments
from tabletap.payments.gateways.gateway import Gateways
from tabletap.payments.model import RefundAnswer
from tabletap.payments.refunding import settle as settle_refund
from tabletap.reconciliation import store
from tabletap.reconciliation.errors import MatchNotPossible
from tabletap.reconciliation.expected import store as expected
from tabletap.reconciliation.matching import Decision, Take
from tabletap.reconciliation.payouts import service as payouts
from tabletap.reconciliation.records import WAITING, BankLine, BankMatch, LineState, Target


class Booking:
    """One transaction's work on one line, in somebody's name."""

    def __init__(self, tx: Transaction, gateways: Gateways, line: BankLine, by: Actor) -> None:
        self.tx, self.gateways, self.line, self.by = tx, gateways, line, by
        self.gateway = gateways.for_method(transfers.METHOD)
        self.written: list[BankMatch] = []

    def undo(self, match: BankMatch, reason: str | None) -> None:
        """Take a decision back with a row of the opposite amount."""
        self.match(
            match.target, match.target_id, -match.amount_minor, booked=match.booked, undoes_id=match.id, reason=reason
        )

    def match(
        self,
        target: Target,
        target_id: Id | None,
        amount_minor: int,
        *,
        booked: bool,
        undoes_id: Id | None = None,
        reason: str | None = None,
    ) -> None:
        """Write a decision about (part of) the line down."""
        row = BankMatch(
            self.tx.cafe_id, new_id(), self.line.id, target, target_id, amount_minor, booked, undoes_id, reason,
            self.by.person_id, self.tx.now,
        )  # fmt: skip
        self.tx.add(store.bank_match, row)
        self.written.append(row)

    def into_suspense(self, amount_minor: int) -> None:
        """Money of the line that belongs to nothing: it is on the account, and it waits."""
        self._post("bank_line", amount_minor)
        self.match("suspense", None, amount_minor, booked=True)

    def out_of_suspense(self, waiting: BankMatch, reason: str | None = None) -> None:
        """What waited is taken back, so that it can be booked where it belongs."""
        self._post("bank_line_assigned", -waiting.amount_minor)
        self.undo(waiting, reason)

    def _post(self, kind: str, amount_minor: int) -> None:
        amounts = {BANK: amount_minor, SUSPENSE: -amount_minor}
        post(self.tx, kind, self.line.currency, amounts, source_id=self.line.id)

    async def take(self, takes: Sequence[Take]) -> None:
        """Give the line's money to what it was sent for."""
        for each in takes:
            if each.target == "payment":
                await self._pay(each.target_id, each.amount_minor)
            elif each.target == "refund":
                await self._return(each.target_id, each.amount_minor)
            else:
                await payouts.receive(self.tx, each.target_id, self.line)
                self.match("payout", each.target_id, each.amount_minor, booked=True)

    async def _pay(self, payment_id: Id, amount_minor: int) -> None:
        tx, reference = self.tx, self.line.bank_reference or self.line.end_to_end_id
        payment, order = await transfers.locked(tx, payment_id)
        if payment.state != "completed":
            await transfers.receive(
                tx, self.gateway, payment, order, amount_minor,
                evidence="statement", by=self.by, bank_reference=reference,
            )  # fmt: skip
            self.match("payment", payment_id, amount_minor, booked=True)
            return
        awaited = await expected.awaited(tx, payment_id)
        due = awaited.due_minor if awaited is not None else 0
        seen, more = min(amount_minor, due), max(0, amount_minor - due)
        if seen:
            note = f"a statement shows {seen} of it, booked on {self.line.booked_on}"
            payment = await transfers.confirm(tx, payment, self.by, note)
            self.match("payment", payment_id, seen, booked=False)
            if seen < due:
                payment = flags.flag(tx, payment, "wrong_amount", "statement", self.by.person_id)
        if more:
            await transfers.receive_more(tx, self.gateway, payment, more, "statement", self.by, "more was transferred")
            self.match("payment", payment_id, more, booked=True)

    async def _return(self, refund_id: Id, amount_minor: int) -> None:
        tx = self.tx
        found = await payments.get_refund(tx, refund_id)
        if found is None:
            raise MatchNotPossible
        await orders_store.get(tx, found.order_id, lock=True)
        await payments.get(tx, found.payment_id, lock=True)
        refund = await payments.get_refund(tx, refund_id, lock=True) or found
        if refund.status == "failed" or refund.paid_out_minor != -amount_minor:
            raise MatchNotPossible("This is not the amount of that refund, or it was called off.")
        if await store.matched_minor(tx, refund_id):
            raise MatchNotPossible("Another line of a statement has shown this refund.")
        booked = refund.status == "pending"
        if booked:
            reference = self.line.bank_reference or self.line.end_to_end_id
            answer = RefundAnswer(status="completed", external_refund_id=reference)
            await settle_refund(tx, self.gateway, refund, answer)
        else:
            # Its version keeps two lines from showing the same refund at once.
            after = msgspec.structs.replace(refund, version=refund.version + 1, updated_at=tx.now)
            tx.save(payments.refund, refund, after, ("cafe_id", "id"), ("version",))
        self.match("refund", refund_id, amount_minor, booked=booked)

    def stand(self, decision: Decision, waiting_minor: int, note: str | None = None) -> LineState:
        """Where a new line stands."""
        row = LineState(
            self.tx.cafe_id, self.line.id, decision.status, waiting_minor,
            [msgspec.to_builtins(each) for each in decision.suggestions] or None, note, 1, self.tx.now,
        )  # fmt: skip
        self.tx.add(store.bank_line_state, row)
        return row

    def move(self, before: LineState, **changes: object) -> LineState:
        """Where a line stands now."""
        after = msgspec.structs.replace(before, **changes, version=before.version + 1, updated_at=self.tx.now)
        self.tx.save(store.bank_line_state, before, after, ("cafe_id", "id"), ("version",))
        return after


async def book_new(tx: Transaction, gateways: Gateways, line: BankLine, decision: Decision, by: Actor) -> LineState:
    """Write a new line down with what was decided about it. A line that is there already raises Duplicate."""
    booking = Booking(tx, gateways, line, by)
    tx.add(store.bank_line, line)
    state = booking.stand(decision, line.amount_minor if decision.status in WAITING else 0)
    await booking.take(decision.takes)
    rest = line.amount_minor - sum(each.amount_minor for each in decision.takes)
    if rest:
        booking.into_suspense(rest)
    return state
