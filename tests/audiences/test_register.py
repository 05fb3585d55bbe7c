"""Whatever happens in a cafe is told as the register says: to these audiences, with these fields and no others."""

from datetime import UTC, datetime
from random import Random

import msgspec
import pytest

from tabletap import app  # noqa: F401 - all domains, and so every kind of fact
from tabletap.audiences.payloads import OrderReady
from tabletap.audiences.streams import Audience, of_cafe
from tabletap.audiences.tell import events_of
from tabletap.kernel.events import Event, Fact
from tabletap.kernel.ids import new_id
from tests.audiences.register import anything, fault_of, kinds_of_facts

KINDS = sorted(kinds_of_facts(), key=lambda kind: kind.__name__)


LIVES = 40
"""So many facts of each kind, of every shape that its type allows."""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_event_of_every_fact_is_as_the_register_says(kind: type[Fact]) -> None:
    chance = Random(7)  # noqa: S311 - nothing secret
    told = [event for _ in range(LIVES) for event in events_of(anything(kind, chance))]

    assert [fault for event in told if (fault := fault_of(event))] == []


def test_every_kind_of_fact_is_known_here() -> None:
    assert len(KINDS) >= 16


def ready(audience: Audience, **more: str) -> Event:
    """`order_ready`, as its counter payload says it and more."""
    cafe_id = new_id()
    told = OrderReady(order_id=new_id(), order_number=7, version=2)
    return Event(
        cafe_id=cafe_id,
        stream=of_cafe(audience, cafe_id).key,
        name="order_ready",
        data=msgspec.json.encode(msgspec.to_builtins(told) | more),
        event_id=new_id(),
        cause_id=new_id(),
        at=datetime.now(UTC),
    )


def test_a_field_that_the_register_does_not_know_is_found() -> None:
    assert fault_of(ready(Audience.COUNTER)) is None
    assert fault_of(ready(Audience.COUNTER, guest="Grace")) == "order_ready tells counter more than is registered"
    assert "version" in str(fault_of(ready(Audience.COUNTER, version="two")))


def test_an_audience_that_the_register_does_not_name_is_found() -> None:
    assert fault_of(ready(Audience.KITCHEN)) == "order_ready is not registered for kitchen"
