"""The tables' common ground: one metadata, column types that mean the same on both engines, statement helpers."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every table of TableTap. Importing a domain's store adds its tables."""
AT_ONCE = 64
"""How many things one look-up asks for: statements of one shape, not one for each number of things."""


class IdType(sa.types.TypeDecorator[str]):
    """An id: `uuid` on PostgreSQL, text on SQLite, a string in Python."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """The engine's own type."""
        native = postgresql.UUID(as_uuid=False) if dialect.name == "postgresql" else sa.Text()
        return dialect.type_descriptor(native)


class InstantType(sa.types.TypeDecorator[Any]):
    """A moment: `timestamptz` on PostgreSQL, whole microseconds since 1970 on SQLite, an aware datetime in Python."""

    impl = sa.BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """The engine's own type."""
        native = sa.DateTime(timezone=True) if dialect.name == "postgresql" else sa.BigInteger()
        return dialect.type_descriptor(native)


class JsonType(sa.types.TypeDecorator[Any]):
    """Plain JSON data: `jsonb` on PostgreSQL, text on SQLite."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """The engine's own type."""
        native: sa.types.TypeEngine[Any] = postgresql.JSONB() if dialect.name == "postgresql" else sa.Text()
        return dialect.type_descriptor(native)


Id = IdType()
Instant = InstantType()
Json = JsonType()
Minor = sa.BigInteger()
"""An amount in minor units."""
Text = sa.Text()
Whole = sa.Integer()
Flag = sa.Boolean(create_constraint=False)
Bytes = sa.LargeBinary()


def column(name: str, type_: sa.types.TypeEngine[Any], *, null: bool = False, **options: Any) -> sa.Column[Any]:
    """A column that is NOT NULL unless said otherwise."""
    return sa.Column(name, type_, nullable=null, **options)


def of_cafe(table: str, *columns: str) -> sa.ForeignKeyConstraint:
    """A composite foreign key `(cafe_id, …)`: a row can point only at rows of its own cafe."""
    target = [f"{table}.cafe_id", f"{table}.id"]
    return sa.ForeignKeyConstraint(["cafe_id", *columns], target)


def param(name: str) -> sa.BindParameter[Any]:
    """A named parameter of a statement."""
    return sa.bindparam(name, required=False)


def any_of(name: str) -> list[sa.BindParameter[Any]]:
    """The parameters of a look-up of `AT_ONCE` things; `named` fills them."""
    return [param(f"{name}{index}") for index in range(AT_ONCE)]


def named(name: str, values: Sequence[str]) -> dict[str, str]:
    """The values of such parameters: those that are not needed repeat the first."""
    return {f"{name}{index}": values[index] if index < len(values) else values[0] for index in range(AT_ONCE)}


def portions(values: Iterable[str]) -> list[list[str]]:
    """Values in portions that one look-up takes."""
    distinct = list(dict.fromkeys(values))
    return [distinct[start : start + AT_ONCE] for start in range(0, len(distinct), AT_ONCE)]


def columns_of(table: sa.Table, into: type[msgspec.Struct]) -> Sequence[sa.Column[Any]]:
    """The table's columns in the order of the struct's fields, so that `into(*row)` fits."""
    return [table.c[name] for name in into.__struct_fields__]
