"""Statements written once in SQLAlchemy Core, compiled once per engine, run on the bare driver.

Why: the ORM and the Core's execution layer cost more than the work itself on the path a guest waits for
(docs/decisions/0002). The Core still writes the SQL, so one statement serves both engines.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.sql.compiler import SQLCompiler

from tabletap.infra.db.schema import IdType, InstantType, JsonType

POSTGRES: sa.Dialect = asyncpg.dialect()  # type: ignore[no-untyped-call]  # the class has no annotations
SQLITE: sa.Dialect = sqlite.dialect()

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
Convert = Callable[[Any], Any]


def instant_number(at: datetime) -> int:
    """A moment as SQLite keeps it: whole microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def _instant_in(value: datetime | None) -> int | None:
    return None if value is None else instant_number(value)


def _instant_out(value: int | None) -> datetime | None:
    return None if value is None else _EPOCH + timedelta(microseconds=value)


def _json_in(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _json_out(value: str | None) -> Any:
    return None if value is None else msgspec.json.decode(value)


def _flag_out(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def to_sqlite(type_: sa.types.TypeEngine[Any]) -> Convert | None:
    """How a Python value of this column type is bound on SQLite; None where it goes as it is."""
    return _instant_in if isinstance(type_, InstantType) else _json_in if isinstance(type_, JsonType) else None


def from_sqlite(type_: sa.types.TypeEngine[Any]) -> Convert | None:
    """How a stored value of this column type becomes Python on SQLite; None where it is so already."""
    if isinstance(type_, InstantType):
        return _instant_out
    return _json_out if isinstance(type_, JsonType) else _flag_out if isinstance(type_, sa.Boolean) else None


def _id_out(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def from_postgres(type_: sa.types.TypeEngine[Any]) -> Convert | None:
    """The same on PostgreSQL. Ids alone: the driver takes them as text, yet gives them as UUIDs."""
    return _id_out if isinstance(type_, IdType) else None


class Compiled:
    """A statement's text for one engine and how its parameters and rows are put in order."""

    __slots__ = ("_defaults", "_ins", "_names", "_outs", "text")

    def __init__(self, source: sa.ClauseElement, dialect: sa.Dialect) -> None:
        compiled = source.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        assert isinstance(compiled, SQLCompiler)
        self.text = str(compiled)
        self._names: list[str] = list(compiled.positiontup or ())
        self._defaults = {name: value for name, value in compiled.params.items() if value is not None}
        on_sqlite = dialect.name == "sqlite"
        binds, convert_out = compiled.binds, from_sqlite if on_sqlite else from_postgres
        ins = [to_sqlite(binds[name].type) if on_sqlite and name in binds else None for name in self._names]
        outs = [convert_out(entry.type) for entry in compiled._result_columns]  # noqa: SLF001 - the only place that names the types
        self._ins = [(index, convert) for index, convert in enumerate(ins) if convert is not None]
        self._outs = [(index, convert) for index, convert in enumerate(outs) if convert is not None]

    def arguments(self, given: dict[str, Any]) -> list[Any]:
        """The driver's positional arguments. A parameter that was not given is a bug: KeyError."""
        defaults = self._defaults
        values = [given[name] if name in given else defaults[name] for name in self._names]
        for index, convert in self._ins:
            values[index] = convert(values[index])
        return values

    def row(self, raw: Sequence[Any]) -> Sequence[Any]:
        """A driver's row as Python values."""
        if not self._outs:
            return raw
        values = list(raw)
        for index, convert in self._outs:
            values[index] = convert(values[index])
        return values


class Statement:
    """A statement for both engines; `locked` also takes the rows for update where the engine has row locks."""

    def __init__(self, source: sa.Select[Any] | sa.CompoundSelect[Any] | sa.Update | sa.Delete | sa.Insert) -> None:
        self.source = source
        self._sqlite: Compiled | None = None
        self._plain: Compiled | None = None
        self._locked: Compiled | None = None

    @property
    def sqlite(self) -> Compiled:
        """For SQLite, which has no row locks: its writers come one after the other."""
        if self._sqlite is None:
            self._sqlite = Compiled(self.source, SQLITE)
        return self._sqlite

    def postgres(self, lock: bool = False) -> Compiled:
        """For PostgreSQL, with row locks when asked: those of an update that leaves keys alone, as all of ours do.

        So whoever adds a row that refers to a held one does not wait for it: rows are only waited for in LOCK_ORDER.
        """
        if not lock:
            if self._plain is None:
                self._plain = Compiled(self.source, POSTGRES)
            return self._plain
        if self._locked is None:
            assert isinstance(self.source, sa.Select), "only a SELECT takes its rows for update"
            self._locked = Compiled(self.source.with_for_update(key_share=True), POSTGRES)
        return self._locked
