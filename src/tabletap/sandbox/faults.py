"""The faults that can be armed: the next calls or callbacks go wrong on purpose (contract section 6)."""

import hashlib
import threading
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import msgspec


class Fault(StrEnum):
    """What goes wrong."""

    TIMEOUT_BEFORE = "timeout_before"
    TIMEOUT_AFTER = "timeout_after"
    ERROR_500 = "error_500"
    SLOW = "slow"
    DUPLICATE_WEBHOOK = "duplicate_webhook"
    REORDER_WEBHOOKS = "reorder_webhooks"
    DROP_WEBHOOK = "drop_webhook"
    BAD_SIGNATURE = "bad_signature"
    WRONG_AMOUNT = "wrong_amount"
    WRONG_CURRENCY = "wrong_currency"
    LATE_SUCCESS = "late_success"


class Call(StrEnum):
    """The calls of the provider API, as faults tell them apart."""

    START = "start"
    REFUND = "refund"
    CANCEL = "cancel"
    QUERY = "query"


CALL_FAULTS = (Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER, Fault.ERROR_500, Fault.SLOW)
MOVING_MONEY = (Call.START, Call.REFUND, Call.CANCEL)


class ArmFault(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The body of POST {control}/faults, and how an armed fault is shown.

    `on` (our addition) limits a fault of calls to some of them. Without it queries are spared: they run in the
    background of the merchant's system and would use the fault up before the call it was meant for.
    """

    fault: Fault
    times: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1
    on: tuple[Call, ...] = MOVING_MONEY


class Chaos(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST {control}/chaos: faults drawn at random, the same ones for the same seed.

    `rate` is in basis points: how many of 10,000 calls and callbacks go wrong. What is drawn depends on the seed, the
    kind of call or callback and how many of that kind came before, so the same sequence meets the same faults.
    """

    seed: int
    rate: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 3_000
    faults: tuple[Fault, ...] = tuple(Fault)

    def draw(self, among: Sequence[Fault], kind: str, ordinal: int) -> Fault | None:
        """The fault of the call or callback of this kind that is the `ordinal`-th, if any."""
        digest = hashlib.sha256(f"{self.seed}|{kind}|{ordinal}".encode()).digest()
        candidates = [fault for fault in among if fault in self.faults]
        if not candidates or int.from_bytes(digest[:4]) % 10_000 >= self.rate:
            return None
        return candidates[int.from_bytes(digest[4:8]) % len(candidates)]


class Faults:
    """The faults armed at present. They live as long as the process: a restarted provider is healthy.

    Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._armed: list[ArmFault] = []
        self._chaos: Chaos | None = None
        self._drawn: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def chaos(self) -> Chaos | None:
        """The random mode, while it is on."""
        return self._chaos

    def set_chaos(self, chaos: Chaos | None) -> None:
        """Draw faults at random from now on, counting from the start; None: no more."""
        with self._lock:
            self._chaos, self._drawn = chaos, Counter()

    def arm(self, fault: ArmFault) -> None:
        """Let the next calls or callbacks go wrong; armed twice, it counts twice."""
        with self._lock:
            self._armed.append(fault)

    def clear(self) -> None:
        """No faults any more."""
        with self._lock:
            self._armed.clear()

    def armed(self) -> list[ArmFault]:
        """What is armed, in the order in which it was asked for."""
        with self._lock:
            return list(self._armed)

    def take(self, fault: Fault) -> bool:
        """Whether this fault happens now: uses up one that is armed, or is drawn in the random mode."""
        return self._take([fault], None) is not None

    def take_for(self, call: Call) -> Fault | None:
        """The fault that spoils this call: the first that is armed, which is used up, or one that is drawn."""
        return self._take(CALL_FAULTS, call)

    def _take(self, among: Sequence[Fault], call: Call | None) -> Fault | None:
        with self._lock:
            for index, armed in enumerate(self._armed):
                if armed.fault in among and (call is None or call in armed.on):
                    left = [msgspec.structs.replace(armed, times=armed.times - 1)] if armed.times > 1 else []
                    self._armed[index : index + 1] = left
                    return armed.fault
            if self._chaos is None:
                return None
            kind = call or among[0]
            self._drawn[kind] += 1
            return self._chaos.draw(among, kind, self._drawn[kind])
