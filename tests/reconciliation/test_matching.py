"""The rules of matching alone: whatever comes, a line ends in one state and all of it is accounted for."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabletap.qr.references import new_reference
from tabletap.reconciliation.lines import facts_of, references_of, without_cards
from tabletap.reconciliation.matching import (
    Announced,
    Awaited,
    LineFacts,
    Returning,
    after_taking,
    decide_incoming,
    decide_outgoing,
    decide_payout,
    decide_reversed,
)
from tabletap.reconciliation.records import STATUSES, WAITING, LineStatus
from tabletap.reconciliation.suggesting import Candidates
from tabletap.reconciliation.views import Tally
from tests.reconciliation.bank import line

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = "2026-11-20"


def wanted(number: int = 1, total: int = 480, **more: Any) -> Awaited:
    """A transfer that is awaited."""
    given: dict[str, Any] = {
        "payment_id": f"payment-{number}",
        "order_id": f"order-{number}",
        "reference": f"REFERENCE{number:03d}",
        "total_minor": total,
        "state": "pending",
        "initiated_at": NOON,
    }
    return Awaited(**{**given, **more})


def came(amount: int, **more: Any) -> LineFacts:
    """A line."""
    return LineFacts(amount_minor=amount, booked_on=DAY, **more)


amounts = st.integers(min_value=1, max_value=10**9)
states = st.sampled_from(["pending", "processing", "completed", "failed", "cancelled", "expired"])


@st.composite
def some_awaited(draw: st.DrawFn) -> list[Awaited]:
    """One to four transfers, some of them seen in part or whole."""
    found = []
    for number in range(draw(st.integers(1, 4))):
        total, state = draw(amounts), draw(states)
        matched = draw(st.integers(0, total)) if state == "completed" else 0
        found.append(wanted(number, total, state=state, matched_minor=matched))
    return found


@given(amount=amounts, found=some_awaited())
def test_every_line_with_a_reference_ends_in_one_state_and_is_all_accounted_for(
    amount: int, found: list[Awaited]
) -> None:
    decision = decide_incoming(came(amount), found)

    taken = sum(take.amount_minor for take in decision.takes)
    assert decision.status in STATUSES
    assert taken in (0, amount)
    assert (taken == 0) == (decision.status in WAITING)
    assert all(take.amount_minor > 0 for take in decision.takes)
    assert decision == decide_incoming(came(amount), found)


@given(found=some_awaited())
def test_exactly_what_they_want_together_is_matched_and_wants_no_more(found: list[Awaited]) -> None:
    due = sum(each.due_minor for each in found)
    if due == 0:
        return

    decision = decide_incoming(came(due), found)

    assert decision.status == "matched"
    taken = {take.target_id: take.amount_minor for take in decision.takes}
    left = [after_taking(each, taken.get(each.payment_id, 0)) for each in found if each.payment_id in taken]
    assert all(each.due_minor == 0 for each in left)
    again = decide_incoming(came(due), left)
    assert [each.kind for each in again.suggestions] == ["paid_twice"] * len(left)


@pytest.mark.parametrize(
    ("amount", "status"), [(480, "matched"), (479, "partly_paid"), (481, "overpaid"), (1, "partly_paid")]
)
@pytest.mark.parametrize("state", ["pending", "expired", "cancelled", "completed"])
def test_one_payment_is_paid_in_part_in_whole_or_too_much(amount: int, status: str, state: str) -> None:
    assert decide_incoming(came(amount), [wanted(state=state)]).status == status


def test_a_paid_order_beside_an_open_one_does_not_keep_the_open_one_from_being_paid() -> None:
    paid = wanted(1, state="completed", matched_minor=480)

    decision = decide_incoming(came(620), [paid, wanted(2, 620)])

    assert (decision.status, [take.target_id for take in decision.takes]) == ("matched", ["payment-2"])


def refund(number: int, amount: int, **more: Any) -> Returning:
    """A refund that somebody makes by hand."""
    given: dict[str, Any] = {
        "refund_id": f"refund-{number}",
        "payment_id": f"payment-{number}",
        "order_id": f"order-{number}",
        "reference": f"REFERENCE{number:03d}",
        "amount_minor": amount,
        "status": "pending",
        "bank_reference": None,
        "created_at": NOON,
    }
    return Returning(**{**given, **more})


def test_money_that_left_is_the_one_refund_that_it_surely_is() -> None:
    refunds = [refund(1, 480), refund(2, 480, payer_accounts=frozenset({"BE1"})), refund(3, 500)]

    by_reference = decide_outgoing(came(-480), [], refunds, {"REFERENCE001"})
    by_account = decide_outgoing(came(-480, counterparty_account="BE1"), [], refunds, set())
    unsure = decide_outgoing(came(-480), [], refunds, set())
    both = decide_outgoing(came(-480, counterparty_account="BE1"), [], refunds, {"REFERENCE001"})
    reversal = decide_outgoing(came(-480, reversal=True), [], refunds, {"REFERENCE001"})

    assert [take.target_id for take in by_reference.takes] == ["refund-1"]
    assert [take.target_id for take in by_account.takes] == ["refund-2"]
    assert (unsure.takes, unsure.status, len(unsure.suggestions)) == ((), "suggested", 2)
    assert (both.takes, both.status) == ((), "suggested"), "two could be meant"
    assert (reversal.takes, reversal.status) == ((), "suspense")


def test_two_equal_refunds_of_one_payment_are_settled_one_after_the_other() -> None:
    refunds = [refund(1, 100), refund(1, 100, refund_id="refund-2")]

    first = decide_outgoing(came(-100), [], refunds, {"REFERENCE001"})
    second = decide_outgoing(came(-100), [], refunds[1:], {"REFERENCE001"})

    assert [take.target_id for take in (*first.takes, *second.takes)] == ["refund-1", "refund-2"]


def test_what_came_back_of_our_own_transfers_is_never_a_guests_payment() -> None:
    decision = decide_reversed(came(480, reversal=True), [wanted()])

    assert (decision.takes, [each.kind for each in decision.suggestions]) == ((), ["refund_returned"])


def test_a_payout_is_known_by_its_name_and_its_amount_together() -> None:
    announced = [
        Announced(payout_id="a", external_id="PO-17", net_minor=900),
        Announced(payout_id="b", external_id="PO-18", net_minor=900),
    ]

    named = decide_payout(came(900, text="PAYCONIC po-18 NOV"), announced)

    assert named is not None
    assert [take.target_id for take in named.takes] == ["b"]
    assert decide_payout(came(901, text="PO-18"), announced) is None
    assert decide_payout(came(900, text="PAYCONIC"), announced) is None


def test_guesses_rank_the_amount_then_the_day_then_the_payer() -> None:
    known = wanted(1, 480, customer_id="ann")
    old = wanted(2, 480, initiated_at=datetime(2026, 10, 1, tzinfo=UTC))
    named = wanted(3, 480, payer_name="Ann Bee")
    other = wanted(4, 999, customer_id="ann")
    stranger = wanted(5, 777)
    sent = came(480, counterparty_account="BE1", counterparty_name="BEE, ANN")

    guesses = Candidates([old, stranger, other, named, known]).suggest(sent, {"BE1": {"ann"}})

    assert [each.payment_id for each in guesses] == ["payment-1", "payment-3", "payment-2", "payment-4"]
    assert all(0 < each.score < 100 for each in guesses)


@given(currency=st.sampled_from(["AUD", "EUR"]), before=st.text("abc ", max_size=20), cut=st.integers(1, 11))
def test_a_reference_is_read_however_the_banks_cut_it(currency: str, before: str, cut: int) -> None:
    reference = new_reference(currency)

    whole = references_of(line(1, f"{before} {reference} thanks"))
    halves = references_of(line(1, f"{before} {reference[:cut]} {reference[cut:]} thanks"))
    grouped = references_of(line(1, f"{before}/{'-'.join(reference[n : n + 4] for n in range(0, 16, 4))}"))

    assert reference in whole & halves & grouped


def test_a_mistyped_reference_is_none() -> None:
    reference = new_reference("AUD")
    wrong = ("9" if reference[0] != "9" else "8") + reference[1:]

    assert references_of(line(1, f"order {wrong}")) == frozenset()


def test_card_numbers_that_banks_write_into_texts_are_not_kept() -> None:
    assert without_cards("POS 4111 1111 1111 1111 SYDNEY 20/11") == "POS **** **** **** 1111 SYDNEY 20/11"
    assert without_cards("Invoice 2026-1120 from 20/11") == "Invoice 2026-1120 from 20/11"


def test_facts_hold_all_that_was_written() -> None:
    facts = facts_of(line(5, "text", structured_reference="RF1", end_to_end_id="E2E", counterparty_account="BE 1 2"))

    assert facts.text.split() == ["RF1", "E2E", "text"]
    assert facts.counterparty_account == "BE12"
    assert date.fromisoformat(facts.booked_on) == line(5).booked_on


def test_a_tally_sums_what_it_counted() -> None:
    tally = Tally()
    told: list[tuple[LineStatus, int]] = [("matched", 5), ("suspense", -3), ("matched", 2)]
    for status, amount in told:
        tally.add(status, amount)

    assert (tally.lines, tally.amount_minor, tally.matched.amount) == (3, 4, 7)
