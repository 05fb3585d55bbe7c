"""What the live API offers, read off the code: namespaces, events, commands. Nothing is listed here a second time.

Events come from `audiences.registry`, commands from the gateways' methods, what the server says of itself from
`messages`. `asyncapi.json`, `events.d.ts` and the reference page are made from this.
"""

from collections.abc import Iterable
from typing import get_type_hints

import msgspec

from tabletap.audiences import access
from tabletap.audiences.payloads import Payload
from tabletap.audiences.registry import EVENTS, Envelope
from tabletap.audiences.snapshots import state_model
from tabletap.audiences.streams import Audience, StreamName, of_cafe, of_order, of_payment, of_role, of_user
from tabletap.kernel.errors import Refusal
from tabletap.kernel.people import Actor, Role
from tabletap.realtime.gateway import OF_EVERY_MESSAGE, Command, Gateway, commands_of
from tabletap.realtime.messages import SERVER_MESSAGES, Error, Handshake, Message, Refused
from tabletap.realtime.schemas import Model, sentence_of
from tabletap.realtime.server import GATEWAYS

_ANY = "{id}"
_AUDIENCES: dict[Audience, StreamName] = {
    Audience.ORDER: of_order("{orderId}"),
    Audience.PAYMENT: of_payment("{paymentId}"),
    Audience.USER: of_user("{personId}"),
}


class Told(msgspec.Struct, frozen=True):
    """An event as some audiences are told it."""

    name: str
    says: str
    payload: type[Payload]
    audiences: tuple[Audience, ...]

    @property
    def key(self) -> str:
        """A name of its own among all events and audiences."""
        return f"{self.name}.{self.payload.__name__}"


class Asked(msgspec.Struct, frozen=True):
    """A command of a namespace, what its ack may carry and why it may be refused."""

    name: str
    says: str
    payload: type[Message]
    result: Model | None
    refusals: tuple[type[Refusal], ...]


class Said(msgspec.Struct, frozen=True):
    """Something the server says that belongs to no stream."""

    name: str
    says: str
    payload: Model


class Namespace(msgspec.Struct, frozen=True):
    """A namespace: who may come in, what may be followed and asked, and what is heard."""

    path: str
    says: str
    roles: tuple[Role, ...]
    """Everybody who may connect, higher roles included."""
    messages_per_minute: int
    audiences: tuple[Audience, ...]
    streams: tuple[str, ...]
    """How the streams of these audiences are called."""
    events: tuple[Told, ...]
    commands: tuple[Asked, ...]
    messages: tuple[Said, ...]

    @property
    def name(self) -> str:
        """The path without its slash."""
        return self.path.removeprefix("/")


def namespaces() -> tuple[Namespace, ...]:
    """All of them, as the server has them."""
    return tuple(_namespace(gateway) for gateway in GATEWAYS)


def events() -> tuple[Told, ...]:
    """Every event, once for each way in which it is told."""
    return tuple(told for name in EVENTS for told in _tellings(name, tuple(Audience)))


def models() -> tuple[Model, ...]:
    """Everything that goes over the wire."""
    commands = [asked for namespace in namespaces() for asked in namespace.commands]
    found: list[Model] = [Handshake, Refused, Error, Envelope]
    found += [told.payload for told in events()]
    found += [message.payload for message in SERVER_MESSAGES.values()]
    found += [model for asked in commands for model in (asked.payload, asked.result) if model is not None]
    found += [state_model(audience) for audience in Audience]
    return tuple(dict.fromkeys(found))


def stream_of(audience: Audience) -> str:
    """How the streams of an audience are called, with the ids as placeholders."""
    if audience is Audience.ROLE:
        return of_role(Role.STAFF, "{cafeId}").key.replace(Role.STAFF, "{role}")
    return _AUDIENCES.get(audience, of_cafe(audience, "{cafeId}")).key


def hearers(audience: Audience) -> tuple[Role, ...]:
    """The roles that hear all streams of an audience of the cafe; none for what is about one order or person."""
    if audience in _AUDIENCES:
        return ()
    return tuple(role for role in Role if any(each.audience is audience for each in access.in_cafe(_a(role), "/admin")))


def _namespace(gateway: type[Gateway]) -> Namespace:
    audiences = tuple(audience for audience in Audience if audience in access.NAMESPACES[gateway.path])
    return Namespace(
        path=gateway.path,
        says=sentence_of(gateway),
        roles=tuple(role for role in Role if gateway.roles is None or any(map(_a(role).is_, gateway.roles))),
        messages_per_minute=gateway.messages_per_minute,
        audiences=audiences,
        streams=tuple(key for audience in audiences for key in _streams_in(gateway.path, audience)),
        events=tuple(told for name in EVENTS for told in _tellings(name, audiences)),
        commands=tuple(_asked(command) for command in commands_of(gateway)),
        messages=tuple(
            Said(name, sentence_of(message.payload), message.payload)
            for name, message in SERVER_MESSAGES.items()
            if gateway.path in (message.namespaces or (gateway.path,))
        ),
    )


def _streams_in(path: str, audience: Audience) -> Iterable[str]:
    """Of the role streams a namespace may have some only."""
    if audience is not Audience.ROLE:
        return (stream_of(audience),)
    offered = [role for role in Role if access.offers(path, of_role(role, _ANY))]
    return (stream_of(audience),) if len(offered) == len(Role) else (of_role(role, "{cafeId}").key for role in offered)


def _tellings(name: str, audiences: Iterable[Audience]) -> Iterable[Told]:
    """An event as these audiences are told it: once for each payload."""
    model = EVENTS[name]
    heard = [audience for audience in audiences if audience in model.payloads]
    for payload in dict.fromkeys(model.payloads[audience] for audience in heard):
        same = tuple(audience for audience in heard if model.payloads[audience] is payload)
        yield Told(name, model.says, payload, same)


def _asked(command: Command) -> Asked:
    result = get_type_hints(command.handler)["return"]
    return Asked(
        name=command.name,
        says=sentence_of(command.handler),
        payload=command.shape,
        result=None if result is type(None) else result,
        refusals=tuple(dict.fromkeys((*OF_EVERY_MESSAGE, *command.refusals))),
    )


def _a(role: Role) -> Actor:
    return Actor(cafe_id=_ANY, person_id=_ANY, roles=frozenset({role}))
