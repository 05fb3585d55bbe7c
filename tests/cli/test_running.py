"""How a process runs that serves for weeks."""

import subprocess
import sys

_PROGRAM = """
import gc, weakref
from tabletap.cli.running import keep_what_is_set_up

class Node: ...

def ring():
    node = Node()
    node.own = node
    return weakref.ref(node)

keep_what_is_set_up()
assert gc.get_freeze_count() > 10_000
forgotten, kept = ring(), [[] for _ in range(gc.get_threshold()[0])]
assert forgotten() is None
"""


def test_what_is_set_up_is_left_alone_and_rings_made_later_still_go() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, "")
