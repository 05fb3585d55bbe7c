"""TableTap's live edge beside Socket.IO on Node.js, in turns, and what it bears alone."""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import uvloop
from rich.console import Console

from bench.live import process
from bench.live.alone import MEMBERS_A_ROOM, deaf, idle, storm
from bench.live.client import Program, build
from bench.live.contenders import install_peer
from bench.live.place import Place, certificate, prepare
from bench.live.report import Alone, json_of, table_alone, table_of
from bench.live.rooms import Cell, Plan, Shape, measure
from bench.targets import BenchFailed

BESIDE = ("room", "rooms", "tls")
ALONE = ("idle", "storm", "deaf")
_COLUMNS = 100
"""What the tables need, even where nobody says how wide the page is."""
_SPARE_FILES = 500


def add_options(parser: argparse.ArgumentParser) -> None:
    """What can be asked for."""
    parser.add_argument("--quick", action="store_true", help="a short run, to see that everything works")
    parser.add_argument("--scenario", nargs="+", choices=BESIDE + ALONE, default=list(BESIDE + ALONE))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--members", type=int, default=1000, help="in the rooms that are measured beside Node.js")
    parser.add_argument("--events", type=int, default=100, help="events to every room in the paced part")
    parser.add_argument("--interval", type=float, default=0.05, help="seconds between two of them")
    parser.add_argument("--busy-events", type=int, default=100, help="events to every room in the saturated part")
    parser.add_argument("--idle-members", type=int, default=10_000)
    parser.add_argument("--idle-seconds", type=float, default=50, help="two rounds of pings, five of heartbeats")
    parser.add_argument("--storm-members", type=int, default=2000)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, every round of them")


def run(asked: argparse.Namespace) -> None:
    """Measure, print, write. Raises BenchFailed."""
    if asked.quick:
        _shorten(asked)
    most = process.allow_open_files() - _SPARE_FILES
    if "idle" in asked.scenario and asked.idle_members > most:
        raise BenchFailed(f"Only {most} files may be open here: raise `ulimit -n`, or ask for fewer --idle-members.")
    console, progress = Console(), Console(stderr=True)
    console.width = max(console.width, _COLUMNS)
    plan = Plan(asked.rounds, asked.events, asked.interval, asked.busy_events)
    with tempfile.TemporaryDirectory(prefix="tabletap-bench-") as name:
        program = build(Path(name))
        shapes = [shape for shape in _shapes(asked.members, asked.scenario) if program.has_tls or not shape.tls]
        version = install_peer() if shapes else ""
        if "tls" in asked.scenario and not program.has_tls:
            progress.print("TLS is left out: the load client needs OpenSSL's headers (on Debian: libssl-dev).")
        cafes = max(asked.members // 5, asked.idle_members // MEMBERS_A_ROOM, asked.storm_members // MEMBERS_A_ROOM, 1)
        place = uvloop.run(prepare(Path(name), cafes))
        cells = measure(shapes, plan, place, program, certificate(), progress.log)
        alone = _alone(asked, place, program, progress.log)
    for shape in shapes:
        console.print(table_of(shape, _of(shape, cells), version))
    if alone:
        console.print(table_alone(alone))
    if asked.json is not None:
        asked.json.write_bytes(json_of(cells, alone, plan, version) + b"\n")


def _shorten(asked: argparse.Namespace) -> None:
    asked.rounds, asked.idle_seconds = 1, min(asked.idle_seconds, 10)
    asked.events, asked.busy_events = min(asked.events, 20), min(asked.busy_events, 20)
    asked.idle_members, asked.storm_members = min(asked.idle_members, 1000), min(asked.storm_members, 200)


def _shapes(members: int, names: list[str]) -> list[Shape]:
    rooms = max(1, members // 5)
    known = {
        "room": Shape(f"one room of {members:,}", members),
        "rooms": Shape(f"{rooms:,} rooms of 5", rooms * 5, rooms),
        "tls": Shape(f"one room of {members:,}, TLS", members, tls=True),
    }
    return [known[name] for name in BESIDE if name in names]


def _of(shape: Shape, cells: list[Cell]) -> list[Cell]:
    return [cell for cell in cells if cell.shape is shape]


def _alone(asked: argparse.Namespace, place: Place, program: Program, say: Callable[[str], None]) -> dict[str, Alone]:
    known: dict[str, Callable[[], Alone]] = {
        "idle": lambda: idle(place, program, asked.idle_members, asked.idle_seconds),
        "storm": lambda: storm(place, program, asked.storm_members),
        "deaf": lambda: deaf(place, program),
    }
    results: dict[str, Alone] = {}
    for name in ALONE:
        if name in asked.scenario:
            say(f"TableTap alone: {name}")
            results[name] = known[name]()
    return results
