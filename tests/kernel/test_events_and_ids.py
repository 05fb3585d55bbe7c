"""Ids are ordered UUIDv7, events carry their envelope, refusals have a code of their own."""

import time
import uuid
from datetime import UTC, datetime

import msgspec
import pytest

from tabletap.kernel.errors import REFUSALS, Kind, NotFound, Refusal
from tabletap.kernel.events import Event
from tabletap.kernel.ids import first_id_at, is_id, new_id

ID = "01890a5d-ac96-774b-bcce-b302099a8057"


def test_an_id_is_a_uuid_of_version_7() -> None:
    made = [uuid.UUID(new_id()) for _ in range(1000)]

    assert {each.version for each in made} == {7}
    assert {each.variant for each in made} == {uuid.RFC_4122}
    assert len(set(made)) == 1000


def test_ids_carry_the_time_they_were_made() -> None:
    before = datetime.now(UTC).timestamp()
    milliseconds = int(new_id().replace("-", "")[:12], 16)

    assert 0 <= milliseconds / 1000 - before + 0.001 < 60


def test_ids_lie_around_the_first_of_a_moment() -> None:
    before = new_id()
    time.sleep(0.002)
    now = first_id_at(datetime.now(UTC))

    assert is_id(now)
    assert before < now <= new_id()


@pytest.mark.parametrize("text", ["", "x", ID.upper(), ID[:-1], ID + "0", f"{{{ID}}}"])
def test_other_texts_are_no_ids(text: str) -> None:
    assert not is_id(text)


@pytest.mark.parametrize("data", [b"{}", b'{"a":1}'])
def test_an_event_on_the_wire_is_its_fields_beside_its_envelope(data: bytes) -> None:
    at = datetime(2026, 11, 23, 4, 5, 6, 789000, tzinfo=UTC)
    event = Event(
        cafe_id=new_id(),
        stream="cafe:x:kitchen",
        name="order_ready",
        data=data,
        event_id=new_id(),
        cause_id=new_id(),
        at=at,
        seq=3,
    )

    assert msgspec.json.decode(event.wire()) == msgspec.json.decode(data) | {
        "eventId": event.event_id,
        "causeId": event.cause_id,
        "name": "order_ready",
        "timestamp": 1795406706789,
        "schemaVersion": 1,
        "cafeId": event.cafe_id,
        "stream": "cafe:x:kitchen",
        "epoch": 1,
        "seq": 3,
    }


def test_two_refusals_with_one_code_are_a_fault() -> None:
    with pytest.raises(TypeError, match="code of its own"):
        type("Another", (Refusal,), {"code": "not_found", "kind": Kind.NOT_FOUND})
    assert REFUSALS["not_found"] is NotFound


def test_a_refusal_speaks_the_first_line_of_its_description() -> None:
    assert NotFound().detail == "There is nothing here with that id."
