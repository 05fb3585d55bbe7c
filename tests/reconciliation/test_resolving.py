"""What managers do with lines that wait, and how they take it back."""

from typing import Any

import pytest

from tabletap.kernel.errors import Refusal
from tabletap.kernel.ids import new_id
from tabletap.reconciliation.errors import (
    BankLineDecided,
    BankLineNotFound,
    MatchNotPossible,
    MatchNotUndoable,
    NothingWaits,
)
from tabletap.reconciliation.resolving import GiveAway, MatchLine
from tabletap.reconciliation.views import BankLineView
from tests.reconciliation.bank import (
    assert_lines_agree,
    awaited,
    bank_and_suspense,
    books,
    line,
    newest,
    payment,
    resolving,
    take_in,
)
from tests.support.locks import noting_locks
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def match(world: World, bank_line_id: str, *payment_ids: str, **more: Any) -> BankLineView:
    """The manager says what a line is."""
    request = MatchLine(payment_ids=payment_ids, **more)
    return (await resolving(world).match(bank_line_id, request, world.home.people["manager"], None)).value


async def undo(world: World, line_id: str) -> BankLineView:
    """The manager takes it back."""
    return (await resolving(world).undo(line_id, "It was another guest's", world.home.people["manager"], None)).value


async def give(world: World, line_id: str, destination: Any, payment_id: str | None = None) -> BankLineView:
    """The manager gives away what waits."""
    request = GiveAway(destination=destination, reason="Too much came", payment_id=payment_id)
    return (await resolving(world).give(line_id, request, world.home.people["manager"], None)).value


async def confirmed(world: World, wanted: dict[str, Any]) -> None:
    """The counter saw the transfer on the account."""
    path = f"/qr-payments/{wanted['qr']['qrPaymentId']}/confirm"
    assert (await world.call("POST", path, "counter", {"amount": 480}, key=new_id())).status == 200


async def refund_by_hand(world: World, payment_id: str) -> str:
    """A refund that somebody has to send at the bank."""
    made = await world.call("POST", f"/payments/{payment_id}/refunds", "manager", {}, key=new_id())
    assert (made.status, made.body["status"]) == (201, "pending"), made
    return str(made.body["refundId"])


@pytest.mark.parametrize(
    ("came", "status", "suspense_after"), [(480, "matched", 0), (400, "partly_paid", 0), (500, "overpaid", 20)]
)
async def test_a_person_says_whose_transfer_it_was(world: World, came: int, status: str, suspense_after: int) -> None:
    wanted = await awaited(world)
    bank, suspense = await bank_and_suspense(world)
    await take_in(world, line(came, "no reference at all"))
    waiting = await newest(world)

    done = await match(world, waiting.bank_line_id, wanted["paymentId"])

    assert (done.status, done.waiting_amount) == (status, 0)
    assert (await payment(world, wanted["paymentId"])).state == "completed"
    assert await bank_and_suspense(world) == (bank + came, suspense + suspense_after)
    assert sum(each.amount for each in done.matches or []) == came
    await assert_lines_agree(world)
    with pytest.raises(BankLineDecided):
        await match(world, waiting.bank_line_id, wanted["paymentId"])


async def test_a_transfer_for_two_orders_that_is_short_pays_the_first_whole_and_the_last_in_part(world: World) -> None:
    one, other = await awaited(world), await awaited(world)
    await take_in(world, line(900, f"{one['reference']} {other['reference']}"))
    waiting = await newest(world)

    done = await match(world, waiting.bank_line_id, one["paymentId"], other["paymentId"])

    assert done.status == "partly_paid"
    assert (await payment(world, one["paymentId"])).amount_minor == 480
    assert (await payment(world, other["paymentId"])).amount_minor == 420
    await assert_lines_agree(world)


async def test_payments_and_lines_are_held_in_one_order_however_they_are_named(world: World) -> None:
    one, other = await awaited(world), await awaited(world)
    await take_in(world, line(960, "no reference at all"))
    waiting = await newest(world)

    with noting_locks("cafe_order", "payment") as noted:
        await match(world, waiting.bank_line_id, other["paymentId"], one["paymentId"])
        await undo(world, waiting.bank_line_id)

    several = [rows for rows in noted.values() if len(rows) > 2]
    assert len(several) >= 2
    assert several == [sorted(rows) for rows in several]


async def test_undoing_gives_the_payment_back_and_the_money_waits_for_the_right_one(world: World) -> None:
    wrong, right = await awaited(world), await awaited(world)
    bank, suspense = await bank_and_suspense(world)
    before = await books(world)
    await take_in(world, line(480, "no reference"))
    waiting = await newest(world)
    await match(world, waiting.bank_line_id, wrong["paymentId"])

    undone = await undo(world, waiting.bank_line_id)

    assert (undone.status, undone.waiting_amount) == ("suggested", 480)
    assert (await payment(world, wrong["paymentId"])).shown_state == "refunded"
    assert await bank_and_suspense(world) == (bank + 480, suspense + 480)
    assert (await books(world)).get("sales", 0) == before.get("sales", 0)
    await assert_lines_agree(world)
    assert (await match(world, waiting.bank_line_id, right["paymentId"])).status == "matched"
    assert await bank_and_suspense(world) == (bank + 480, suspense)
    await assert_lines_agree(world)


