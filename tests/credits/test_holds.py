"""Credit set aside for a payment, and credit that is bought: what payments build on."""

from collections.abc import Awaitable
from datetime import timedelta

import pytest

from tabletap.cafes.model import CreditSettings
from tabletap.credits import service as credits_
from tabletap.credits.errors import (
    CreditAccountClosed,
    CreditAlreadySpent,
    CreditBalanceLimit,
    CreditNotHeld,
    InsufficientCredit,
)
from tabletap.infra.db.transaction import Duplicate, Transaction
from tabletap.kernel.ids import new_id
from tabletap.ledger.service import post
from tests.credits.asking import Desk, balance, customer, history, left, listed, move
from tests.support.books import assert_books_are_right
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def held_by_lot(world: World, customer_id: str) -> list[int]:
    return [lot["held"] for lot in reversed(await listed(world, "lots", customer_id))]


async def test_what_is_set_aside_is_there_and_cannot_be_spent_twice(world: World) -> None:
    customer_id = await customer(world, 1_000)
    desk = Desk(world, customer_id)

    held = await desk.hold(700)

    found = await balance(world, customer_id)
    assert (found["balance"], found["held"], found["available"]) == (1_000, 700, 300)
    assert (held.amount_minor, held.state) == (700, "held")
    for refused in (desk.hold(301), desk.spend(301)):
        with pytest.raises(InsufficientCredit):
            await refused
    await desk.spend(300)
    assert (await balance(world, customer_id))["available"] == 0
    await desk.release(held.payment_id)
    assert (await balance(world, customer_id))["available"] == 700


async def test_held_credit_is_spent_from_the_lots_it_was_set_aside_in(world: World) -> None:
    customer_id = await customer(world, 300, expiresAt=(world.clock.now() + timedelta(days=9)).isoformat())
    desk = Desk(world, customer_id)
    await desk.top_up(500)
    held = await desk.hold(400)
    while_held = await held_by_lot(world, customer_id)
    await move(world, "add", customer_id, 50, expiresAt=(world.clock.now() + timedelta(days=1)).isoformat())

    moved = await desk.spend_held(held.payment_id)

    assert while_held == [300, 100]
    assert await left(world, customer_id) == [0, 400, 50]
    assert await held_by_lot(world, customer_id) == [0, 0, 0]
    assert (moved.amount_minor, moved.payment_id, moved.balance_after_minor) == (-400, held.payment_id, 450)
    newest = (await history(world, customer_id))[0]
    assert (newest["type"], newest["amount"], newest["paymentId"]) == ("debit", -400, held.payment_id)
    await desk.refund(held.payment_id, 400)
    assert await left(world, customer_id) == [300, 500, 50]


async def test_a_hold_ends_once(world: World) -> None:
    desk = Desk(world, await customer(world, 500))
    released, spent = await desk.hold(100), await desk.hold(200)
    for _ in range(2):
        await desk.release(released.payment_id)
    await desk.spend_held(spent.payment_id)

    await desk.release(spent.payment_id)
    await desk.release(new_id())

    for ended in (released, spent):
        with pytest.raises(CreditNotHeld):
            await desk.spend_held(ended.payment_id)
    with pytest.raises(CreditNotHeld):
        await desk.spend_held(new_id())
    with pytest.raises(Duplicate):
        await desk.hold(1, spent.payment_id)
    found = await balance(world, desk.customer_id)
    assert (found["balance"], found["held"]) == (300, 0)


async def test_a_hold_and_its_end_may_be_one_transaction(world: World) -> None:
    desk, spent, released = Desk(world, await customer(world, 500)), new_id(), new_id()

    async def all_at_once(tx: Transaction) -> None:
        await credits_.hold(tx, desk.customer_id, 200, "AUD", released)
        await credits_.release(tx, released)
        await credits_.release(tx, released)
        await credits_.hold(tx, desk.customer_id, 500, "AUD", spent)
        with pytest.raises(InsufficientCredit):
            await credits_.hold(tx, desk.customer_id, 1, "AUD", new_id())
        await credits_.release(tx, spent)

    await desk.decide(all_at_once)

    found = await balance(world, desk.customer_id)
    assert (found["balance"], found["held"], found["available"]) == (500, 0, 500)


