"""What was measured, as tables for people and as JSON for the next comparison."""

import os
import platform
import statistics
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.table import Table

from bench.live.alone import Deaf, Idle, Storm
from bench.live.contenders import NODE, OURS
from bench.live.rooms import Cell, Plan, Sample, Shape

Alone = Idle | Storm | Deaf

ROWS = (
    ("CPU µs of a delivered message", "delivery_cpu_us", 2, "≤ 0.70"),
    ("  with its part of the event", "message_cpu_us", 2, ""),
    ("CPU µs of an event nobody hears", "event_cpu_us", 0, ""),
    ("emit → last member, p50 ms", "p50_ms", 1, ""),
    ("emit → last member, p99 ms", "p99_ms", 1, "≤ 1.00"),
    ("emit → last member, worst ms", "worst_ms", 1, ""),
    ("asked → last member, p50 ms", "asked_p50_ms", 1, ""),
    ("asked → last member, p99 ms", "asked_p99_ms", 1, ""),
    ("saturated: messages a second", "busy_messages_a_second", 0, ""),
    ("saturated: CPU µs of a message", "busy_message_cpu_us", 2, ""),
    ("connects a second", "connects_a_second", 0, "≥ 1.00"),
    ("CPU µs of a connection", "connect_cpu_us", 0, "≤ 1.00"),
    ("CPU µs of a subscription", "subscribe_cpu_us", 0, ""),
    ("memory kB of a connection", "connection_kb", 1, "≤ 1.00"),
    ("CPU µs of a disconnection", "disconnect_cpu_us", 0, "≤ 1.00"),
    ("bytes of an event", "event_bytes", 0, ""),
)


def table_of(shape: Shape, cells: list[Cell], version: str) -> Table:
    """Medians of all rounds, and the medians of the rounds' ratios with the lowest and the highest of them."""
    ours, node = (next(cell for cell in cells if cell.contender == name) for name in (OURS, NODE))
    table = Table(title=f"{shape.name}: medians of {len(ours.samples)} rounds")
    table.add_column("", no_wrap=True)
    for heading in (OURS, f"Node {version}", "ratio", "from – to", "aim"):
        table.add_column(heading, justify="right", no_wrap=True)
    for says, name, digits, aim in ROWS:
        low, middle, high = _ratios(ours.samples, node.samples, name)
        table.add_row(
            says,
            *(f"{_median(cell.samples, name):,.{digits}f}" for cell in (ours, node)),
            f"{middle:.2f}",
            f"{low:.2f} – {high:.2f}",
            aim,
        )
    return table


def _median(samples: list[Sample], name: str) -> float:
    return statistics.median(float(getattr(sample, name)) for sample in samples)


def _medians(samples: list[Sample]) -> Sample:
    return Sample(**{name: _median(samples, name) for name in Sample.__struct_fields__})


def _ratios(ours: list[Sample], node: list[Sample], name: str) -> tuple[float, float, float]:
    """Lowest, median, highest of the rounds: both were measured within the same minute."""
    ratios = [
        getattr(one, name) / getattr(other, name) if getattr(other, name) else float("nan")
        for one, other in zip(ours, node, strict=True)
    ]
    return min(ratios), statistics.median(ratios), max(ratios)


def table_alone(results: Mapping[str, Alone]) -> Table:
    """What TableTap bore alone."""
    table = Table(title="TableTap alone")
    for heading in ("scenario", "what"):
        table.add_column(heading, no_wrap=True)
    for heading in ("figure", "aim"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, result in results.items():
        for says, value, digits, aim in _rows_of(result):
            table.add_row(name, says, "never" if value is None else f"{value:,.{digits}f}", aim)
        table.add_section()
    return table


def _rows_of(result: Alone) -> list[tuple[str, float | None, int, str]]:
    match result:
        case Idle():
            return [
                ("idle connections", result.members, 0, ""),
                ("memory MB before the first", result.empty_mb, 0, ""),
                ("memory MB in all", result.total_mb, 0, "< 400" if result.members == 10_000 else ""),
                ("memory kB of a connection", result.connection_kb, 1, ""),
                ("CPU ms a second, heartbeats and pings", result.cpu_ms_a_second, 1, ""),
            ]
        case Storm():
            return [
                ("members cut and back at once", result.members, 0, ""),
                ("events each of them had, in order, once", result.events, 0, ""),
                ("seconds until all were connected", result.connected_seconds, 2, ""),
                ("seconds until all had everything", result.whole_seconds, 2, ""),
                ("rounds of attempts to connect", result.attempts, 0, ""),
                ("CPU ms of a member", result.cpu_ms_a_member, 2, ""),
                ("/health/live meanwhile, p50 ms", result.health_p50_ms, 0, ""),
                ("/health/live meanwhile, p99 ms", result.health_p99_ms, 0, "< 100"),
                ("/health/live meanwhile, worst ms", result.health_worst_ms, 0, ""),
            ]
        case Deaf():
            return [
                ("a reader that never reads: cut after MB", result.cut_after_mb, 1, "cut"),
                ("memory MB before", result.memory_before_mb, 0, ""),
                ("memory MB at most", result.memory_most_mb, 0, ""),
                ("memory MB after", result.memory_after_mb, 0, "as before"),
            ]


def json_of(cells: list[Cell], alone: Mapping[str, Alone], plan: Plan, version: str) -> bytes:
    """Medians and every single round, with what they were measured on."""
    document: dict[str, Any] = {
        "what": "live edge",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "socketIo": version,
        "plan": msgspec.to_builtins(plan),
        "medians": [
            {"shape": cell.shape.name, "contender": cell.contender, **msgspec.to_builtins(_medians(cell.samples))}
            for cell in cells
        ],
        "rounds": [msgspec.to_builtins(cell) for cell in cells],
        "alone": {name: msgspec.to_builtins(result) for name, result in alone.items()},
    }
    return msgspec.json.format(msgspec.json.encode(document))
