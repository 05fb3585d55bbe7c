"""How money goes back: which part of which payment, and how much of it in coins. Pure.

**Parts.** A refund gives back parts of one payment: what had paid the bill (`order`), the tip, and what had found no
bill to go to (`suspense`). They are claimed when the refund is reserved, so two refunds never give back the same part.
Of a single payment the money without a bill goes first, then the order's, and the tip last.

**An order's tenders.** An amount for a whole order is taken from the order's money of all its payments before any tip,
and money that never reached the bill goes last: it is not what the returned coffee was paid with. Which payment comes
first is decided by these rules, in this order:

1. Payments that give back by themselves (cards, wallets, credit): money goes back where it came from, and nobody turns
   a card payment into cash while the card can take it.
2. Cash, then transfers that a person has to make at the bank.
3. Last, payments whose provider has refused to give back before.
4. Among equals the newest first: the last payment on a bill paid for what was open then.

To credit, payments of customers with an account come first. A request goes to credit or to the source, never to both.

**Cash.** What is handed over is rounded to the cafe's coins. What all cash refunds of a payment hand over follows what
they come to in sum, so many small refunds never give more than one large one, and the refund that returns the last of
it hands over exactly what was once received: with that the rounding of the payment is undone. When part of a cash
payment goes to credit, the credit is the exact amount and the rounding stays booked: that cash was taken, and the rest
that is handed over is rounded for itself.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import msgspec

from tabletap.payments.disputes.model import Dispute, parts_left
from tabletap.payments.model import Payment, Refund

Destination = Literal["original", "credit"]
How = Literal["provider", "ledger", "cash", "by_hand"]
"""Who gives it back: a provider, our own books at once, the counter, or a person at the bank."""
Kind = Literal["order", "tip", "suspense"]
ONE_PAYMENT: tuple[Kind, ...] = ("suspense", "order", "tip")
WHOLE_ORDER: tuple[Kind, ...] = ("order", "tip", "suspense")
_TURN: dict[How, int] = {"provider": 0, "ledger": 0, "cash": 1, "by_hand": 2}
_REFUSED_BEFORE = 3

RoundCash = Callable[[int], int]
"""What is due in coins for a sum."""


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What a refund gives back of a payment, or what of it could still go back."""

    order_minor: int = 0
    tip_minor: int = 0
    suspense_minor: int = 0

    @property
    def amount_minor(self) -> int:
        """All of it."""
        return self.order_minor + self.tip_minor + self.suspense_minor

    def of(self, kind: Kind) -> int:
        """One of the parts."""
        return {"order": self.order_minor, "tip": self.tip_minor, "suspense": self.suspense_minor}[kind]

    def with_more(self, kind: Kind, more_minor: int) -> "Parts":
        """The same with more of one part."""
        name = f"{kind}_minor"
        return msgspec.structs.replace(self, **{name: getattr(self, name) + more_minor})


class Tender(msgspec.Struct, frozen=True, kw_only=True):
    """A payment with what of it could still go back."""

    payment: Payment
    earlier: tuple[Refund, ...]
    """Its refunds, in any state."""
    how: How
    """How it goes back to its source."""
    has_account: bool = True
    """Whether its money could go to credit."""
    disputes: tuple[Dispute, ...] = ()
    """Its disputes, in any state."""

    @property
    def left(self) -> Parts:
        """What neither a refund nor a lost dispute has claimed yet."""
        order, tip, suspense = parts_left(self.payment, self.earlier, self.disputes)
        return Parts(order_minor=order, tip_minor=tip, suspense_minor=suspense)

    @property
    def was_refused(self) -> bool:
        """Whether its provider has refused to give back before."""
        return any(refund.status == "failed" for refund in self.earlier)


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """One refund as it would be made."""

    payment: Payment
    parts: Parts
    rounding_minor: int
    how: How

    @property
    def amount_minor(self) -> int:
        """What it gives back of the payment."""
        return self.parts.amount_minor

    @property
    def paid_out_minor(self) -> int:
        """What the guest gets."""
        return self.amount_minor + self.rounding_minor


def plan(
    tenders: Iterable[Tender],
    amount_minor: int | None,
    destination: Destination,
    round_cash: RoundCash,
    kinds: Sequence[Kind] = WHOLE_ORDER,
) -> list[Planned]:
    """How an amount goes back over the tenders of an order; no amount: all that is left of the `kinds`.

    The same tenders give the same plan, in whatever order they are named. It sums to the amount, or to less where less
    is left: the caller compares.
    """
    ranked = sorted(tenders, key=lambda tender: (tender.payment.initiated_at, tender.payment.id), reverse=True)
    ranked.sort(key=lambda tender: _turn(tender, destination))
    wanted = [Parts() for _ in ranked]
    open_minor = [tender.payment.refundable_minor for tender in ranked]
    to_place = sum(open_minor) if amount_minor is None else amount_minor
    for kind in kinds:
        for index, tender in enumerate(ranked):
            take = min(tender.left.of(kind), open_minor[index], to_place)
            if take > 0:
                wanted[index] = wanted[index].with_more(kind, take)
                open_minor[index] -= take
                to_place -= take
    return [
        _planned(tender, parts, destination, round_cash)
        for tender, parts in zip(ranked, wanted, strict=True)
        if parts.amount_minor
    ]


def _turn(tender: Tender, destination: Destination) -> int:
    if destination == "credit":
        return 0 if tender.has_account else 1
    return _REFUSED_BEFORE if tender.was_refused else _TURN[tender.how]


def _planned(tender: Tender, parts: Parts, destination: Destination, round_cash: RoundCash) -> Planned:
    how = tender.how if destination == "original" else "ledger"
    rounding = cash_rounding(tender, parts.amount_minor, round_cash) if how == "cash" else 0
    return Planned(payment=tender.payment, parts=parts, rounding_minor=rounding, how=how)


def cash_rounding(tender: Tender, amount_minor: int, round_cash: RoundCash) -> int:
    """What is handed over beyond an amount (below zero: less), so that the payment's cash comes out even in the end."""
    payment = tender.payment
    in_cash = [refund for refund in tender.earlier if refund.is_live and refund.destination == "original"]
    handed = sum(refund.paid_out_minor for refund in in_cash)
    exact = sum(refund.amount_minor for refund in in_cash) + amount_minor
    received = payment.total_minor + payment.rounding_minor
    if exact < payment.total_minor:
        # The cafe's coins may have changed since: never less than was handed over already, never more than was taken.
        received = min(max(round_cash(exact), handed), received)
    return received - handed - amount_minor
