"""How money goes back, as a rule without rows: every plan sums, and coins come out even in the end."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabletap.kernel.ids import new_id
from tabletap.payments.disputes.model import Dispute
from tabletap.payments.model import Payment, Refund
from tabletap.payments.refund_plan import ONE_PAYMENT, WHOLE_ORDER, Destination, How, Parts, Planned, Tender, plan

AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
PAYMENT = Payment(
    cafe_id=new_id(),
    id=new_id(),
    order_id=new_id(),
    customer_id=None,
    staff_id=None,
    split_id=None,
    amount_minor=480,
    tip_minor=0,
    currency="AUD",
    method="payconic_card",
    state="completed",
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
    completed_at=AT,
    failed_at=None,
    updated_at=AT,
)
HOWS: tuple[How, ...] = ("provider", "ledger", "cash", "by_hand")


def rounded(step: int) -> Any:
    """The cafe's coins: the nearest multiple, halves up."""
    return lambda total: total if step <= 1 else (2 * total + step) // (2 * step) * step


def paid(amount: int, tip: int = 0, **changes: Any) -> Payment:
    """A completed payment of its own id."""
    return msgspec.structs.replace(PAYMENT, id=new_id(), amount_minor=amount, tip_minor=tip, **changes)


def tender(payment: Payment, how: How = "provider", *earlier: Refund, has_account: bool = True) -> Tender:
    return Tender(payment=payment, earlier=earlier, how=how, has_account=has_account)


