"""What is measured: a served program with work waiting for it, and the CPU that it uses."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import msgspec

Seconds = float
CpuSeconds = Callable[[], Seconds]
"""CPU that somebody has used since he began."""


class BenchFailed(Exception):
    """A server did not do what was asked of it, so there is nothing to measure."""


class Request(msgspec.Struct, frozen=True):
    """One payment start that the load client will send."""

    token: str
    order_id: str


class Target(msgspec.Struct):
    """A running server. Whoever measures takes requests from `work`; each can be sent once."""

    name: str
    host: str
    port: int
    path: str
    work: Iterator[Request]
    cpu: dict[str, CpuSeconds]
    """By part: the server itself, its database."""
    settle: Callable[[], None] = lambda: None
    """Called once when it is warm."""


class Contender(msgspec.Struct, frozen=True):
    """Something that can be measured beside others: `run` starts it with so many requests prepared."""

    name: str
    run: Callable[[int], AbstractContextManager[Target]]
