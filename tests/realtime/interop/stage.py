"""What the tests of the official clients play on: people with tokens, events that happen, and clients."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec

from tabletap.infra import streams
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.events import Event
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Role
from tests.realtime.interop.clients import Client, Socket, Transport
from tests.realtime.world import PATIENCE_SECONDS
from tests.support.jobs import assert_eventually
from tests.support.wire import Wire
from tests.support.world import World

HEADER = ("eventId", "causeId", "name", "timestamp", "schemaVersion", "cafeId", "stream", "epoch", "seq")


class Stage:
    """One test's view of the world."""

    def __init__(self, world: World, wire: Wire, transport: Transport, make: Callable[..., Client]) -> None:
        self.world, self.wire, self.transport, self._make = world, wire, transport, make
        self.clients: list[Client] = []
        self.me = new_id()
        """The person whom most tests are about."""
        self.key = f"user:{self.me}"
        """A stream that only this test writes to; it can be heard in `/orders`, `/customers`, `/payments`, `/admin`."""

    # --- people and clients -------------------------------------------------------------

    def token(self, role: Role, person_id: Id | None = None, cafe_id: Id | None = None) -> str:
        """A token of somebody with a role, good for an hour from now."""
        return self.world.app.services.tokens.issue(
            cafe_id=cafe_id or self.world.home.id, person_id=person_id or self.me, roles=frozenset({role})
        )

    async def client(
        self, *namespaces: str, auth: Any = None, role: Role = Role.MANAGER, reconnects: bool = False,
        keeps_cursors: bool = False,
    ) -> Client:  # fmt: skip
        """A client that has begun to connect, as somebody with a role unless the handshake says more."""
        client = self._make(*namespaces)
        self.clients.append(client)
        given = {"token": self.token(role)} if auth is None else auth
        await client.open(given, reconnects=reconnects, keeps_cursors=keeps_cursors)
        return client

    async def socket(self, namespace: str, role: Role = Role.MANAGER, **how: Any) -> Socket:
        """A client's socket in a namespace, once it was told `session_ready`."""
        client = await self.client(namespace, role=role, **how)
        socket = client.on(namespace)
        await socket.hears("session_ready")
        return socket

    # --- what happens -------------------------------------------------------------------

    async def happen(self, *texts: str, key: str | None = None) -> None:
        """Announcements of these texts on a stream, in one transaction."""

        async def decide(tx: Transaction) -> None:
            for text in texts:
                event_id = new_id()
                tx.tell(
                    Event(
                        cafe_id=tx.cafe_id,
                        stream=key or self.key,
                        name="announcement",
                        data=msgspec.json.encode({"message": text}),
                        event_id=event_id,
                        cause_id=event_id,
                        at=tx.now,
                    )
                )

        await self.world.app.db.transaction(self.world.home.id, decide)

    async def restart(self, key: str) -> None:
        """The stream begins a new epoch, as after a restored backup."""

        async def decide(tx: Transaction) -> None:
            tx.update(streams.stream, {"cafe_id": tx.cafe_id, "key": key}, {"epoch": 2}, {"epoch": 1})

        await self.world.app.db.transaction(self.world.home.id, decide)

    async def told(self, key: str, seq: int) -> None:
        """Wait until the stream has an event of this number."""

        async def is_told() -> bool:
            at = await self.world.app.db.read(
                self.world.home.id, lambda reader: streams.head(reader, self.world.home.id, key)
            )
            return at.head >= seq

        await assert_eventually(is_told)

    async def let_time_pass(self, **how_long: float) -> None:
        """Time passes for the server, and it looks after its sessions."""
        self.world.clock.ahead += timedelta(**how_long)
        await self.world.app.live.sessions.look_after()

    async def nobody_is_left(self) -> None:
        """Wait until the server has noticed that everybody is gone."""

        async def gone() -> bool:
            return len(self.world.app.live.sessions) == 0

        await assert_eventually(gone)

    async def paid_order(self) -> dict[str, Any]:
        """An order that the kitchen has to make."""
        order = await self.world.order()
        paid = await self.world.pay(order, "customer_credit")
        assert paid.status == 201, paid
        return order

    async def is_well(self) -> None:
        """The server answers, by HTTP."""
        async with asyncio.timeout(PATIENCE_SECONDS), self.world.session.get(f"{self.world.url}/health/live") as answer:
            assert answer.status == 200
