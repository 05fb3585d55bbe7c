"""What a transfer without a reference could be for: ranked guesses for a person, never decided by a machine. Pure.

A guess needs the same amount, or a payer who paid before for the customer who is awaited. Its score adds up:

- 60 the amount is just what is awaited (15 if it is not, and only for a payer we know)
- 0 to 20 for how near in time it was asked for: a transfer takes hours or days, not weeks
- 20 this bank account has paid for this customer before
- 10 the payer's name is the customer's
- 30 the text has our reference with one or two characters wrong

A score is at most 99: what is certain is matched.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime, time
from itertools import islice, pairwise

from tabletap.qr.references import normalise_reference
from tabletap.reconciliation.matching import Awaited, LineFacts, Suggestion

MOST = 5
"""More guesses than a person reads are no help."""
_LOOKED_AT = 50
_NEAR_DAYS = 20


class Candidates:
    """What is awaited, by amount and by customer."""

    def __init__(self, awaited: Iterable[Awaited] = ()) -> None:
        self._by_amount: dict[int, dict[str, Awaited]] = defaultdict(dict)
        self._by_customer: dict[str, dict[str, Awaited]] = defaultdict(dict)
        for each in awaited:
            self._by_amount[each.due_minor][each.payment_id] = each
            if each.customer_id is not None:
                self._by_customer[each.customer_id][each.payment_id] = each

    def forget(self, awaited: Awaited) -> None:
        """It wants nothing any more."""
        self._by_amount[awaited.due_minor].pop(awaited.payment_id, None)
        if awaited.customer_id is not None:
            self._by_customer[awaited.customer_id].pop(awaited.payment_id, None)

    def suggest(self, line: LineFacts, payers: Mapping[str, Collection[str]]) -> list[Suggestion]:
        """Guesses for a line that came without a reference, the best first. `payers`: customers by bank account."""
        known = payers.get(line.counterparty_account or "", ())
        looked_at = dict(islice(self._by_amount.get(line.amount_minor, {}).items(), _LOOKED_AT))
        for customer_id in known:
            looked_at |= dict(islice(self._by_customer.get(customer_id, {}).items(), _LOOKED_AT))
        tokens = _tokens(line.text)
        guesses = [_guess(line, each, known, tokens) for each in looked_at.values()]
        return sorted(guesses, key=lambda each: (-each.score, each.payment_id or ""))[:MOST]


def _guess(line: LineFacts, awaited: Awaited, known: Collection[str], tokens: Collection[str]) -> Suggestion:
    reasons: list[str] = []
    score = 60 if line.amount_minor == awaited.due_minor else 15
    if line.amount_minor == awaited.due_minor:
        reasons.append("the same amount")
    days = _days_between(line.booked_on, awaited.initiated_at)
    score += max(0, _NEAR_DAYS - days)
    reasons.append("asked for on that day" if days == 0 else f"asked for {days} days from then")
    if awaited.customer_id is not None and awaited.customer_id in known:
        score += 20
        reasons.append("paid from this account before")
    if _same_name(line.counterparty_name, awaited.payer_name):
        score += 10
        reasons.append("the customer's name")
    if any(_is_slip(token, awaited.reference) for token in tokens):
        score += 30
        reasons.append("nearly our reference")
    return Suggestion(
        kind="transfer", amount=awaited.due_minor, score=min(99, score), why=", ".join(reasons),
        payment_id=awaited.payment_id, order_id=awaited.order_id, order_number=awaited.order_number or None,
        reference=awaited.reference,
    )  # fmt: skip


def _days_between(booked_on: str, initiated_at: datetime) -> int:
    booked = datetime.combine(date.fromisoformat(booked_on), time(12), UTC)
    return abs((booked - initiated_at).days if booked >= initiated_at else (initiated_at - booked).days)


def _same_name(left: str | None, right: str | None) -> bool:
    def words(name: str) -> set[str]:
        return {word for word in name.casefold().replace(".", " ").replace(",", " ").split() if len(word) > 1}

    return bool(left and right and words(left) and words(left) == words(right))


def _tokens(text: str) -> set[str]:
    """What could be meant to be a reference: words, and neighbours written apart."""
    words = [normalise_reference(word) for word in text.split()][:40]
    return {*words, *(a + b for a, b in pairwise(words)), "".join(words[:6])}


def _is_slip(token: str, reference: str) -> bool:
    """One or two characters wrong, none missing."""
    if len(token) != len(reference):
        return False
    return 0 < sum(a != b for a, b in zip(token, reference, strict=True)) <= 2
