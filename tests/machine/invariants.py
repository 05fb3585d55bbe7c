"""What has to be true of a cafe's money whatever happens: after every step, and more of it when all is quiet."""

from collections.abc import Collection, Iterator
from typing import Any

import msgspec

from tests.machine.place import Place

LIVE = ("pending", "processing")


_PAYMENTS = """
SELECT id, order_id, method, state, amount_minor, tip_minor, refunded_minor, refund_pending_minor, needs_review,
  released, goes_with_id
FROM payment WHERE cafe_id = $1 ORDER BY id
"""
_JOURNALS = "SELECT journal_id, SUM(amount_minor) FROM entry WHERE cafe_id = $1 GROUP BY journal_id"
_BALANCES = "SELECT account, SUM(amount_minor) FROM entry WHERE cafe_id = $1 GROUP BY account"
_BOOKED = "FROM entry e JOIN journal j ON j.cafe_id = e.cafe_id AND j.id = e.journal_id WHERE e.cafe_id = $1"
_APPLIED = f"""
SELECT j.order_id, -SUM(e.amount_minor) {_BOOKED} AND j.kind = 'payment'
  AND (e.account IN ('sales', 'tax_payable') OR (e.account LIKE 'customer_credit:%' AND e.amount_minor < 0))
GROUP BY j.order_id
"""
"""What bills took, by the books: things were sold, or credit was."""
_CAPTURES = f"SELECT j.payment_id, COUNT(DISTINCT j.id) {_BOOKED} AND j.kind = 'payment' GROUP BY j.payment_id"
_AT_PROVIDER = f"""
SELECT j.payment_id, SUM(e.amount_minor) {_BOOKED} AND e.account LIKE 'provider:%' GROUP BY j.payment_id
"""
_DISPUTED = "SELECT id, disputed_minor + charged_back_minor FROM payment WHERE cafe_id = $1"
_ORDERS = """
SELECT id, status, total_minor, paid_minor, reserved_minor, refunded_minor FROM cafe_order WHERE cafe_id = $1
"""
_SHARES = """
SELECT o.id, o.total_minor - o.paid_minor, SUM(s.amount_minor)
FROM split s JOIN cafe_order o ON o.cafe_id = s.cafe_id AND o.id = s.order_id
WHERE s.cafe_id = $1 AND s.status IN ('open', 'paying') AND o.status <> 'cancelled'
GROUP BY o.id, o.total_minor, o.paid_minor
"""
_CREDIT_MOVES = "SELECT customer_id, SUM(amount_minor) FROM credit_transaction WHERE cafe_id = $1 GROUP BY customer_id"
_CREDIT_BALANCES = "SELECT customer_id, posted_minor, held_minor FROM customer_credit WHERE cafe_id = $1"
_CREDIT_LOTS = """
SELECT customer_id, SUM(remaining_minor), SUM(held_minor) FROM credit_lot WHERE cafe_id = $1 GROUP BY customer_id
"""
_OPEN_REFUNDS = """
SELECT r.id, p.method, r.destination
FROM refund r JOIN payment p ON p.cafe_id = r.cafe_id AND p.id = r.payment_id
WHERE r.cafe_id = $1 AND r.status = 'pending' AND NOT r.needs_review
"""
_HELD_JOBS = "SELECT entrypoint, attempts, starts FROM pgqueuer WHERE status = 'failed'"
_INBOX = "SELECT event_type, reference FROM webhook_inbox WHERE cafe_id = $1 AND state = 'received'"


class PaymentRow(msgspec.Struct, frozen=True, array_like=True):
    """A payment as the database has it."""

    id: str
    order_id: str
    method: str
    state: str
    amount: int
    tip: int
    refunded: int
    pending: int
    needs_review: bool
    released: bool
    goes_with: str | None

    @property
    def total(self) -> int:
        """What the guest pays."""
        return self.amount + self.tip

    @property
    def is_live(self) -> bool:
        """Not settled yet."""
        return self.state in LIVE


def payments(place: Place, cafe_id: str) -> list[PaymentRow]:
    """The cafe's payments, oldest first."""
    return [msgspec.convert(row, PaymentRow, strict=False) for row in place.rows(_PAYMENTS, cafe_id)]


