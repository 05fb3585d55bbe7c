"""How a line of a bank statement finds what it was sent for. Pure: the same line and the same books, the same answer.

**Money that came.** What counts is which of our references a line carries, wherever it carries them, and how much the
payments behind them still want: their total, or, for one that somebody confirmed by hand, what no statement has shown
yet.

1. One payment, exactly what it wants: `matched`. Two or more payments, and the amount is what they want together:
   `matched`, all of them.
2. One payment, less: `partly_paid`. The payment is completed over what came, the bill first and the tip last; the rest
   of the bill is outstanding again.
3. One payment, more: `overpaid`. The bill and the tip take theirs, the rest waits for a person.
4. A payment that has all it wants: a second transfer, and two transfers are two. It waits in suspense (`suggested`,
   "paid twice").
5. Two or more payments that want another sum: nobody can know which is meant. Suspense (`suggested`).
6. No reference that is ours, but the announced payout of a provider with that amount, named in the text: `matched`.
7. Nothing of all that: suspense, `suggested` with a ranking (suggesting.py) if there is anything to suggest.

It does not matter whether a payment still waits, has expired or was cancelled: money that came is money, and late money
goes to the bill if the bill still wants it (payments/late_money.py).

**Money that left.** A refund that somebody makes by hand is found by the reference of its payment, by the bank's own
reference if somebody noted it, or because the same amount goes back to the account that the payment came from. All of
one payment: `matched`. A transfer that the bank took back is never booked as if it had not come: it waits with a
suggestion. Everything else waits in suspense: fees, rent, a supplier.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from tabletap.kernel.ids import Id
from tabletap.reconciliation.records import LineStatus

SuggestionKind = Literal["transfer", "paid_twice", "combined", "refund", "returned", "refund_returned", "payout"]
"""What a line could be: a transfer that was asked for; one that was paid before; one of several named in one line; a
refund made by hand; a payment that the bank took back; a refund that came back; a provider's payout."""


class LineFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What matching looks at in a line."""

    amount_minor: int
    booked_on: str
    text: str = ""
    """Everything the payer and the banks wrote."""
    bank_references: frozenset[str] = frozenset()
    counterparty_name: str | None = None
    counterparty_account: str | None = None
    reversal: bool = False


class Awaited(msgspec.Struct, frozen=True, kw_only=True):
    """A transfer that was asked for, and what of it was seen on statements."""

    payment_id: Id
    order_id: Id
    reference: str
    total_minor: int
    state: str
    initiated_at: datetime
    matched_minor: int = 0
    order_number: int = 0
    customer_id: Id | None = None
    payer_name: str | None = None

    @property
    def due_minor(self) -> int:
        """What it still wants of a statement."""
        return self.total_minor - self.matched_minor

    @property
    def is_completed(self) -> bool:
        """Whether the books have its money already, by a statement's word or somebody's."""
        return self.state == "completed"


class Returning(msgspec.Struct, frozen=True, kw_only=True):
    """A refund that somebody makes by hand and that no statement has shown yet."""

    refund_id: Id
    payment_id: Id
    order_id: Id
    reference: str
    """Of its payment."""
    amount_minor: int
    status: str
    bank_reference: str | None
    created_at: datetime
    payer_accounts: frozenset[str] = frozenset()
    """Where the payment came from."""


class Announced(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's payout that no statement has shown yet."""

    payout_id: Id
    external_id: str
    net_minor: int


