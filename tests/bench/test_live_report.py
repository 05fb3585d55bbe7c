"""The report of the live bench: its ratios are of rounds, and its JSON keeps every one of them."""

import io

import msgspec
from rich.console import Console

from bench.live.alone import Deaf
from bench.live.contenders import NODE, OURS
from bench.live.report import json_of, table_alone, table_of
from bench.live.rooms import Cell, Plan, Sample, Shape

_SHAPE = Shape("one room of 10", 10)
_PLAN = Plan(rounds=3, events=20, interval_seconds=0.05, busy_events=20)


def _sample(p99_ms: float) -> Sample:
    return Sample(**dict.fromkeys(Sample.__struct_fields__, 1.0) | {"p99_ms": p99_ms})


def _cells() -> list[Cell]:
    """The second round met a busy machine: both were slow."""
    return [
        Cell(_SHAPE, OURS, [_sample(1), _sample(80), _sample(2)]),
        Cell(_SHAPE, NODE, [_sample(2), _sample(100), _sample(2)]),
    ]


def _printed(table: object) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(table)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_a_ratio_is_the_median_of_the_rounds_ratios_so_that_a_busy_minute_counts_for_both() -> None:
    printed = _printed(table_of(_SHAPE, _cells(), "4.8.4"))

    [line] = [line for line in printed.splitlines() if "p99" in line and "emit" in line]
    assert [part.strip() for part in line.split("│")[2:-1]] == ["2.0", "2.0", "0.80", "0.50 – 1.00", "≤ 1.00"]


def test_a_reader_that_is_never_cut_is_called_so() -> None:
    printed = _printed(table_alone({"deaf": Deaf(None, 100, 900, 900)}))

    assert "never" in printed


def test_the_json_keeps_every_round() -> None:
    kept = msgspec.json.decode(json_of(_cells(), {"deaf": Deaf(5.5, 100, 105, 100)}, _PLAN, "4.8.4"))

    assert [[sample["p99Ms"] for sample in cell["samples"]] for cell in kept["rounds"]] == [[1, 80, 2], [2, 100, 2]]
    assert kept["medians"][0]["p99Ms"] == 2
    assert kept["alone"]["deaf"]["cutAfterMb"] == 5.5
