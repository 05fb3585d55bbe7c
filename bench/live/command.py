"""`python -m bench live`: TableTap's live edge beside Socket.IO on Node.js, in turns, and what it bears alone."""

import argparse
import tempfile
from pathlib import Path

import uvloop
from rich.console import Console

from bench.live import process
from bench.live.client import build
from bench.live.contenders import install_peer
from bench.live.place import certificate, prepare
from bench.live.report import table_of
from bench.live.rooms import Plan, Shape, measure

SHAPES = ("room", "rooms", "tls")
_COLUMNS = 100
"""What the table needs, even where nobody says how wide the page is."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """What can be asked for."""
    parser.add_argument("--quick", action="store_true", help="a short run, to see that everything works")
    parser.add_argument("--scenario", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--members", type=int, default=1000)
    parser.add_argument("--events", type=int, default=100, help="events to every room in the paced part")
    parser.add_argument("--interval", type=float, default=0.05, help="seconds between two of them")
    parser.add_argument("--busy-events", type=int, default=100, help="events to every room in the saturated part")


def run(asked: argparse.Namespace) -> None:
    """Measure and print. Raises BenchFailed."""
    console, progress = Console(), Console(stderr=True)
    console.width = max(console.width, _COLUMNS)
    process.allow_open_files()
    plan = Plan(asked.rounds, asked.events, asked.interval, asked.busy_events)
    if asked.quick:
        plan = Plan(1, min(plan.events, 20), plan.interval_seconds, min(plan.busy_events, 20))
    version = install_peer()
    with tempfile.TemporaryDirectory(prefix="tabletap-bench-") as name:
        folder = Path(name)
        program = build(folder)
        place = uvloop.run(prepare(folder, max(1, asked.members // 5)))
        shapes = [shape for shape in _shapes(asked.members, asked.scenario) if program.has_tls or not shape.tls]
        cells = measure(shapes, plan, place, program, certificate(), progress.log)
        for shape in shapes:
            console.print(table_of(shape, [cell for cell in cells if cell.shape is shape], version))


def _shapes(members: int, names: list[str]) -> list[Shape]:
    rooms = max(1, members // 5)
    known = {
        "room": Shape(f"one room of {members:,}", members),
        "rooms": Shape(f"{rooms:,} rooms of 5", rooms * 5, rooms),
        "tls": Shape(f"one room of {members:,}, TLS", members, tls=True),
    }
    return [known[name] for name in SHAPES if name in names]