def faults(place: Place, cafe_id: str, decided: Collection[str] = ()) -> list[str]:
    """What is wrong with the cafe's money at this moment, though something may still be under way.

    Payments that a manager has decided about may differ from what the provider says: that is what they decided.
    """
    rows = payments(place, cafe_id)
    charges = _charges(place, rows)
    return [
        *_unbalanced(place, cafe_id),
        *_overdrawn(rows),
        *_bills(place, cafe_id, rows),
        *_shares(place, cafe_id),
        *_credit(place, cafe_id, rows),
        *_books(place, cafe_id, rows),
        *_provider(place, cafe_id, rows, charges, decided),
    ]


def faults_in_the_end(place: Place, cafe_id: str, decided: Collection[str]) -> list[str]:
    """What is wrong when the provider is well and all the time in the world has passed."""
    rows = payments(place, cafe_id)
    return [
        *faults(place, cafe_id, decided),
        *(f"still {row.state}: {row}" for row in rows if row.is_live and not _waits_for_a_person(row, rows)),
        *(
            f"order {order_id} ({status}): total {total}, paid {paid}, and {reserved} still under way"
            for order_id, status, total, paid, reserved, _ in place.rows(_ORDERS, cafe_id)
            if paid + reserved > total and not any(row.order_id == order_id and row.needs_review for row in rows)
        ),
        *_open_refunds(place, cafe_id),
        *_unnoticed(rows, _charges(place, rows), decided),
        *_undone_work(place, cafe_id),
    ]


def _waits_for_a_person(row: PaymentRow, rows: list[PaymentRow]) -> bool:
    """Cash is taken by somebody, a review is decided by somebody; credit beside such a payment waits with it."""
    main = next((other for other in rows if other.id == row.goes_with and other.is_live), row)
    return main.method == "cash" or main.needs_review


