"""What becomes of each kind of transfer: exact, short, over, combined, late, twice, unknown, confirmed before."""

import pytest

from tabletap.kernel.ids import new_id
from tests.reconciliation.bank import (
    assert_lines_agree,
    awaited,
    bank_and_suspense,
    line,
    newest,
    payment,
    take_in,
)
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_the_exact_amount_completes_the_payment_and_the_kitchen_hears_of_it(world: World) -> None:
    wanted = await awaited(world, tipAmount=50)
    bank, suspense = await bank_and_suspense(world)

    report = await take_in(world, line(530, f"Thank you {wanted['reference']}"))

    shown = await world.payment(wanted["paymentId"])
    assert (report.tally.matched.lines, report.tally.matched.amount) == (1, 530)
    assert (shown["status"], shown["history"][-1]["evidence"]) == ("completed", "statement")
    order = (await world.call("GET", f"/orders/{wanted['orderId']}", "manager")).body
    assert (order["status"], order["paymentStatus"]) == ("paid", "paid")
    assert await bank_and_suspense(world) == (bank + 530, suspense)
    qr = await world.call("GET", f"/qr-payments/{wanted['qr']['qrPaymentId']}", "manager")
    assert qr.body["status"] == "paid"
    await assert_lines_agree(world)


@pytest.mark.parametrize("how", ["structured_reference", "end_to_end_id", "groups", "lower"])
async def test_a_reference_is_found_wherever_the_payer_or_a_bank_put_it(world: World, how: str) -> None:
    wanted = await awaited(world)
    reference = wanted["reference"]
    if how in ("structured_reference", "end_to_end_id"):
        sent = line(480, "coffee", **{how: reference})
    elif how == "groups":
        sent = line(480, f"coffee {reference[:4]} {reference[4:8]} {reference[8:]} thanks")
    else:
        sent = line(480, f"INV/{reference.lower()}/")

    report = await take_in(world, sent)

    assert report.tally.matched.lines == 1
    assert (await payment(world, wanted["paymentId"])).state == "completed"


async def test_less_than_asked_for_pays_what_it_pays_and_the_rest_is_outstanding_again(world: World) -> None:
    wanted = await awaited(world, tipAmount=50)
    bank, suspense = await bank_and_suspense(world)

    report = await take_in(world, line(400, wanted["reference"]))

    shown = await world.payment(wanted["paymentId"])
    order = (await world.call("GET", f"/orders/{wanted['orderId']}", "manager")).body
    assert report.tally.partly_paid.lines == 1
    assert (shown["status"], shown["amount"], shown["tipAmount"], shown["needsReview"]) == ("completed", 400, 0, False)
    assert (order["paymentStatus"], order["outstandingAmount"]) == ("partly_paid", 80)
    assert await bank_and_suspense(world) == (bank + 400, suspense)
    rest = await world.pay(wanted["order"], "qr_bank_transfer", key=new_id())
    assert (rest.status, rest.body["amount"]) == (201, 80)
    assert (await take_in(world, line(80, rest.body["qr"]["reference"]))).tally.matched.lines == 1
    order = (await world.call("GET", f"/orders/{wanted['orderId']}", "manager")).body
    assert (order["paymentStatus"], order["outstandingAmount"]) == ("paid", 0)
    await assert_lines_agree(world)


async def test_more_than_asked_for_pays_the_bill_and_the_tip_and_the_rest_waits_under_review(world: World) -> None:
    wanted = await awaited(world, tipAmount=50)
    bank, suspense = await bank_and_suspense(world)

    report = await take_in(world, line(630, wanted["reference"]))

    done = await payment(world, wanted["paymentId"])
    assert report.tally.overpaid.lines == 1
    assert (done.state, done.tip_minor, done.suspense_minor) == ("completed", 50, 100)
    assert (done.needs_review, done.review_reason) == (True, "overpaid")
    assert await bank_and_suspense(world) == (bank + 630, suspense + 100)
    order = (await world.call("GET", f"/orders/{wanted['orderId']}", "manager")).body
    assert (order["paymentStatus"], order["status"]) == ("paid", "paid")
    await assert_lines_agree(world)


