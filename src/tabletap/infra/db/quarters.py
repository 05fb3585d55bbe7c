"""The quarter of an hour that a moment lies in, as both engines say it: for figures by hour in any time zone."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

_SECONDS = 900


class quarter_of(FunctionElement[int]):  # noqa: N801 - reads as the SQL function that it is
    """Whole quarters of an hour since 1970. Every offset from UTC that is in use is a multiple of a quarter."""

    inherit_cache = True
    type = sa.BigInteger()


@compiles(quarter_of, "sqlite")
def _sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"({compiler.process(element.clauses, **options)} / {_SECONDS * 1_000_000})"


@compiles(quarter_of)
def _postgresql(element: Any, compiler: Any, **options: Any) -> str:
    moment = compiler.process(element.clauses, **options)
    return f"floor(extract(epoch FROM {moment}) / {_SECONDS})::bigint"


def moment_of(quarter: int) -> datetime:
    """When a quarter began."""
    return datetime.fromtimestamp(quarter * _SECONDS, UTC)
