"""What a provider paid out: gross - fees - refunds - disputes = net, tied to our payments and to the bank's line."""

from datetime import date
from typing import Any

import pytest

from tabletap.kernel.errors import CurrencyMismatch, NotAllowed
from tabletap.kernel.ids import new_id
from tabletap.ledger.model import BANK, PROVIDER_FEES
from tabletap.reconciliation.errors import MatchNotPossible, PayoutNotFound, PayoutRefused
from tabletap.reconciliation.payouts.service import PayoutService, PayoutView, ReportedLine, ReportedPayout
from tabletap.reconciliation.resolving import MatchLine
from tests.reconciliation.bank import assert_lines_agree, bank_and_suspense, books, line, newest, resolving, take_in
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def card_payment(world: World) -> str:
    """A completed payment by card."""
    payment = (await world.pay(await world.order(), "payconic_card")).body
    await world.control("POST", f"/payments/{payment['paymentId']}/approve")
    await world.until(payment["paymentId"], "completed")
    return str(payment["paymentId"])


def reported(net: int, *lines: ReportedLine, **more: Any) -> ReportedPayout:
    """A payout of today."""
    given: dict[str, Any] = {
        "provider": "payconic",
        "external_id": f"PO-{new_id()[-12:]}",
        "paid_on": date(2026, 11, 20),
        "currency": "AUD",
        "net_minor": net,
        "lines": lines,
    }
    return ReportedPayout(**{**given, **more})


def paid(payment_id: str, amount: int = 480, fee: int = 10) -> ReportedLine:
    """A payment within a payout."""
    return ReportedLine(kind="payment", reference=payment_id, amount_minor=amount, fee_minor=fee)


async def announced(world: World, payout: ReportedPayout) -> PayoutView:
    """The manager takes a report in."""
    return await PayoutService(world.app.db).take_in(payout, world.home.people["manager"])


async def provider_balance(world: World) -> int:
    """What the provider holds for us, as the books say."""
    return sum(amount for account, amount in (await books(world)).items() if account.startswith("provider:"))


async def test_order_payout_and_bank_line_agree_to_the_cent(world: World) -> None:
    one, other = await card_payment(world), await card_payment(world)
    made = await world.call("POST", f"/payments/{other}/refunds", "manager", {"amount": 100}, key=new_id())
    assert made.status == 201
    await world.until(other, "partial_refund")
    back = ReportedLine(kind="refund", reference=made.body["refundId"], amount_minor=100)
    report = reported(960 - 20 - 100 - 5, paid(one), paid(other), back, fee_minor=5)
    before, held = await books(world), await provider_balance(world)

    view = await announced(world, report)

    assert (view.gross_amount, view.fee_amount, view.refund_amount, view.net_amount) == (960, 25, 100, 835)
    assert (view.differences, view.status) == ([], "announced")
    assert [each.payment_id for each in view.lines or []] == [one, other, other]
    assert await provider_balance(world) == held - 25
    arrived = await take_in(world, line(835, f"PAYCONIC {report.external_id}"))
    assert arrived.tally.matched.lines == 1
    after = await books(world)
    assert after[BANK] - before.get(BANK, 0) == 835
    assert after[PROVIDER_FEES] - before.get(PROVIDER_FEES, 0) == 25
    assert await provider_balance(world) == held - 860
    manager = world.home.people["manager"]
    assert (await PayoutService(world.app.db).get(view.payout_id, manager)).status == "received"
    await assert_lines_agree(world)


async def test_a_payout_is_taken_in_once(world: World) -> None:
    report = reported(470, paid(await card_payment(world)))
    first = await announced(world, report)
    held = await provider_balance(world)

    again = await announced(world, report)

    assert again == first
    assert await provider_balance(world) == held


@pytest.mark.parametrize(
    ("net", "changes", "refusal"),
    [
        (471, {}, PayoutRefused),
        (470, {"currency": "EUR"}, CurrencyMismatch),
        (470, {"provider": "somebody"}, PayoutRefused),
    ],
    ids=["sum", "currency", "provider"],
)
async def test_a_payout_that_does_not_add_up_is_refused_whole(
    world: World, net: int, changes: dict[str, Any], refusal: type[Exception]
) -> None:
    held = await provider_balance(world)

    with pytest.raises(refusal):
        await announced(world, reported(net, paid(new_id()), **changes))

    assert await provider_balance(world) == held


async def test_what_differs_is_named(world: World) -> None:
    known, unknown = await card_payment(world), new_id()
    lines = (
        paid(known, 490, 0),
        paid(unknown, 500, 0),
        paid("not-ours", 7, 0),
        ReportedLine(kind="dispute", reference=known, amount_minor=600),
        ReportedLine(kind="refund", reference=new_id(), amount_minor=3),
    )

    view = await announced(world, reported(490 + 500 + 7 - 600 - 3, *lines))

    assert len(view.differences) == 5
    assert f"payment {known} is 490 in the payout and 480 in our books" in view.differences
    assert f"payment {unknown} is not completed in our books" in view.differences


async def test_a_line_that_does_not_name_the_payout_is_suggested_and_a_person_decides(world: World) -> None:
    bank, suspense = await bank_and_suspense(world)
    view = await announced(world, reported(473, paid(await card_payment(world), 480, 7)))
    wrong = await announced(world, reported(471, paid(await card_payment(world), 480, 9)))
    await take_in(world, line(473, "PAYCONIC AUSTRALIA"))
    waiting = await newest(world)
    manager = world.home.people["manager"]

    assert [each["payoutId"] for each in waiting.suggestions or [] if each["kind"] == "payout"] == [view.payout_id]
    with pytest.raises(MatchNotPossible):
        await resolving(world).match(waiting.bank_line_id, MatchLine(payout_id=wrong.payout_id), manager, None)
    done = await resolving(world).match(waiting.bank_line_id, MatchLine(payout_id=view.payout_id), manager, None)
    assert done.value.status == "matched"
    assert await bank_and_suspense(world) == (bank + 473, suspense)
    undone = await resolving(world).undo(waiting.bank_line_id, "It was another one", manager, None)
    assert undone.value.waiting_amount == 473
    assert (await PayoutService(world.app.db).get(view.payout_id, manager)).status == "announced"
    assert await bank_and_suspense(world) == (bank + 473, suspense + 473)
    await assert_lines_agree(world)


async def test_payouts_are_the_managers_of_one_cafe(world: World) -> None:
    view = await announced(world, reported(470, paid(await card_payment(world))))
    service = PayoutService(world.app.db)

    with pytest.raises(PayoutNotFound):
        await service.get(view.payout_id, world.other.people["manager"])
    with pytest.raises(NotAllowed):
        await service.take_in(reported(0), world.home.people["counter"])
    assert view.payout_id in {
        each.payout_id for each in (await service.page(world.home.people["manager"], 50, None)).items
    }
