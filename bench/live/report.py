"""What was measured, as a table for people."""

import statistics

from rich.table import Table

from bench.live.contenders import NODE, OURS
from bench.live.rooms import Cell, Sample, Shape

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


def _ratios(ours: list[Sample], node: list[Sample], name: str) -> tuple[float, float, float]:
    """Lowest, median, highest of the rounds: both were measured within the same minute."""
    ratios = [
        getattr(one, name) / getattr(other, name) if getattr(other, name) else float("nan")
        for one, other in zip(ours, node, strict=True)
    ]
    return min(ratios), statistics.median(ratios), max(ratios)
