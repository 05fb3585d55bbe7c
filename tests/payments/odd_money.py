"""How payments come to differ from what the provider says, and how managers decide them, for the tests of it."""

from typing import Any

import msgspec

from tabletap.kernel.ids import new_id
from tabletap.payments.model import Answer
from tests.support.world import Answer as Reply
from tests.support.world import World


async def lost_start(world: World, fault: str = "timeout_before", **more: Any) -> tuple[dict[str, Any], str]:
    """An order and a payment whose answer was lost."""
    await world.control("POST", "/mode", {"webhooks": False})
    await world.control("POST", "/faults", {"fault": fault})
    order = await world.order()
    started = await world.pay(order, "payconic_card", **more)
    assert (started.status, started.body["status"]) == (201, "processing"), started
    return order, started.body["paymentId"]


async def wrongly_charged(world: World, fault: str = "wrong_amount", **more: Any) -> tuple[dict[str, Any], str]:
    """An order and a payment for which the provider took other money than it was asked for."""
    await world.control("POST", "/mode", {"autoApprove": True})
    await world.control("POST", "/faults", {"fault": fault})
    order = await world.order()
    payment_id = (await world.pay(order, "payconic_card", **more)).body["paymentId"]
    await world.call("POST", f"/payments/{payment_id}/verify", "staff")
    return order, payment_id


async def late_money(world: World, policy: str, who: str = "customer", **more: Any) -> tuple[dict[str, Any], str]:
    """An order paid in cash, and a card payment for it whose money came after it was cancelled."""
    changed = await world.call("PUT", f"/cafes/{world.home.id}", "manager", {"lateMoneyPolicy": policy})
    assert changed.status == 200, changed
    order = await world.order(who)
    payment_id = (await world.pay(order, "payconic_card", who, **more)).body["paymentId"]
    await world.call("POST", f"/payments/{payment_id}/cancel", who)
    await pay_cash(world, order)
    await world.control("POST", "/faults", {"fault": "late_success"})
    await world.control("POST", f"/payments/{payment_id}/approve")
    await world.call("POST", f"/payments/{payment_id}/verify", "staff")
    return order, payment_id


async def pay_cash(world: World, order: dict[str, Any]) -> None:
    cash = await world.pay(order, "cash", "counter")
    assert cash.status == 201, cash
    taken = await world.call(
        "POST", f"/payments/{cash.body['paymentId']}/cash", "counter", {"received": 500}, key=new_id()
    )
    assert taken.status == 200, taken


async def decide(world: World, payment_id: str, action: str, *, who: str = "manager", key: str | None = None) -> Reply:
    body = {"action": action, "reason": "looked at it with the guest"}
    return await world.call("POST", f"/payments/{payment_id}/review", who, body, key=key or new_id())


async def release(world: World, payment_id: str, who: str = "manager") -> Reply:
    return await world.call("POST", f"/payments/{payment_id}/release", who, {"reason": "guest pays cash"})


async def shown_order(world: World, order: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = (await world.call("GET", f"/orders/{order['id']}", "staff")).body
    return shown


async def provider_says(world: World, payment_id: str, **answer: Any) -> dict[str, Any]:
    """Record an answer to a question that is asked now."""
    asking = world.app.services.payments.asking
    payment = await asking.stored(world.home.id, payment_id)
    given = msgspec.convert({"evidence": "query", "state": None, **answer}, Answer)
    await asking.record(payment, given, "check", payment.initiated_by)
    return await world.payment(payment_id)
