"""The names of streams: the only place where a stream's key is spelled (contract 4.3)."""

from enum import StrEnum

import msgspec

from tabletap.kernel.ids import Id, is_id
from tabletap.kernel.people import Role


class Audience(StrEnum):
    """Whom a stream speaks to."""

    KITCHEN = "kitchen"
    COUNTER = "counter"
    STAFF = "staff"
    MANAGEMENT = "management"
    BOARD = "board"
    ROLE = "role"
    ORDER = "order"
    PAYMENT = "payment"
    USER = "user"


OF_THE_CAFE = (Audience.KITCHEN, Audience.COUNTER, Audience.STAFF, Audience.MANAGEMENT, Audience.BOARD)
"""The audiences of which every cafe has one."""
_ABOUT_ONE = frozenset({Audience.ORDER, Audience.PAYMENT, Audience.USER})
LONGEST_KEY = 64


class StreamName(msgspec.Struct, frozen=True):
    """A stream: its audience and the cafe, order, payment or person it is about."""

    audience: Audience
    id: Id
    role: Role | None = None

    @property
    def key(self) -> str:
        """How the stream is called everywhere outside this module."""
        if self.audience in _ABOUT_ONE:
            return f"{self.audience}:{self.id}"
        tail = f"role:{self.role}" if self.role is not None else self.audience
        return f"cafe:{self.id}:{tail}"

    @property
    def is_of_a_cafe(self) -> bool:
        """Whether `id` names a cafe."""
        return self.audience not in _ABOUT_ONE


def of_cafe(audience: Audience, cafe_id: Id) -> StreamName:
    """`cafe:{id}:kitchen` and its like."""
    return StreamName(audience, cafe_id)


def of_role(role: Role, cafe_id: Id) -> StreamName:
    """`cafe:{id}:role:{role}`."""
    return StreamName(Audience.ROLE, cafe_id, role)


def of_order(order_id: Id) -> StreamName:
    """`order:{id}`."""
    return StreamName(Audience.ORDER, order_id)


def of_payment(payment_id: Id) -> StreamName:
    """`payment:{id}`."""
    return StreamName(Audience.PAYMENT, payment_id)


def of_user(person_id: Id) -> StreamName:
    """`user:{id}`."""
    return StreamName(Audience.USER, person_id)


def parse(key: str) -> StreamName | None:
    """The stream with this key, None when it is no stream's."""
    if len(key) > LONGEST_KEY:
        return None
    first, *rest = key.split(":")
    if not rest or not is_id(rest[0]):
        return None
    match first, rest[1:]:
        case (("order" | "payment" | "user"), []):
            return StreamName(Audience(first), rest[0])
        case "cafe", [tail] if tail in OF_THE_CAFE:
            return of_cafe(Audience(tail), rest[0])
        case "cafe", ["role", role] if role in Role.__members__.values():
            return of_role(Role(role), rest[0])
    return None
