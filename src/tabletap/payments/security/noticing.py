"""Refusals written down as security events, after the refusal, in a transaction of their own, and never as a flood.

The first refusal of its kind is written before the caller is answered. Those that repeat it within the minute are
counted, and the count is written when the minute is over (or when the process stops). What cannot be written is logged
and tried again.
"""

import asyncio
from datetime import datetime, timedelta
from time import monotonic_ns

import msgspec
import structlog

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import Id, new_id
from tabletap.payments.security import store
from tabletap.payments.security.events import RefusalNoticed
from tabletap.payments.security.model import SecurityEvent

WINDOW = timedelta(minutes=1)
MOST_KINDS = 100
"""So many different refusals of one cafe are told apart within a minute; others are counted by their rule alone."""

_SHORTEST_SLEEP = timedelta(milliseconds=10)

log = structlog.get_logger("tabletap.security")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a refused request was about."""

    order_id: Id | None = None
    payment_id: Id | None = None
    amount_minor: int | None = None
    method: str | None = None


NOTHING_KNOWN = Asked()


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal: which rule, and all that may be known of the request."""

    cafe_id: Id
    rule: str
    route: str
    person_id: Id | None = None
    audience: str | None = None
    address: str | None = None
    asked: Asked = NOTHING_KNOWN
    correlation_id: str | None = None

    @property
    def kind(self) -> "Kind":
        """What makes another refusal the same again."""
        return self.cafe_id, self.rule, self.route, self.person_id, self.address, self.asked.order_id

    @property
    def without_names(self) -> "Refused":
        """The rule alone."""
        return Refused(cafe_id=self.cafe_id, rule=self.rule, route=self.route)


Kind = tuple[Id, str, str, Id | None, str | None, Id | None]


class _Window(msgspec.Struct):
    """The minute after a refusal."""

    refused: Refused
    ends_ns: int
    """By the machine's own clock, which nobody moves."""
    count: int
    """Those that are not written yet."""
    first_at: datetime
    last_at: datetime


class SecurityLog:
    """Writes refusals down."""

    def __init__(self, db: AnyDatabase, window: timedelta = WINDOW) -> None:
        self.db, self._window_ns = db, window // timedelta(microseconds=1) * 1_000
        self._open: dict[Kind, _Window] = {}
        self._timer: asyncio.Task[None] | None = None

    async def note(self, refused: Refused) -> None:
        """Write the refusal down, or count it if the same was written within the minute. Never raises."""
        now = self.db.clock.now()
        window = self._open.get(refused.kind)
        if window is None and sum(kind[0] == refused.cafe_id for kind in self._open) >= MOST_KINDS:
            refused = refused.without_names
            window = self._open.get(refused.kind)
        if window is not None:
            window.first_at = window.first_at if window.count else now
            window.last_at = max(now, window.first_at)
            window.count += 1
            return
        window = self._open[refused.kind] = _Window(refused, monotonic_ns() + self._window_ns, 1, now, now)
        if self._timer is None or self._timer.done():
            self._timer = asyncio.create_task(self._watch(), name="security-log")
        await self._write([window])

    @property
    def waiting(self) -> int:
        """How many refusals are not written yet."""
        return sum(window.count for window in self._open.values())

    async def flush(self) -> None:
        """Write what was only counted so far."""
        windows, self._open = list(self._open.values()), {}
        await self._write(windows)

    async def stop(self) -> None:
        """Write what is left and count no more. Safe to repeat."""
        if self._timer is not None:
            self._timer.cancel()
            await asyncio.gather(self._timer, return_exceptions=True)
        await self.flush()

    async def _watch(self) -> None:
        """Close each window at its end, for as long as there are some."""
        while self._open:
            now = monotonic_ns()
            over = [kind for kind, window in self._open.items() if window.ends_ns <= now]
            closed = [self._open.pop(kind) for kind in over]
            await self._write(closed)
            if self._open:
                left = min(window.ends_ns for window in self._open.values()) - now
                await asyncio.sleep(max(_SHORTEST_SLEEP, timedelta(microseconds=left // 1_000)).total_seconds())

    async def _write(self, windows: list[_Window]) -> None:
        """Write counts down, each cafe's in one transaction. What cannot be written stays counted."""
        by_cafe: dict[Id, list[_Window]] = {}
        for window in windows:
            if window.count:
                by_cafe.setdefault(window.refused.cafe_id, []).append(window)
        for cafe_id, counted in by_cafe.items():
            rows = [_row(window) for window in counted]
            for window in counted:
                window.count = 0
            try:
                await self._add(cafe_id, rows)
            except Exception:
                log.exception("security_event_not_written", rules=[row.rule for row in rows])
                self._keep(counted, rows)

    async def _add(self, cafe_id: Id, rows: list[SecurityEvent]) -> None:
        async def decide(tx: Transaction) -> None:
            tx.add(store.security_event, *rows)
            tx.emit(*(RefusalNoticed(cafe_id=cafe_id, at=row.last_at, event=row) for row in rows))

        await self.db.transaction(cafe_id, decide)

    def _keep(self, counted: list[_Window], rows: list[SecurityEvent]) -> None:
        """Have it written with the next count."""
        ends_ns = monotonic_ns() + self._window_ns
        for window, row in zip(counted, rows, strict=True):
            kept = self._open.setdefault(window.refused.kind, window)
            kept.count += row.count
            kept.first_at, kept.last_at = min(kept.first_at, row.first_at), max(kept.last_at, row.last_at)
            kept.ends_ns = max(kept.ends_ns, ends_ns)


def _row(window: _Window) -> SecurityEvent:
    refused = window.refused
    return SecurityEvent(
        cafe_id=refused.cafe_id,
        id=new_id(),
        rule=refused.rule,
        count=window.count,
        person_id=refused.person_id,
        audience=refused.audience,
        address=refused.address,
        route=refused.route,
        order_id=refused.asked.order_id,
        payment_id=refused.asked.payment_id,
        amount_minor=refused.asked.amount_minor,
        method=refused.asked.method,
        correlation_id=refused.correlation_id,
        first_at=window.first_at,
        last_at=window.last_at,
    )
