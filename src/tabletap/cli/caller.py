"""Somebody outside who uses the public HTTP API, as any guest's phone or till would."""

import asyncio
from typing import Any

import aiohttp
import msgspec

from tabletap.kernel.errors import Kind, Refusal
from tabletap.kernel.ids import new_id

PATIENCE_SECONDS = 15


class ServiceIncomplete(Refusal):
    """Something that belongs to a whole service did not happen."""

    code, kind = "service_incomplete", Kind.UNAVAILABLE


class Caller:
    """The HTTP API of a running TableTap, and the control API of its provider's sandbox."""

    def __init__(self, session: aiohttp.ClientSession, url: str, control_url: str) -> None:
        self.session, self.url, self.control_url = session, url, control_url

    async def get(self, path: str, token: str | None = None) -> Any:
        """What there is to read. Raises ServiceIncomplete."""
        return await self._call("GET", f"{self.url}/api/v1{path}", token, None, 200)

    async def post(self, path: str, token: str | None, body: Any, status: int = 201) -> Any:
        """What came of a request; each is sent once, under a key of its own. Raises ServiceIncomplete."""
        return await self._call("POST", f"{self.url}/api/v1{path}", token, body, status)

    async def page(self, path: str) -> str:
        """A page as a browser gets it. Raises ServiceIncomplete."""
        async with self.session.get(f"{self.url}{path}") as response:
            if response.status != 200:
                raise ServiceIncomplete(f"The page {path} was not shown: status {response.status}.")
            return await response.text()

    async def approve(self, payment_id: str) -> None:
        """Approve a payment on the provider's page, as its guest would. Raises ServiceIncomplete."""
        await self._call("POST", f"{self.control_url}/payments/{payment_id}/approve", None, None, 200)

    async def payment_until(self, payment_id: str, token: str, status: str) -> Any:
        """The payment once it has a status. Raises ServiceIncomplete."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while (payment := await self.get(f"/payments/{payment_id}", token))["status"] != status:
            if asyncio.get_running_loop().time() > deadline:
                raise ServiceIncomplete(
                    f"The {payment['paymentMethod']} payment {payment_id} is still {payment['status']}, not {status}."
                )
            await asyncio.sleep(0.05)
        return payment

    async def _call(self, verb: str, url: str, token: str | None, body: Any, status: int) -> Any:
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if verb == "POST":
            headers["Idempotency-Key"] = new_id()
        data = None if body is None else msgspec.json.encode(body)
        try:
            async with self.session.request(verb, url, data=data, headers=headers) as response:
                raw = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ServiceIncomplete(f"{verb} {url} was not answered: {type(error).__name__}.") from None
        if response.status != status:
            raise ServiceIncomplete(
                f"{verb} {url} was answered with {response.status}, not {status}: {raw[:300].decode(errors='replace')}"
            )
        return msgspec.json.decode(raw) if raw else None
