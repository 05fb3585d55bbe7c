"""`python -m bench payments` or `live`; without a name both, one after the other."""

import argparse
import sys

from rich.console import Console

from bench import payments
from bench.live import command as live
from bench.targets import BenchFailed

_BENCHES = {"payments": payments, "live": live}


def main() -> int:
    """Measure, print, write. 0 when everything could be measured."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    named = parser.add_subparsers(dest="bench", metavar="|".join(_BENCHES))
    for name, bench in _BENCHES.items():
        bench.add_options(named.add_parser(name, help=bench.__doc__, description=bench.__doc__))
    words = sys.argv[1:]
    wanted = [parser.parse_args(words)] if words else [parser.parse_args([name]) for name in _BENCHES]
    try:
        for asked in wanted:
            _BENCHES[asked.bench].run(asked)
    except BenchFailed as failed:
        Console(stderr=True).print(str(failed), markup=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
