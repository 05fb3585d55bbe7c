"""Every statement is of one cafe, save the few that find it: those are named in infra/tenancy.py."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import BinaryExpression, BooleanClauseList
from sqlalchemy.sql.selectable import Join

import tabletap
from tabletap.infra import tenancy
from tabletap.infra.db.schema import metadata, param
from tabletap.infra.db.statement import SQLITE, Statement
from tabletap.orders.store import cafe_order, order_item

ACROSS_CAFES = {
    "identity.store._WITH_EMAIL",
    "identity.store._TOKEN_BY_HASH",
    "cafes.store._TABLE_BY_CODE",
    "credits.store._OVERDUE",
    "infra.idempotency._CAFE_WITH_OLD",
    "infra.revocations._CAFE_WITH_OLD",
    "infra.revocations._SINCE",
    "ledger.audit.store._CAFES",
    "ledger.audit.store._EVERY_KEY",
    "payments.accounts.store._BY_TOKEN",
    "payments.accounts.store._EVERY",
    "qr.store._BY_ID",
    "webhooks.store._CAFE_WITH_OLD",
}
"""The look-ups that find the cafe somebody belongs to; nothing may be added without a line in infra/tenancy.py."""


def modules() -> Iterator[ModuleType]:
    """Every module of ours but the migrations, which alembic runs, and what runs when imported."""
    for found in pkgutil.walk_packages(tabletap.__path__, "tabletap."):
        if "migrations" not in found.name and not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def statements() -> dict[str, Statement]:
    """Every statement that a module holds, by its name without the package's: "orders.store._GET"."""
    return {
        f"{module.__name__.removeprefix('tabletap.')}.{name}": value
        for module in modules()
        for name, value in vars(module).items()
        if isinstance(value, Statement)
    }


def _tables(source: Any) -> set[str]:
    """Every table a statement touches, also in joins; the statements within it are looked at by themselves."""
    if isinstance(source, sa.Table | sa.Alias):
        return {source.name}
    if isinstance(source, sa.CTE):
        return {source.name}
    children = [] if isinstance(source, sa.Column) else source.get_children()
    return {name for child in children if not isinstance(child, sa.Select) for name in _tables(child)}


def _conditions(clause: Any) -> Iterator[Any]:
    """The parts of a condition that all have to hold; what stands in an OR or a NOT does not."""
    if isinstance(clause, BooleanClauseList) and clause.operator is operators.and_:
        for part in clause.clauses:
            yield from _conditions(part)
    elif clause is not None:
        yield clause


def _cafes_of(source: Any, around: frozenset[str]) -> set[str]:
    """The tables of which a statement takes the rows of one cafe alone: given, or the same as such a table's.

    `around`: those of the statement that this one is a part of. A part with a name of its own is like a table.
    """
    wheres = [getattr(source, "whereclause", None)]
    froms = source.get_final_froms() if isinstance(source, sa.Select) else []
    wheres += [found.onclause for each in froms for found in visitors.iterate(each) if isinstance(found, Join)]
    pairs = [
        (condition.left, condition.right)
        for where in wheres
        for condition in _conditions(where)
        if isinstance(condition, BinaryExpression) and condition.operator is operators.eq
    ]
    pairs += [(right, left) for left, right in pairs]
    own = {left.table.name for left, right in pairs if _is_cafe(left) and isinstance(right, sa.BindParameter)}
    own |= around | {part.name for part in _parts(source) if isinstance(part, sa.CTE) and is_of_one_cafe(part.element)}
    for _ in pairs:
        own |= {a.table.name for a, b in pairs if _is_cafe(a) and _is_cafe(b) and b.table.name in own}
    return own


def _parts(source: Any) -> Iterator[Any]:
    """The named parts and the statements within a statement, not those within them."""
    for child in source.get_children():
        if isinstance(child, sa.CTE | sa.Select):
            yield child
        else:
            yield from _parts(child)


def _is_cafe(clause: Any) -> bool:
    return isinstance(clause, sa.Column) and clause.name == "cafe_id"