def refund_of(planned: Planned, destination: Destination = "original", **changes: Any) -> Refund:
    """The refund a plan becomes."""
    parts = planned.parts
    made = Refund(
        PAYMENT.cafe_id, new_id(), planned.payment.id, PAYMENT.order_id, planned.amount_minor,
        planned.payment.total_minor, destination, "", "completed", new_id(), None, 0, 1, AT, AT, AT,
        parts.order_minor, parts.tip_minor, parts.suspense_minor, planned.rounding_minor,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def after(before: Tender, made: Refund) -> Tender:
    """The tender when a refund has gone back."""
    done = before.payment.refunded_minor + made.amount_minor
    payment = msgspec.structs.replace(before.payment, refunded_minor=done)
    return msgspec.structs.replace(before, payment=payment, earlier=(*before.earlier, made))


def only(planned: list[Planned]) -> Planned:
    (found,) = planned
    return found


payments = st.builds(
    lambda amount, tip, suspense, how: tender(paid(amount, tip, suspense_minor=min(suspense, amount)), how),
    st.integers(1, 3_000), st.integers(0, 500), st.sampled_from([0, 0, 0, 100]), st.sampled_from(HOWS),
)  # fmt: skip


@given(st.lists(payments, min_size=1, max_size=6), st.integers(1, 20_000), st.randoms(use_true_random=False))
def test_a_plan_sums_to_the_cent_and_is_the_same_however_the_payments_are_named(
    tenders: list[Tender], wanted: int, dice: random.Random
) -> None:
    there = sum(each.payment.total_minor for each in tenders)

    planned = plan(tenders, wanted, "original", rounded(5))

    mixed = dice.sample(tenders, len(tenders))
    assert plan(mixed, wanted, "original", rounded(5)) == planned
    assert sum(each.amount_minor for each in planned) == min(wanted, there)
    assert len({each.payment.id for each in planned}) == len(planned)
    for each in planned:
        assert 0 < each.amount_minor <= each.payment.refundable_minor
        assert min(each.parts.order_minor, each.parts.tip_minor, each.parts.suspense_minor) >= 0
        assert each.rounding_minor == 0 or each.how == "cash"


@given(st.lists(payments, min_size=1, max_size=5))
def test_all_that_is_left_is_every_part_of_every_payment(tenders: list[Tender]) -> None:
    planned = {each.payment.id: each.parts for each in plan(tenders, None, "original", rounded(5))}

    for each in tenders:
        parts, payment = planned[each.payment.id], each.payment
        assert (parts.order_minor + parts.suspense_minor, parts.tip_minor) == (payment.amount_minor, payment.tip_minor)
        assert parts.suspense_minor == payment.suspense_minor


@given(payments, st.lists(st.integers(1, 900), max_size=8))
def test_refunds_in_any_parts_give_back_what_never_reached_the_bill_first_and_the_tip_last(
    whole: Tender, wanted: list[int]
) -> None:
    current, back = whole, Counter[str]()
    for want in (*wanted, None):
        for planned in plan([current], want, "original", rounded(5), ONE_PAYMENT):
            parts = planned.parts
            assert parts.order_minor == 0 or back["suspense"] + parts.suspense_minor == whole.payment.suspense_minor
            back.update(suspense=parts.suspense_minor, order=parts.order_minor, tip=parts.tip_minor)
            on_the_bill = whole.payment.amount_minor - whole.payment.suspense_minor
            assert parts.tip_minor == 0 or back["order"] == on_the_bill
            current = after(current, refund_of(planned))

    assert back.total() == whole.payment.total_minor
    assert current.left.amount_minor == 0


@given(
    st.integers(1, 2_000),
    st.integers(0, 300),
    st.sampled_from([1, 5, 10]),
    st.lists(st.integers(1, 400), max_size=12),
)
def test_after_the_last_cash_refund_drawer_sales_tips_and_rounding_are_all_zero(
    amount: int, tip: int, step: int, wanted: list[int]
) -> None:
    coins = rounded(step)
    rounding = coins(amount + tip) - amount - tip
    current = tender(paid(amount, tip, rounding_minor=rounding, method="cash"), "cash")
    books = Counter({"drawer": amount + tip + rounding, "sales": -amount, "tips": -tip, "rounding": -rounding})

    for want in (*wanted, None):
        for planned in plan([current], want, "original", coins, ONE_PAYMENT):
            assert planned.paid_out_minor >= 0
            assert planned.paid_out_minor % step == 0
            books.subtract({"drawer": planned.paid_out_minor})
            books.update(sales=planned.parts.order_minor, tips=planned.parts.tip_minor, rounding=planned.rounding_minor)
            assert sum(books.values()) == 0
            assert books["drawer"] >= 0
            current = after(current, refund_of(planned))

    assert current.payment.refundable_minor == 0
    assert set(books.values()) == {0}


@given(st.integers(1, 500), st.lists(st.tuples(st.integers(1, 90), st.sampled_from([1, 5, 10, 50])), max_size=9))
def test_cash_comes_out_even_also_when_the_cafe_changes_its_coins_in_between(
    amount: int, wanted: list[tuple[int, int]]
) -> None:
    received = rounded(5)(amount)
    current = tender(paid(amount, rounding_minor=received - amount), "cash")
    handed = 0

    for want, step in (*wanted, (amount, 10)):
        for planned in plan([current], want, "original", rounded(step), ONE_PAYMENT):
            assert planned.paid_out_minor >= 0
            handed += planned.paid_out_minor
            current = after(current, refund_of(planned))

    assert handed == received


def test_many_small_cash_refunds_hand_over_no_more_than_one_large_one() -> None:
    current, handed = tender(paid(483, rounding_minor=2), "cash"), []

    for _ in range(161):
        planned = only(plan([current], 3, "original", rounded(5)))
        handed.append(planned.paid_out_minor)
        current = after(current, refund_of(planned))

    assert sum(handed) == 485
    assert set(handed) == {0, 5}


def test_what_goes_to_credit_is_exact_and_leaves_the_rounding_where_it_was_booked() -> None:
    whole = tender(paid(483, rounding_minor=2), "cash")

    part = only(plan([whole], 101, "credit", rounded(5)))
    rest = only(plan([after(whole, refund_of(part, "credit"))], None, "original", rounded(5)))

    assert (part.amount_minor, part.paid_out_minor, part.how) == (101, 101, "ledger")
    assert (rest.amount_minor, rest.paid_out_minor) == (382, 380)
    assert only(plan([whole], None, "credit", rounded(5))).paid_out_minor == 483


def test_what_is_pending_is_claimed_and_what_failed_is_free_again() -> None:
    payment = paid(480, 70, refund_pending_minor=480)
    first = refund_of(only(plan([tender(paid(480, 70))], 480, "original", rounded(5))), status="pending")
    failed = msgspec.structs.replace(first, status="failed")

    during = only(plan([tender(payment, "provider", first)], None, "original", rounded(5)))
    released = msgspec.structs.replace(payment, refund_pending_minor=0)
    later = only(plan([tender(released, "provider", failed)], 480, "original", rounded(5)))

    assert (during.parts.order_minor, during.parts.tip_minor) == (0, 70)
    assert (later.parts.order_minor, later.parts.tip_minor) == (480, 0)


def test_an_order_goes_back_to_its_newest_card_first_then_in_cash_then_by_transfer_and_tips_last() -> None:
    transfer, cash = tender(paid(100), "by_hand"), tender(paid(100, 20), "cash")
    credit, card = tender(paid(100), "ledger"), tender(paid(100, 30, initiated_at=AT + timedelta(minutes=1)))

    def turns(amount: int) -> list[tuple[str, int, int]]:
        planned = plan([transfer, cash, credit, card], amount, "original", rounded(5))
        return [(each.how, each.parts.order_minor, each.parts.tip_minor) for each in planned]

    assert turns(150) == [("provider", 100, 0), ("ledger", 50, 0)]
    assert turns(410) == [("provider", 100, 10), ("ledger", 100, 0), ("cash", 100, 0), ("by_hand", 100, 0)]
    assert turns(450) == [("provider", 100, 30), ("ledger", 100, 0), ("cash", 100, 20), ("by_hand", 100, 0)]


def test_a_card_that_was_refused_before_comes_last() -> None:
    older, newer = paid(100), paid(100)
    refused = refund_of(only(plan([tender(newer)], 100, "original", rounded(5))), status="failed")
    by_hand = tender(paid(100), "by_hand")

    planned = plan([tender(older), tender(newer, "provider", refused), by_hand], None, "original", rounded(5))

    assert [each.payment.id for each in planned] == [older.id, by_hand.payment.id, newer.id]


def test_money_that_never_reached_the_bill_goes_back_last_of_an_order() -> None:
    late, cash = tender(paid(300, suspense_minor=300)), tender(paid(300), "cash")

    planned = plan([late, cash], 310, "original", rounded(5), WHOLE_ORDER)

    found = {each.how: (each.parts.order_minor, each.parts.suspense_minor) for each in planned}
    assert found == {"cash": (300, 0), "provider": (0, 10)}


def test_to_credit_those_with_an_account_come_first() -> None:
    guest, customer = tender(paid(100), has_account=False), tender(paid(100), "cash")

    planned = plan([guest, customer], 150, "credit", rounded(5))

    assert [(each.payment.id, each.how, each.amount_minor) for each in planned] == [
        (customer.payment.id, "ledger", 100),
        (guest.payment.id, "ledger", 50),
    ]


@pytest.mark.parametrize("kinds", [("order",), ("suspense", "order")])
def test_without_the_tip_no_tip_goes_back(kinds: Any) -> None:
    planned = only(plan([tender(paid(480, 70))], None, "original", rounded(5), kinds))

    assert (planned.amount_minor, planned.parts.tip_minor) == (480, 0)


def test_what_a_lost_dispute_took_does_not_go_back_a_second_time() -> None:
    payment = paid(480, 70, charged_back_minor=500)
    lost = Dispute(
        PAYMENT.cafe_id, new_id(), payment.id, payment.order_id, "theirs", 500, "AUD", "test", "lost", "", 480, 20, 0,
        2, AT, AT,
    )  # fmt: skip

    whole = msgspec.structs.replace(tender(payment), disputes=(lost,))

    assert only(plan([whole], None, "original", rounded(5))).parts == Parts(tip_minor=50)
