"""Who may hear which stream, and in which namespace it may be asked for (contract 4.3): denied by default."""

from collections.abc import Callable

from tabletap.audiences import store
from tabletap.audiences.streams import OF_THE_CAFE, Audience, StreamName, of_cafe, of_role, of_user, parse
from tabletap.infra.db.transaction import Reader
from tabletap.kernel.errors import InvalidRequest, NotAllowed
from tabletap.kernel.people import Actor, Role
from tabletap.orders import store as orders
from tabletap.orders.errors import OrderNotFound
from tabletap.orders.model import Order
from tabletap.orders.service import is_own
from tabletap.payments import store as payments
from tabletap.payments.errors import PaymentNotFound

_EVERYTHING = frozenset(Audience)
NAMESPACES: dict[str, frozenset[Audience]] = {
    "/orders": frozenset({Audience.ORDER, Audience.USER, Audience.STAFF}),
    "/kitchen": frozenset({Audience.KITCHEN, Audience.ROLE}),
    "/counter": frozenset({Audience.COUNTER, Audience.STAFF, Audience.ORDER}),
    "/customers": frozenset({Audience.ORDER, Audience.USER, Audience.BOARD}),
    "/payments": frozenset({Audience.PAYMENT, Audience.ORDER, Audience.USER, Audience.COUNTER}),
    "/admin": _EVERYTHING,
}
"""Which streams may be asked for where; of the role streams, `/kitchen` has the kitchen's alone."""


def _kitchen(by: Actor) -> bool:
    return by.is_(Role.KITCHEN) or by.is_(Role.MANAGER)


_HEARERS: dict[Audience, Callable[[Actor], bool]] = {
    Audience.KITCHEN: _kitchen,
    Audience.STAFF: lambda by: by.is_staff,
    Audience.COUNTER: lambda by: by.is_(Role.COUNTER),
    Audience.MANAGEMENT: lambda by: by.is_(Role.MANAGER),
    Audience.BOARD: lambda by: by.is_(Role.BOARD) or by.is_(Role.MANAGER),
}


def stream_named(key: str) -> StreamName:
    """The stream with this key. Raises InvalidRequest for anything else."""
    stream = parse(key)
    if stream is None:
        raise InvalidRequest(f"There is no stream of the name {key[:80]!r}.")
    return stream


async def require(reader: Reader, by: Actor, stream: StreamName, namespace: str | None = None) -> None:
    """Do nothing if this person may hear the stream (in this namespace).

    Raises OtherCafe, NotAllowed, OrderNotFound or PaymentNotFound: what is another cafe's is not there.
    """
    if namespace is not None and not offers(namespace, stream):
        raise NotAllowed(f"{stream.key} cannot be heard in {namespace}.")
    if stream.is_of_a_cafe:
        by.require_cafe(stream.id)
        if not _hears(by, stream):
            raise NotAllowed(f"You may not hear {stream.key}.")
    elif stream.audience is Audience.USER:
        if stream.id != by.person_id:
            raise NotAllowed("You may only hear your own stream.")
    elif stream.audience is Audience.ORDER:
        await _require_order(reader, by, stream)
    else:
        await _require_payment(reader, by, stream)


def offers(namespace: str, stream: StreamName) -> bool:
    """Whether the stream may be asked for in the namespace at all."""
    if namespace == "/kitchen" and stream.audience is Audience.ROLE:
        return stream.role is Role.KITCHEN
    return stream.audience in NAMESPACES[namespace]


def in_cafe(by: Actor, namespace: str) -> list[StreamName]:
    """The streams of their cafe that this person may hear in the namespace, their own among them."""
    cafe = [of_cafe(audience, by.cafe_id) for audience in OF_THE_CAFE]
    roles = [of_role(role, by.cafe_id) for role in Role]
    found = [stream for stream in (*cafe, *roles) if offers(namespace, stream) and _hears(by, stream)]
    own = of_user(by.person_id)
    return [*found, own] if offers(namespace, own) else found


def _hears(by: Actor, stream: StreamName) -> bool:
    if stream.audience is Audience.ROLE:
        return by.is_(Role.MANAGER) or (stream.role is Role.KITCHEN and by.is_(Role.KITCHEN))
    return _HEARERS[stream.audience](by)


async def _require_order(reader: Reader, by: Actor, stream: StreamName) -> None:
    order = await orders.get(reader, stream.id)
    if order is None:
        raise OrderNotFound
    if not (by.is_staff or await _is_theirs(reader, order, by)):
        raise NotAllowed("This is not your order.")


async def _is_theirs(reader: Reader, order: Order, by: Actor) -> bool:
    """Placed or paid by them, or open in their table's session (contract 2, "Own")."""
    return is_own(order, by) or await store.paid_by(reader, order.id, by.person_id)


async def _require_payment(reader: Reader, by: Actor, stream: StreamName) -> None:
    payment = await payments.get(reader, stream.id)
    if payment is None:
        raise PaymentNotFound
    if not (by.is_staff or by.person_id in (payment.customer_id, payment.initiated_by)):
        raise NotAllowed("This is not your payment.")
