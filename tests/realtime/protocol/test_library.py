"""What we use of python-socketio beyond what it promises: when it moves, this says what and where."""

import inspect
from importlib.metadata import requires, version

import pytest
import socketio

from tabletap.realtime.transport import Transport

OVERRIDDEN = {
    "_engineio_server_class": ["self"],
    "_handle_connect": ["self", "eio_sid", "namespace", "data"],
    "_handle_eio_disconnect": ["self", "eio_sid", "reason"],
    "_handle_eio_message": ["self", "eio_sid", "data"],
    "_handle_event_internal": ["self", "server", "sid", "eio_sid", "data", "namespace", "id"],
}
CALLED = {
    "_handle_disconnect": ["self", "eio_sid", "namespace", "reason"],
    "_send_packet": ["self", "eio_sid", "pkt"],
}
ASKED_OF_A_MANAGER = (
    "can_disconnect", "connect", "disconnect", "eio_sid_from_sid", "emit", "enter_room", "get_namespaces",
    "get_participants", "get_rooms", "is_connected", "leave_room", "pre_connect", "pre_disconnect", "sid_from_eio_sid",
    "trigger_callback",
)  # fmt: skip


@pytest.mark.parametrize(("name", "parameters"), [*OVERRIDDEN.items(), *CALLED.items()])
def test_a_private_method_is_where_it_was(name: str, parameters: list[str]) -> None:
    method = getattr(socketio.AsyncServer, name, None)

    assert method is not None, f"python-socketio has no {name} any more; realtime/transport.py builds on it"
    assert list(inspect.signature(method).parameters) == parameters


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_what_we_replace_is_ours(name: str) -> None:
    assert name in vars(Transport)


@pytest.mark.parametrize("name", ASKED_OF_A_MANAGER)
def test_the_manager_is_asked_what_it_was(name: str) -> None:
    assert callable(getattr(socketio.AsyncManager, name))


def test_the_version_is_pinned_to_what_was_tried() -> None:
    pinned = next(line for line in requires("tabletap") or () if line.startswith("python-socketio"))
    major, minor, *_ = version("python-socketio").split(".")

    assert f">={major}.{minor}" in pinned
    assert f"<{major}.{int(minor) + 1}" in pinned
