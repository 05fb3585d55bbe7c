"""What clients send and what they are answered (contract 4.2). Unknown fields are refused, not ignored.

The register of what the server says beside the streams is here, too: the reference page, asyncapi.json and events.d.ts
are made from it, from the gateways' commands and from `audiences.registry`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from tabletap.audiences.dashboard import DashboardDelta
from tabletap.kernel.ids import GivenId
from tabletap.orders.model import OrderStatus

StreamKey = Annotated[str, msgspec.Meta(max_length=64)]
CommandId = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
MAX_CURSORS = 200
"""Streams one socket may follow in one namespace."""


class Message(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What a client sends."""


class Cursor(Message, frozen=True, kw_only=True):
    """The last event of a stream that a client has: everything after it is new to them."""

    epoch: Annotated[int, msgspec.Meta(ge=1)]
    seq: Annotated[int, msgspec.Meta(ge=0)]


Cursors = Annotated[dict[StreamKey, Cursor], msgspec.Meta(max_length=MAX_CURSORS)]


class Handshake(Message, frozen=True, kw_only=True):
    """`auth` of the connection."""

    token: str | None = None
    cursors: Cursors = msgspec.field(default_factory=dict)


class Subscribe(Message, frozen=True, kw_only=True):
    """`subscribe`."""

    stream: StreamKey
    cursor: Cursor | None = None


class Unsubscribe(Message, frozen=True, kw_only=True):
    """`unsubscribe`. A cursor may stand beside it and changes nothing."""

    stream: StreamKey
    cursor: Cursor | None = None


class JoinCafe(Message, frozen=True, kw_only=True):
    """`join_cafe`."""

    cafe_id: GivenId


class JoinOrder(Message, frozen=True, kw_only=True):
    """`join_order`."""

    order_id: GivenId


class JoinPayment(Message, frozen=True, kw_only=True):
    """`join_payment`."""

    payment_id: GivenId


class OrderStatusUpdate(Message, frozen=True, kw_only=True):
    """`order_status_update`. Safe to repeat with its `commandId`, which moves that return money cannot do without."""

    order_id: GivenId
    status: OrderStatus
    expected_version: Annotated[int, msgspec.Meta(ge=1)] | None = None
    reason: Annotated[str, msgspec.Meta(max_length=500)] | None = None
    command_id: CommandId | None = None


class AuthRefresh(Message, frozen=True, kw_only=True):
    """`auth_refresh`."""

    token: str


class AskRollCall(Message, frozen=True, kw_only=True):
    """`roll_call`: who is connected to the cafe, and how far behind they are."""


class StreamAck(Message, frozen=True, kw_only=True):
    """`stream_ack`: how far a screen has come."""

    cursors: Cursors


class Answer(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """What a client receives."""


ErrorType = Literal[
    "authentication_failed",
    "authorization_denied",
    "rate_limit_exceeded",
    "invalid_message_format",
    "resource_not_found",
    "conflict",
    "server_error",
]


class Error(Answer, frozen=True, kw_only=True):
    """Why not. Also emitted as `exception`; `stream` names the one it is about, if it answers no message."""

    type: ErrorType
    code: str
    message: str
    retryable: bool
    retry_after_seconds: int | None = None
    stream: str | None = None


class Done(msgspec.Struct, frozen=True, omit_defaults=True):
    """The ack of what was done."""

    ok: bool
    result: Any = None


class Failed(msgspec.Struct, frozen=True):
    """The ack of what was not done."""

    ok: bool
    error: Error


class Refused(Answer, frozen=True, kw_only=True):
    """`data` of a refused handshake."""

    code: str
    message: str
    retryable: bool
    retry_after_seconds: int | None = None


class Position(Answer, frozen=True, kw_only=True):
    """Where a stream stands."""

    epoch: int
    seq: int


class Subscribed(Answer, frozen=True, kw_only=True):
    """The stream as it stood when the subscription began, and how many events of before will follow this answer."""

    stream: str
    epoch: int
    head: int
    replayed: int


class Unsubscribed(Answer, frozen=True, kw_only=True):
    """The stream that is not heard any more."""

    stream: str


class Joined(Answer, frozen=True, kw_only=True):
    """The streams of a cafe that are heard from now on."""

    cafe_id: str
    streams: list[Subscribed]


class Refreshed(Answer, frozen=True, kw_only=True):
    """How long the new token is good for."""

    token_expires_at: datetime | None


class SessionReady(Answer, frozen=True, kw_only=True):
    """Connected: what is heard already, because the handshake had cursors for it."""

    streams: list[Subscribed]
    token_expires_at: datetime | None
    heartbeat_seconds: int


class Heartbeat(Answer, frozen=True, kw_only=True):
    """How far each subscribed stream has come, so that a screen can know that it shows the truth."""

    heads: dict[str, Position]


class AuthExpiring(Answer, frozen=True, kw_only=True):
    """The token runs out: `auth_refresh` goes on with another one, without a new connection."""

    seconds: int


class SessionExpired(Answer, frozen=True, kw_only=True):
    """The session ends here; the socket is disconnected next."""

    reason: str


class SnapshotNeeded(Answer, frozen=True, kw_only=True):
    """The stream is not subscribed any more; take a snapshot and subscribe from its position."""

    stream: str
    reason: str


class PresenceChanged(Answer, frozen=True, kw_only=True):
    """Somebody came or went, in whichever process; `roll_call` says who is here now."""

    cafe_id: str
    screens: int
    """Of those who work here."""
    guests: int


class ServerMessage(msgspec.Struct, frozen=True):
    """Something that belongs to no stream: what it says, and in which namespaces."""

    payload: type[Answer] | type[DashboardDelta]
    namespaces: tuple[str, ...] = ()
    """Empty for all of them."""


SERVER_MESSAGES: Mapping[str, ServerMessage] = {
    "session_ready": ServerMessage(SessionReady),
    "heartbeat": ServerMessage(Heartbeat),
    "auth_expiring": ServerMessage(AuthExpiring),
    "session_expired": ServerMessage(SessionExpired),
    "snapshot_required": ServerMessage(SnapshotNeeded),
    "exception": ServerMessage(Error),
    "dashboard_delta": ServerMessage(DashboardDelta, ("/admin",)),
    "presence_changed": ServerMessage(PresenceChanged, ("/counter", "/admin")),
}
"""Every message without stream by its name. What is said to a socket and is not here fails a test."""
