"""Each limit refuses at its limit and not before, whoever comes at the same moment."""

import asyncio
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tabletap.kernel.ids import new_id
from tabletap.payments.security.model import PaymentRules
from tabletap.payments.security.rulebook import GOOD_FOR, RuleBook
from tests.payments.guests import Guest, codes, fresh_address, guest, refusals, set_limits
from tests.support.shared_world import sign_in_again
from tests.support.world import Answer, World

pytestmark = pytest.mark.asyncio(loop_scope="package")
AT_ONCE = 20
AN_HOUR = 3_600


async def pays_at_once(who: Guest, orders: list[Any], method: str = "cash", **more: Any) -> list[Answer]:
    return list(await asyncio.gather(*(who.pay(order, method, **more) for order in orders)))


async def test_without_settings_a_rush_behind_one_address_is_never_refused(guarded_world: World) -> None:
    address = fresh_address()
    guests = [await guest(guarded_world, address) for _ in range(3)]
    orders = [(each, await each.order()) for each in guests for _ in range(AT_ONCE)]

    answers = await asyncio.gather(*(each.pay(order) for each, order in orders))

    assert codes(list(answers)) == {"201": 3 * AT_ONCE}
    assert await refusals(guarded_world, address=address) == 0


async def test_a_payment_may_be_as_much_as_the_cafe_says_and_no_more(guarded_world: World) -> None:
    payer = await guest(guarded_world)
    await set_limits(guarded_world, maxAmountPerPayment=500)
    exact, above = await payer.order(), await payer.order()
    key = new_id()

    assert (await payer.pay(exact, tipAmount=0)).status == 201
    refused = await payer.pay(above, amount=480, tipAmount=50, key=key)
    again = await payer.pay(above, amount=480, tipAmount=50, key=key)
    by_staff = await guarded_world.pay(await guarded_world.order("staff", items={"Banana bread": 1}), "cash", "staff")

    assert (refused.status, refused.body["code"]) == (422, "payment_limit_exceeded")
    assert (again.status, again.headers["Idempotency-Replayed"]) == (422, "true")
    assert by_staff.body["code"] == "payment_limit_exceeded"
    assert await refusals(guarded_world, rule="payment_limit_exceeded", personId=payer.person_id) == 1


async def test_of_twenty_at_once_as_many_pass_as_a_day_allows(guarded_world: World) -> None:
    payer, friend = await guest(guarded_world), await guest(guarded_world)
    await set_limits(guarded_world, maxAmountPerPersonPerDay=5 * 480 + 479)
    orders = [await payer.order() for _ in range(AT_ONCE)]

    answers = await pays_at_once(payer, orders)

    assert codes(answers) == {"201": 5, "payment_limit_exceeded": AT_ONCE - 5}
    assert (await friend.pay(await friend.order())).status == 201
    assert await refusals(guarded_world, rule="payment_limit_exceeded", personId=payer.person_id) == AT_ONCE - 5


async def test_what_came_to_nothing_counts_for_no_day(guarded_world: World) -> None:
    payer = await guest(guarded_world)
    await set_limits(guarded_world, maxAmountPerPersonPerDay=480)
    order = await payer.order()
    started = await payer.pay(order)
    assert (await payer.pay(await payer.order())).body["code"] == "payment_limit_exceeded"

    await payer.call("POST", f"/payments/{started.body['paymentId']}/cancel")

    assert (await payer.pay(order)).status == 201


async def test_the_cafes_own_people_take_money_all_day(guarded_world: World) -> None:
    once_an_hour = {"times": 1, "seconds": AN_HOUR}
    await set_limits(
        guarded_world, attemptsPerPerson=once_an_hour, attemptsPerAddress=once_an_hour,
        repetitionsPerPerson=once_an_hour, repetitionsPerAddress=once_an_hour, maxAmountPerPersonPerDay=480,
    )  # fmt: skip
    orders = [await guarded_world.order("counter") for _ in range(5)]

    answers = [await guarded_world.pay(order, "cash", "counter") for order in orders]

    assert codes(answers) == {"201": 5}


async def test_of_twenty_attempts_at_once_five_pass(guarded_world: World) -> None:
    payer, friend = await guest(guarded_world), await guest(guarded_world)
    await set_limits(guarded_world, attemptsPerPerson={"times": 5, "seconds": AN_HOUR})
    orders = [await payer.order() for _ in range(AT_ONCE)]

    answers = await pays_at_once(payer, orders)

    assert codes(answers) == {"201": 5, "too_many_attempts": AT_ONCE - 5}
    refused = [answer for answer in answers if answer.status == 429]
    assert len(refused) == AT_ONCE - 5
    assert all(0 < int(answer.headers["Retry-After"]) <= AN_HOUR for answer in refused)
    assert all(answer.body["retryable"] for answer in refused)
    assert (await friend.pay(await friend.order())).status == 201
    assert await refusals(guarded_world, rule="too_many_attempts", personId=payer.person_id) == AT_ONCE - 5


