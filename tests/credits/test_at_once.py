"""Many hands in one purse at the same moment (seed faults 60 and 61)."""

import asyncio
import random
from collections import Counter
from collections.abc import Coroutine
from typing import Any

import pytest

from tabletap.credits.errors import CreditAlreadySpent, CreditNotHeld, InsufficientCredit
from tabletap.credits.model import CreditTransaction
from tabletap.infra.db.transaction import DatabaseAway
from tabletap.kernel.ids import new_id
from tests.credits.asking import Desk, balance, customer, history, left, move
from tests.support.books import assert_books_are_right
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_twenty_at_once_of_5_dollars_on_10_accept_exactly_two(world: World) -> None:
    customer_id = await customer(world, 1_000)
    orders = [await world.order("counter", items={"Flat white": 2}) for _ in range(20)]

    answers = await asyncio.gather(
        *(
            world.pay(order, "customer_credit", "counter", customerId=customer_id, amount=500, tipAmount=0)
            for order in orders
        )
    )

    said = Counter((answer.status, answer.body.get("code")) for answer in answers)
    assert said == {(201, None): 2, (422, "insufficient_credit"): 18}
    assert (await balance(world, customer_id))["balance"] == 0
    assert await left(world, customer_id) == [0]
    assert len(await history(world, customer_id)) == 3


async def test_two_hundred_top_ups_of_one_dollar_at_once_all_count(world: World) -> None:
    desk = Desk(world, await customer(world))

    await asyncio.gather(*(patiently(desk, 100) for _ in range(200)))

    found = await balance(world, desk.customer_id)
    assert (found["balance"], found["totalEarned"]) == (20_000, 20_000)
    assert await left(world, desk.customer_id) == [100] * 200
    await assert_books_are_right(world)


async def patiently(desk: Desk, amount: int) -> None:
    """As a job does it: "try again" is no refusal. The payment's id makes sure that it counts once."""
    payment_id = new_id()
    while True:
        try:
            await desk.top_up(amount, payment_id)
        except DatabaseAway:
            await asyncio.sleep(0.05)
        else:
            return


async def test_forty_gifts_and_forty_deductions_by_hand_at_once_leave_what_is_left(world: World) -> None:
    customer_id = await customer(world, 1_000)

    answers = await asyncio.gather(*(move(world, way, customer_id, 30) for way in ("add", "deduct") for _ in range(40)))

    moved = sum(answer.body["amount"] for answer in answers if answer.status == 201)
    assert {answer.status for answer in answers} <= {201, 503}
    assert (await balance(world, customer_id))["balance"] == 1_000 + moved


async def test_what_was_held_is_spent_once_by_eight_who_waited_for_each_other(world: World) -> None:
    """Each has read that it is held before it waits for the account: what it read first is old by then."""
    desk, payment_id = Desk(world, await customer(world, 300)), new_id()
    await desk.hold(300, payment_id)

    ends = await asyncio.gather(*(desk.spend_held(payment_id, lock=True) for _ in range(8)), return_exceptions=True)

    assert Counter(type(end) for end in ends) == {CreditTransaction: 1, CreditNotHeld: 7}
    found = await balance(world, desk.customer_id)
    assert (found["balance"], found["held"]) == (0, 0)


async def test_holding_spending_and_releasing_at_once_never_goes_below_zero(world: World) -> None:
    desk, dice = Desk(world, await customer(world, 1_000)), random.Random(7)  # noqa: S311 - tests only
    for _ in range(3):
        await desk.top_up(200)
    payments = [new_id() for _ in range(12)]
    spent: list[int] = []

    async def spend(amount: int) -> None:
        await desk.spend(amount)
        spent.append(amount)

    async def end(payment_id: str) -> None:
        spent.append(-(await desk.spend_held(payment_id)).amount_minor)

    async def tried(work: Coroutine[Any, Any, Any]) -> None:
        try:
            await work
        except (InsufficientCredit, CreditNotHeld, CreditAlreadySpent, DatabaseAway):
            return

    for _ in range(3):
        work = [tried(desk.hold(dice.randrange(50, 300), new_id())) for _ in range(2)]
        work += [tried(desk.hold(dice.randrange(50, 300), payment_id)) for payment_id in payments[:4]]
        work += [tried(spend(dice.randrange(50, 300))) for _ in range(6)]
        await asyncio.gather(*work)
        work = [tried(end(payment_id)) for payment_id in payments[:4] for _ in range(2)]
        work += [tried(desk.release(payment_id)) for payment_id in payments[:4] for _ in range(2)]
        work += [tried(spend(dice.randrange(50, 300))) for _ in range(6)]
        await asyncio.gather(*work)
        payments = payments[4:]

    found = await balance(world, desk.customer_id)
    assert found["balance"] == 1_600 - sum(spent)
    assert 0 <= found["held"] <= found["balance"]
    assert found["totalSpent"] == sum(spent)
    await assert_books_are_right(world)
