"""The live server: builds its parts, serves `/socket.io`, and looks after what is open."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any

from tabletap.audiences.roll_call import RollCalls
from tabletap.infra.broker import Broker
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.revocations import TOPIC as REVOKED
from tabletap.infra.revocations import Revocation, Revocations
from tabletap.infra.shared.board import MemoryBoard
from tabletap.infra.streams import SnapshotRequired
from tabletap.kernel.addresses import TrustedProxies
from tabletap.kernel.clock import Clock
from tabletap.kernel.errors import NotSignedIn
from tabletap.realtime.connections import Connections, LiveLimits
from tabletap.realtime.dashboards import Dashboards
from tabletap.realtime.dispatcher import Dispatcher
from tabletap.realtime.gateway import Gateway, MoveOrder, Parts
from tabletap.realtime.gateways.admin import AdminGateway
from tabletap.realtime.gateways.counter import CounterGateway
from tabletap.realtime.gateways.customers import CustomersGateway
from tabletap.realtime.gateways.kitchen import KitchenGateway
from tabletap.realtime.gateways.orders import OrdersGateway
from tabletap.realtime.gateways.payments import PaymentsGateway
from tabletap.realtime.handshake import Handshakes, Verify
from tabletap.realtime.messages import Failed, Heartbeat, SessionReady
from tabletap.realtime.presence import Presence
from tabletap.realtime.problems import error_of
from tabletap.realtime.sessions import Session, Sessions
from tabletap.realtime.subscriptions import Subscriptions
from tabletap.realtime.transport import Transport

_log = logging.getLogger(__name__)
GATEWAYS: tuple[type[Gateway], ...] = (
    OrdersGateway,
    KitchenGateway,
    CounterGateway,
    CustomersGateway,
    AdminGateway,
    PaymentsGateway,
)
BEATS_AT_ONCE = 50
LOOK_SECONDS = 1.0
"""A hint that the broker lost costs this long, never an event."""
ROUND_SECONDS = 1.0
"""People hear at most this often that somebody came or went."""
CARE_SECONDS = 0.5
"""A revoked person is off within one second."""


class LiveServer:
    """Six namespaces over one transport. `asgi` answers polls below `/socket.io`, `websocket` is uvicorn's `ws`."""

    def __init__(
        self,
        *,
        db: AnyDatabase,
        broker: Broker,
        verify: Verify,
        move_order: MoveOrder,
        clock: Clock,
        allowed_origins: Collection[str] = (),
        revocations: Revocations,
        limits: LiveLimits | None = None,
        trusted_proxies: Collection[str] = (),
        roll_calls: RollCalls | None = None,
        heartbeat_seconds: int = 10,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.clock, self.broker, self.heartbeat_seconds = clock, broker, heartbeat_seconds
        limits = limits or LiveLimits()
        namespaces = [gateway.path for gateway in GATEWAYS]
        self.transport = Transport(self, namespaces, allowed_origins, connect_seconds=limits.connect_seconds)
        self.sessions = Sessions(self.transport, clock)
        self.revocations = revocations
        self.presence = Presence(self.sessions, roll_calls or RollCalls(db, MemoryBoard()), broker)
        self.dispatcher = Dispatcher(db, self.transport)
        self.subscriptions = Subscriptions(db, self.dispatcher, self.transport)
        self.dashboards = Dashboards(db, self.sessions)
        self.connections = Connections(limits, TrustedProxies(trusted_proxies), now_ns)
        self.handshakes = Handshakes(verify, self.connections)
        parts = Parts(
            self.sessions,
            self.subscriptions,
            self.presence,
            self.dashboards,
            self.handshakes,
            move_order,
            now_ns,
        )
        self.gateways = {gateway.path: gateway(parts) for gateway in GATEWAYS}
        self.asgi, self.websocket = self.transport.asgi, self.transport.websocket
        self._tasks: list[asyncio.Task[None]] = []
        self._endings: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to hear from the broker and to look after the sessions."""
        await self.revocations.look()
        self.revocations.listen(self._hear_of_revocations)
        self.broker.attend(REVOKED, lambda _: self._begin(self.revocations.look()))
        self.dispatcher.listen_to(self.broker)
        self.dashboards.listen_to(self.broker)
        await self.presence.start()
        self._tasks = [
            asyncio.create_task(_every(LOOK_SECONDS, self.dispatcher.look), name="live-look"),
            asyncio.create_task(_every(ROUND_SECONDS, self.presence.round), name="live-presence"),
            asyncio.create_task(_every(CARE_SECONDS, self.sessions.look_after), name="live-care"),
            asyncio.create_task(_every(CARE_SECONDS, self.revocations.look), name="live-revocations"),
            asyncio.create_task(_every(self.heartbeat_seconds, self._beat), name="live-heartbeat"),
        ]

    def end_polls(self) -> None:
        """Send away who polls: the web server, which closes the WebSockets as it stops, would wait for their polls."""
        self.transport.end_polls()

    async def stop(self) -> None:
        """Stop delivering. The web server closes the sockets, so that clients come back by themselves."""
        tasks = [*self._tasks, *self._endings]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.dashboards.stop()
        await self.dispatcher.stop()
        await self.presence.stop()
        await self.transport.shutdown()

    # --- what the transport tells us (transport.Edge) -----------------------------------

    async def connect(self, namespace: str, socket_id: str, environ: dict[str, Any], auth: Any) -> None:
        """Admit a socket or refuse it."""
        admitted = self.handshakes.admit(namespace, self.gateways[namespace].roles, environ, auth)
        actor, caller = admitted.actor, admitted.caller
        session = Session(namespace, socket_id, actor, admitted.cursors, self.clock.now(), caller)
        self.sessions.add(session)
        self.presence.entered(session)
        _log.debug("connected: %s", session)

    async def connected(self, namespace: str, socket_id: str) -> None:
        """Say what is heard already, then replay it."""
        session = self.sessions.find(namespace, socket_id)
        if session is None:
            return
        try:
            await self._welcome(session)
        except Exception:  # noqa: BLE001 - a bug of ours, or a database that is away: the client comes again
            _log.exception("could not welcome %s", session)
            await self.sessions.end(session, "The session could not be begun; connect again.")

    async def _welcome(self, session: Session) -> None:
        resumed, refused = await self.subscriptions.resume(session)
        ready = SessionReady(
            streams=resumed,
            token_expires_at=session.actor.expires_at,
            heartbeat_seconds=self.heartbeat_seconds,
        )
        await self.sessions.say(session, "session_ready", ready)
        for key, refusal in refused.items():
            if isinstance(refusal, SnapshotRequired):
                await self.dispatcher.give_up(session, key, refusal.detail)
            else:
                await self.gateways[session.namespace].tell_problems(session, {key: refusal})
        await session.settle()
        if session.is_open:
            self.gateways[session.namespace].entered(session)
            self.presence.show(session)

    async def message(self, namespace: str, socket_id: str, name: Any, arguments: list[Any]) -> Any:
        """Answer a message."""
        session = self.sessions.find(namespace, socket_id)
        if session is None:
            return Failed(ok=False, error=error_of(NotSignedIn()))
        return await self.gateways[namespace].answer(session, name, arguments)

    async def answered(self, namespace: str, socket_id: str) -> None:
        """Send what had to wait for the answer."""
        session = self.sessions.find(namespace, socket_id)
        if session is not None:
            await session.settle()
            if session.is_open:
                self.presence.show(session)

    async def disconnected(self, namespace: str, socket_id: str) -> None:
        """Forget a socket."""
        session = self.sessions.remove(namespace, socket_id)
        if session is not None:
            self.connections.release(session.caller, session.holder)
            self.presence.left(session)
            self.subscriptions.forget(session)
            self.dashboards.forget(session)
            _log.debug("disconnected: %s", session)

    def _hear_of_revocations(self, revoked: list[Revocation]) -> None:
        self._begin(self._revoke(revoked))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something about revocations for which nobody waits."""
        ending = asyncio.create_task(_quietly(work), name="live-revoke")
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    async def _revoke(self, revoked: list[Revocation]) -> None:
        """Send away who was signed out; who left a table goes on with what is their own."""
        for session in await self.sessions.revoke(revoked):
            refused = await self.subscriptions.check_again(session)
            await self.gateways[session.namespace].tell_problems(session, refused)

    async def _beat(self) -> None:
        """Tell everybody how far their streams have come, so that a screen can know that it shows the truth."""
        for number, session in enumerate(self.sessions):
            if number % BEATS_AT_ONCE == 0:
                await asyncio.sleep(0)  # ten thousand at once would keep everybody else waiting
            at = {key: self.dispatcher.position(session, key) for key in sorted(session.streams)}
            heads = {key: position for key, position in at.items() if position is not None}
            await self.sessions.say(session, "heartbeat", Heartbeat(heads=heads))


async def _quietly(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:  # noqa: BLE001 - nobody waits for this
        _log.exception("could not see to what was revoked")


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    """Do something again and again; one failure does not end it."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except Exception:  # noqa: BLE001 - the database may be away for a while: the next round tries again
            _log.exception("%s failed", getattr(work, "__qualname__", work))
