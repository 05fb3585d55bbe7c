"""The server is killed between the provider's deed and our note of it: after a restart everything comes right.

The provider runs on in the tests' own process; the server is a process of its own, killed with SIGKILL.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tabletap.infra.db.sqlite import SqliteDatabase
from tabletap.kernel.ids import new_id
from tabletap.sandbox import SandboxAccount, Timing, start_sandbox
from tests.support import jobs
from tests.support.books import rows
from tests.support.shared_world import opened
from tests.support.world import WEBHOOK_SECRET, Answer, World

pytestmark = pytest.mark.asyncio(loop_scope="package")

REPOSITORY = Path(__file__).parents[2]
LONG_MS = 60_000
START_SECONDS = 30


class Mortal:
    """A world whose requests go to a server that can be killed and started again on the same data."""

    def __init__(self, world: World) -> None:
        self.world = world
        db = world.app.db
        self._database_url = f"sqlite:///{db.path}" if isinstance(db, SqliteDatabase) else db.url
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        command = (sys.executable, "-m", "tests.payments.crash_server", self._database_url)
        self._process = await asyncio.create_subprocess_exec(
            *command, cwd=REPOSITORY, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, stdout=asyncio.subprocess.PIPE
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            self.world.url = (await self._process.stdout.readline()).decode().strip()
        assert self.world.url, "the server did not start"

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def let_jobs_wait_less(self, seconds: int) -> None:
        """While nobody works: as if the time had passed while the server was down."""
        await jobs.hurry(self.world.app.db, timedelta(seconds=seconds))

    async def end_lease(self, key: str) -> None:
        """A running request belongs to a dead process when it is older than a minute."""
        sqlite = isinstance(self.world.app.db, SqliteDatabase)
        earlier = "at - 61000000" if sqlite else "at - interval '61 seconds'"
        aged = await rows(self.world, f"UPDATE idempotency SET at = {earlier} RETURNING key, state")  # noqa: S608 - ours
        assert (key, "running") in aged


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def mortal(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, engine_name: str
) -> AsyncIterator[Mortal]:
    """A server to kill, a provider that lives on, holds its answers as long as it is asked to, and never calls back."""
    async with opened(request, tmp_path_factory, engine_name, with_jobs=False) as world:
        port = int(world.sandbox.url.rsplit(":", 1)[1])
        await world.sandbox.stop()
        accounts = [SandboxAccount("cafe-merchant", "cafe-api-key", WEBHOOK_SECRET)]
        timing = Timing(slow_ms=LONG_MS, hold_ms=LONG_MS)
        world.sandbox = await start_sandbox(tmp_path_factory.mktemp("provider") / "p.db", accounts, port, timing=timing)
        await world.control("POST", "/mode", {"autoApprove": True, "webhooks": False})
        mortal, own_url = Mortal(world), world.url
        await mortal.start()
        yield mortal
        await mortal.kill()
        world.url = own_url


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