async def test_one_transfer_for_two_orders_pays_both(world: World) -> None:
    one, other = await awaited(world), await awaited(world, who="friend")

    report = await take_in(world, line(960, f"{one['reference']} and {other['reference']}"))

    assert (report.tally.matched.lines, report.tally.matched.amount) == (1, 960)
    for each in (one, other):
        assert (await payment(world, each["paymentId"])).state == "completed"
    assert [match.amount for match in (await newest(world)).matches or []] == [480, 480]
    await assert_lines_agree(world)


async def test_one_transfer_for_two_orders_of_another_sum_is_nobodys_guess(world: World) -> None:
    one, other = await awaited(world), await awaited(world)
    bank, suspense = await bank_and_suspense(world)

    report = await take_in(world, line(900, f"{one['reference']} {other['reference']}"))

    assert report.tally.suggested.lines == 1
    assert await bank_and_suspense(world) == (bank + 900, suspense + 900)
    shown = await newest(world)
    assert {each["paymentId"] for each in shown.suggestions or []} == {one["paymentId"], other["paymentId"]}
    for each in (one, other):
        assert (await payment(world, each["paymentId"])).state == "pending"
    await assert_lines_agree(world)


async def test_two_identical_transfers_are_two_and_the_second_waits(world: World) -> None:
    wanted = await awaited(world)
    bank, suspense = await bank_and_suspense(world)
    twin = line(480, wanted["reference"], bank_reference=None)

    report = await take_in(world, twin, twin)

    assert (report.tally.matched.lines, report.tally.suggested.lines) == (1, 1)
    assert await bank_and_suspense(world) == (bank + 960, suspense + 480)
    assert [each["kind"] for each in (await newest(world, "suggested")).suggestions or []] == ["paid_twice"]
    await assert_lines_agree(world)


async def test_a_transfer_that_was_confirmed_at_the_counter_is_booked_once(world: World) -> None:
    wanted = await awaited(world)
    path = f"/qr-payments/{wanted['qr']['qrPaymentId']}/confirm"
    assert (await world.call("POST", path, "counter", {"amount": 480}, key=new_id())).status == 200
    bank, suspense = await bank_and_suspense(world)

    report = await take_in(world, line(480, wanted["reference"]))

    assert report.tally.matched.lines == 1
    assert await bank_and_suspense(world) == (bank, suspense)
    assert (await world.payment(wanted["paymentId"]))["history"][-1]["evidence"] == "statement"
    again = await take_in(world, line(480, wanted["reference"]))
    assert again.tally.suggested.lines == 1
    assert await bank_and_suspense(world) == (bank + 480, suspense + 480)
    await assert_lines_agree(world)


@pytest.mark.parametrize(
    ("came", "status", "reason"), [(400, "partly_paid", "wrong_amount"), (500, "overpaid", "overpaid")]
)
async def test_a_confirmed_transfer_of_another_amount_on_the_statement_is_under_review(
    world: World, came: int, status: str, reason: str
) -> None:
    wanted = await awaited(world)
    path = f"/qr-payments/{wanted['qr']['qrPaymentId']}/confirm"
    assert (await world.call("POST", path, "counter", {"amount": 480}, key=new_id())).status == 200
    bank, suspense = await bank_and_suspense(world)

    await take_in(world, line(came, wanted["reference"]))

    done = await payment(world, wanted["paymentId"])
    assert (await newest(world)).status == status
    assert (done.needs_review, done.review_reason) == (True, reason)
    more = max(0, came - 480)
    assert await bank_and_suspense(world) == (bank + more, suspense + more)
    await assert_lines_agree(world)


