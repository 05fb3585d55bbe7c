"""What our live edge bears: many idle connections, everybody back at once, a reader that never reads."""

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from bench.live.client import LoadClient, Program, load_client
from bench.live.contenders import OURS, Contender, contender
from bench.live.place import Place
from bench.live.rooms import CONNECT_AT_ONCE, MESSAGE, quantile, warm_up, whole

MEMBERS_A_ROOM = 100
_MISSED_EVENTS = 20
_LONG_MESSAGE = MESSAGE * 2_000
_MOST_UNREAD_BYTES = 64_000_000
"""A reader that is still connected after so much will never be cut."""


class Idle(msgspec.Struct, rename="camel"):
    """Many connections and nothing to say to them but heartbeats and pings."""

    members: int
    connect_seconds: float
    empty_mb: float
    """Of the process before the first of them."""
    total_mb: float
    connection_kb: float
    cpu_ms_a_second: float


class Storm(msgspec.Struct, rename="camel"):
    """Everybody is cut, misses events, comes back at once with a cursor, while more events are emitted."""

    members: int
    events: int
    """To each member: before the cut, while away, while coming back."""
    connected_seconds: float
    whole_seconds: float
    """Until everybody had every event, counted from the first one's return."""
    attempts: int
    cpu_ms_a_member: float
    health_p50_ms: float
    health_p99_ms: float
    health_worst_ms: float


class Deaf(msgspec.Struct, rename="camel"):
    """Somebody who never reads, in a room with somebody who does."""

    cut_after_mb: float | None
    """Of events emitted to each; None if it was never cut."""
    memory_before_mb: float
    memory_most_mb: float
    memory_after_mb: float


def idle(place: Place, program: Program, members: int, seconds: float) -> Idle:
    """Connect so many, subscribe them, and leave them alone."""
    with _started(place, program, members) as (server, client):
        empty_kb = server.resident_kb()
        connected = client.connect(CONNECT_AT_ONCE)
        client.subscribe(CONNECT_AT_ONCE)
        time.sleep(2)
        total_kb, before, began = server.resident_kb(), server.cpu_seconds(), time.monotonic()
        time.sleep(seconds)
        cpu_ms = (server.cpu_seconds() - before) * 1000
        waited = time.monotonic() - began
        whole(server, client)
    return Idle(
        members, connected.seconds, empty_kb / 1024, total_kb / 1024, (total_kb - empty_kb) / members, cpu_ms / waited
    )


def storm(place: Place, program: Program, members: int) -> Storm:
    """Cut so many and have them back at once. Raises BenchFailed when anybody misses an event or has one twice."""
    with _started(place, program, members) as (server, client):
        client.connect(CONNECT_AT_ONCE)
        client.subscribe(CONNECT_AT_ONCE)
        client.clear()
        emitted = len(server.emit(MESSAGE, _MISSED_EVENTS))
        client.wait(emitted)
        client.cut()
        emitted += len(server.emit(MESSAGE, _MISSED_EVENTS))
        before, began = server.cpu_seconds(), time.monotonic()
        with _prober(server.port) as health, _talker(server) as talk:
            back, attempts = client.come_back(members)
            talk.stop()
            emitted += talk.emitted
            client.wait(emitted)
            seconds = time.monotonic() - began
        cpu_ms = (server.cpu_seconds() - before) * 1000
        report = whole(server, client, may_be_cut=attempts > 1)
    health.sort()
    return Storm(
        members, report.delivered // members, back, seconds, attempts, cpu_ms / members,
        quantile(health, 0.5), quantile(health, 0.99), health[-1],
    )  # fmt: skip


def deaf(place: Place, program: Program) -> Deaf:
    """Emit until the reader that does not read is cut."""
    with _started(place, program, 2) as (server, client):
        client.connect(2)
        client.subscribe(2)
        client.deafen(1)
        before = most = server.resident_kb()
        emitted = bytes_emitted = 0
        while server.open() == 2 and bytes_emitted < _MOST_UNREAD_BYTES:
            emitted += len(server.emit(_LONG_MESSAGE, 20))
            bytes_emitted = emitted * (len(_LONG_MESSAGE) + 300)
            most = max(most, server.resident_kb())
        was_cut = server.open() == 1
        time.sleep(1)
        report = whole(server, client, may_be_cut=True)
        assert report.delivered == emitted, "the other member must hear everything"
        after = server.resident_kb()
    return Deaf(bytes_emitted / 1e6 if was_cut else None, before / 1024, most / 1024, after / 1024)


@contextmanager
def _started(place: Place, program: Program, members: int) -> Iterator[tuple[Contender, LoadClient]]:
    """A warm server of ours, and members who are not connected yet."""
    rooms = max(1, members // MEMBERS_A_ROOM)
    with (
        contender(OURS, place, place.rooms[:rooms], None) as server,
        load_client(program, place, server.port, min(members, MEMBERS_A_ROOM), rooms) as few,
        load_client(program, place, server.port, members, rooms) as client,
    ):
        warm_up(server, few, _MISSED_EVENTS)
        yield server, client


class _Talk:
    """Emits an event to every room, ten times a second."""

    def __init__(self, server: Contender) -> None:
        self.emitted = 0
        self._server, self._ended = server, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(0.1):
            self.emitted += len(self._server.emit(MESSAGE))

    def stop(self) -> None:
        """Be quiet; safe to repeat."""
        self._ended.set()
        self._thread.join()


@contextmanager
def _talker(server: Contender) -> Iterator[_Talk]:
    talk = _Talk(server)
    try:
        yield talk
    finally:
        talk.stop()


@contextmanager
def _prober(port: int) -> Iterator[list[float]]:
    """Asks for the health again and again, on a connection of its own each time: milliseconds of each answer."""
    answered: list[float] = []
    ended = threading.Event()

    def probe() -> None:
        while not ended.wait(0.02):
            began = time.monotonic()
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("GET", "/health/live")
            assert connection.getresponse().status == 200
            connection.close()
            answered.append((time.monotonic() - began) * 1000)

    thread = threading.Thread(target=probe)
    thread.start()
    try:
        yield answered
    finally:
        ended.set()
        thread.join()
