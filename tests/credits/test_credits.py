"""Customer credit: given, taken, spent and read; never below zero, never made up."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from tabletap.kernel.ids import new_id
from tests.credits.asking import assert_refused, balance, customer, history, move
from tests.support.books import rows
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")

LIMIT = 2_000


async def test_reading_never_creates_an_account(world: World) -> None:
    customer_id = await customer(world)
    before = await rows(world, "SELECT count(*) FROM customer_credit")

    found = await balance(world, customer_id)

    assert found == {
        "customerId": customer_id, "balance": 0, "held": 0, "totalEarned": 0, "totalSpent": 0, "currency": "AUD",
        "status": "active", "available": 0, "totalExpired": 0,
    }  # fmt: skip
    assert await history(world, customer_id) == []
    assert await rows(world, "SELECT count(*) FROM customer_credit") == before


async def test_what_was_earned_and_spent_adds_up(world: World) -> None:
    customer_id = await customer(world)
    added = await move(world, "add", customer_id, 1_000, metadata={"why": "birthday"})
    taken = await move(world, "deduct", customer_id, 300)

    assert (added.status, taken.status) == (201, 201)
    moved = {key: added.body[key] for key in ("type", "amount", "balanceBefore", "balanceAfter", "reason", "metadata")}
    assert moved == {
        "type": "credit", "amount": 1_000, "balanceBefore": 0, "balanceAfter": 1_000, "reason": "a reason",
        "metadata": {"why": "birthday"},
    }  # fmt: skip
    assert (taken.body["type"], taken.body["amount"], taken.body["balanceAfter"]) == ("debit", -300, 700)
    assert added.body["staffId"] == world.home.people["manager"].person_id
    found = await balance(world, customer_id)
    assert (found["balance"], found["totalEarned"], found["totalSpent"]) == (700, 1_000, 300)


async def test_a_refund_takes_back_what_was_spent_and_is_no_new_earning(world: World) -> None:
    customer_id = await customer(world, 1_000)
    order = await world.order("counter")
    paid = await world.pay(order, "customer_credit", "counter", customerId=customer_id)
    spent = await balance(world, customer_id)
    path = f"/payments/{paid.body['paymentId']}/refunds"
    refunded = await world.call("POST", path, "manager", {"amount": 200}, key=new_id())

    after = await balance(world, customer_id)

    assert refunded.status == 201
    assert (spent["balance"], spent["totalEarned"], spent["totalSpent"]) == (520, 1_000, 480)
    assert (after["balance"], after["totalEarned"], after["totalSpent"]) == (720, 1_000, 280)
    assert [(each["type"], each["amount"]) for each in await history(world, customer_id)] == [
        ("refund", 200),
        ("debit", -480),
        ("credit", 1_000),
    ]


async def test_the_history_is_read_page_by_page_newest_first_and_every_line_follows_the_one_before(
    world: World,
) -> None:
    customer_id = await customer(world)
    for amount in range(101, 108):
        await move(world, "add", customer_id, amount)

    found = await history(world, customer_id)

    assert [each["amount"] for each in found] == list(range(107, 100, -1))
    assert all(newer["balanceBefore"] == older["balanceAfter"] for newer, older in pairwise(found))
    for limit in (1, 2, 7):
        assert await history(world, customer_id, limit) == found


async def test_pages_repeat_and_skip_nothing_while_credit_moves_between_them(world: World) -> None:
    customer_id = await customer(world)
    for amount in range(101, 107):
        await move(world, "add", customer_id, amount)
    path = f"/credits/history?customerId={customer_id}&limit=2"
    page = (await world.call("GET", path, "staff")).body
    seen = page["items"]

    while "nextCursor" in page:
        await move(world, "add", customer_id, 999)
        page = (await world.call("GET", f"{path}&cursor={page['nextCursor']}", "staff")).body
        seen += page["items"]

    assert [each["amount"] for each in seen] == list(range(106, 100, -1))


async def test_the_counter_moves_credit_up_to_its_limit_and_a_manager_more(world: World) -> None:
    settings = {"counterCreditLimitAmount": LIMIT}
    assert (await world.call("PUT", f"/cafes/{world.home.id}", "manager", settings)).status == 200
    customer_id = await customer(world, 100_000)

    for way in ("add", "deduct"):
        assert (await move(world, way, customer_id, LIMIT, "counter")).status == 201
        assert_refused(await move(world, way, customer_id, LIMIT + 1, "counter"), 403, "credit_limit_exceeded")
        for boss in ("manager", "admin"):
            assert (await move(world, way, customer_id, LIMIT + 1, boss)).status == 201
        for who in ("staff", "kitchen", "customer"):
            assert_refused(await move(world, way, customer_id, 1, who), 403, "not_allowed")
    assert (await balance(world, customer_id))["balance"] == 100_000


async def test_more_than_there_is_cannot_be_taken(world: World) -> None:
    nobody, somebody = await customer(world), await customer(world, 500)

    assert_refused(await move(world, "deduct", nobody, 1), 422, "insufficient_credit")
    assert_refused(await move(world, "deduct", somebody, 501), 422, "insufficient_credit")
    assert (await move(world, "deduct", somebody, 500)).status == 201
    assert (await balance(world, somebody))["balance"] == 0


@pytest.mark.parametrize(
    ("amount", "status", "code"),
    [
        (0, 422, "invalid_amount"),
        (-1, 422, "invalid_amount"),
        (10**12 + 1, 422, "invalid_amount"),
        (1.5, 400, "invalid_request"),
        ("1", 400, "invalid_request"),
        (None, 400, "invalid_request"),
    ],
)
@pytest.mark.parametrize("way", ["add", "deduct"])
async def test_an_amount_that_is_none_is_refused(world: World, way: str, amount: Any, status: int, code: str) -> None:
    customer_id = await customer(world)

    assert_refused(await move(world, way, customer_id, amount), status, code)
    assert await history(world, customer_id) == []


async def test_credit_belongs_to_customers_of_this_cafe(world: World) -> None:
    theirs = world.other.people["customer"].person_id

    for customer_id in (theirs, new_id(), world.home.people["staff"].person_id):
        assert_refused(await move(world, "add", customer_id, 1), 404, "customer_not_found")
        looked = await world.call("GET", f"/credits/balance?customerId={customer_id}", "staff")
        assert_refused(looked, 404, "customer_not_found")
    mine = world.home.people["customer"].person_id
    assert_refused(await move(world, "add", mine, 1, cafeId=world.other.id), 403, "other_cafe")
    assert_refused(await move(world, "add", mine, 1, currency="EUR"), 422, "currency_mismatch")


async def test_customers_see_their_own_credit_alone(world: World) -> None:
    mine = world.home.people["customer"].person_id
    guest = await world.call("POST", "/auth/guest", body={"tableCode": world.home.tables[0].code})
    token = guest.body["accessToken"]

    for page in ("balance", "history"):
        assert (await world.call("GET", f"/credits/{page}", "customer")).status == 200
        for who in ("friend", token, "kitchen"):
            answer = await world.call("GET", f"/credits/{page}?customerId={mine}", who)
            assert_refused(answer, 403, "not_allowed")
        assert_refused(await world.call("GET", f"/credits/{page}", token), 403, "not_allowed")
        assert_refused(await world.call("GET", f"/credits/{page}", "staff"), 400, "invalid_request")
    assert (await world.call("GET", f"/credits/balance?customerId={mine}", "other:manager")).status == 404


async def test_the_same_request_again_moves_nothing_again(world: World) -> None:
    customer_id, key = await customer(world), new_id()

    answers = [await move(world, "add", customer_id, 700, key=key) for _ in range(3)]
    other = await move(world, "add", customer_id, 701, key=key)

    assert [answer.status for answer in answers] == [201] * 3
    assert answers[0].body == answers[1].body == answers[2].body
    assert_refused(other, 422, "idempotency_key_reused")
    assert (await balance(world, customer_id))["balance"] == 700


async def test_the_first_credits_of_a_customer_at_once_open_one_account(world: World) -> None:
    customer_id = await customer(world)

    answers = await asyncio.gather(*(move(world, "add", customer_id, 10) for _ in range(12)))

    assert {answer.status for answer in answers} == {201}
    assert sorted(answer.body["balanceAfter"] for answer in answers) == list(range(10, 130, 10))
    assert (await balance(world, customer_id))["balance"] == 120