async def test_a_cancelled_transfer_that_comes_after_all_pays_the_bill_that_still_wants_it(world: World) -> None:
    wanted = await awaited(world)
    assert (await world.call("POST", f"/payments/{wanted['paymentId']}/cancel", "customer")).status == 200

    report = await take_in(world, line(480, wanted["reference"]))

    done = await payment(world, wanted["paymentId"])
    assert report.tally.matched.lines == 1
    assert (done.state, done.suspense_minor, done.review_reason) == ("completed", 0, "late_money")
    order = (await world.call("GET", f"/orders/{wanted['orderId']}", "manager")).body
    assert order["paymentStatus"] == "paid"


@pytest.mark.parametrize("came", [480, 300])
async def test_money_for_a_bill_that_was_paid_otherwise_follows_the_policy_for_late_money(
    world: World, came: int
) -> None:
    wanted = await awaited(world)
    await world.call("POST", f"/payments/{wanted['paymentId']}/cancel", "customer")
    assert (await world.pay(wanted["order"], "customer_credit")).status == 201
    bank, suspense = await bank_and_suspense(world)

    await take_in(world, line(came, wanted["reference"]))

    done = await payment(world, wanted["paymentId"])
    assert (done.state, done.suspense_minor, done.review_reason) == ("completed", came, "late_money")
    assert await bank_and_suspense(world) == (bank + came, suspense), "it became credit"
    assert done.refunded_minor == came
    await assert_lines_agree(world)


async def test_short_late_money_takes_the_bill_from_whoever_was_about_to_pay_it(world: World) -> None:
    wanted = await awaited(world)
    await world.call("POST", f"/payments/{wanted['paymentId']}/cancel", "customer")
    other = await world.pay(wanted["order"], "qr_bank_transfer")
    assert other.status == 201

    await take_in(world, line(300, wanted["reference"]))

    order = (await world.call("GET", f"/orders/{wanted['orderId']}", "manager")).body
    assert order["outstandingAmount"] == 180
    assert (await payment(world, other.body["paymentId"])).released


async def test_what_nobody_asked_for_lies_in_suspense(world: World) -> None:
    bank, suspense = await bank_and_suspense(world)

    report = await take_in(world, line(123_457, "a gift"), line(-9_999, "rent"))

    assert (report.tally.suspense.lines, report.tally.suspense.amount) == (2, 113_458)
    assert await bank_and_suspense(world) == (bank + 113_458, suspense + 113_458)
    await assert_lines_agree(world)


async def test_without_a_reference_the_nearest_transfers_are_suggested_best_first(world: World) -> None:
    order = await world.order(items={"Banana bread": 3})
    paid = (await world.pay(order, "qr_bank_transfer")).body
    known = {"counterparty_account": "062001 7654321", "counterparty_name": "customer"}
    await take_in(world, line(1_860, paid["qr"]["reference"], **known))
    others = [(await world.pay(await world.order(who, items={"Banana bread": 3}), "qr_bank_transfer", who)).body
              for who in ("friend", "customer")]  # fmt: skip

    report = await take_in(world, line(1_860, "coffee and cake", **known))

    best = (await newest(world)).suggestions or []
    assert report.tally.suggested.lines == 1
    assert [each["paymentId"] for each in best[:2]] == [others[1]["paymentId"], others[0]["paymentId"]]
    assert best[0]["score"] > best[1]["score"]
    assert "paid from this account before" in best[0]["why"]
    assert (await payment(world, others[1]["paymentId"])).state == "pending"


async def test_a_reference_with_a_wrong_character_is_suggested_first(world: World) -> None:
    first, second = await awaited(world), await awaited(world)
    wrong = "9" if first["reference"][3] != "9" else "8"
    slipped = first["reference"][:3] + wrong + first["reference"][4:]

    await take_in(world, line(480, f"order {slipped}"))

    best = (await newest(world)).suggestions or []
    assert best[0]["paymentId"] == first["paymentId"]
    assert "nearly our reference" in best[0]["why"]
    assert second["paymentId"] != first["paymentId"]