def _charges(place: Place, rows: list[PaymentRow]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {row.id: [] for row in rows}
    for charge in place.provider.charges():
        if charge["reference"] in found:
            found[charge["reference"]].append(charge)
    return found


def _unbalanced(place: Place, cafe_id: str) -> Iterator[str]:
    yield from (f"journal {journal} sums to {total}" for journal, total in place.rows(_JOURNALS, cafe_id) if total)


def _overdrawn(rows: list[PaymentRow]) -> Iterator[str]:
    for row in rows:
        captured = row.total if row.state == "completed" else 0
        if row.refunded + row.pending > captured or min(row.refunded, row.pending) < 0:
            yield f"goes back beyond what was captured: {row}"


def _bills(place: Place, cafe_id: str, rows: list[PaymentRow]) -> Iterator[str]:
    """A bill is never paid twice: neither by what was paid nor by what is under way."""
    applied = dict(place.rows(_APPLIED, cafe_id))
    for order_id, status, total, paid, reserved, refunded in place.rows(_ORDERS, cafe_id):
        live = sum(row.amount for row in rows if row.order_id == order_id and row.is_live and not row.released)
        bill = f"order {order_id} ({status}): total {total}, paid {paid}, reserved {reserved}, refunded {refunded}"
        if paid + live > total:
            yield f"{bill}: paid twice, {live} are live"
        if reserved != live:
            yield f"{bill}: {live} are live"
        if int(applied.get(order_id, 0)) != paid:
            yield f"{bill}: the books say {applied.get(order_id, 0)}"
        if refunded > paid:
            yield f"{bill}: more went back than came"


def _shares(place: Place, cafe_id: str) -> Iterator[str]:
    """Shares that can be paid or are being paid never come to more than is outstanding."""
    for order_id, outstanding, shares in place.rows(_SHARES, cafe_id):
        if shares > outstanding:
            yield f"order {order_id}: {outstanding} outstanding, shares of {shares}"


def _credit(place: Place, cafe_id: str, rows: list[PaymentRow]) -> Iterator[str]:
    """Every cached balance equals its entries, in both books, and its lots; what is held is held for live payments."""
    lots = {customer: (int(left), int(held)) for customer, left, held in place.rows(_CREDIT_LOTS, cafe_id)}
    live = sum(row.amount for row in rows if row.goes_with is not None and row.is_live)
    if sum(held for _, held in lots.values()) != live:
        yield f"{lots} held in lots, {live} for payments under way"
    moved, booked = dict(place.rows(_CREDIT_MOVES, cafe_id)), dict(place.rows(_BALANCES, cafe_id))
    for customer_id, posted, held in place.rows(_CREDIT_BALANCES, cafe_id):
        if lots.get(customer_id, (0, 0)) != (posted, held):
            yield f"credit of {customer_id}: {posted} cached, {held} held, lots {lots.get(customer_id)}"
        entries = -int(booked.get(f"customer_credit:{customer_id}", 0))
        if posted < 0 or posted != int(moved.get(customer_id, 0)) or posted != entries:
            yield f"credit of {customer_id}: {posted} cached, {moved.get(customer_id)} moved, {entries} booked"


def _books(place: Place, cafe_id: str, rows: list[PaymentRow]) -> Iterator[str]:
    """A payment that was captured is booked once, whatever it was paid with; one that was not has no journal."""
    booked = dict(place.rows(_CAPTURES, cafe_id))
    for row in rows:
        if booked.get(row.id, 0) != (1 if row.state == "completed" else 0):
            yield f"booked {booked.get(row.id, 0)} times: {row}"


def _provider(
    place: Place,
    cafe_id: str,
    rows: list[PaymentRow],
    charges: dict[str, list[dict[str, Any]]],
    decided: Collection[str],
) -> Iterator[str]:
    """What the provider charged and what we recorded agree, or are flagged, or are still under way."""
    held, disputed = dict(place.rows(_AT_PROVIDER, cafe_id)), dict(place.rows(_DISPUTED, cafe_id))
    for row in rows:
        if not row.method.startswith("payconic"):
            continue
        found = charges[row.id]
        if len(found) > 1:
            yield f"charged {len(found)} times: {row}"
        if row.state != "completed":
            continue
        if not found:
            yield f"completed here, and never charged: {row}"
            continue
        charge = found[0]
        at_provider = charge["amount"] - charge["refunded"] - charge["disputed"]
        unheard = disputed.get(row.id, 0) + charge["disputed"]
        difference = int(held.get(row.id, 0)) - at_provider
        if not -unheard <= difference <= row.pending + unheard and not row.needs_review and row.id not in decided:
            yield f"we book {held.get(row.id)}, the provider holds {charge}: {row}"


def faults_when_all_is_heard(place: Place, cafe_id: str, decided: Collection[str]) -> list[str]:
    """What is wrong when every notice has arrived: to the cent, disputes with it."""
    rows = payments(place, cafe_id)
    charges, held = _charges(place, rows), dict(place.rows(_AT_PROVIDER, cafe_id))
    return [
        *faults_in_the_end(place, cafe_id, decided),
        *(
            f"we book {held.get(row.id, 0)}, the provider holds {charge}: {row}"
            for row in rows
            for charge in charges[row.id]
            if row.state == "completed" and not row.needs_review and row.id not in decided
            if int(held.get(row.id, 0)) != charge["amount"] - charge["refunded"] - charge["disputed"]
        ),
    ]


def _open_refunds(place: Place, cafe_id: str) -> Iterator[str]:
    for refund_id, method, destination in place.rows(_OPEN_REFUNDS, cafe_id):
        if method.startswith("payconic") or destination == "credit":
            yield f"refund {refund_id} to {destination} of a payment by {method} is still pending"


def _unnoticed(
    rows: list[PaymentRow], charges: dict[str, list[dict[str, Any]]], decided: Collection[str]
) -> Iterator[str]:
    for row in rows:
        for charge in charges[row.id]:
            if row.id not in decided and row.state != "completed" and not row.needs_review:
                yield f"charged, and nobody is told: {row}, {charge}"


def _undone_work(place: Place, cafe_id: str) -> Iterator[str]:
    yield from (f"a job gave up: {job}" for job in place.rows(_HELD_JOBS))
    yield from (f"a notice was never worked off: {entry}" for entry in place.rows(_INBOX, cafe_id))
