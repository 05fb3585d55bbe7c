"""A simulator of Pebble Pay: a tiny server with the wrongs that a real one can do."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

from aiohttp import web

from tabletap.kernel.ids import Id, new_id
from tabletap.payments.accounts.model import ProviderAccount
from tabletap.payments.model import Payment, Refund
from tabletap.testing.gateways import GIVES_UP_AFTER_SECONDS, Call, Charge, Trouble

KEY, SECRET = "key-of-the-cafe", "secret-of-the-cafe"


class PebbleSimulator:
    """What `ProviderUnderTest` asks for. Charges and their refunds are kept by our references."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, int]] = {}
        self.troubles: list[tuple[Call, Trouble]] = []
        self.account: ProviderAccount
        self.runner: web.AppRunner

    async def listen(self) -> str:
        """Answer requests on a free port; says where."""
        app = web.Application()
        for verb, path, call, answer in (
            ("POST", "/charges", "start", self.start),
            ("GET", "/charges/{reference}", "ask", self.ask),
            ("POST", "/charges/{reference}/void", "cancel", self.void),
            ("POST", "/charges/{reference}/refunds", "refund", self.refund),
            ("GET", "/charges/{reference}/refunds/{refund}", "ask", self.ask_refund),
        ):
            app.router.add_route(verb, path, self.spoilt(call, answer))
        self.runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{self.runner.addresses[0][1]}"
        self.account = ProviderAccount(new_id(), new_id(), "pebble_pay", new_id(), url, "cafe", KEY, (SECRET,), "test")
        return url

    def spoilt(self, call: Any, answer: Any) -> Any:
        """A call that goes wrong when it was told to."""

        async def handle(request: web.Request) -> web.Response:
            if request.headers.get("Pebble-Key") != KEY:
                return web.json_response({}, status=401)
            wrongs = [each for each in self.troubles if each[0] == call][:1]
            for each in wrongs:
                self.troubles.remove(each)
            trouble = wrongs[0][1] if wrongs else None
            if trouble == "broken":
                return web.json_response({}, status=500)
            body = await request.json() if request.can_read_body else {}
            made = web.json_response({}) if trouble == "unheard" else answer(request.match_info, body)
            if trouble == "hanging":
                await asyncio.sleep(GIVES_UP_AFTER_SECONDS + 0.2)
            if trouble in ("lost", "unheard") and request.transport is not None:
                request.transport.abort()
            return made

        return handle

    def start(self, _: Mapping[str, str], body: dict[str, Any]) -> web.Response:
        """One charge of a reference, however often it is asked for."""
        new = {"id": new_id(), "state": "open", "page": "https://pebble.example/pay", "refunded": 0, "took": None}
        named = {name: body[name] for name in ("reference", "amount", "currency")}
        return web.json_response(self.kept.setdefault(body["reference"], {**new, **named}), status=201)

    def ask(self, about: Mapping[str, str], _: Any) -> web.Response:
        """A charge as it is."""
        found = self.kept.get(about["reference"])
        return web.json_response(found or {}, status=200 if found else 404)

    def void(self, about: Mapping[str, str], _: Any) -> web.Response:
        """End a charge that nobody paid."""
        found = self.kept.get(about["reference"])
        if found and found["state"] == "open":
            found["state"] = "void"
        return web.json_response(found or {}, status=200 if found else 404)

    def refund(self, about: Mapping[str, str], body: dict[str, Any]) -> web.Response:
        """Send back what is left, once for a reference."""
        charge, made = self.kept.get(about["reference"]), self.refunds.setdefault(about["reference"], {})
        if charge is None or charge["state"] != "paid":
            return web.json_response({}, status=422)
        if body["reference"] not in made:
            if sum(made.values()) + body["amount"] > charge["amount"]:
                return web.json_response({}, status=422)
            made[body["reference"]] = body["amount"]
        return web.json_response({"id": f"re-{body['reference']}"}, status=201)

    def ask_refund(self, about: Mapping[str, str], _: Any) -> web.Response:
        """A refund as it is."""
        made = about["refund"] in self.refunds.get(about["reference"], {})
        return web.json_response({"id": f"re-{about['refund']}"} if made else {}, status=200 if made else 404)

    async def approve(self, reference: Id) -> None:
        """The guest pays."""
        if self.kept.get(reference, {}).get("state") == "open":
            self.kept[reference]["state"] = "paid"

    async def decline(self, reference: Id) -> None:
        """The guest says no."""
        self.kept[reference]["state"] = "declined"

    async def approve_wrongly(self, reference: Id, what: Literal["amount", "currency"]) -> None:
        """The guest pays something else."""
        self.kept[reference][what] = {"amount": 1, "currency": "USD"}[what]
        await self.approve(reference)

    async def trouble(self, call: Call, trouble: Trouble) -> None:
        """The next such call goes wrong."""
        self.troubles.append((call, trouble))

    async def charges(self) -> Sequence[Charge]:
        """What it took and sent back."""
        return [
            Charge(
                reference=reference,
                amount_minor=charge["amount"],
                currency=charge["currency"],
                refunded_minor=sum(self.refunds.get(reference, {}).values()),
            )
            for reference, charge in self.kept.items()
            if charge["state"] == "paid"
        ]

    async def leave(self) -> None:
        """Listen no more."""
        await self.runner.cleanup()

    def notice(self, payment: Payment, refund: Refund | None = None) -> bytes:
        """What it tells the cafe."""
        about = {"what": "paid", "reference": payment.id, **({"refund": refund.id} if refund else {})}
        return json.dumps(about).encode()

    def signed(self, raw: bytes, secret: str) -> Mapping[str, str]:
        """Its signature."""
        return {"pebble-signature": hmac.new(secret.encode(), raw, hashlib.sha512).hexdigest()}


@asynccontextmanager
async def pebble_simulator() -> AsyncIterator[PebbleSimulator]:
    """A simulator that listens while inside."""
    simulator = PebbleSimulator()
    await simulator.listen()
    try:
        yield simulator
    finally:
        await simulator.leave()
