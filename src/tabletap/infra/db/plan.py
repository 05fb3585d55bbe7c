"""What a transaction wants to write, said as data: guarded updates, new rows, stream events and jobs.

The engines turn one plan into one guarded statement (PostgreSQL) or one run on the writer thread (SQLite).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from tabletap.infra.db.job_request import JobRequest
from tabletap.kernel.events import Event

LOCK_ORDER = (
    "order_counter",
    "cafe_order",
    "split",
    "payment_pace",
    "payment",
    "refund",
    "qr_payment",
    "customer_credit",
    "tip_pool",
    "tip_account",
    "drawer_session",
)
"""Rows are locked in this order, by reads with locks and by guarded updates alike, so that nobody waits in a circle."""
_LAST = len(LOCK_ORDER)
_RANK = {table: rank for rank, table in enumerate(LOCK_ORDER)}


class Update(msgspec.Struct):
    """One row's change: which row, what must still hold about it, and its new values."""

    table: sa.Table
    key: dict[str, Any]
    guard: dict[str, Any]
    values: dict[str, Any]


class Plan:
    """Collects the writes of one transaction, in the order in which they were said."""

    def __init__(self) -> None:
        self.updates: dict[tuple[str, tuple[Any, ...]], Update] = {}
        self.inserts: dict[tuple[str, tuple[str, ...]], tuple[sa.Table, list[tuple[Any, ...]]]] = {}
        self.removals: list[tuple[sa.Table, dict[str, Any]]] = []
        self.events: list[Event] = []
        self.jobs: list[JobRequest] = []
        self.retried_on_duplicate: set[str] = set()

    def add(self, table: sa.Table, *rows: msgspec.Struct, retry_on_duplicate: bool = False) -> None:
        """Insert rows whose field names are the table's columns.

        A duplicate key raises Duplicate, or makes the whole transaction decide again when asked to.
        """
        if retry_on_duplicate:
            self.retried_on_duplicate.add(table.name)
        for row in rows:
            fields = row.__struct_fields__
            _, held = self.inserts.setdefault((table.name, fields), (table, []))
            held.append(msgspec.structs.astuple(row))

    def update(
        self, table: sa.Table, key: Mapping[str, Any], values: Mapping[str, Any], guard: Mapping[str, Any]
    ) -> None:
        """Change exactly one row if the guard still holds; else the transaction decides again, with locks.

        A second update of the same row in one transaction joins the first: its guard stays, the newer values win.
        """
        name = (table.name, tuple(key.values()))
        known = self.updates.get(name)
        if known is None:
            self.updates[name] = Update(table, dict(key), dict(guard), dict(values))
        else:
            known.values.update(values)

    def put_in_order(self) -> None:
        """Updates in the order of locks, events in the order of their streams."""
        self.updates = dict(sorted(self.updates.items(), key=lambda item: (_RANK.get(item[0][0], _LAST), item[0])))
        self.events.sort(key=lambda event: event.stream)

    def number_events(self, heads: Iterable[Sequence[Any]]) -> None:
        """Give each event its seq, now that the streams' heads stand behind the last of them: (key, head, epoch)."""
        last = {key: (head, epoch) for key, head, epoch in heads}
        for event in reversed(self.events):
            event.seq, event.epoch = last[event.stream]
            last[event.stream] = (event.seq - 1, event.epoch)

    def remove(self, table: sa.Table, key: Mapping[str, Any]) -> None:
        """Delete a row by its key; one that is not there is no fault."""
        self.removals.append((table, dict(key)))

    def save(
        self,
        table: sa.Table,
        before: msgspec.Struct,
        after: msgspec.Struct,
        key: tuple[str, ...],
        guard: tuple[str, ...],
    ) -> None:
        """Update the fields in which two states of a row differ, guarded by fields of the first; none, no write."""
        if self._replace_added(table, before, after):
            return
        changed = {
            name: getattr(after, name)
            for name in before.__struct_fields__
            if getattr(before, name) != getattr(after, name)
        }
        if changed:
            self.update(
                table,
                {name: getattr(before, name) for name in key},
                changed,
                {name: getattr(before, name) for name in guard},
            )

    def _replace_added(self, table: sa.Table, before: msgspec.Struct, after: msgspec.Struct) -> bool:
        """A row that this plan adds is simply added in its newer state."""
        _, rows = self.inserts.get((table.name, before.__struct_fields__), (table, []))
        state = msgspec.structs.astuple(before)
        if state not in rows:
            return False
        rows[rows.index(state)] = msgspec.structs.astuple(after)
        return True

    @property
    def is_empty(self) -> bool:
        """Nothing to write."""
        return not (self.updates or self.inserts or self.removals or self.events or self.jobs)
