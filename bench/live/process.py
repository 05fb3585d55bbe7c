"""What a process uses, read from the kernel: CPU to the nanosecond, memory."""

import re
import resource
from pathlib import Path

_PROC = Path("/proc")
_RESIDENT = re.compile(r"^VmRSS:\s+(\d+) kB$", re.MULTILINE)


def cpu_seconds(pid: int) -> float:
    """CPU of all threads that live (proc(5), schedstat); threads that ended are not in it, and our servers end none."""
    nanoseconds = 0
    for thread in (_PROC / str(pid) / "task").iterdir():
        try:
            nanoseconds += int((thread / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended just now
    return nanoseconds / 1e9


def resident_kb(pid: int) -> int:
    """Memory that the process has in RAM."""
    found = _RESIDENT.search((_PROC / str(pid) / "status").read_text())
    assert found is not None
    return int(found[1])


def allow_open_files() -> int:
    """Allow as many open files as an ordinary user may have; children inherit it. Answers how many."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most
