"""Every refusal near money is told to the managers of that cafe, once, and to nobody else."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tabletap.kernel.cards import CardNumberRefused
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Actor, Role
from tabletap.payments.security.noticing import MOST_KINDS, Refused, SecurityLog
from tests.payments.guests import Guest, events_of, fresh_address, guest, refusals, set_limits
from tests.support.books import rows
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")

CARD = "4111 1111 1111 1111"


async def management(world: World, name: str = "security_event", who: str = "manager") -> list[dict[str, Any]]:
    """The live events of that name that management is told."""
    cafe_id = world.other.id if who.startswith("other:") else world.home.id
    answer = await world.call("GET", f"/events?stream=cafe:{cafe_id}:management&limit=200", who)
    assert answer.status == 200, answer
    return [event for event in answer.body["items"] if event["name"] == name]


async def test_tampering_with_a_payment_is_told_with_who_where_and_what(guarded_world: World) -> None:
    world, payer = guarded_world, await guest(guarded_world)
    order = await payer.order()
    tries: list[tuple[dict[str, Any], str]] = [
        ({"amount": 481}, "amount_exceeds_outstanding"),
        ({"amount": -1}, "invalid_amount"),
        ({"customerId": world.home.people["customer"].person_id}, "not_allowed"),
        ({"cafeId": world.other.id}, "other_cafe"),
        ({"currency": "EUR"}, "currency_mismatch"),
        ({"returnUrl": "https://evil.example.org/"}, "return_url_not_allowed"),
        ({"metadata": {"note": CARD}}, "card_number_refused"),
        ({"tipAmount": 400}, "tip_not_allowed"),
        ({"splitId": new_id()}, "split_not_found"),
    ]

    for change, rule in tries:
        answer = await payer.pay(order, "cash", **change)
        assert answer.body["code"] == rule, answer

    events = await events_of(world, personId=payer.person_id)
    assert [event["rule"] for event in reversed(events)] == [rule for _, rule in tries]
    for event in events:
        assert event["count"] == 1
        assert event["address"] == payer.address
        assert event["audience"] == "guest"
        assert event["orderId"] == order["id"]
        assert event["paymentMethod"] == "cash"
        assert event["route"] == "POST /api/v1/payments"
        assert event["correlationId"]
    assert {event["amount"] for event in events if "amount" in event} == {481, -1}
    assert {event["severity"] for event in events} == {"notice", "warning"}


async def test_each_refusal_is_told_once_and_a_replay_is_none(guarded_world: World) -> None:
    payer = await guest(guarded_world)
    order, key = await payer.order(), new_id()

    for _ in range(3):
        answer = await payer.pay(order, key=key, amount=481)
        assert answer.body["code"] == "amount_exceeds_outstanding"

    assert await refusals(guarded_world, personId=payer.person_id) == 1


async def test_twenty_at_once_are_counted_and_no_flood(guarded_world: World) -> None:
    payer = await guest(guarded_world)
    order = await payer.order()

    await asyncio.gather(*(payer.pay(order, amount=481) for _ in range(20)))

    events = await events_of(guarded_world, personId=payer.person_id)
    assert sum(event["count"] for event in events) == 20
    assert len(events) <= 2
    assert all(event["firstAt"] <= event["lastAt"] for event in events)


async def test_the_first_of_them_is_told_before_it_is_answered(guarded_world: World) -> None:
    payer = await guest(guarded_world)
    await payer.pay(await payer.order(), amount=481)

    shown = (await guarded_world.call("GET", "/security-events?limit=1", "manager")).body["items"]
    live = await management(guarded_world)

    assert [event["personId"] for event in shown] == [payer.person_id]
    assert live[-1]["securityEventId"] == shown[0]["id"]
    assert live[-1]["personId"] == payer.person_id
    assert live[-1]["amount"] == 481


async def test_only_managers_of_that_cafe_see_them(guarded_world: World) -> None:
    world, payer = guarded_world, await guest(guarded_world)
    await payer.pay(await payer.order(), amount=481)

    for who in ("counter", "staff", "kitchen", "customer", payer.token):
        assert (await world.call("GET", "/security-events", who)).status == 403
    assert await refusals(world, "admin", personId=payer.person_id) == 1
    assert await refusals(world, "other:manager") == 0
    assert await management(world, who="other:manager") == []
    for tail in ("staff", "counter", "kitchen", "board"):
        answer = await world.call("GET", f"/events?stream=cafe:{world.home.id}:{tail}&limit=200", "manager")
        assert [event for event in answer.body["items"] if event["name"] == "security_event"] == []


async def test_somebody_of_another_cafe_is_told_of_where_they_are_known(guarded_world: World) -> None:
    world, order = guarded_world, await guarded_world.order()
    stranger = await guest(world, home=world.other)

    assert (await stranger.pay(order)).body["code"] == "order_not_found"

    assert await refusals(world, personId=stranger.person_id) == 0
    assert await refusals(world, "other:manager", personId=stranger.person_id, rule="order_not_found") == 1


async def test_the_cafes_own_people_are_told_of_too(guarded_world: World) -> None:
    world = guarded_world
    paid = (await world.pay(await world.order(), "customer_credit")).body["paymentId"]
    counter = world.home.people["counter"].person_id

    assert (await world.call("POST", f"/payments/{paid}/refunds", "counter", {}, key=new_id())).status == 403
    await world.call("POST", f"/payments/{paid}/refunds", "manager", {"amount": 481}, key=new_id())

    assert await refusals(world, rule="not_allowed", personId=counter) == 1
    events = await events_of(world, rule="refund_too_large", paymentId=paid)
    assert [event["amount"] for event in events] == [481]


async def test_ordinary_refusals_and_looking_around_are_none(guarded_world: World) -> None:
    world, payer = guarded_world, await guest(guarded_world)
    order = await payer.order()

    assert (await payer.pay(order, "bitcoin")).status == 422
    assert (await payer.call("POST", "/payments", {"orderId": order["id"]}, key=new_id())).status == 400
    assert (await payer.call("GET", f"/payments/{new_id()}")).status == 404
    assert (await payer.call("GET", "/payments")).status == 403

    assert await refusals(world, personId=payer.person_id) == 0


async def test_a_live_command_is_watched_as_well(guarded_world: World) -> None:
    world = guarded_world
    order = await world.order("customer")
    staff = world.home.people["staff"]
    move = world.app.live.gateways["/counter"].move_order

    with pytest.raises(CardNumberRefused):
        await move(staff, order["id"], "cancelled", None, f"paid with {CARD}", new_id())

    events = await events_of(world, rule="card_number_refused", orderId=order["id"])
    assert [(event["route"], event["personId"]) for event in events] == [("order_status_update", staff.person_id)]


async def test_the_list_goes_on_page_by_page(guarded_world: World) -> None:
    payers = [await guest(guarded_world) for _ in range(5)]
    for payer in payers:
        await payer.pay(await payer.order(), amount=481)

    seen: list[str] = []
    cursor = ""
    while len(seen) < len(payers):
        page = (await guarded_world.call("GET", f"/security-events?limit=2{cursor}", "manager")).body
        seen += [event.get("personId") for event in page["items"]]
        cursor = f"&cursor={page['nextCursor']}"

    assert seen[: len(payers)] == [payer.person_id for payer in reversed(payers)]


async def attacked(log: SecurityLog, cafe_id: str, times: int) -> None:
    address = fresh_address()
    for _ in range(times):
        await log.note(
            Refused(cafe_id=cafe_id, rule="too_many_attempts", route="flood", person_id=new_id(), address=address)
        )


async def test_whoever_takes_a_thousand_names_fills_no_table(guarded_world: World) -> None:
    log = SecurityLog(guarded_world.app.db)

    await attacked(log, guarded_world.home.id, 1_000)
    await log.stop()

    events = await events_of(guarded_world, route="flood")
    assert sum(event["count"] for event in events) == 1_000
    assert len(events) <= MOST_KINDS + 2
    assert max(events, key=lambda event: int(event["count"])).get("personId") is None


async def test_what_cannot_be_written_is_kept_until_it_can(guarded_world: World) -> None:
    log, nowhere = SecurityLog(guarded_world.app.db), new_id()
    somewhere = Refused(cafe_id=guarded_world.home.id, rule="not_allowed", route="kept")
    lost = Refused(cafe_id=nowhere, rule="not_allowed", route="kept")

    await log.note(lost)
    await log.note(somewhere)
    await log.note(somewhere)
    await log.stop()

    assert await refusals(guarded_world, route="kept") == 2
    assert log.waiting == 1


async def test_counts_are_written_when_their_time_is_over(guarded_world: World) -> None:
    log = SecurityLog(guarded_world.app.db, timedelta(milliseconds=200))
    refused = Refused(cafe_id=guarded_world.home.id, rule="not_allowed", route="timed")

    for _ in range(3):
        await log.note(refused)
    deadline = asyncio.get_running_loop().time() + 10
    while await refusals(guarded_world, route="timed") < 3:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)

    assert [event["count"] for event in await events_of(guarded_world, route="timed")] == [2, 1]


async def test_a_refused_limit_is_told_to_the_managers_screen(guarded_world: World) -> None:
    payer: Guest = await guest(guarded_world)
    await set_limits(guarded_world, maxAmountPerPayment=100)

    await payer.pay(await payer.order(), amount=101)

    live = [event for event in await management(guarded_world) if event.get("personId") == payer.person_id]
    assert [(event["rule"], event["severity"], event["count"]) for event in live] == [
        ("payment_limit_exceeded", "warning", 1)
    ]


async def test_somebody_who_is_no_manager_has_no_way_in_through_the_service(guarded_world: World) -> None:
    person = Actor(cafe_id=guarded_world.home.id, person_id=new_id(), roles=frozenset({Role.COUNTER}))
    security = guarded_world.app.services.security

    for ask in (security.rules(person), security.blocked(person, 1, None), security.events(person, 1, None)):
        with pytest.raises(Exception, match="may not"):
            await ask


async def test_a_payment_says_who_started_it_from_where_and_with_what(guarded_world: World) -> None:
    world, payer = guarded_world, await guest(guarded_world)
    own = (await payer.pay(await payer.order(), metadata={"initiatedBy": "me", "address": "here"})).body
    till = await world.call(
        "POST", "/payments", "counter", {"orderId": (await payer.order())["id"], "paymentMethod": "cash"},
        key=new_id(), **{"User-Agent": "till/1.0"},
    )  # fmt: skip
    counter = world.home.people["counter"].person_id

    found = {
        row[0]: row[1:]
        for row in await rows(world, "SELECT id, initiated_by, staff_id, address, user_agent FROM payment")
    }

    assert found[own["paymentId"]][:3] == (payer.person_id, None, payer.address)
    assert found[till.body["paymentId"]] == (counter, counter, "127.0.0.1", "till/1.0")
    assert own["metadata"] == {"initiatedBy": "me", "address": "here"}
