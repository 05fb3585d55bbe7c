"""Rooms on both servers: what a message and a connection cost, and how long an event takes to its last member."""

import time
from collections.abc import Callable
from contextlib import ExitStack

import msgspec

from bench.live.client import LoadClient, Program, Report, load_client
from bench.live.contenders import NODE, OURS, Contender, Emitted, contender
from bench.live.place import Certificate, Place
from bench.targets import BenchFailed

CONNECT_AT_ONCE = 64
_WARM_MEMBERS, _WARM_EVENTS = 100, 30
_SETTLE_SECONDS = 0.7
_WINDOW = 4
"""Events under way at once when the server is kept busy."""
MESSAGE = "Open"
"""Makes a message of about 340 bytes with the envelope of our events around it."""


class Shape(msgspec.Struct, frozen=True):
    """So many members, spread evenly over so many rooms."""

    name: str
    members: int
    rooms: int = 1
    tls: bool = False


class Plan(msgspec.Struct, frozen=True):
    """How much to measure."""

    rounds: int
    events: int
    """Emitted to every room in the paced part."""
    interval_seconds: float
    """Between two of them: the server is not saturated and every event goes alone."""
    busy_events: int
    """Emitted to every room in the saturated part."""


class Sample(msgspec.Struct, rename="camel"):
    """One visit at one server. Messages are deliveries to members; CPU is the whole server process's."""

    connect_cpu_us: float
    """Of one connection: WebSocket, handshake, token, namespace."""
    connects_a_second: float
    subscribe_cpu_us: float
    """Of one subscription, ours with its look into the database."""
    connection_kb: float
    """Of one connected and subscribed member."""
    event_cpu_us: float
    """Of one event while nobody listens: ours is appended by a transaction."""
    message_cpu_us: float
    """Of one message, its part of the event included."""
    delivery_cpu_us: float
    """Of one message, without the event itself: what both servers do."""
    p50_ms: float
    """From emitting to the last member."""
    p99_ms: float
    worst_ms: float
    asked_p50_ms: float
    """From asking for the event to the last member: ours with transaction and disk."""
    asked_p99_ms: float
    busy_messages_a_second: float
    busy_message_cpu_us: float
    disconnect_cpu_us: float
    """Of one connection that is cut."""
    event_bytes: float


class Cell(msgspec.Struct):
    """What every round gave for a shape and a contender."""

    shape: Shape
    contender: str
    samples: list[Sample]


def measure(
    shapes: list[Shape], plan: Plan, place: Place, program: Program, tls: Certificate, say: Callable[[str], None]
) -> list[Cell]:
    """Visit both servers in every round, in turns first. Raises BenchFailed."""
    cells = [Cell(shape, name, []) for shape in shapes for name in (OURS, NODE)]
    for number in range(plan.rounds):
        for shape in shapes:
            pair = [cell for cell in cells if cell.shape is shape]
            for cell in pair if number % 2 == 0 else reversed(pair):
                say(f"round {number + 1} of {plan.rounds}: {shape.name}, {cell.contender}")
                cell.samples.append(_visit(cell, plan, place, program, tls))
    return cells


def _visit(cell: Cell, plan: Plan, place: Place, program: Program, tls: Certificate) -> Sample:
    shape = cell.shape
    rooms = place.rooms[: shape.rooms]
    with ExitStack() as stack:
        server = stack.enter_context(contender(cell.contender, place, rooms, tls if shape.tls else None))

        def client(members: int) -> LoadClient:
            running = load_client(program, place, server.port, members, shape.rooms, tls=shape.tls)
            return stack.enter_context(running)

        warm_up(server, client(min(_WARM_MEMBERS, shape.members)), min(plan.events, _WARM_EVENTS))
        members = client(shape.members)
        event_cpu_us = _alone(server, plan) / shape.rooms
        connecting = _connect(server, members)
        paced = _paced(server, members, plan, event_cpu_us)
        busy = _busy(server, members, plan)
        return msgspec.convert({"eventCpuUs": event_cpu_us} | connecting | paced | busy | _cut(server, members), Sample)


def warm_up(server: Contender, members: LoadClient, events: int) -> None:
    """A few members come, hear so many events, and go."""
    members.connect(CONNECT_AT_ONCE)
    members.subscribe(CONNECT_AT_ONCE)
    for _ in range(events):
        server.emit(MESSAGE)
        time.sleep(0.01)
    members.cut()
    _until_empty(server)