async def test_undoing_what_was_confirmed_by_hand_leaves_the_payment_paid(world: World) -> None:
    wanted = await awaited(world)
    await confirmed(world, wanted)
    await take_in(world, line(480, wanted["reference"]))
    bank, suspense = await bank_and_suspense(world)

    undone = await undo(world, (await newest(world)).bank_line_id)

    assert undone.status == "suspense"
    assert (await payment(world, wanted["paymentId"])).shown_state == "completed"
    assert await bank_and_suspense(world) == (bank + 480, suspense + 480)
    await assert_lines_agree(world)
    assert (await match(world, undone.bank_line_id, wanted["paymentId"])).status == "matched"
    assert await bank_and_suspense(world) == (bank, suspense)


async def test_a_line_that_waits_has_nothing_to_undo(world: World) -> None:
    await take_in(world, line(77, "nobody knows"))

    with pytest.raises(MatchNotUndoable):
        await undo(world, (await newest(world)).bank_line_id)


async def test_what_was_given_away_already_cannot_be_undone(world: World) -> None:
    wanted = await awaited(world)
    await take_in(world, line(580, wanted["reference"]))
    over = await newest(world)
    await give(world, over.bank_line_id, "credit")

    with pytest.raises(MatchNotUndoable):
        await undo(world, over.bank_line_id)


@pytest.mark.parametrize("destination", ["credit", "refund"])
async def test_what_came_too_much_goes_to_credit_or_back_in_one_tap(world: World, destination: str) -> None:
    wanted = await awaited(world)
    bank, suspense = await bank_and_suspense(world)
    await take_in(world, line(580, wanted["reference"]))
    over = await newest(world)
    assert over.status == "overpaid"

    done = await give(world, over.bank_line_id, destination)

    given = await payment(world, wanted["paymentId"])
    assert done.status == "matched"
    assert not given.needs_review
    if destination == "credit":
        assert (given.refunded_minor, given.refund_pending_minor) == (100, 0)
        assert await bank_and_suspense(world) == (bank + 580, suspense)
    else:
        assert (given.refunded_minor, given.refund_pending_minor) == (0, 100)
        await take_in(world, line(-100, f"back {wanted['reference']}"))
        assert (await newest(world)).status == "matched"
        assert await bank_and_suspense(world) == (bank + 480, suspense)
    await assert_lines_agree(world)
    with pytest.raises(NothingWaits):
        await give(world, over.bank_line_id, destination)


async def test_what_was_transferred_twice_goes_back_in_one_tap(world: World) -> None:
    wanted = await awaited(world)
    bank, suspense = await bank_and_suspense(world)
    await take_in(world, line(480, wanted["reference"]), line(480, wanted["reference"]))
    second = await newest(world, "suggested")

    done = await give(world, second.bank_line_id, "refund")

    assert done.status == "matched"
    assert (await payment(world, wanted["paymentId"])).refund_pending_minor == 480
    assert (await take_in(world, line(-480, wanted["reference"]))).tally.matched.lines == 1
    assert await bank_and_suspense(world) == (bank + 480, suspense)
    await assert_lines_agree(world)


async def test_nobody_can_give_away_what_belongs_to_nobody(world: World) -> None:
    await take_in(world, line(4_321, "who knows"), line(-4_444, "rent"))
    left = await resolving(world).lines(world.home.people["manager"], "suspense", None, 2, None)

    for each in left.items:
        with pytest.raises((MatchNotPossible, NothingWaits)):
            await give(world, each.bank_line_id, "refund")


async def test_money_that_was_sent_back_at_the_bank_is_the_counterpart_of_what_came(world: World) -> None:
    bank, suspense = await bank_and_suspense(world)
    await take_in(world, line(7_770, "wrong account, sorry"))
    came = await newest(world)
    await take_in(world, line(-7_770, "returned"))
    left = await newest(world)

    done = await match(world, left.bank_line_id, line_id=came.bank_line_id)

    assert done.status == "matched"
    assert (await resolving(world).get(came.bank_line_id, world.home.people["manager"])).status == "matched"
    assert await bank_and_suspense(world) == (bank, suspense)
    await assert_lines_agree(world)
    assert (await undo(world, came.bank_line_id)).status == "suspense"
    assert (await newest(world)).status == "suspense"
    assert await bank_and_suspense(world) == (bank, suspense), "one waits above zero, one below"
    await assert_lines_agree(world)


