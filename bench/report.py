"""What was measured, as a table for people and as JSON for the next comparison."""

import os
import platform
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
from rich.table import Table

from bench.measure import Cell, Plan, Sample


def table_of(cells: list[Cell], plan: Plan) -> Table:
    """The medians of all rounds."""
    table = Table(title=f"Payment starts with customer credit, medians of {plan.rounds} rounds of {plan.starts}")
    table.add_column("on")
    for heading in ("connections", "starts/s", "server", "database", "CPU ms a start", "p50 ms", "p99 ms"):
        table.add_column(heading, justify="right")
    for cell in cells:
        summary = summary_of(cell)
        parts = summary["cpuMs"]
        table.add_row(
            cell.contender,
            str(cell.connections),
            f"{summary['startsPerSecond']:.0f}",
            *(f"{parts[part]:.2f}" if part in parts else "-" for part in ("server", "database")),
            f"{summary['totalCpuMs']:.2f}",
            f"{summary['p50Ms']:.1f}",
            f"{summary['p99Ms']:.1f}",
        )
    return table


def summary_of(cell: Cell) -> dict[str, Any]:
    """The medians of one cell."""
    parts = list(cell.samples[0].cpu_ms)
    return {
        "on": cell.contender,
        "connections": cell.connections,
        "startsPerSecond": cell.median(lambda sample: sample.starts_a_second),
        "cpuMs": {part: cell.median(partial(_cpu_ms, part)) for part in parts},
        "totalCpuMs": cell.median(lambda sample: sum(sample.cpu_ms.values())),
        "p50Ms": cell.median(lambda sample: sample.p50_ms),
        "p99Ms": cell.median(lambda sample: sample.p99_ms),
    }


def _cpu_ms(part: str, sample: Sample) -> float:
    return sample.cpu_ms[part]


def json_of(cells: list[Cell], plan: Plan) -> bytes:
    """Medians and every single round, with what they were measured on."""
    document = {
        "what": "payment starts, customer credit",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "plan": msgspec.to_builtins(plan),
        "medians": [summary_of(cell) for cell in cells],
        "rounds": [msgspec.to_builtins(cell) for cell in cells],
    }
    return msgspec.json.format(msgspec.json.encode(document))
