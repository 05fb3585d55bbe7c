"""Measures contenders beside each other: rounds interleaved, so that a busy moment of the machine meets all of them."""

import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import islice

import msgspec

from bench.load import Load, LoadResult
from bench.targets import BenchFailed, Contender, Target

_WARM_UP_STARTS = 300


class Plan(msgspec.Struct, frozen=True):
    """How much to measure."""

    connections: tuple[int, ...]
    starts: int
    """Payment starts in one cell of one round."""
    rounds: int

    @property
    def starts_in_all(self) -> int:
        """How many requests one contender needs."""
        return _WARM_UP_STARTS + self.rounds * len(self.connections) * self.starts


class Sample(msgspec.Struct):
    """One cell of one round."""

    starts_a_second: float
    cpu_ms: dict[str, float]
    """For one start, by part: server, database."""
    p50_ms: float
    p99_ms: float


class Cell(msgspec.Struct):
    """A contender at a number of connections: what each round gave, and the medians."""

    contender: str
    connections: int
    samples: list[Sample]

    def median(self, of: Callable[[Sample], float]) -> float:
        """The middle of the rounds."""
        return statistics.median(of(sample) for sample in self.samples)


def measure(contenders: Sequence[Contender], plan: Plan, say: Callable[[str], None]) -> list[Cell]:
    """Run every contender at every number of connections, round after round. Raises BenchFailed."""
    with ExitStack() as stack:
        targets: list[Target] = []
        for contender in contenders:
            say(f"{contender.name}: preparing {plan.starts_in_all} orders")
            target = stack.enter_context(contender.run(plan.starts_in_all))
            _sample(target, max(plan.connections), _WARM_UP_STARTS)
            target.settle()
            targets.append(target)
        cells = [Cell(target.name, connections, []) for connections in plan.connections for target in targets]
        by_name = {target.name: target for target in targets}
        for number in range(1, plan.rounds + 1):
            for cell in cells:
                say(f"round {number} of {plan.rounds}: {cell.contender}, {cell.connections} connections")
                cell.samples.append(_sample(by_name[cell.contender], cell.connections, plan.starts))
    return cells


def _sample(target: Target, connections: int, starts: int) -> Sample:
    requests = list(islice(target.work, starts))
    before = {part: seconds() for part, seconds in target.cpu.items()}
    result = _loaded(Load(target.host, target.port, target.path, connections, requests))
    cpu_ms = {part: (seconds() - before[part]) * 1000 / starts for part, seconds in target.cpu.items()}
    if result.answered != starts or result.refused:
        raise BenchFailed(f"{target.name}: {result.refused} of {starts} starts were refused:\n{result.first_refusal}")
    latencies = sorted(result.latencies_ms)
    return Sample(
        starts / result.seconds, cpu_ms, latencies[len(latencies) // 2], latencies[len(latencies) * 99 // 100]
    )


def _loaded(load: Load) -> LoadResult:
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"], input=msgspec.json.encode(load), capture_output=True, check=False
    )
    if done.returncode != 0:
        raise BenchFailed(f"the load client failed:\n{done.stderr.decode()[-2000:]}")
    return msgspec.json.decode(done.stdout, type=LoadResult)