def is_of_one_cafe(source: Any, around: frozenset[str] = frozenset()) -> bool:
    """Whether every row that a statement touches is of the cafe it is told; an insert names its own."""
    if isinstance(source, sa.Insert):
        return "cafe_id" in source.compile(dialect=SQLITE).params or "new_cafe_id" in source.compile().params
    own = _cafes_of(source, around)
    within = [part for part in _parts(source) if isinstance(part, sa.Select)]
    return _tables(source) <= own and all(is_of_one_cafe(part, frozenset(own)) for part in within)


def test_every_statement_is_of_one_cafe_but_those_that_find_it() -> None:
    across = {name for name, statement in statements().items() if not is_of_one_cafe(statement.source)}

    assert across == ACROSS_CAFES


def test_those_that_are_not_are_named_with_their_reason() -> None:
    documented = set(re.findall(r"`([a-z_.]+)`\)$", tenancy.__doc__ or "", re.MULTILINE))

    assert {name.rsplit(".", 1)[0] for name in ACROSS_CAFES} <= documented


def test_there_are_statements_to_look_at() -> None:
    found = statements()

    assert len(found) > 40
    assert "orders.store._LIST" in found


def test_statements_live_in_modules_and_not_in_functions() -> None:
    inside = [
        name
        for module in modules()
        for name, value in vars(module).items()
        if isinstance(value, list | tuple | dict) and not name.startswith("__")
        for item in (value.values() if isinstance(value, dict) else value)
        if isinstance(item, Statement)
    ]

    assert inside == []


def test_every_row_belongs_to_a_cafe() -> None:
    without = [table.name for table in metadata.tables.values() if "cafe_id" not in table.primary_key.columns]

    assert without == []


def test_a_row_can_point_only_at_rows_of_its_own_cafe() -> None:
    astray = [
        f"{table.name}: {key.column_keys}"
        for table in metadata.tables.values()
        for key in table.foreign_key_constraints
        if dict(zip(key.column_keys, (element.column.name for element in key.elements), strict=True)).get("cafe_id")
        != "cafe_id"
    ]

    assert astray == []


def test_the_check_sees_what_is_of_no_cafe() -> None:
    given, of_order = cafe_order.c.cafe_id == param("cafe_id"), cafe_order.c.id == order_item.c.order_id
    same = cafe_order.c.cafe_id == order_item.c.cafe_id
    columns = sa.select(cafe_order.c.cafe_id, cafe_order.c.id)
    of_whole, of_ours = columns.cte("some"), columns.where(given).cte("some")
    each = cafe_order.alias("each")
    unlike = sa.select(sa.func.count()).where(each.c.id == order_item.c.order_id).correlate(order_item)
    like = unlike.where(each.c.cafe_id == order_item.c.cafe_id)
    line = order_item.c.cafe_id == param("cafe_id")
    faults = [
        sa.select(order_item.c.id).join(of_whole, of_whole.c.cafe_id == order_item.c.cafe_id),
        sa.select(order_item.c.id).join(of_ours, of_ours.c.id == order_item.c.order_id),
        sa.select(order_item.c.id, unlike.scalar_subquery()).where(line),
        sa.select(cafe_order.c.id),
        sa.select(cafe_order.c.id).where(sa.or_(given, cafe_order.c.status == "paid")),
        sa.select(cafe_order.c.id).where(sa.not_(given)),
        sa.select(order_item.c.id).join(cafe_order, of_order).where(given),
        sa.select(cafe_order.c.id).where(given, sa.exists().where(order_item.c.name == "x")),
        sa.delete(cafe_order).where(cafe_order.c.id == param("id")),
        sa.update(cafe_order).values(status="paid"),
    ]
    sound = [
        sa.select(cafe_order.c.id).where(given),
        sa.select(order_item.c.id).join(cafe_order, sa.and_(of_order, same)).where(given),
        sa.delete(cafe_order).where(given, cafe_order.c.id == param("id")),
        sa.select(order_item.c.id).join(of_ours, of_ours.c.cafe_id == order_item.c.cafe_id),
        sa.select(order_item.c.id, like.scalar_subquery()).where(line),
    ]

    assert [is_of_one_cafe(each) for each in faults] == [False] * len(faults)
    assert [is_of_one_cafe(each) for each in sound] == [True] * len(sound)