def _until_empty(server: Contender) -> None:
    """Until the server has noticed that everybody is gone."""
    until = time.monotonic() + 60
    while server.open():
        if time.monotonic() > until:
            raise BenchFailed(f"{server.name} does not notice that its members are gone")
        time.sleep(0.05)
    time.sleep(_SETTLE_SECONDS)


def _alone(server: Contender, plan: Plan) -> float:
    """CPU µs of an event to every room while nobody is there."""
    before = server.cpu_seconds()
    _pace(server, plan.events, plan.interval_seconds)
    return (server.cpu_seconds() - before) * 1e6 / plan.events


def _pace(server: Contender, count: int, interval_seconds: float) -> dict[tuple[int, int], tuple[int, Emitted]]:
    """Emit at an even pace; by room and seq: when it was asked for, and the event."""
    events: dict[tuple[int, int], tuple[int, Emitted]] = {}
    at = time.monotonic()
    for _ in range(count):
        asked_at = time.monotonic_ns()
        events.update({(event.room, event.seq): (asked_at, event) for event in server.emit(MESSAGE)})
        at += interval_seconds
        time.sleep(max(0.0, at - time.monotonic()))
    return events


def _connect(server: Contender, members: LoadClient) -> dict[str, float]:
    memory, before = server.resident_kb(), server.cpu_seconds()
    connected = members.connect(CONNECT_AT_ONCE)
    time.sleep(_SETTLE_SECONDS)
    between = server.cpu_seconds()
    members.subscribe(CONNECT_AT_ONCE)
    time.sleep(_SETTLE_SECONDS)
    return {
        "connectCpuUs": (between - before) * 1e6 / members.members,
        "connectsASecond": members.members / connected.seconds,
        "subscribeCpuUs": (server.cpu_seconds() - between) * 1e6 / members.members,
        "connectionKb": (server.resident_kb() - memory) / members.members,
    }


def _paced(server: Contender, members: LoadClient, plan: Plan, event_cpu_us: float) -> dict[str, float]:
    members.clear()
    before = server.cpu_seconds()
    events = _pace(server, plan.events, plan.interval_seconds)
    members.wait(len(events))
    cpu_us = (server.cpu_seconds() - before) * 1e6
    report = whole(server, members)
    emitted, asked = [], []
    for last in report.complete:
        asked_at, event = events[last.room, last.seq]
        emitted.append((last.at_nanoseconds - event.at_nanoseconds) / 1e6)
        asked.append((last.at_nanoseconds - asked_at) / 1e6)
    emitted.sort()
    asked.sort()
    return {
        "messageCpuUs": cpu_us / report.delivered,
        "deliveryCpuUs": (cpu_us - event_cpu_us * len(events)) / report.delivered,
        "p50Ms": quantile(emitted, 0.5),
        "p99Ms": quantile(emitted, 0.99),
        "worstMs": emitted[-1],
        "askedP50Ms": quantile(asked, 0.5),
        "askedP99Ms": quantile(asked, 0.99),
        "eventBytes": report.event_bytes,
    }


def quantile(ordered: list[float], part: float) -> float:
    """The value that this part of the values does not exceed."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def _busy(server: Contender, members: LoadClient, plan: Plan) -> dict[str, float]:
    """As fast as it goes, with a few events under way at once."""
    members.clear()
    before, began, emitted = server.cpu_seconds(), time.monotonic(), 0
    for _ in range(plan.busy_events):
        emitted += len(events := server.emit(MESSAGE))
        members.wait(emitted - _WINDOW * len(events))
    members.wait(emitted)
    seconds = time.monotonic() - began
    cpu_us = (server.cpu_seconds() - before) * 1e6
    delivered = whole(server, members).delivered
    return {"busyMessagesASecond": delivered / seconds, "busyMessageCpuUs": cpu_us / delivered}


def whole(server: Contender, members: LoadClient, *, may_be_cut: bool = False) -> Report:
    """What was received. Raises BenchFailed when something is missing, doubled or out of order."""
    report = members.report()
    if report.gaps or report.repeats or (report.lost and not may_be_cut):
        raise BenchFailed(
            f"{server.name}: {report.gaps} gaps, {report.repeats} repeats, {report.lost} connections ended"
        )
    return report


def _cut(server: Contender, members: LoadClient) -> dict[str, float]:
    before = server.cpu_seconds()
    count = members.cut().count
    _until_empty(server)
    return {"disconnectCpuUs": (server.cpu_seconds() - before) * 1e6 / count}
