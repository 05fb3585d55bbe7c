"""Requests that move money, one for every route that asks for a key; each call prepares another one."""

import os
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Role
from tests.reconciliation.bank import awaited, line, newest, take_in
from tests.support.world import World


class Request(msgspec.Struct, frozen=True):
    """One request that moves money, and another one that would do, too."""

    path: str
    body: dict[str, Any]
    other_body: dict[str, Any]


Prepare = Callable[[World], Awaitable[Request]]


async def paid_in_cash(world: World) -> tuple[str, str]:
    """An order and its completed payment."""
    order = await world.order()
    payment_id = (await world.pay(order, "cash")).body["paymentId"]
    taken = await world.call("POST", f"/payments/{payment_id}/cash", "manager", {"received": 500}, key=new_id())
    assert taken.status == 200, taken
    return str(order["id"]), str(payment_id)


async def payment(world: World) -> Request:
    order = await world.order()
    body = {
        "orderId": order["id"],
        "paymentMethod": "customer_credit",
        "metadata": {"b": 1, "a": [1, {"z": 2, "y": 3}]},
    }
    return Request("/payments", {**body, "customerId": world.home.people["customer"].person_id}, {**body, "amount": 1})


async def provider_payment(world: World) -> Request:
    order = await world.order()
    body = {"orderId": order["id"], "paymentMethod": "payconic_card"}
    return Request("/payments", body, {**body, "amount": 1})


async def refund(world: World) -> Request:
    _, payment_id = await paid_in_cash(world)
    return Request(f"/payments/{payment_id}/refunds", {"amount": 100}, {"amount": 105})


async def order_refund(world: World) -> Request:
    order_id, _ = await paid_in_cash(world)
    return Request(f"/orders/{order_id}/refunds", {"amount": 100}, {"amount": 105})


async def refund_word(world: World) -> Request:
    """A transfer that has to be sent back by hand."""
    order = await world.order()
    qr = (await world.pay(order, "qr_bank_transfer")).body
    path = f"/qr-payments/{qr['qr']['qrPaymentId']}/confirm"
    await world.call("POST", path, "manager", {"amount": 480}, key=new_id())
    made = await world.call("POST", f"/payments/{qr['paymentId']}/refunds", "manager", {}, key=new_id())
    assert made.body["status"] == "pending", made
    return Request(f"/refunds/{made.body['refundId']}/confirm", {"bankReference": "ANZ-1"}, {"bankReference": "ANZ-2"})


async def review(world: World) -> Request:
    """Another amount was charged than ours."""
    payment_id = (await world.pay(await world.order(), "payconic_card")).body["paymentId"]
    await world.control("POST", "/faults", {"fault": "wrong_amount"})
    await world.control("POST", f"/payments/{payment_id}/approve")
    await world.call("POST", f"/payments/{payment_id}/verify", "manager")
    assert (await world.payment(payment_id))["needsReview"]
    return Request(
        f"/payments/{payment_id}/review",
        {"action": "accept", "reason": "It was a cent"},
        {"action": "accept", "reason": "It was another cent"},
    )


async def cash(world: World) -> Request:
    payment_id = (await world.pay(await world.order(), "cash")).body["paymentId"]
    return Request(f"/payments/{payment_id}/cash", {"received": 500}, {"received": 505})


async def transfer(world: World) -> Request:
    qr = (await world.pay(await world.order(), "qr_bank_transfer")).body["qr"]
    body = {"amount": 480, "bankReference": "ANZ-3"}
    return Request(f"/qr-payments/{qr['qrPaymentId']}/confirm", body, {**body, "bankReference": "ANZ-4"})


def credit(path: str) -> Prepare:
    async def prepare(world: World) -> Request:
        body = {"customerId": world.home.people["customer"].person_id, "amount": 70, "reason": "a gift"}
        return Request(path, body, {**body, "amount": 71})

    return prepare


async def cancelling(world: World) -> Request:
    """Cancelling a paid order gives its money back."""
    order_id, _ = await paid_in_cash(world)
    return Request(f"/orders/{order_id}/status", {"status": "cancelled"}, {"status": "cancelled", "reason": "spilt"})


def of_line(path: str, amount: int, *, by_reference: bool = True) -> Prepare:
    """A manager's word about a line of a bank statement."""

    async def prepare(world: World) -> Request:
        wanted = await awaited(world)
        await take_in(world, line(amount, wanted["reference"] if by_reference else "no reference"))
        word = {"paymentIds": [wanted["paymentId"]]} if path == "match" else {"reason": "a word"}
        return Request(f"/bank-lines/{(await newest(world)).bank_line_id}/{path}", word, {**word, "reason": "another"})

    return prepare


async def a_drawer(world: World) -> str:
    """A drawer of the manager's with 100.00 in it."""
    body = {"floatAmount": 10_000, "drawer": f"Till {new_id()}"}
    opened_ = await world.call("POST", "/drawers/sessions", "manager", body, key=new_id())
    assert opened_.status == 201, opened_
    return f"/drawers/sessions/{opened_.body['sessionId']}"


async def drawer(world: World) -> Request:
    body = {"floatAmount": 10_000, "drawer": f"Till {new_id()}"}
    return Request("/drawers/sessions", body, {**body, "floatAmount": 1})


async def drawer_move(world: World) -> Request:
    body = {"type": "paid_out", "amount": 300, "reason": "milk"}
    return Request(f"{await a_drawer(world)}/moves", body, {**body, "amount": 301})


