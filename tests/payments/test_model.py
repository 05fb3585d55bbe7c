"""How payments may move and how a refund divides: rules without rows."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabletap.kernel.ids import new_id
from tabletap.payments.model import (
    LIVE,
    Answer,
    Evidence,
    Payment,
    PaymentState,
    disagrees,
    next_state,
    refund_parts,
)

AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
PAYMENT = Payment(
    cafe_id=new_id(),
    id=new_id(),
    order_id=new_id(),
    customer_id=None,
    staff_id=None,
    split_id=None,
    amount_minor=480,
    tip_minor=48,
    currency="AUD",
    method="payconic_card",
    state="pending",
    needs_review=False,
    external_transaction_id=None,
    gateway_payment_id=None,
    redirect_url=None,
    refunded_minor=0,
    refund_pending_minor=0,
    metadata=None,
    mode="test",
    initiated_by=new_id(),
    address=None,
    user_agent=None,
    check_count=0,
    version=1,
    initiated_at=AT,
    expires_at=None,
    completed_at=None,
    failed_at=None,
    updated_at=AT,
)
STATES: tuple[PaymentState, ...] = ("pending", "processing", "completed", "failed", "cancelled", "expired")
EVIDENCE: tuple[Evidence, ...] = ("api_response", "query", "statement", "cash", "ledger", "guest", "staff", "clock")
ENDED_WITHOUT_MONEY = ("failed", "cancelled", "expired")


def payment(state: PaymentState = "pending", **changes: int) -> Payment:
    return msgspec.structs.replace(PAYMENT, state=state, **changes)


def says(state: PaymentState | None) -> Answer:
    return Answer(state=state, evidence="query")


@pytest.mark.parametrize("said", [*STATES, None])
def test_what_is_completed_stays_completed_whatever_is_said(said: PaymentState | None) -> None:
    assert next_state(payment("completed"), says(said)) == "completed"


@pytest.mark.parametrize("state", ENDED_WITHOUT_MONEY)
@pytest.mark.parametrize("said", [*STATES, None])
def test_what_ended_without_money_moves_only_when_the_money_came_after_all(
    state: PaymentState, said: PaymentState | None
) -> None:
    assert next_state(payment(state), says(said)) == ("completed" if said == "completed" else state)


@pytest.mark.parametrize("state", ["pending", "processing"])
def test_an_unknown_outcome_is_processing_and_never_failed(state: PaymentState) -> None:
    assert next_state(payment(state), says(None)) == "processing"


def test_a_payment_whose_outcome_was_unknown_does_not_wait_for_its_guest_again() -> None:
    assert next_state(payment("processing"), says("pending")) == "processing"


@given(st.sampled_from(STATES), st.lists(st.sampled_from([*STATES, None]), max_size=8))
def test_however_news_comes_in_money_that_came_once_is_never_unsaid(
    state: PaymentState, news: list[PaymentState | None]
) -> None:
    current = payment(state)
    for said in news:
        before = current.state
        current = payment(next_state(current, says(said)))
        assert before != "completed" or current.state == "completed"
        assert before in LIVE or current.state in (before, "completed")
    if "completed" in news:
        assert current.state == "completed"


@given(st.permutations([*STATES, None]))
def test_all_news_in_any_order_come_to_the_same_end(news: list[PaymentState | None]) -> None:
    current = payment()
    for said in news:
        current = payment(next_state(current, says(said)))
    assert current.state == "completed"


def test_the_provider_agrees_when_it_names_the_total_with_its_tip() -> None:
    agreed = Answer(state="completed", evidence="query", amount_minor=528, currency="AUD", reference=PAYMENT.id)

    assert not disagrees(PAYMENT, agreed)
    assert not disagrees(PAYMENT, says("completed"))


@pytest.mark.parametrize(
    "answer",
    [
        Answer(state="completed", evidence="query", amount_minor=527),
        Answer(state="completed", evidence="query", amount_minor=480),
        Answer(state="completed", evidence="query", amount_minor=0),
        Answer(state="completed", evidence="query", amount_minor=528, currency="NZD"),
        Answer(state="completed", evidence="query", amount_minor=528, currency="AUD", reference=PAYMENT.order_id),
    ],
)
def test_another_amount_currency_or_reference_is_a_disagreement(answer: Answer) -> None:
    assert disagrees(PAYMENT, answer)


@given(st.integers(1, 10_000), st.integers(0, 10_000), st.lists(st.integers(1, 20_000), max_size=6))
def test_refunds_in_any_parts_give_back_the_orders_money_first_and_the_tip_last(
    amount: int, tip: int, wanted: list[int]
) -> None:
    refunded, order_back, tip_back = 0, 0, 0
    for want in (*wanted, amount + tip):
        part = min(want, amount + tip - refunded)
        if part == 0:
            break
        current = payment("completed", amount_minor=amount, tip_minor=tip, refunded_minor=refunded)
        order_part, tip_part = refund_parts(current, part)
        assert order_part + tip_part == part
        assert min(order_part, tip_part) >= 0
        assert tip_part == 0 or order_back + order_part == amount
        refunded, order_back, tip_back = refunded + part, order_back + order_part, tip_back + tip_part

    assert (order_back, tip_back) == (amount, tip)


def test_what_callers_see_follows_from_the_refunds() -> None:
    assert payment("completed").shown_state == "completed"
    assert payment("completed", refund_pending_minor=528).shown_state == "completed"
    assert payment("completed", refunded_minor=1).shown_state == "partial_refund"
    assert payment("completed", refunded_minor=528).shown_state == "refunded"
    assert payment("failed").shown_state == "failed"


def test_what_can_go_back_counts_refunds_that_are_under_way() -> None:
    under_way = payment("completed", refunded_minor=100, refund_pending_minor=400)

    assert under_way.refundable_minor == 28
    assert payment("pending").refundable_minor == 0
    assert payment("expired").captured_minor == 0
