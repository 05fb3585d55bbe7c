"""`tabletap demo --rush`: a lunch rush of guests, counter and kitchen, all of them over the public HTTP API."""

import asyncio
import random
from typing import Any

import aiohttp

from tabletap.cli.caller import Caller, ServiceIncomplete
from tabletap.cli.console import complain
from tabletap.cli.ready import Ready

_METHODS = ("payconic_card", "payconic_card", "payconic_digital_wallet", "payconic_bank_transfer", "cash")
_MILLISECONDS_BETWEEN_GUESTS = 1_500
_AT_ONCE = 20
_TOKEN_SECONDS = 3_000
"""Staff sign in again before their tokens expire."""


async def lunch(ready: Ready) -> None:
    """Send guests until cancelled. One guest's trouble is told and ends only that guest's lunch."""
    chance = random.Random()  # noqa: S311 - what guests fancy is no secret
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as guests:
        lunch_hour = _Lunch(ready, Caller(session, ready.url, ready.payconic.control_url), chance)
        seats = asyncio.Semaphore(_AT_ONCE)
        while True:
            await seats.acquire()
            guests.create_task(lunch_hour.serve()).add_done_callback(lambda _: seats.release())
            await asyncio.sleep(chance.randrange(_MILLISECONDS_BETWEEN_GUESTS) * 2 / 1000)


class _Lunch:
    """One guest after the other."""

    def __init__(self, ready: Ready, caller: Caller, chance: random.Random) -> None:
        self.ready, self.caller, self.chance = ready, caller, chance
        self._tokens: dict[str, tuple[float, str]] = {}

    async def serve(self) -> None:
        """A guest comes, orders, pays, waits and leaves."""
        try:
            guest = await self._sit_down()
            order = await self._order(guest)
            await self._pay(guest, order)
            await self._cook(order)
        except ServiceIncomplete as trouble:
            complain(f"Lunch rush: {trouble.detail}")

    async def _sit_down(self) -> str:
        code = self.chance.choice(self.ready.tables).code
        token: str = (await self.caller.post("/auth/guest", None, {"tableCode": code}, 200))["accessToken"]
        return token

    async def _order(self, guest: str) -> Any:
        offered = [item for item in self.ready.menu if item.available and item.price > 0]
        chosen = self.chance.choices(offered, k=self.chance.randint(1, 4))
        items = [{"menuItemId": item.id, "quantity": self.chance.choice((1, 1, 2))} for item in chosen]
        return await self.caller.post("/orders", guest, {"items": items})

    async def _pay(self, guest: str, order: Any) -> None:
        body = {"orderId": order["id"], "paymentMethod": self.chance.choice(_METHODS)}
        payment = await self.caller.post("/payments", guest, body)
        payment_id = payment["paymentId"]
        await self._while(2)
        if payment["paymentMethod"] == "cash":
            received = {"received": payment["totalAmount"] + 500}
            await self.caller.post(f"/payments/{payment_id}/cash", await self._token("counter"), received, 200)
        else:
            await self.caller.approve(payment_id)
            await self.caller.payment_until(payment_id, guest, "completed")

    async def _cook(self, order: Any) -> None:
        for role, status, seconds in (
            ("kitchen", "preparing", 6),
            ("kitchen", "ready", 12),
            ("counter", "collected", 6),
        ):
            await self._while(seconds)
            path = f"/orders/{order['id']}/status"
            await self.caller.post(path, await self._token(role), {"status": status}, 200)

    async def _while(self, seconds: int) -> None:
        """About so long."""
        await asyncio.sleep(self.chance.randrange(500, 1_500) * seconds / 1000)

    async def _token(self, role: str) -> str:
        now = asyncio.get_running_loop().time()
        expires, token = self._tokens.get(role, (0.0, ""))
        if expires <= now:
            user = self.ready.users[role]
            given = {"email": user.email, "password": user.password, "cafeId": self.ready.cafe_id}
            token = (await self.caller.post("/auth/login", None, given, 200))["accessToken"]
            self._tokens[role] = now + _TOKEN_SECONDS, token
        return token
