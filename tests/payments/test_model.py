"""How payments may move and how a refund divides: rules without rows."""

from datetime import UTC, datetime, timedelta
from typing import Literal

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
    ProviderCall,
    contradicts,
    disagreement,
    next_state,
)
from tabletap.payments.schedule import NEVER_ARRIVED_AFTER, never_arrived

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

    assert not disagreement(PAYMENT, agreed)
    assert not disagreement(PAYMENT, says("completed"))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(state="completed", evidence="query", amount_minor=527), "wrong_amount"),
        (Answer(state="completed", evidence="query", amount_minor=480), "wrong_amount"),
        (Answer(state="completed", evidence="query", amount_minor=0), "wrong_amount"),
        (Answer(state="pending", evidence="query", amount_minor=1), "wrong_amount"),
        (Answer(state="completed", evidence="query", amount_minor=528, currency="NZD"), "wrong_currency"),
        (Answer(state="completed", evidence="query", amount_minor=1, reference=PAYMENT.order_id), "wrong_reference"),
        (Answer(state="completed", evidence="query", amount_minor=528, live_mode=True), "wrong_mode"),
    ],
)
def test_another_amount_currency_reference_or_mode_is_a_disagreement(answer: Answer, reason: str) -> None:
    assert disagreement(PAYMENT, answer) == reason


@pytest.mark.parametrize("state", ENDED_WITHOUT_MONEY)
def test_of_what_came_to_nothing_the_amount_does_not_matter(state: PaymentState) -> None:
    assert disagreement(PAYMENT, Answer(state=state, evidence="query", amount_minor=1, currency="NZD")) is None


def expected(state: PaymentState, said: PaymentState | None, evidence: Evidence, *, at_provider: bool) -> PaymentState:
    """The table of money.md, written down once more: who may say what, and what comes of it."""
    wanted = said or "processing"
    if wanted in ("pending", "processing"):
        return wanted if state == "pending" else state
    if state == "completed" or (state in ENDED_WITHOUT_MONEY and wanted != "completed"):
        return state
    strong = ("api_response", "query", "statement", "ledger", "cash")
    enough = strong if at_provider else (*strong, "staff") if wanted == "completed" else EVIDENCE
    return wanted if evidence in enough else state


@pytest.mark.parametrize("at_provider", [True, False])
@pytest.mark.parametrize("evidence", EVIDENCE)
@pytest.mark.parametrize("state", STATES)
def test_every_state_meets_every_answer_with_every_evidence_as_the_table_says(
    state: PaymentState, evidence: Evidence, at_provider: bool
) -> None:
    current = payment(state)
    if at_provider:
        current = msgspec.structs.replace(current, provider_account_id=new_id())
    for said in (*STATES, None):
        after = next_state(current, Answer(state=said, evidence=evidence))
        assert after == expected(state, said, evidence, at_provider=at_provider), (state, said, evidence)


@pytest.mark.parametrize("known", STATES)
@pytest.mark.parametrize("said", [*STATES, None])
def test_only_a_success_that_was_known_before_asking_can_be_contradicted(
    known: PaymentState, said: PaymentState | None
) -> None:
    asked_of = msgspec.structs.replace(payment(known), provider_account_id=new_id())

    found = contradicts(asked_of, says(said))

    assert found is (known == "completed" and said in ("pending", *ENDED_WITHOUT_MONEY))
    assert not contradicts(payment(known), says(said))


def test_a_payment_the_provider_forgot_is_contradicted_too() -> None:
    forgotten = Answer(state=None, evidence="query", unknown_there=True)

    assert contradicts(msgspec.structs.replace(payment("completed"), provider_account_id=new_id()), forgotten)


def call(kind: Literal["start", "check"], at: datetime) -> ProviderCall:
    return ProviderCall(PAYMENT.cafe_id, new_id(), PAYMENT.id, None, kind, "unknown", None, at)


def test_a_payment_never_arrived_only_when_its_last_request_cannot_be_on_its_way_any_more() -> None:
    unknown = Answer(state=None, evidence="query", unknown_there=True)
    processing = payment("processing")
    later = AT + NEVER_ARRIVED_AFTER
    asked_again = [call("start", AT), call("check", later), call("start", later)]

    assert never_arrived(processing, unknown, [], later)
    assert not never_arrived(processing, unknown, [], later - timedelta(seconds=1))
    assert not never_arrived(processing, unknown, asked_again, later)
    assert never_arrived(processing, unknown, asked_again, later + NEVER_ARRIVED_AFTER)
    assert not never_arrived(payment("pending"), unknown, [], later)
    assert not never_arrived(processing, says(None), [], later)
    assert not never_arrived(msgspec.structs.replace(processing, gateway_payment_id="pay_1"), unknown, [], later)


def test_nothing_goes_back_while_a_dispute_is_open_and_what_it_took_is_gone() -> None:
    assert payment("completed", disputed_minor=1).refundable_minor == 0
    assert payment("completed", charged_back_minor=500, refunded_minor=8).refundable_minor == 20
    assert payment("completed", charged_back_minor=528, refunded_minor=8).refundable_minor == 0


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
