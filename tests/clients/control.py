"""Lets a test that runs in another program have things happen to its server: JSON over HTTP, on a port of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import msgspec
from aiohttp import web

from tabletap.infra import streams
from tabletap.infra.db.transaction import Transaction
from tests.screens.lines import Process, served
from tests.support.world import World

Act = Callable[[Any], Awaitable[Any]]


class Control:
    """What can be done: stop and start the server, let time pass, give a token, restart a stream."""

    def __init__(self, world: World, process: Process) -> None:
        self.world, self.process = world, process
        self.acts: dict[str, Act] = {
            "stop": self._stop,
            "start": self._start,
            "pass": self._pass,
            "token": self._token,
            "restart-stream": self._restart_stream,
        }

    async def answer(self, request: web.Request) -> web.Response:
        """Do what the path says with what the body says."""
        act = self.acts[request.match_info["act"]]
        return web.Response(body=msgspec.json.encode(await act(await request.json())), content_type="application/json")

    async def _stop(self, _: Any) -> None:
        await self.process.stop()

    async def _start(self, _: Any) -> None:
        await self.process.start()

    async def _pass(self, seconds: float) -> None:
        self.world.clock.ahead += timedelta(seconds=seconds)

    async def _token(self, who: str) -> str:
        person = self.world.home.people[who]
        tokens = self.world.app.services.tokens
        return tokens.issue(cafe_id=person.cafe_id, person_id=person.person_id, roles=person.roles)

    async def _restart_stream(self, key: str) -> None:
        """The stream begins a new epoch, as after a restored backup."""

        async def decide(tx: Transaction) -> None:
            tx.update(streams.stream, {"cafe_id": tx.cafe_id, "key": key}, {"epoch": 2}, {"epoch": 1})

        await self.world.app.db.transaction(self.world.home.id, decide)


@asynccontextmanager
async def controlled(world: World) -> AsyncIterator[tuple[Process, str]]:
    """A server of the world's cafes that can be controlled, and where."""
    async with served(world) as process:
        app = web.Application()
        app.router.add_post("/{act}", Control(world, process).answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield process, f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()
