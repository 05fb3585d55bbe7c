"""Payment starts per second and CPU per start, on both engines, at 1, 16 and 64 connections."""

import argparse
from pathlib import Path

from rich.console import Console

from bench.measure import Plan, measure
from bench.ours import ENGINES, contenders
from bench.report import json_of, table_of


def add_options(parser: argparse.ArgumentParser) -> None:
    """What can be asked for."""
    parser.add_argument("--quick", action="store_true", help="a short run, to see that everything works")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--connections", nargs="+", type=int, default=[1, 16, 64])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--starts", type=int, default=2000, help="payment starts in each cell of a round")
    parser.add_argument("--database-connections", type=int, default=4, help="PostgreSQL's pool of the server")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, every round of them")


def run(asked: argparse.Namespace) -> None:
    """Measure, print, write. Raises BenchFailed unless every start succeeded."""
    console, progress = Console(), Console(stderr=True)
    plan = Plan(tuple(asked.connections), asked.starts, asked.rounds)
    if asked.quick:
        plan = Plan(plan.connections, min(plan.starts, 300), 1)
    cells = measure(contenders(asked.engines, asked.database_connections), plan, progress.log)
    console.print(table_of(cells, plan))
    if asked.json is not None:
        asked.json.write_bytes(json_of(cells, plan) + b"\n")
