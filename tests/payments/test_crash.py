"""The server is killed between the provider's deed and our note of it: after a restart everything comes right.

The provider runs on in the tests' own process; the server is a process of its own, killed with SIGKILL.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tabletap.kernel.ids import new_id
from tests.support.books import rows
from tests.support.mortal import Mortal, mortal_world
from tests.support.world import Answer, World

pytestmark = pytest.mark.asyncio(loop_scope="package")

START_SECONDS = 30


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def mortal(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, engine_name: str
) -> AsyncIterator[Mortal]:
    """A server to kill, and a provider that lives on."""
    async with mortal_world(request, tmp_path_factory, engine_name) as mortal:
        await mortal.start()
        yield mortal


async def killed_during(mortal: Mortal, request: Awaitable[Answer], happened: Callable[[], Awaitable[bool]]) -> None:
    """Send a request, wait until something happened, and kill the server while the request still waits."""
    under_way = asyncio.ensure_future(request)
    async with asyncio.timeout(START_SECONDS):
        while not await happened():
            assert not under_way.done(), under_way
            await asyncio.sleep(0.02)
    assert not under_way.done()
    await mortal.kill()
    with pytest.raises(aiohttp.ClientError):
        await under_way


async def payment_of(world: World, order: dict[str, Any]) -> tuple[str, str]:
    """The id and state of an order's only payment, straight from the rows."""
    payments = await rows(world, "SELECT order_id, id, state FROM payment")
    ((payment_id, state),) = [row[1:] for row in payments if row[0] == order["id"]]
    return payment_id, state


async def charges_of(world: World, payment_id: str) -> list[tuple[int, int]]:
    found = await world.charges()
    return [(charge["amount"], charge["refunded"]) for charge in found if charge["reference"] == payment_id]


async def test_charged_and_killed_before_we_noted_it_the_payment_completes_by_itself(mortal: Mortal) -> None:
    world = mortal.world
    order, before = await world.order(), len(await world.charges())
    await world.control("POST", "/faults", {"fault": "slow"})

    async def charged() -> bool:
        return len(await world.charges()) > before

    await killed_during(mortal, world.pay(order, "payconic_card"), charged)
    payment_id, state = await payment_of(world, order)
    await mortal.let_jobs_wait_less(seconds=30)
    await mortal.start()

    completed = await world.until(payment_id, "completed", seconds=20)
    paid = (await world.call("GET", f"/orders/{order['id']}", "customer")).body
    assert state == "pending"
    assert [step["to"] for step in completed["history"]] == ["pending", "completed"]
    assert paid["status"] == "paid"
    assert await charges_of(world, payment_id) == [(480, 0)]


async def test_a_caller_who_repeats_a_request_after_the_crash_gets_its_answer_and_pays_once(mortal: Mortal) -> None:
    world = mortal.world
    order, key, before = await world.order(), new_id(), len(await world.charges())
    await world.control("POST", "/faults", {"fault": "timeout_after"})

    async def charged() -> bool:
        return len(await world.charges()) > before

    await killed_during(mortal, world.pay(order, "payconic_card", key=key), charged)
    await mortal.start()
    at_once = await world.pay(order, "payconic_card", key=key)
    other_key = await world.pay(order, "payconic_card")
    await mortal.end_lease(key)
    later = await world.pay(order, "payconic_card", key=key)
    again = await world.pay(order, "payconic_card", key=key)

    assert (at_once.status, at_once.body["code"]) == (409, "request_in_progress")
    assert (other_key.status, other_key.body["code"]) == (422, "amount_exceeds_outstanding")
    assert (later.status, later.body["status"]) == (201, "completed")
    assert again.body == later.body
    assert await charges_of(world, later.body["paymentId"]) == [(480, 0)]


async def test_killed_before_the_provider_heard_of_it_the_repeated_request_pays_once(mortal: Mortal) -> None:
    world = mortal.world
    order, key = await world.order(), new_id()
    await world.control("POST", "/faults", {"fault": "timeout_before"})

    async def under_way() -> bool:
        return bool((await world.control("GET", "/faults"))["items"] == [])

    await killed_during(mortal, world.pay(order, "payconic_card", key=key), under_way)
    await mortal.start()
    await mortal.end_lease(key)
    answer = await world.pay(order, "payconic_card", key=key)

    payment_id, _ = await payment_of(world, order)
    assert (answer.status, answer.body["paymentId"], answer.body["status"]) == (201, payment_id, "completed")
    assert await charges_of(world, payment_id) == [(480, 0)]


async def test_refunded_and_killed_before_we_noted_it_the_refund_settles_by_itself(mortal: Mortal) -> None:
    world = mortal.world
    order = await world.order()
    payment_id = (await world.pay(order, "payconic_card")).body["paymentId"]
    await world.control("POST", "/faults", {"fault": "slow"})
    path = f"/payments/{payment_id}/refunds"

    async def refunded() -> bool:
        return await charges_of(world, payment_id) == [(480, 200)]

    request = world.call("POST", path, "manager", {"amount": 200}, key=new_id())
    await killed_during(mortal, request, refunded)
    await mortal.let_jobs_wait_less(seconds=3)
    await mortal.start()

    after = await world.until(payment_id, "partial_refund", seconds=20)
    assert (after["refundedAmount"], after["refundableAmount"]) == (200, 280)
    assert await charges_of(world, payment_id) == [(480, 200)]