async def test_credit_may_be_bought_spent_and_refunded_in_one_transaction(world: World) -> None:
    desk, bought, order = Desk(world, await customer(world)), new_id(), new_id()

    async def all_at_once(tx: Transaction) -> None:
        who = desk.customer_id
        await credits_.top_up(tx, who, 500, "AUD", payment_id=bought, order_id=None, staff_id=None)
        await credits_.move(tx, who, -300, "debit", "Order payment", "AUD", payment_id=order)
        await credits_.move(tx, who, 100, "refund", "cold", "AUD", payment_id=order)
        await credits_.take_back_top_up(tx, bought, 300, order_id=None, staff_id=None, reason="refund")
        await credits_.top_up(tx, who, 300, "AUD", payment_id=bought, order_id=None, staff_id=None)
        post(tx, "payment", "AUD", {"bank": 300, desk.account: -300})

    await desk.decide(all_at_once)

    assert await left(world, desk.customer_id) == [300]
    moved = [each["amount"] for each in reversed(await history(world, desk.customer_id))]
    assert moved == [500, -300, 100, -300, 300]


async def test_bought_credit_is_taken_back_only_as_far_as_it_is_still_there(world: World) -> None:
    desk = Desk(world, await customer(world, 1_000))
    bought = await desk.top_up(500)
    await desk.take_back(bought, 100)
    await desk.spend(1_150)
    await desk.hold(100)

    for amount in (151, 400):
        with pytest.raises(CreditAlreadySpent):
            await desk.take_back(bought, amount)
    with pytest.raises(CreditAlreadySpent):
        await desk.take_back(new_id(), 1)
    await desk.take_back(bought, 150)

    assert await left(world, desk.customer_id) == [0, 100]
    found = await balance(world, desk.customer_id)
    assert (found["balance"], found["held"]) == (100, 100)
    assert (found["totalEarned"], found["totalSpent"]) == (1_250, 1_150), "what was given back was never bought"


async def test_a_refund_of_bought_credit_that_failed_gives_it_back_into_its_lot(world: World) -> None:
    desk = Desk(world, await customer(world))
    bought = await desk.top_up(500)
    await desk.spend(100)
    before = await listed(world, "lots", desk.customer_id)
    await desk.take_back(bought, 400)
    taken = await left(world, desk.customer_id)

    await desk.give_again(bought, 400)

    assert taken == [0]
    assert await listed(world, "lots", desk.customer_id) == before
    more = await desk.top_up(50, bought)
    assert await left(world, desk.customer_id) == [400, 50], "later money of the same payment is credit, too"
    await desk.take_back(more, 450)
    assert await left(world, desk.customer_id) == [0, 0]


async def test_other_money_of_a_payment_that_bought_credit_is_not_mistaken_for_what_was_taken_back(
    world: World,
) -> None:
    desk = Desk(world, await customer(world))
    bought = await desk.top_up(500)
    await desk.take_back(bought, 200)

    await desk.refund(bought, 50)
    then = await listed(world, "lots", desk.customer_id)
    await desk.give_again(bought, 200)

    assert [(lot["kind"], lot["remaining"]) for lot in then] == [("refund", 50), ("paid", 300)]
    assert await left(world, desk.customer_id) == [500, 50]


async def test_money_that_is_here_is_always_credit_whatever_the_limit_says(world: World) -> None:
    desk, settings = Desk(world, await customer(world, 900)), CreditSettings(max_balance_amount=1_000)

    def room(amount: int) -> Awaitable[None]:
        return desk.decide(lambda tx: credits_.require_room(tx, desk.customer_id, amount, settings))

    await room(100)
    with pytest.raises(CreditBalanceLimit):
        await room(101)
    await desk.decide(lambda tx: credits_.require_room(tx, desk.customer_id, 10**9, CreditSettings()))
    await desk.top_up(100)
    await desk.top_up(100)

    assert (await balance(world, desk.customer_id))["balance"] == 1_100


async def test_a_suspended_account_sets_nothing_aside_and_what_is_set_aside_is_still_spent(world: World) -> None:
    customer_id = await customer(world, 500)
    desk = Desk(world, customer_id)
    held = await desk.hold(200)
    path = f"/credits/accounts/{customer_id}/suspend"
    assert (await world.call("POST", path, "manager", {"reason": "a complaint"})).status == 200

    for refused in (desk.hold(1), desk.spend(1)):
        with pytest.raises(CreditAccountClosed):
            await refused
    await desk.spend_held(held.payment_id)

    found = await balance(world, customer_id)
    assert (found["balance"], found["held"], found["available"]) == (300, 0, 0)
    await assert_books_are_right(world)