async def test_rent_is_none_of_the_cafes_trade(world: World) -> None:
    bank, suspense = await bank_and_suspense(world)
    await take_in(world, line(-250_000, "rent"))
    waiting = await newest(world)
    manager = world.home.people["manager"]

    done = (await resolving(world).dismiss(waiting.bank_line_id, "Rent", manager, None)).value

    assert done.status == "dismissed"
    assert await bank_and_suspense(world) == (bank, suspense)
    await assert_lines_agree(world)
    assert (await undo(world, waiting.bank_line_id)).status == "suspense"
    assert await bank_and_suspense(world) == (bank - 250_000, suspense - 250_000)
    await assert_lines_agree(world)


@pytest.mark.parametrize("by", ["reference", "account", "bank_reference"])
async def test_a_refund_made_by_hand_is_found_on_the_statement(world: World, by: str) -> None:
    wanted = await awaited(world)
    bank, suspense = await bank_and_suspense(world)
    account = f"AU{wanted['reference']}"
    await take_in(world, line(480, wanted["reference"], counterparty_account=account))
    refund_id = await refund_by_hand(world, wanted["paymentId"])
    sent = line(-480, "returned with thanks")
    if by == "bank_reference":
        said = {"sent": True, "bankReference": sent.bank_reference}
        confirmed_ = await world.call("POST", f"/refunds/{refund_id}/confirm", "manager", said, key=new_id())
        assert confirmed_.status == 200
    elif by == "reference":
        sent = line(-480, wanted["reference"])
    else:
        sent = line(-480, "returned", counterparty_account=account)

    report = await take_in(world, sent)

    assert report.tally.matched.lines == 1
    assert (await payment(world, wanted["paymentId"])).refunded_minor == 480
    assert await bank_and_suspense(world) == (bank, suspense)
    await assert_lines_agree(world)
    twice = await take_in(world, line(-480, "returned again"))
    assert twice.tally.matched.lines == 0
    with pytest.raises(MatchNotPossible):
        await match(world, (await newest(world)).bank_line_id, refund_id=refund_id)
    await resolving(world).dismiss((await newest(world)).bank_line_id, "once", world.home.people["manager"], None)
    page = await resolving(world).lines(world.home.people["manager"], "matched", None, 1, None)
    line_id = page.items[0].bank_line_id
    if by == "bank_reference":
        assert (await undo(world, line_id)).status == "suspense"
    else:
        with pytest.raises(MatchNotUndoable):
            await undo(world, line_id)
    await assert_lines_agree(world)


async def test_a_transfer_that_the_bank_took_back_waits_and_a_person_gives_the_payment_back(world: World) -> None:
    wanted = await awaited(world)
    bank, suspense = await bank_and_suspense(world)
    await take_in(world, line(480, wanted["reference"]))

    report = await take_in(world, line(-480, wanted["reference"], reversal=True))

    waiting = await newest(world)
    assert report.tally.suggested.lines == 1
    assert [each["kind"] for each in waiting.suggestions or []] == ["returned"]
    assert await bank_and_suspense(world) == (bank, suspense - 480)
    assert (await match(world, waiting.bank_line_id, wanted["paymentId"])).status == "matched"
    assert (await payment(world, wanted["paymentId"])).shown_state == "refunded"
    assert await bank_and_suspense(world) == (bank, suspense)
    await assert_lines_agree(world)


async def test_other_cafes_and_lesser_roles_see_nothing_and_decide_nothing(world: World) -> None:
    await take_in(world, line(55, "something"))
    found = await newest(world)
    stranger = world.other.people["manager"]

    with pytest.raises(BankLineNotFound):
        await resolving(world).get(found.bank_line_id, stranger)
    with pytest.raises(BankLineNotFound):
        await resolving(world).dismiss(found.bank_line_id, "mine", stranger, None)
    with pytest.raises(Refusal, match="may not"):
        await resolving(world).dismiss(found.bank_line_id, "mine", world.home.people["counter"], None)


async def test_the_counter_may_take_another_amount_as_it_is_when_it_says_so(world: World) -> None:
    wanted = await awaited(world)
    path = f"/qr-payments/{wanted['qr']['qrPaymentId']}/confirm"
    refused = await world.call("POST", path, "counter", {"amount": 400}, key=new_id())
    assert (refused.status, refused.body["code"]) == (422, "transfer_amount_differs")

    taken = await world.call("POST", path, "counter", {"amount": 400, "acceptDifference": True}, key=new_id())

    assert (taken.status, taken.body["status"], taken.body["amount"]) == (200, "completed", 400)
    assert taken.body["qr"]["status"] == "paid"
    order = (await world.call("GET", f"/orders/{wanted['orderId']}", "manager")).body
    assert order["outstandingAmount"] == 80
    bank, suspense = await bank_and_suspense(world)
    assert (await take_in(world, line(400, wanted["reference"]))).tally.matched.lines == 1
    assert await bank_and_suspense(world) == (bank, suspense)