async def test_attempts_that_are_refused_count_as_well(guarded_world: World) -> None:
    payer = await guest(guarded_world)
    await set_limits(guarded_world, attemptsPerPerson={"times": 3, "seconds": AN_HOUR})
    strange = [{"id": new_id()} for _ in range(4)]

    answers = [await payer.pay(order) for order in strange]

    assert [answer.status for answer in answers] == [404, 404, 404, 429]


async def test_the_same_request_again_is_the_same_attempt(guarded_world: World) -> None:
    payer = await guest(guarded_world)
    await set_limits(guarded_world, attemptsPerPerson={"times": 2, "seconds": AN_HOUR})
    order, key = await payer.order(), new_id()

    first = [await payer.pay(order, key=key, amount=100) for _ in range(5)]
    second = await payer.pay(order, amount=100)
    third = await payer.pay(order, amount=100)

    assert [answer.body["paymentId"] for answer in first] == [first[0].body["paymentId"]] * 5
    assert (second.status, third.status) == (201, 429)


async def test_a_stored_answer_is_given_even_to_those_who_tried_too_often(guarded_world: World) -> None:
    payer = await guest(guarded_world)
    order, key = await payer.order(), new_id()
    first = await payer.pay(order, key=key, amount=100)
    await set_limits(guarded_world, attemptsPerPerson={"times": 1, "seconds": AN_HOUR})
    assert (await payer.pay(order, amount=100)).status == 201
    assert (await payer.pay(order, amount=100)).status == 429

    again = await payer.pay(order, key=key, amount=100)

    assert (again.status, again.body["paymentId"]) == (201, first.body["paymentId"])
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_too_many_attempts_are_over_after_a_while_and_the_key_is_still_good(guarded_world: World) -> None:
    payer, key = await guest(guarded_world), new_id()
    await set_limits(guarded_world, attemptsPerPerson={"times": 1, "seconds": 1})
    order = await payer.order()
    assert (await payer.pay(order, amount=100)).status == 201
    refused = await payer.pay(order, key=key, amount=100)

    await asyncio.sleep(int(refused.headers["Retry-After"]) + 0.1)

    assert (refused.status, refused.body["code"]) == (429, "too_many_attempts")
    assert (await payer.pay(order, key=key, amount=100)).status == 201


async def test_one_site_of_ipv6_is_one_address(guarded_world: World) -> None:
    phones = [await guest(guarded_world, f"2001:db8:7:1::{number}") for number in (1, 2, 3)]
    neighbour = await guest(guarded_world, "2001:db8:7:2::1")
    await set_limits(guarded_world, attemptsPerAddress={"times": 2, "seconds": AN_HOUR})

    answers = [await phone.pay(await phone.order()) for phone in phones]

    assert [answer.status for answer in answers] == [201, 201, 429]
    assert (await neighbour.pay(await neighbour.order())).status == 201
    assert await refusals(guarded_world, rule="too_many_attempts", address=phones[2].address) == 1


async def test_of_twenty_guests_at_one_address_as_many_pass_as_it_allows(guarded_world: World) -> None:
    address = fresh_address()
    phones = [await guest(guarded_world, address) for _ in range(AT_ONCE)]
    await set_limits(guarded_world, attemptsPerAddress={"times": 5, "seconds": AN_HOUR})
    orders = [await phone.order() for phone in phones]

    answers = await asyncio.gather(*(phone.pay(order) for phone, order in zip(phones, orders, strict=True)))

    assert codes(list(answers)) == {"201": 5, "too_many_attempts": AT_ONCE - 5}
    assert await refusals(guarded_world, rule="too_many_attempts", address=address) == AT_ONCE - 5


async def declined(world: World, payer: Any) -> None:
    started = await payer.pay(await payer.order(), "payconic_card")
    assert started.status == 201, started
    await world.control("POST", f"/payments/{started.body['gatewayPaymentId']}/decline")
    await world.until(started.body["paymentId"], "failed")


async def test_after_so_many_failures_there_is_a_pause(guarded_world: World) -> None:
    payer, friend = await guest(guarded_world), await guest(guarded_world)
    await set_limits(guarded_world, failuresPerPerson={"times": 2, "seconds": AN_HOUR})
    await declined(guarded_world, payer)
    await declined(guarded_world, payer)

    refused = await payer.pay(await payer.order(), "payconic_card")

    assert (refused.status, refused.body["code"]) == (429, "too_many_failed_payments")
    assert AN_HOUR - 60 < int(refused.headers["Retry-After"]) <= AN_HOUR
    assert (await friend.pay(await friend.order())).status == 201
    assert await refusals(guarded_world, rule="too_many_failed_payments", personId=payer.person_id) == 1


async def test_a_new_guest_at_the_same_address_does_not_end_the_pause(guarded_world: World) -> None:
    address = fresh_address()
    await set_limits(guarded_world, failuresPerAddress={"times": 1, "seconds": AN_HOUR})
    await declined(guarded_world, await guest(guarded_world, address))

    newcomer, elsewhere = await guest(guarded_world, address), await guest(guarded_world)

    assert (await newcomer.pay(await newcomer.order())).body["code"] == "too_many_failed_payments"
    assert (await elsewhere.pay(await elsewhere.order())).status == 201


