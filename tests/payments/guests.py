"""Guests with addresses of their own behind the cafe's proxy, and what its manager sees of them."""

import itertools
from typing import Any

import msgspec

from tabletap.kernel.ids import new_id
from tests.support.world import Answer, CafeWorld, World

PROXIES = ("127.0.0.0/8",)
"""The test's own connection counts as a proxy: it says where guests are."""
_numbers = itertools.count(1)


def fresh_address() -> str:
    """An address that nobody had before (RFC 2544 keeps these for tests)."""
    number = next(_numbers)
    return f"198.18.{number // 250}.{number % 250 + 1}"


class Guest(msgspec.Struct):
    """Somebody with a phone at a table."""

    world: World
    token: str
    person_id: str
    address: str
    home: CafeWorld

    async def call(self, verb: str, path: str, body: Any = None, *, key: str | None = None, **headers: str) -> Answer:
        """A request from the guest's phone."""
        headers.setdefault("X-Forwarded-For", self.address)
        return await self.world.call(verb, path, self.token, body, key=key, **headers)

    async def order(self, **items: int) -> dict[str, Any]:
        """Order by name and quantity, one flat white unless said otherwise."""
        wanted = {name.replace("_", " "): count for name, count in items.items()} or {"Flat white": 1}
        lines = [{"menuItemId": self.home.menu[name].id, "quantity": count} for name, count in wanted.items()]
        answer = await self.call("POST", "/orders", {"items": lines})
        assert answer.status == 201, answer
        order: dict[str, Any] = answer.body
        return order

    async def pay(self, order: dict[str, Any], method: str = "cash", *, key: str | None = None, **more: Any) -> Answer:
        """Start paying."""
        body = {"orderId": order["id"], "paymentMethod": method, **more}
        return await self.call("POST", "/payments", body, key=key or new_id())


async def guest(world: World, address: str | None = None, home: CafeWorld | None = None) -> Guest:
    """Somebody who scanned the code on a table just now."""
    home, address = home or world.home, address or fresh_address()
    code = home.tables[0].code
    answer = await world.call("POST", "/auth/guest", None, {"tableCode": code}, **{"X-Forwarded-For": address})
    assert answer.status == 200, answer
    return Guest(world, answer.body["accessToken"], answer.body["customerId"], address, home)


async def set_limits(world: World, **limits: Any) -> None:
    """What the manager of the home cafe sets; nothing: no limits."""
    answer = await world.call("PUT", "/payment-policy", "manager", limits)
    assert answer.status == 200, answer


async def events_of(world: World, who: str = "manager", **like: Any) -> list[dict[str, Any]]:
    """The security events that a manager is shown with these fields, the newest first; what is counted is written."""
    await world.app.services.security.log.flush()
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        answer = await world.call("GET", f"/security-events?limit=200{cursor}", who)
        assert answer.status == 200, answer
        found += answer.body["items"]
        if "nextCursor" not in answer.body:
            break
        cursor = f"&cursor={answer.body['nextCursor']}"
    return [event for event in found if all(event.get(name) == value for name, value in like.items())]


async def refusals(world: World, who: str = "manager", **like: Any) -> int:
    """How many refusals with these fields a manager is told of."""
    return sum(event["count"] for event in await events_of(world, who, **like))


def codes(answers: list[Answer]) -> dict[str, int]:
    """How often each outcome came: the status where it went well, the code where it did not."""
    seen = [str(answer.status) if answer.status < 300 else answer.body["code"] for answer in answers]
    return {each: seen.count(each) for each in dict.fromkeys(seen)}
