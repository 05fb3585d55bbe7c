"""CPU time of processes, read from the kernel."""

import os
from pathlib import Path

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


def of_process(pid: int) -> float:
    """CPU seconds of one process with all its threads, user and system."""
    user, system, _, _ = _times(pid)
    return (user + system) / _TICKS_A_SECOND


def of_family(pid: int) -> float:
    """CPU seconds of a process, its living children and those that ended: a PostgreSQL cluster."""
    total = sum(_times(pid))
    for child in _children(pid):
        try:
            total += sum(_times(child)[:2])
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended just now; the parent is told its times
    return total / _TICKS_A_SECOND


def _times(pid: int) -> tuple[int, int, int, int]:
    """Ticks: user, system, and both of the children that ended (proc(5), /proc/pid/stat, fields 14 to 17)."""
    after_name = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    user, system, waited_user, waited_system = (int(field) for field in after_name[11:15])
    return user, system, waited_user, waited_system


def _children(pid: int) -> list[int]:
    return [int(child) for child in (_PROC / str(pid) / "task" / str(pid) / "children").read_text().split()]
