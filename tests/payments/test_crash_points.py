"""Killed between any two steps that move money, the server loses nothing and doubles nothing.

Each place that infra/crash.py names is tried: a server in a process of its own dies there by SIGKILL, another one is
started on the same data, callers repeat their request under the same key, and jobs do what was left undone.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import msgspec
import pytest
import pytest_asyncio

from tabletap.infra.crash import CRASH_POINTS, CrashPoint
from tabletap.kernel.ids import new_id
from tests.support import jobs
from tests.support.books import assert_books_are_right, rows
from tests.support.mortal import Mortal, mortal_world
from tests.support.shared_world import sign_in_again
from tests.support.world import Answer, World

pytestmark = pytest.mark.asyncio(loop_scope="package")

PRICE = 480
LATER_SECONDS = 3_600
"""Longer than any payment waits for its guest here, and than the first turns of every schedule."""


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def mortal(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, engine_name: str
) -> AsyncIterator[Mortal]:
    """A world in which nothing happens by itself, with servers to kill and a provider that lives on."""
    async with mortal_world(request, tmp_path_factory, engine_name) as mortal:
        yield mortal


# --- what a caller sends, and what has to come of it --------------------------------------


class Request(msgspec.Struct, frozen=True):
    """A request under a key, to be sent until it is answered."""

    who: str
    path: str
    body: dict[str, Any] | None
    key: str | None = None

    async def send(self, world: World) -> Answer:
        return await world.call("POST", self.path, self.who, self.body, key=self.key)


async def dies_at(mortal: Mortal, name: CrashPoint, request: Request) -> None:
    """The server dies while it works on a request; nobody is answered."""
    await mortal.start(name, with_jobs=False)
    with pytest.raises(aiohttp.ClientError):
        await request.send(mortal.world)
    assert await mortal.died()


async def answered_after_all(mortal: Mortal, request: Request) -> Answer:
    """Another server gives the request its answer, and the same one again."""
    await mortal.start(with_jobs=False)
    await mortal.end_leases()
    first = await request.send(mortal.world)
    again = await request.send(mortal.world)
    assert first.status < 300, first
    assert (again.status, again.body) == (first.status, first.body)
    await mortal.kill()
    return first


async def works_at(mortal: Mortal, name: CrashPoint) -> None:
    """The server dies while it works off its jobs, all of them due now; another one does what was left undone."""
    await mortal.let_jobs_wait_less(LATER_SECONDS)
    await mortal.start(name)
    assert await mortal.died()
    await jobs.silence_workers(mortal.world.app.db)
    await mortal.start()


async def charges_of(world: World, payment_id: str) -> list[tuple[int, int]]:
    return [(one["amount"], one["refunded"]) for one in await world.charges() if one["reference"] == payment_id]


async def payments_of(world: World, order: dict[str, Any]) -> list[str]:
    return [row[1] for row in await rows(world, "SELECT order_id, id FROM payment") if row[0] == order["id"]]


async def order_now(world: World, order: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await world.call("GET", f"/orders/{order['id']}", "manager")).body
    return found


async def waiting_payment(world: World) -> tuple[dict[str, Any], str]:
    """A payment whose guest is not done yet."""
    await world.control("POST", "/mode", {"autoApprove": False, "webhooks": False})
    order = await world.order()
    payment_id = (await world.pay(order, "payconic_card")).body["paymentId"]
    return order, payment_id


async def paid_order(world: World) -> tuple[dict[str, Any], str]:
    """An order paid by card."""
    await world.control("POST", "/mode", {"autoApprove": True, "webhooks": False})
    order = await world.order()
    paid = await world.pay(order, "payconic_card")
    assert paid.body["status"] == "completed"
    return order, paid.body["paymentId"]


# --- the operations -----------------------------------------------------------------------


async def starting(mortal: Mortal, name: CrashPoint) -> None:
    world = mortal.world
    await world.control("POST", "/mode", {"autoApprove": True, "webhooks": False})
    order = await world.order()
    request = Request("customer", "/payments", {"orderId": order["id"], "paymentMethod": "payconic_card"}, new_id())

    await dies_at(mortal, name, request)
    answer = await answered_after_all(mortal, request)

    assert (answer.status, answer.body["status"]) == (201, "completed")
    assert await payments_of(world, order) == [answer.body["paymentId"]]
    assert await charges_of(world, answer.body["paymentId"]) == [(PRICE, 0)]
    assert (await order_now(world, order))["status"] == "paid"


async def asking(mortal: Mortal, name: CrashPoint) -> None:
    """The scheduled look at a payment whose guest has paid, and whose notice was lost."""
    world = mortal.world
    order, payment_id = await waiting_payment(world)
    await world.control("POST", f"/payments/{payment_id}/approve")

    await works_at(mortal, name)
    completed = await world.until(payment_id, "completed", seconds=20)

    assert [step["to"] for step in completed["history"]] == ["pending", "completed"]
    assert await charges_of(world, payment_id) == [(PRICE, 0)]
    assert (await order_now(world, order))["status"] == "paid"


async def ending_by_its_time(mortal: Mortal, name: CrashPoint) -> None:
    world = mortal.world
    order, payment_id = await waiting_payment(world)
    await rows(world, f"UPDATE payment SET expires_at = initiated_at WHERE id = '{payment_id}' RETURNING id")  # noqa: S608 - ours

    await works_at(mortal, name)
    await world.until(payment_id, "expired", seconds=20)

    assert await charges_of(world, payment_id) == []
    assert (await order_now(world, order))["outstandingAmount"] == PRICE


async def ending_by_request(mortal: Mortal, name: CrashPoint) -> None:
    world = mortal.world
    order, payment_id = await waiting_payment(world)
    request = Request("customer", f"/payments/{payment_id}/cancel", {})

    await dies_at(mortal, name, request)
    answer = await answered_after_all(mortal, request)

    assert answer.body["status"] == "cancelled"
    assert await charges_of(world, payment_id) == []
    assert (await order_now(world, order))["outstandingAmount"] == PRICE


async def refunding(mortal: Mortal, name: CrashPoint) -> None:
    world = mortal.world
    _, payment_id = await paid_order(world)
    request = Request("manager", f"/payments/{payment_id}/refunds", {"amount": 200}, new_id())

    await dies_at(mortal, name, request)
    answer = await answered_after_all(mortal, request)

    after = await world.payment(payment_id)
    assert answer.body["status"] == "completed"
    assert (after["status"], after["refundedAmount"], after["refundableAmount"]) == ("partial_refund", 200, PRICE - 200)
    assert await charges_of(world, payment_id) == [(PRICE, 200)]


async def refunding_by_schedule(mortal: Mortal, name: CrashPoint) -> None:
    """The caller's server died, and nobody asks again: the job settles it, and dies over it, too."""
    world = mortal.world
    _, payment_id = await paid_order(world)
    request = Request("manager", f"/payments/{payment_id}/refunds", {"amount": 200}, new_id())

    await dies_at(mortal, "refund.reserved", request)
    await works_at(mortal, name)
    after = await world.until(payment_id, "partial_refund", seconds=20)

    assert after["refundedAmount"] == 200
    assert await charges_of(world, payment_id) == [(PRICE, 200)]