class Suggestion(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a line could be, and why. `score` ranks it: 0 to 100."""

    kind: SuggestionKind
    amount: int
    score: int
    why: str
    payment_id: Id | None = None
    order_id: Id | None = None
    order_number: int | None = None
    reference: str | None = None
    refund_id: Id | None = None
    payout_id: Id | None = None
    line_id: Id | None = None


class Take(msgspec.Struct, frozen=True):
    """Part of a line for one payment, refund or payout."""

    target: Literal["payment", "refund", "payout"]
    target_id: Id
    amount_minor: int


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Where a line ends. What `takes` leave of it waits in suspense."""

    status: LineStatus
    takes: tuple[Take, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()


def decide_incoming(line: LineFacts, found: Sequence[Awaited]) -> Decision:
    """Where money ends that carries references of ours. `found` are the payments behind them, each once."""
    wanting = [each for each in found if each.due_minor > 0]
    if not wanting:
        return Decision(status="suggested", suggestions=tuple(_paid_twice(line, each) for each in found))
    if len(found) == 1:
        return _for_one(line, wanting[0])
    if sum(each.due_minor for each in wanting) == line.amount_minor:
        takes = tuple(Take("payment", each.payment_id, each.due_minor) for each in wanting)
        return Decision(status="matched", takes=takes)
    return Decision(status="suggested", suggestions=tuple(_one_of_several(each, len(found)) for each in found))


def _for_one(line: LineFacts, awaited: Awaited) -> Decision:
    difference = line.amount_minor - awaited.due_minor
    status: LineStatus = "matched" if difference == 0 else "partly_paid" if difference < 0 else "overpaid"
    return Decision(status=status, takes=(Take("payment", awaited.payment_id, line.amount_minor),))


def _paid_twice(line: LineFacts, awaited: Awaited) -> Suggestion:
    same = "the same amount" if line.amount_minor == awaited.total_minor else "another amount"
    return _about(awaited, "paid_twice", line.amount_minor, 90, f"paid before, and now {same} again")


def _one_of_several(awaited: Awaited, count: int) -> Suggestion:
    wants = f"wants {awaited.due_minor}" if awaited.due_minor > 0 else "is paid"
    why = f"one of {count} references in this transfer; it {wants}"
    return _about(awaited, "combined", max(0, awaited.due_minor), 80, why)


def _about(awaited: Awaited, kind: SuggestionKind, amount_minor: int, score: int, why: str) -> Suggestion:
    return Suggestion(
        kind=kind, amount=amount_minor, score=score, why=why, payment_id=awaited.payment_id, order_id=awaited.order_id,
        order_number=awaited.order_number or None, reference=awaited.reference,
    )  # fmt: skip


def decide_reversed(line: LineFacts, found: Sequence[Awaited]) -> Decision:
    """Money that came back to us: a refund that did not arrive, or a fee that the bank gave back. A person looks."""
    return waiting(
        [_about(each, "refund_returned", line.amount_minor, 85, "a transfer that we made came back") for each in found]
    )


def decide_payout(line: LineFacts, announced: Sequence[Announced]) -> Decision | None:
    """The provider's payout that an incoming line is: its amount, and its name in the text. None: no such payout."""
    text = line.text.casefold()
    named = [
        each
        for each in announced
        if each.net_minor == line.amount_minor and (each.external_id.casefold() in text or _is_named(line, each))
    ]
    if len(named) != 1:
        return None
    return Decision(status="matched", takes=(Take("payout", named[0].payout_id, line.amount_minor),))


def _is_named(line: LineFacts, announced: Announced) -> bool:
    return announced.external_id in line.bank_references


def suggest_payouts(line: LineFacts, announced: Sequence[Announced]) -> list[Suggestion]:
    """Payouts of just that amount, for a line that does not name them."""
    return [
        Suggestion(
            kind="payout", amount=each.net_minor, score=70, why=f"the amount of payout {each.external_id}",
            payout_id=each.payout_id,
        )
        for each in announced
        if each.net_minor == line.amount_minor
    ]  # fmt: skip


def decide_outgoing(
    line: LineFacts, found: Sequence[Awaited], returning: Sequence[Returning], references: Collection[str]
) -> Decision:
    """Where money ends that left: one refund by hand, or suspense with what it could be."""
    amount = -line.amount_minor
    of_amount = [] if line.reversal else [each for each in returning if each.amount_minor == amount]
    sure = [each for each in of_amount if _is_sure(line, each, references)]
    if len({each.payment_id for each in sure}) == 1:  # two equal refunds of one payment: either will do
        return Decision(status="matched", takes=(Take("refund", sure[0].refund_id, line.amount_minor),))
    suggestions = [
        Suggestion(
            kind="returned", amount=amount, score=90 if amount == each.total_minor else 60,
            why="the reference of a payment that was completed" + ("; the bank took it back" if line.reversal else ""),
            payment_id=each.payment_id, order_id=each.order_id, order_number=each.order_number or None,
            reference=each.reference,
        )
        for each in found
        if each.is_completed
    ]  # fmt: skip
    suggestions += [
        Suggestion(
            kind="refund", amount=amount, score=75, why="the amount of a refund that is to be made by hand",
            payment_id=each.payment_id, order_id=each.order_id, reference=each.reference, refund_id=each.refund_id,
        )
        for each in of_amount
    ]  # fmt: skip
    return waiting(suggestions)


def _is_sure(line: LineFacts, refund: Returning, references: Collection[str]) -> bool:
    if refund.reference in references:
        return True
    if refund.bank_reference is not None and refund.bank_reference in line.bank_references:
        return True
    return line.counterparty_account is not None and line.counterparty_account in refund.payer_accounts


def waiting(suggestions: Sequence[Suggestion]) -> Decision:
    """A line that waits in suspense, with what it could be: the best first, ten at most."""
    ranked = sorted(suggestions, key=lambda each: (-each.score, each.payment_id or each.payout_id or ""))
    return Decision(status="suggested" if ranked else "suspense", suggestions=tuple(ranked[:10]))


def after_taking(awaited: Awaited, taken_minor: int) -> Awaited:
    """A transfer that was asked for, as a take leaves it: for what else the same file says of it.

    What a statement completes wants no more, whether less or more came than was asked for.
    """
    if awaited.is_completed:
        total = max(awaited.total_minor, awaited.matched_minor + taken_minor)
        return msgspec.structs.replace(awaited, total_minor=total, matched_minor=awaited.matched_minor + taken_minor)
    return msgspec.structs.replace(awaited, state="completed", total_minor=taken_minor, matched_minor=taken_minor)
