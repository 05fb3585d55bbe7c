"""Tips whose payment is disputed: taken back when it is lost, given again when it is won after all, however often."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from tabletap.payments.model import Answer, DisputeStatus, ProviderDispute
from tests.support.locks import noting_locks
from tests.support.world import World
from tests.tips.conftest import Staffed
from tests.tips.steps import assert_all_is_right, owed, pool, refund, rule, share_out, tip

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def paid_by_card(world: World, tip_minor: int) -> str:
    await world.control("POST", "/mode", {"autoApprove": True})
    order = await world.order()
    payment_id: str = (await world.pay(order, "payconic_card", tipAmount=tip_minor)).body["paymentId"]
    await world.until(payment_id, "completed")
    await world.control("POST", "/mode", {"autoApprove": False, "webhooks": False})
    return payment_id


async def decided(world: World, payment_id: str, *statuses: DisputeStatus) -> None:
    """The provider decides a dispute of everything, and decides again, each time a day later."""
    asking = world.app.services.payments.asking
    for days, status in enumerate(statuses):
        payment = await asking.stored(world.home.id, payment_id)
        closed_at = datetime.now(UTC) + timedelta(days=days)
        dispute = ProviderDispute(
            id="dp_1", amount_minor=payment.total_minor, status=status, reason="fraudulent", closed_at=closed_at
        )
        answer = Answer(state="completed", evidence="query", disputes=(dispute,))
        await asking.record(payment, answer, "check", payment.initiated_by)


async def all_owed(world: World, people: dict[str, str]) -> Sequence[int]:
    return [await owed(world, staff) for staff in people.values()]


async def test_tips_of_a_lost_payment_go_back_and_come_again_when_it_is_won(staffed: Staffed) -> None:
    world, people = staffed
    await rule(world, mode="per_payment")
    payment_id = await paid_by_card(world, 100)
    before = await all_owed(world, people)

    await decided(world, payment_id, "lost")
    lost = await all_owed(world, people)
    await decided(world, payment_id, "won", "lost", "won")
    won = await all_owed(world, people)
    await decided(world, payment_id, "won")

    assert (sum(before), lost, won) == (100, [0, 0, 0], before)
    assert await all_owed(world, people) == before
    await assert_all_is_right(world)


async def test_a_shared_pool_gives_back_what_a_lost_payment_brought_and_no_more(staffed: Staffed) -> None:
    world, people = staffed
    payment_id = await paid_by_card(world, 90)
    await tip(world, 71)
    await share_out(world)
    before = await all_owed(world, people)

    await decided(world, payment_id, "lost")
    lost = await all_owed(world, people)
    await decided(world, payment_id, "won")

    assert (sum(before), sum(lost)) == (161, 71)
    assert await all_owed(world, people) == before
    await assert_all_is_right(world)


async def test_what_left_an_open_pool_joins_the_next_one_when_it_is_won_and_can_leave_again(staffed: Staffed) -> None:
    world, people = staffed
    payment_id = await paid_by_card(world, 90)
    await tip(world, 71)
    await decided(world, payment_id, "lost")
    smaller = (await pool(world))["amount"]
    await share_out(world)

    await decided(world, payment_id, "won")
    next_pool = await pool(world)
    await share_out(world)
    shared = sum(await all_owed(world, people))
    with noting_locks("tip_pool", "tip_account") as noted:
        await decided(world, payment_id, "won", "lost")

    assert (smaller, next_pool["status"], next_pool["amount"], shared) == (71, "open", 90, 161)
    assert sum(await all_owed(world, people)) == 71
    await decided(world, payment_id, "won", "lost", "won")
    assert sum(await all_owed(world, people)) == 161
    # Locked in the order in which a day is closed, so that nobody waits in a circle.
    assert max(len(rows) for rows in noted.values()) > 1
    assert all(rows == sorted(rows) for rows in noted.values())
    await assert_all_is_right(world)


async def test_tips_refunds_and_sharing_out_at_once_come_to_the_cent(staffed: Staffed) -> None:
    world, people = staffed
    early = await asyncio.gather(*(tip(world, 51 + n) for n in range(6)))

    await asyncio.gather(
        *(refund(world, payment) for payment in early[:3]),
        *(tip(world, 70 + n) for n in range(4)),
        share_out(world),
        share_out(world),
    )
    if (await pool(world))["status"] == "open":
        await share_out(world)
    await asyncio.gather(*(refund(world, payment) for payment in early[3:5]))

    assert sum(await all_owed(world, people)) == 56 + sum(70 + n for n in range(4))
    await assert_all_is_right(world)
