"""Named places at which a test may have the process die, as if by `kill -9`: between any two steps that move money.

Off unless the setting `TABLETAP_CRASH_AT` names one, which is for tests alone. A place that is not named costs a look
at a variable.
"""

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, get_args

CrashPoint = Literal[
    # starting a payment: nothing written → the intent is written → the provider answered → the answer is written
    "start.begun",
    "start.recorded",
    "start.answered",
    "start.settled",
    # asking how a payment stands, for a notice or by schedule
    "check.begun",
    "check.answered",
    "check.settled",
    # ending a payment, because its time is over or somebody cancels it: cancelled at the provider first
    "end.begun",
    "end.answered",
    "end.settled",
    # giving money back: reserve, ask the provider, settle
    "refund.begun",
    "refund.reserved",
    "refund.answered",
    "refund.settled",
    "order_refund.begun",
    "order_refund.reserved",
    "order_refund.settled",
    # what is one transaction: cash in the drawer, an order moved on or cancelled with its money
    "cash.begun",
    "cash.taken",
    "move.begun",
    "move.decided",
    # a provider's notice: verified → kept → (answered) worked off → marked as handled
    "webhook.verified",
    "webhook.kept",
    "webhook.begun",
    "webhook.learnt",
    "webhook.handled",
    # any background job: claimed → its effect is written → taken off the queue
    "job.begun",
    "job.done",
]
"""Every place, by what has just happened there."""
CRASH_POINTS: tuple[CrashPoint, ...] = get_args(CrashPoint)

Strike = Callable[[CrashPoint], None]
_strike: Strike | None = None


def crash_point(name: CrashPoint) -> None:
    """A place where a process may end. Never inside a transaction: what is not committed is gone anyway."""
    if _strike is not None:
        _strike(name)


def read_crash_at(text: str) -> str:
    """A setting's text: a name, or `name:3` for the third time that the place is passed. Raises ValueError."""
    name, colon, pass_number = text.partition(":")
    if name not in CRASH_POINTS or (colon and not re.fullmatch(r"[1-9][0-9]{0,3}", pass_number)):
        raise ValueError(f"one of {', '.join(CRASH_POINTS)}, with `:2` behind it for the second time")
    return text


def crash_at(text: str | None) -> None:
    """Die at a place from now on (None: nowhere). Raises ValueError for a place that does not exist."""
    global _strike  # noqa: PLW0603 - one process, one death
    if text is None:
        _strike = None
        return
    wanted, _, pass_number = read_crash_at(text).partition(":")
    passes_left = int(pass_number or 1)

    def strike(name: CrashPoint) -> None:
        nonlocal passes_left
        if name == wanted:
            passes_left -= 1
            if passes_left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    _strike = strike


@contextmanager
def struck_by(strike: Strike) -> Iterator[None]:
    """For tests within one process: tell somebody of every place that is passed; what they raise, the place raises."""
    global _strike  # noqa: PLW0603 - as above
    before, _strike = _strike, strike
    try:
        yield
    finally:
        _strike = before
