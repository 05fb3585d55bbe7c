"""What we say we offer is what the code does: nothing is said, taken or refused that is not in the registers."""

import ast
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import pytest

from tabletap.audiences.registry import EVENTS, Envelope
from tabletap.audiences.streams import Audience
from tabletap.kernel.events import Event
from tabletap.kernel.ids import new_id
from tabletap.realtime.asyncapi import document
from tabletap.realtime.catalogue import Asked, events, hearers, namespaces
from tabletap.realtime.messages import SERVER_MESSAGES, Answer, Message
from tabletap.realtime.schemas import schemas_of
from tests.architecture.code import source_files


class Coffee(Answer, frozen=True, kw_only=True):
    """A cup."""

    made_at: datetime
    """When it was made."""
    sugar: int | None = None
    milk: bool = False


class Wish(Message, frozen=True, kw_only=True):
    """What somebody wants."""

    cup: Coffee | None = None


def said_names() -> Iterator[tuple[str, str]]:
    """Every name that the live edge says to a socket, and where."""
    for file in source_files():
        if file.package != "realtime":
            continue
        for node in ast.walk(file.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "say":
                for argument in node.args:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield argument.value, file.at(node.lineno)


def test_everything_the_server_says_without_a_stream_is_registered() -> None:
    said = dict(said_names())

    assert {name: place for name, place in said.items() if name not in SERVER_MESSAGES} == {}
    assert {"session_ready", "heartbeat", "exception"} <= set(said)


def test_the_envelope_is_what_every_event_carries() -> None:
    event_id = new_id()
    event = Event(
        cafe_id=new_id(), stream="s", name="n", data=b"{}", event_id=event_id, cause_id=event_id, at=datetime.now(UTC)
    )

    told = msgspec.json.decode(event.wire())
    assert list(told) == [field.encode_name for field in msgspec.structs.fields(Envelope)]
    msgspec.json.decode(event.wire(), type=Envelope)


def test_every_event_is_in_the_document_of_each_namespace_where_it_can_be_heard() -> None:
    channels = document("http://cafe.example")["channels"]

    for space in namespaces():
        expected = {
            f"{name}.{model.payloads[audience].__name__}"
            for name, model in EVENTS.items()
            for audience in space.audiences
            if audience in model.payloads
        }
        assert expected <= set(channels[space.name]["messages"])
    assert {told.name for told in events()} == set(EVENTS)


def test_a_command_is_the_same_in_every_namespace_that_knows_it() -> None:
    asked: dict[str, Asked] = {}
    for space in namespaces():
        for command in space.commands:
            assert asked.setdefault(command.name, command) == command


@pytest.mark.parametrize(
    ("audience", "roles"),
    [
        (Audience.KITCHEN, {"admin", "manager", "kitchen"}),
        (Audience.COUNTER, {"admin", "manager", "counter"}),
        (Audience.STAFF, {"admin", "manager", "counter", "staff"}),
        (Audience.MANAGEMENT, {"admin", "manager"}),
        (Audience.ORDER, set()),
    ],
)
def test_who_hears_a_stream_is_what_the_rules_of_access_say(audience: Audience, roles: set[str]) -> None:
    assert set(hearers(audience)) == roles


def test_a_schema_says_what_a_field_means_and_what_may_be_missing() -> None:
    cup = schemas_of([Coffee])["Coffee"]

    assert cup["description"] == "A cup."
    assert cup["required"] == ["madeAt"]
    assert cup["properties"]["madeAt"] == {
        "type": "string",
        "format": "date-time",
        "description": "When it was made.",
    }
    assert cup["properties"]["sugar"] == {"type": "integer"}, "what is left out is never null"


def test_what_clients_send_may_be_null_and_nothing_unknown() -> None:
    wish = schemas_of([Wish])["Wish"]

    assert {"type": "null"} in wish["properties"]["cup"]["anyOf"]
    assert wish["additionalProperties"] is False