async def refunding_an_order(mortal: Mortal, name: CrashPoint) -> None:
    world = mortal.world
    order, payment_id = await paid_order(world)
    request = Request("manager", f"/orders/{order['id']}/refunds", {"amount": 200}, new_id())

    await dies_at(mortal, name, request)
    answer = await answered_after_all(mortal, request)

    assert [(each["status"], each["refundAmount"]) for each in answer.body["refunds"]] == [("completed", 200)]
    assert await charges_of(world, payment_id) == [(PRICE, 200)]
    assert (await order_now(world, order))["paymentStatus"] == "partly_refunded"


async def taking_cash(mortal: Mortal, name: CrashPoint) -> None:
    world = mortal.world
    order = await world.order()
    payment_id = (await world.pay(order, "cash")).body["paymentId"]
    request = Request("counter", f"/payments/{payment_id}/cash", {"received": 500}, new_id())

    await dies_at(mortal, name, request)
    answer = await answered_after_all(mortal, request)

    assert answer.body["changeAmount"] == 20
    assert (await order_now(world, order))["status"] == "paid"


async def cancelling_a_paid_order(mortal: Mortal, name: CrashPoint) -> None:
    world = mortal.world
    order, payment_id = await paid_order(world)
    request = Request("manager", f"/orders/{order['id']}/status", {"status": "cancelled"}, new_id())

    await dies_at(mortal, name, request)
    answer = await answered_after_all(mortal, request)
    await mortal.let_jobs_wait_less(LATER_SECONDS)
    await mortal.start()

    assert answer.body["status"] == "cancelled"
    await world.until(payment_id, "refunded", seconds=20)
    assert await charges_of(world, payment_id) == [(PRICE, PRICE)]


