"""One plan as one guarded PostgreSQL statement; its text is built once per shape."""

from collections import Counter
from functools import cache
from typing import Any

import sqlalchemy as sa

from tabletap.infra.db.job_request import POSTGRES_JOB_CASTS, postgres_arguments, postgres_enqueue
from tabletap.infra.db.plan import Plan
from tabletap.infra.db.schema import metadata
from tabletap.infra.db.statement import POSTGRES
from tabletap.kernel.events import Event

UpdateShape = tuple[str, tuple[str, ...], tuple[tuple[str, bool], ...], tuple[str, ...]]
InsertShape = tuple[str, tuple[str, ...], int]
RemovalShape = tuple[str, tuple[str, ...]]
Shape = tuple[tuple[UpdateShape, ...], tuple[RemovalShape, ...], tuple[InsertShape, ...], int, bool]

_STREAM = {"cafe_id": "uuid[]", "key": "text[]", "many": "int[]"}
_EVENT = {
    "key": "text[]",
    "followed_by": "int[]",
    "event_id": "uuid[]",
    "cause_id": "uuid[]",
    "name": "text[]",
    "at": "timestamptz[]",
    "schema_version": "int[]",
    "data": "bytea[]",
}
"""Streams and events go as one array a column: their number is no part of the statement, and arrays are read faster."""


def shape_of(plan: Plan) -> Shape:
    """What decides the statement's text: tables, columns and counts, no values."""
    updates = tuple(
        (
            update.table.name,
            tuple(update.key),
            tuple((name, value is None) for name, value in update.guard.items()),
            tuple(update.values),
        )
        for update in plan.updates.values()
    )
    inserts = tuple((name, fields, len(rows)) for (name, fields), (_, rows) in plan.inserts.items())
    removals = tuple((table.name, tuple(key)) for table, key in plan.removals)
    return updates, removals, inserts, len(plan.jobs), bool(plan.events)


def arguments_of(plan: Plan) -> list[Any]:
    """The statement's arguments, in the order in which `text` numbers them."""
    arguments: list[Any] = []
    for update in plan.updates.values():
        arguments += update.key.values()
        arguments += [value for value in update.guard.values() if value is not None]
        arguments += update.values.values()
    for _, key in plan.removals:
        arguments += key.values()
    for _, rows in plan.inserts.values():
        for row in rows:
            arguments += row
    for job in plan.jobs:
        arguments += postgres_arguments(job)
    if plan.events:
        arguments += _event_arguments(plan.events)
    return arguments


def _event_arguments(events: list[Event]) -> list[list[Any]]:
    """The arrays of `_STREAM` and `_EVENT`. `followed_by`: how many later events of this plan go to the same stream."""
    many = Counter((event.cafe_id, event.stream) for event in events)
    left = dict(many)
    followed_by = []
    for event in events:
        left[event.cafe_id, event.stream] -= 1
        followed_by.append(left[event.cafe_id, event.stream])
    return [
        [cafe_id for cafe_id, _ in many],
        [key for _, key in many],
        list(many.values()),
        [event.stream for event in events],
        followed_by,
        [event.event_id for event in events],
        [event.cause_id for event in events],
        [event.name for event in events],
        [event.at for event in events],
        [event.schema_version for event in events],
        [event.data for event in events],
    ]


class _Numbers:
    """Hands out $1, $2 … with the casts of their columns."""

    def __init__(self) -> None:
        self.last = 0

    def next(self, cast: str) -> str:
        self.last += 1
        return f"${self.last}::{cast}"

    def row(self, casts: tuple[str, ...]) -> str:
        return "(" + ", ".join(self.next(cast) for cast in casts) + ")"

    def table(self, name: str, columns: dict[str, str]) -> str:
        """A table of which every column is an array."""
        arrays = ", ".join(self.next(cast) for cast in columns.values())
        return f"unnest({arrays}) AS {name} ({', '.join(columns)})"