async def drawer_collecting(world: World) -> Request:
    """Somebody without a drawer took cash while several were open."""
    path = (await a_drawer(world), await a_drawer(world))[0]
    for _ in range(2):
        payment_id = (await world.pay(await world.order(), "cash")).body["paymentId"]
        await world.call("POST", f"/payments/{payment_id}/cash", "counter", {"received": 500}, key=new_id())
    return Request(f"{path}/collect", {"amount": 480}, {"amount": 475})


async def drawer_closing(world: World) -> Request:
    path = await a_drawer(world)
    await world.call("POST", f"{path}/count", "manager", {"countedAmount": 9_900})
    return Request(f"{path}/close", {"reason": "a coin fell"}, {"reason": "two coins fell"})


async def a_tip(world: World, role: str = "kitchen_staff") -> str:
    """A tip that somebody of the kitchen, or nobody, has worked for; answers whose it is."""
    cook = world.home.people["kitchen"].person_id
    await world.call("POST", "/shifts/clock-in", "kitchen", {})
    shares = {"kitchenStaff": 0, "serviceStaff": 0, "management": 0}
    shares["kitchenStaff" if role == "kitchen_staff" else "management"] = 10_000
    await world.call("PUT", "/tips/rules", "manager", {"mode": "per_payment", "distribution": shares})
    paid = await world.pay(await world.order(), "customer_credit", tipAmount=100)
    assert paid.status == 201, paid
    return str(cook)


async def tip_pool(world: World) -> Request:
    """A pool of its own: where the day's is open already, the cafe's days begin so late that it is still yesterday."""
    await world.call("PUT", "/tips/rules", "manager", {"mode": "shift_pool"})
    test = os.environ["PYTEST_CURRENT_TEST"]
    for pool_id in await _open_pools(world):
        if _handed_out.get(pool_id) != test:  # left by another test
            await world.call("POST", f"/tips/pools/{pool_id}/distribute", "manager", {}, key=new_id())
    known = await _open_pools(world)
    for minute in (0, 24 * 60 - 15):
        await world.call("PUT", f"/cafes/{world.home.id}", "manager", {"dayStartsMinute": minute})
        await world.pay(await world.order(), "customer_credit", tipAmount=100)
        for pool_id in await _open_pools(world) - known:
            _handed_out[pool_id] = test
            return Request(f"/tips/pools/{pool_id}/distribute", {"reason": "they left"}, {"reason": "another"})
    raise AssertionError("more than two pools are open")


_handed_out: dict[str, str] = {}
"""Which test a pool was made for."""


async def _open_pools(world: World) -> set[str]:
    found = (await world.call("GET", "/tips/pools", "manager")).body["items"]
    return {pool["poolId"] for pool in found if pool["status"] == "open"}


async def tip_assigning(world: World) -> Request:
    staff_id = await a_tip(world, "management")
    world_staff = await world.app.services.identity.add_staff(
        name="Cook", email=f"{new_id()}@example.org", password="a-long-password", roles=frozenset({Role.KITCHEN}),
        by=world.home.people["admin"],
    )  # fmt: skip
    assert staff_id
    done = (await world.call("GET", "/tips/distributions", "manager")).body["items"][0]
    body = {"staffId": world_staff.id, "reason": "alone"}
    return Request(f"/tips/distributions/{done['distributionId']}/assign", body, {**body, "reason": "not alone"})


async def tip_payout(world: World) -> Request:
    body = {"staffId": await a_tip(world), "method": "payroll", "amount": 10}
    return Request("/tips/payouts", body, {**body, "amount": 11})


CASES: dict[str, Prepare] = {
    "post /payments": payment,
    "post /payments/{payment_id}/refunds": refund,
    "post /orders/{order_id}/refunds": order_refund,
    "post /refunds/{refund_id}/confirm": refund_word,
    "post /payments/{payment_id}/review": review,
    "post /payments/{payment_id}/cash": cash,
    "post /qr-payments/{qr_payment_id}/confirm": transfer,
    "post /credits/add": credit("/credits/add"),
    "post /credits/deduct": credit("/credits/deduct"),
    "post /bank-lines/{line_id}/match": of_line("match", 480, by_reference=False),
    "post /bank-lines/{line_id}/undo": of_line("undo", 480),
    "post /bank-lines/{line_id}/credit": of_line("credit", 580),
    "post /bank-lines/{line_id}/refund": of_line("refund", 580),
    "post /bank-lines/{line_id}/dismiss": of_line("dismiss", 77, by_reference=False),
    "post /tips/pools/{pool_id}/distribute": tip_pool,
    "post /tips/distributions/{distribution_id}/assign": tip_assigning,
    "post /tips/payouts": tip_payout,
    "post /drawers/sessions": drawer,
    "post /drawers/sessions/{session_id}/moves": drawer_move,
    "post /drawers/sessions/{session_id}/collect": drawer_collecting,
    "post /drawers/sessions/{session_id}/close": drawer_closing,
}
"""Every operation that requires a key, by its name in the API's description."""
ALL: dict[str, Prepare] = {
    **CASES,
    "post /payments, by card": provider_payment,
    "post /orders/{order_id}/status, paid": cancelling,
}
"""And two more: with a provider's call in the middle, and one that moves money only sometimes."""