async def hearing_of_a_payment(mortal: Mortal, name: CrashPoint) -> None:
    """The provider tells of a payment, and tells it again until somebody says that they heard."""
    world = mortal.world
    await world.control("POST", "/mode", {"autoApprove": False, "webhooks": True})
    await mortal.start(with_jobs=False)
    order = await world.order()
    payment_id = (await world.pay(order, "payconic_card")).body["paymentId"]
    await mortal.kill()

    await mortal.start(name)
    await world.control("POST", f"/payments/{payment_id}/approve")
    assert await mortal.died()
    await jobs.silence_workers(world.app.db)
    await mortal.start()
    await world.until(payment_id, "completed", seconds=20)

    async def worked_off() -> bool:
        inbox = await rows(world, "SELECT reference, state FROM webhook_inbox")
        return [state for reference, state in inbox if reference == payment_id] == ["handled"]

    await jobs.assert_eventually(worked_off)
    assert await charges_of(world, payment_id) == [(PRICE, 0)]
    assert (await order_now(world, order))["status"] == "paid"


Operation = Callable[[Mortal, CrashPoint], Awaitable[None]]
BY_STEP: dict[str, tuple[Operation, ...]] = {
    "start": (starting,),
    "check": (asking,),
    "end": (ending_by_its_time, ending_by_request),
    "refund": (refunding,),
    "order_refund": (refunding_an_order,),
    "cash": (taking_cash,),
    "move": (cancelling_a_paid_order,),
    "webhook": (hearing_of_a_payment,),
    "job": (asking, ending_by_its_time),
}
EVERY: list[tuple[CrashPoint, Operation]] = [
    *((name, operation) for name in CRASH_POINTS for operation in BY_STEP[name.partition(".")[0]]),
    ("refund.answered", refunding_by_schedule),
    ("refund.settled", refunding_by_schedule),
]


@pytest.mark.parametrize(
    ("name", "operation"), EVERY, ids=lambda value: value if isinstance(value, str) else value.__name__
)
async def test_killed_between_two_steps_nothing_is_lost_or_doubled(
    mortal: Mortal, name: CrashPoint, operation: Operation
) -> None:
    sign_in_again(mortal.world)

    try:
        await operation(mortal, name)
    finally:
        await mortal.kill()

    await assert_books_are_right(mortal.world)


async def test_a_server_can_be_killed_at_the_second_pass(mortal: Mortal) -> None:
    world = mortal.world
    sign_in_again(world)
    await world.control("POST", "/mode", {"autoApprove": True, "webhooks": False})
    first, second = await world.order(), await world.order()
    await mortal.start("start.settled:2", with_jobs=False)

    answered = await world.pay(first, "payconic_card")
    with pytest.raises(aiohttp.ClientError):
        await world.pay(second, "payconic_card")

    assert (answered.status, answered.body["status"]) == (201, "completed")
    assert await mortal.died()
    await mortal.kill()