@cache
def _casts(table: str) -> dict[str, str]:
    columns: sa.ColumnCollection[Any, Any] = metadata.tables[table].columns
    return {column.name: str(column.type.compile(dialect=POSTGRES)) for column in columns}


@cache
def text(shape: Shape) -> str:
    """The statement. It answers the new heads of the streams: two arrays, keys and seqs (with their epochs).

    Guards come first and are evaluated before a stream's head is touched, so that every transaction locks in the same
    order: the rows it decided about, then the streams in the order of their keys.
    """
    updates, removals, inserts, job_count, has_events = shape
    numbers, parts = _Numbers(), list[str]()
    for index, update in enumerate(updates):
        parts.append(f"g{index} AS ({_update(update, numbers)} RETURNING 1)")
    guards = " AND ".join(f"(SELECT count(*) FROM g{index}) = 1" for index in range(len(updates))) or "true"
    parts.append(f"held AS MATERIALIZED (SELECT CASE WHEN {guards} THEN 1 ELSE tabletap_stale() END AS held)")
    for index, (table, key) in enumerate(removals):
        where = " AND ".join(f"{name} = {numbers.next(_casts(table)[name])}" for name in key)
        parts.append(f"r{index} AS (DELETE FROM {table} WHERE {where})")
    for index, insert in enumerate(inserts):
        parts.append(f"i{index} AS ({_insert(insert, numbers)})")
    if job_count:
        parts += postgres_enqueue(", ".join(numbers.row(POSTGRES_JOB_CASTS) for _ in range(job_count)))
    if not has_events:
        return "WITH " + ",\n".join(parts) + "\nSELECT NULL, NULL, NULL FROM held"
    parts += _appends(numbers)
    return "WITH " + ",\n".join(parts) + "\nSELECT array_agg(key), array_agg(head), array_agg(epoch) FROM heads"


def _update(shape: UpdateShape, numbers: _Numbers) -> str:
    table, key, guard, values = shape
    casts = _casts(table)
    where = [f"{name} = {numbers.next(casts[name])}" for name in key]
    where += [f"{name} IS NULL" if null else f"{name} = {numbers.next(casts[name])}" for name, null in guard]
    assignments = ", ".join(f"{name} = {numbers.next(casts[name])}" for name in values)
    return f"UPDATE {table} SET {assignments} WHERE {' AND '.join(where)}"


def _insert(shape: InsertShape, numbers: _Numbers) -> str:
    table, fields, count = shape
    casts = tuple(_casts(table)[name] for name in fields)
    rows = ", ".join(numbers.row(casts) for _ in range(count))
    return f"INSERT INTO {table} ({', '.join(fields)}) VALUES {rows}"


def _appends(numbers: _Numbers) -> list[str]:
    """Several events of one transaction may go to one stream: the head moves by their number, each gets its own seq."""
    cafe_id = f"(${numbers.last + 1}::uuid[])[1]"  # a plan's events are of one cafe: the first of the first array
    return [
        "heads AS (INSERT INTO stream (cafe_id, key, head, epoch) "
        "SELECT one.cafe_id, one.key, one.many, "
        f"coalesce((SELECT epoch FROM stream_epoch WHERE cafe_id = {cafe_id}), 1) "
        f"FROM held, {numbers.table('one', _STREAM)} ORDER BY one.key "
        "ON CONFLICT (cafe_id, key) DO UPDATE SET head = stream.head + excluded.head "
        "RETURNING cafe_id, key, head, epoch)",
        "appended AS (INSERT INTO stream_event (cafe_id, key, seq, event_id, cause_id, name, at, schema_version, data) "
        "SELECT heads.cafe_id, heads.key, heads.head - told.followed_by, told.event_id, told.cause_id, told.name, "
        f"told.at, told.schema_version, told.data FROM {numbers.table('told', _EVENT)} JOIN heads USING (key))",
    ]
