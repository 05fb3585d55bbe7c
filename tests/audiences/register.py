"""Holds an event against the register, and makes facts of any kind."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import Random
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from tabletap.audiences.registry import EVENTS, Envelope
from tabletap.audiences.streams import parse
from tabletap.kernel.events import Event, Fact
from tabletap.kernel.ids import new_id

ENVELOPE = {field.encode_name for field in msgspec.structs.fields(Envelope)}
_PLAIN: dict[Any, Callable[[Random], Any]] = {
    str: lambda _: new_id(),
    int: lambda chance: chance.randint(1, 10_000),
    bool: lambda chance: chance.random() < 0.5,
    float: lambda chance: chance.random(),
    bytes: lambda chance: chance.randbytes(4),
    datetime: lambda chance: datetime.fromtimestamp(chance.randint(0, 2_000_000_000), UTC),
    type(None): lambda _: None,
    object: lambda chance: chance.randint(1, 9),
    Any: lambda chance: chance.randint(1, 9),
}


def fault_of(event: Event) -> str | None:
    """What is not as the register says: the name, the audience, or a field, however deep. None when all is well."""
    stream = parse(event.stream)
    if stream is None or event.name not in EVENTS:
        return f"{event.name} in {event.stream} is not registered"
    payloads = EVENTS[event.name].payloads
    if stream.audience not in payloads:
        return f"{event.name} is not registered for {stream.audience}"
    said = msgspec.json.decode(event.data)
    try:
        told = msgspec.json.decode(event.data, type=payloads[stream.audience])
    except msgspec.ValidationError as error:
        return f"{event.name} for {stream.audience}: {error}"
    if msgspec.json.decode(msgspec.json.encode(told)) != said:
        return f"{event.name} tells {stream.audience} more than is registered"
    return None if set(msgspec.json.decode(event.wire())) == set(said) | ENVELOPE else f"{event.name} has no envelope"


def hold(event: Event) -> None:
    """Fail unless the event is as the register says."""
    assert fault_of(event) is None


def kinds_of_facts(of: type[Fact] = Fact) -> Iterator[type[Fact]]:
    """Every kind of fact that the domains know."""
    for kind in of.__subclasses__():
        if kind.__module__.startswith("tabletap."):
            yield kind
        yield from kinds_of_facts(kind)


def anything(kind: Any, chance: Random) -> Any:
    """Some value of a type, such as rows and facts are made of."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind in _PLAIN:
        return _PLAIN[kind](chance)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind(**{field.name: anything(field.type, chance) for field in msgspec.structs.fields(kind)})
    if origin is Annotated:
        return anything(parts[0], chance)
    if origin is Literal:
        return chance.choice(parts)
    if origin in (Union, UnionType):
        return anything(chance.choice(parts), chance)
    if origin is dict:  # a modifier or a part of a line, as orders and shares keep them
        return {"id": new_id(), "name": "oat", "orderItemId": new_id(), "numerator": 1, "denominator": 2}
    some = [anything(parts[0], chance) for _ in range(chance.randint(0, 2))]
    return tuple(some) if origin is tuple else some
