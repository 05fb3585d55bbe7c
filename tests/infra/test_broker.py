"""The broker of one process passes on what was committed."""

from datetime import UTC, datetime

from tabletap.infra.broker import MemoryBroker
from tabletap.kernel.events import Event
from tabletap.kernel.ids import new_id


def test_every_listener_hears_of_what_is_published_from_then_on() -> None:
    broker, first, second = MemoryBroker(), list[str](), list[str]()

    def publish(name: str) -> None:
        now = datetime.now(UTC)
        made = Event(
            cafe_id=new_id(), stream="order:1", name=name, data=b"{}", event_id=new_id(), cause_id=new_id(), at=now
        )
        broker.publish([made])

    publish("nobody hears")
    broker.listen(lambda events: first.extend(each.name for each in events))
    publish("one hears")
    broker.listen(lambda events: second.extend(each.name for each in events))
    publish("both hear")

    assert (first, second) == (["one hears", "both hear"], ["both hear"])