async def test_of_twenty_of_one_amount_at_once_five_pass(guarded_world: World) -> None:
    payer = await guest(guarded_world)
    await set_limits(guarded_world, repetitionsPerPerson={"times": 5, "seconds": AN_HOUR})
    orders = [await payer.order() for _ in range(AT_ONCE)]

    answers = await pays_at_once(payer, orders)

    assert codes(answers) == {"201": 5, "suspicious_repetition": AT_ONCE - 5}
    assert all("Retry-After" in answer.headers for answer in answers if answer.status == 429)
    assert (await payer.pay(await payer.order(), amount=479)).status == 201
    assert await refusals(guarded_world, rule="suspicious_repetition", personId=payer.person_id) == AT_ONCE - 5


async def test_one_amount_again_and_again_from_one_address_is_seen_too(guarded_world: World) -> None:
    address = fresh_address()
    phones = [await guest(guarded_world, address) for _ in range(AT_ONCE)]
    await set_limits(guarded_world, repetitionsPerAddress={"times": 5, "seconds": AN_HOUR})
    orders = [await phone.order() for phone in phones]

    answers = await asyncio.gather(*(phone.pay(order) for phone, order in zip(phones, orders, strict=True)))

    assert codes(list(answers)) == {"201": 5, "suspicious_repetition": AT_ONCE - 5}


async def test_limits_are_the_managers_and_of_one_cafe(guarded_world: World) -> None:
    world, limits = guarded_world, {"maxAmountPerPayment": 100, "attemptsPerPerson": {"times": 9, "seconds": 60}}
    stranger = await guest(world, home=world.other)

    for who in ("admin", "manager"):
        assert (await world.call("PUT", "/payment-policy", who, limits)).status == 200
    for who in ("counter", "staff", "kitchen", "customer"):
        assert (await world.call("PUT", "/payment-policy", who, {})).status == 403
        assert (await world.call("GET", "/payment-policy", who)).status == 403
    shown = (await world.call("GET", "/payment-policy", "manager")).body

    assert {name: value for name, value in shown.items() if value is not None} == limits
    assert set((await world.call("GET", "/payment-policy", "other:manager")).body.values()) == {None}
    assert (await stranger.pay(await stranger.order())).status == 201


@pytest.mark.parametrize(
    ("limits", "status", "code"),
    [
        ({"maxAmountPerPayment": 0}, 422, "invalid_amount"),
        ({"maxAmountPerPersonPerDay": -1}, 422, "invalid_amount"),
        ({"maxAmountPerPayment": 10**12 + 1}, 422, "invalid_amount"),
        ({"maxAmountPerPayment": 4.5}, 400, "invalid_request"),
        ({"attemptsPerPerson": 5}, 400, "invalid_request"),
        ({"attemptsPerPerson": {"times": 0, "seconds": 60}}, 400, "invalid_request"),
        ({"attemptsPerPerson": {"times": 1, "seconds": 86_401}}, 400, "invalid_request"),
        ({"attemptsPerPerson": {"times": 1}}, 400, "invalid_request"),
        ({"attempts": {"times": 1, "seconds": 60}}, 400, "invalid_request"),
    ],
)
async def test_a_limit_that_is_none_changes_nothing(guarded_world: World, limits: Any, status: int, code: str) -> None:
    before = (await guarded_world.call("GET", "/payment-policy", "manager")).body

    answer = await guarded_world.call("PUT", "/payment-policy", "manager", limits)

    assert (answer.status, answer.body["code"]) == (status, code)
    assert (await guarded_world.call("GET", "/payment-policy", "manager")).body == before


async def test_what_another_process_changes_is_in_force_within_seconds(guarded_world: World) -> None:
    world, other_process = guarded_world, RuleBook(guarded_world.app.db)
    assert (await other_process.of(world.home.id)).rules == PaymentRules()

    await set_limits(world, maxAmountPerPayment=100)
    world.clock.ahead += GOOD_FOR

    assert (await other_process.of(world.home.id)).rules == PaymentRules(max_amount_per_payment=100)
    assert (await other_process.of(world.other.id)).rules == PaymentRules()


async def test_at_midnight_of_the_cafe_a_new_day_begins(moving_world: World) -> None:
    world = moving_world
    await set_limits(world, maxAmountPerPersonPerDay=480)
    assert (await world.pay(await world.order("friend"), "cash", "friend")).status == 201
    assert (await world.pay(await world.order("friend"), "cash", "friend")).status == 422

    here = world.clock.now().astimezone(ZoneInfo(world.home.cafe.time_zone))
    midnight = datetime.combine(here.date() + timedelta(days=1), time(), here.tzinfo)
    await world.let_time_pass(seconds=(midnight - here).total_seconds() + 60)
    sign_in_again(world)

    assert (await world.pay(await world.order("friend"), "cash", "friend")).status == 201
    await set_limits(world)
