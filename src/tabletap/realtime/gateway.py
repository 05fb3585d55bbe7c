"""The one path of every client message: size, rate, role and cafe, shape, handler, answer."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, ClassVar, Protocol, TypeVar

import msgspec

from tabletap.infra.db.transaction import correlation_id
from tabletap.infra.ratelimit import Limit, TokenBuckets
from tabletap.infra.streams import SnapshotRequired
from tabletap.kernel.errors import (
    InvalidRequest,
    NotAllowed,
    NotSignedIn,
    OtherCafe,
    Refusal,
    TokenExpired,
    TooLarge,
    TooMany,
    Unavailable,
)
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Actor, Role
from tabletap.orders.errors import OrderNotFound
from tabletap.orders.model import OrderStatus, OrderView
from tabletap.payments.errors import PaymentNotFound
from tabletap.realtime.dashboards import Dashboards
from tabletap.realtime.handshake import Handshakes, require_one_of
from tabletap.realtime.messages import (
    AuthRefresh,
    Done,
    Failed,
    JoinCafe,
    Joined,
    Message,
    Refreshed,
    StreamAck,
    Subscribe,
    Subscribed,
    Unsubscribe,
    Unsubscribed,
)
from tabletap.realtime.presence import Presence
from tabletap.realtime.problems import BUG, error_of, malformed
from tabletap.realtime.sessions import Session, Sessions
from tabletap.realtime.subscriptions import Subscriptions, TooManyStreams

_log = logging.getLogger(__name__)
MAX_MESSAGE_BYTES = 16 * 1024
A_CAFE_IS = 100
"""A whole cafe may say as much as this many of its people: no tenant starves the others."""
TURNED_DOWN_AT_MOST = 1_000
"""Whoever goes on after so many messages over the limit, with none below it in between, is sent away."""
FLOODED = "Far too many messages; connect again later."
_LOGGED_IN_A_ROW = 10
_encoded = msgspec.json.Encoder().encode
OF_EVERY_MESSAGE: tuple[type[Refusal], ...] = (
    InvalidRequest,
    TooLarge,
    TooMany,
    NotAllowed,
    NotSignedIn,
    TokenExpired,
    Unavailable,
)
"""Why any message may be turned down, whatever it asks."""
M = TypeVar("M", bound=Message)
Handler = Callable[[Any, Session, M], Awaitable[msgspec.Struct | None]]


class MoveOrder(Protocol):
    """The use-case behind `order_status_update`, handed in by the app."""

    async def __call__(
        self,
        by: Actor,
        order_id: Id,
        status: OrderStatus,
        expected_version: int | None,
        reason: str | None,
        command_id: str | None,
    ) -> OrderView:
        """Move an order on and answer how it is now. Raises refusals."""
        ...


class Command(msgspec.Struct, frozen=True):
    """A message that a namespace understands."""

    name: str
    shape: type[Message]
    handler: Handler[Any]
    is_light: bool
    """It asks nothing of the database, so that a full house of screens costs its cafe nothing."""
    refusals: tuple[type[Refusal], ...]
    """Why it may be turned down, beside what holds for every message."""


def command(
    name: str, shape: type[M], *refusals: type[Refusal], is_light: bool = False
) -> Callable[[Handler[M]], Handler[M]]:
    """Have a method of a gateway handle the messages of this name, checked for this shape.

    The return type of the method is the `result` of the ack; `refusals` are those of this command alone.
    """

    def mark(handler: Handler[M]) -> Handler[M]:
        vars(handler)["command"] = Command(name, shape, handler, is_light, refusals)
        return handler

    return mark


class Parts(msgspec.Struct, frozen=True):
    """What gateways work with."""

    sessions: Sessions
    subscriptions: Subscriptions
    presence: Presence
    dashboards: Dashboards
    handshakes: Handshakes
    move_order: MoveOrder
    now_ns: Callable[[], int]
    """A stop watch, for the limits."""


class Gateway:
    """One namespace. Subclasses say who may connect and what else may be said."""

    path: ClassVar[str]
    roles: ClassVar[frozenset[Role] | None] = None
    """Who may connect; None for everybody who is signed in."""
    messages_per_minute: ClassVar[int] = 100

    def __init__(self, parts: Parts) -> None:
        self.sessions, self.subscriptions = parts.sessions, parts.subscriptions
        self.presence, self.handshakes = parts.presence, parts.handshakes
        self.move_order = parts.move_order
        self.commands = {found.name: found for found in commands_of(type(self))}
        of_person = Limit(f"live:{self.path}:person", self.messages_per_minute, 60)
        of_cafe = Limit(f"live:{self.path}:cafe", self.messages_per_minute * A_CAFE_IS, 60)
        self._of_person = TokenBuckets(of_person, parts.now_ns)
        self._of_cafe = TokenBuckets(of_cafe, parts.now_ns)

    def entered(self, session: Session) -> None:
        """Somebody is connected, or joins their cafe: what this namespace shows by itself begins here, or again."""

    async def answer(self, session: Session, name: Any, arguments: list[Any]) -> Done | Failed:
        """Handle a message and say what came of it; what was refused is also emitted as `exception`. Never raises."""
        mark = correlation_id.set(new_id())
        try:
            return Done(ok=True, result=await self._handle(session, name, arguments))
        except Refusal as refusal:
            if session.turned_down <= _LOGGED_IN_A_ROW:
                _log.info("refused %.80r: %s (%s)", name, refusal.code, session)
            problem = error_of(refusal)
        except Exception:  # noqa: BLE001 - a bug of ours ends one message, not the process
            _log.exception("failed at %.80r (%s)", name, session)
            problem = BUG
        finally:
            correlation_id.reset(mark)
        await self.sessions.say(session, "exception", problem)
        if session.turned_down >= TURNED_DOWN_AT_MOST:
            await self.sessions.end(session, FLOODED)
        return Failed(ok=False, error=problem)

    async def _handle(self, session: Session, name: Any, arguments: list[Any]) -> msgspec.Struct | None:
        if len(_encoded(arguments)) > MAX_MESSAGE_BYTES:
            raise TooLarge
        actor = session.actor
        session.turned_down += 1
        self._of_person.take(session.holder)
        session.turned_down = 0
        require_one_of(actor, self.roles, self.path)
        if actor.expires_at is not None and actor.expires_at <= self.sessions.clock.now():
            raise TokenExpired
        known = self.commands.get(name) if isinstance(name, str) else None
        if known is None:
            raise InvalidRequest(f"{self.path} knows no message of that name.")
        if not known.is_light:
            self._of_cafe.take(actor.cafe_id)
        return await known.handler(self, session, _shaped(arguments, known.shape))

    async def tell_problems(self, session: Session, refused: dict[str, Refusal]) -> None:
        """Say of single streams why they are not heard."""
        for key, refusal in refused.items():
            await self.sessions.say(session, "exception", error_of(refusal, key))

    @command("subscribe", Subscribe, OtherCafe, OrderNotFound, PaymentNotFound, TooManyStreams, SnapshotRequired)
    async def subscribe(self, session: Session, message: Subscribe) -> Subscribed:
        """Hear a stream."""
        return await self.subscriptions.subscribe(session, message.stream, message.cursor)

    @command("unsubscribe", Unsubscribe)
    async def unsubscribe(self, session: Session, message: Unsubscribe) -> Unsubscribed:
        """Hear a stream no longer."""
        await self.subscriptions.unsubscribe(session, message.stream)
        return Unsubscribed(stream=message.stream)

    @command("join_cafe", JoinCafe, OtherCafe, TooManyStreams)
    async def join_cafe(self, session: Session, message: JoinCafe) -> Joined:
        """Hear everything of the cafe that one may hear here."""
        streams = await self.subscriptions.join_cafe(session, message.cafe_id)
        self.entered(session)
        return Joined(cafe_id=message.cafe_id, streams=streams)

    @command("auth_refresh", AuthRefresh)
    async def refresh(self, session: Session, message: AuthRefresh) -> Refreshed:
        """Go on with a newer token of the same person, without a new connection."""
        actor = self.handshakes.person(message.token, session.caller)
        require_one_of(actor, self.roles, self.path)
        self.sessions.renew(session, actor)
        await self.tell_problems(session, await self.subscriptions.check_again(session))
        return Refreshed(token_expires_at=actor.expires_at)

    @command("stream_ack", StreamAck, is_light=True)
    async def acknowledge(self, session: Session, message: StreamAck) -> None:
        """Note how far a screen has come."""
        self.presence.acknowledge(session, message.cursors)


def commands_of(gateway: type[Gateway]) -> Iterable[Command]:
    """What a namespace understands."""
    found = (vars(member).get("command") for each in reversed(gateway.__mro__) for member in _functions_of(each))
    return (each for each in found if isinstance(each, Command))


def _functions_of(each: type) -> Iterable[Any]:
    return (member for member in vars(each).values() if callable(member) and hasattr(member, "__dict__"))


def _shaped(arguments: list[Any], shape: type[M]) -> M:
    if len(arguments) > 1:
        raise InvalidRequest("A message has one object as its payload.")
    try:
        return msgspec.convert(arguments[0] if arguments else {}, shape)
    except msgspec.ValidationError as error:
        raise malformed(error) from error
