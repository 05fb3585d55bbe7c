"""The tables and statements of cafes: settings, tables, table sessions, menu."""

import msgspec
import sqlalchemy as sa

from tabletap.cafes.model import Cafe, CafeTable, MenuItem, TableSession
from tabletap.infra.db.schema import (
    Flag,
    Id,
    Instant,
    Json,
    Minor,
    Text,
    Whole,
    column,
    columns_of,
    metadata,
    of_cafe,
    param,
)
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader, Transaction

cafe = sa.Table(
    "cafe",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("name", Text),
    column("currency", Text),
    column("time_zone", Text),
    column("payment_policy", Text),
    column("expiry_minutes", Json),
    column("cash_rounding_minor", Minor),
    column("late_money_policy", Text),
    column("bank_details", Json, null=True),
    column("counter_credit_limit_minor", Minor),
    column("refund_limit_minor", Minor, null=True),
    column("version", Whole),
    column("created_at", Instant),
    column("day_starts_minute", Whole, server_default="0"),
    column("business_details", Json, null=True),
    column("credit_settings", Json, null=True),
    sa.CheckConstraint("length(currency) = 3", name="currency"),
    sa.CheckConstraint("payment_policy IN ('pay_first', 'pay_later')", name="payment_policy"),
    sa.CheckConstraint("late_money_policy IN ('credit', 'refund', 'review')", name="late_money_policy"),
    sa.CheckConstraint("cash_rounding_minor >= 0", name="cash_rounding"),
    sa.CheckConstraint("counter_credit_limit_minor >= 0", name="counter_credit_limit"),
    sa.CheckConstraint("refund_limit_minor >= 0", name="refund_limit"),
)
cafe_table = sa.Table(
    "cafe_table",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("number", Text),
    column("code", Text, unique=True),
    column("active", Flag),
    sa.CheckConstraint("length(code) >= 22", name="code_cannot_be_guessed"),
    sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"]),
    sa.UniqueConstraint("cafe_id", "number"),
)
table_session = sa.Table(
    "table_session",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("table_id", Id),
    column("opened_at", Instant),
    column("closed_at", Instant, null=True),
    sa.CheckConstraint("closed_at >= opened_at", name="closed_after_opened"),
    of_cafe("cafe_table", "table_id"),
    sa.Index(
        "uq_table_session_open",
        "cafe_id",
        "table_id",
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
        sqlite_where=sa.text("closed_at IS NULL"),
    ),
)
menu_item = sa.Table(
    "menu_item",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("name", Text),
    column("price_minor", Minor),
    column("category", Text),
    column("description", Text, null=True),
    column("tax_basis_points", Whole),
    column("station", Text, null=True),
    column("allergens", Json),
    column("modifiers", Json),
    column("available", Flag),
    column("position", Whole),
    column("removed", Flag),
    sa.CheckConstraint("price_minor >= 0", name="price"),
    sa.CheckConstraint("tax_basis_points BETWEEN 0 AND 10000", name="tax"),
    sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"]),
    sa.UniqueConstraint("cafe_id", "name"),
)

_CAFE = Statement(sa.select(*columns_of(cafe, Cafe)).where(cafe.c.cafe_id == param("cafe_id")))
_TABLE = Statement(
    sa.select(*columns_of(cafe_table, CafeTable)).where(
        cafe_table.c.cafe_id == param("cafe_id"), cafe_table.c.id == param("id")
    )
)
_TABLES = Statement(sa.select(*columns_of(cafe_table, CafeTable)).where(cafe_table.c.cafe_id == param("cafe_id")))
_OPEN_SESSION = Statement(
    sa.select(*columns_of(table_session, TableSession)).where(
        table_session.c.cafe_id == param("cafe_id"),
        table_session.c.table_id == param("table_id"),
        table_session.c.closed_at.is_(None),
    )
)
_SESSION = Statement(
    sa.select(*columns_of(table_session, TableSession)).where(
        table_session.c.cafe_id == param("cafe_id"), table_session.c.id == param("id")
    )
)
_MENU_ITEMS = Statement(
    sa.select(*columns_of(menu_item, MenuItem))
    .where(menu_item.c.cafe_id == param("cafe_id"), menu_item.c.removed.is_(sa.false()))
    .order_by(menu_item.c.position, menu_item.c.id)
)
_ALL_MENU_ITEMS = Statement(
    sa.select(*columns_of(menu_item, MenuItem)).where(menu_item.c.cafe_id == param("cafe_id")).order_by(menu_item.c.id)
)
_MENU_ITEM = Statement(
    sa.select(*columns_of(menu_item, MenuItem)).where(
        menu_item.c.cafe_id == param("cafe_id"), menu_item.c.id == param("id"), menu_item.c.removed.is_(sa.false())
    )
)
_INSERT_MENU_ITEM = Statement(
    sa.insert(menu_item).values({name: param(f"new_{name}") for name in MenuItem.__struct_fields__})
)
_UPDATE_MENU_ITEM = Statement(
    sa.update(menu_item)
    .where(menu_item.c.cafe_id == param("new_cafe_id"), menu_item.c.id == param("new_id"))
    .values({name: param(f"new_{name}") for name in MenuItem.__struct_fields__ if name not in ("cafe_id", "id")})
)

# --- across cafes: named in infra/tenancy.py ----------------------------------------

_TABLE_BY_CODE = Statement(
    sa.select(*columns_of(cafe_table, CafeTable)).where(
        cafe_table.c.code == param("code"), cafe_table.c.active.is_(sa.true())
    )
)


async def table_by_code(reader: Reader, code: str) -> CafeTable | None:
    """The table in use that carries a code, at any cafe (infra/tenancy.py: table code)."""
    return await reader.one(_TABLE_BY_CODE, CafeTable, code=code)


# --- of one cafe ----------------------------------------------------------------------


async def get_cafe(reader: Reader, cafe_id: str, *, lock: bool = False) -> Cafe | None:
    """The cafe and its settings."""
    return await reader.one(_CAFE, Cafe, lock=lock, cafe_id=cafe_id)


async def get_menu_items(reader: Reader, cafe_id: str) -> list[MenuItem]:
    """What is on the menu, sold out or not, in its order."""
    return await reader.all(_MENU_ITEMS, MenuItem, cafe_id=cafe_id)


async def get_menu_item(reader: Reader, cafe_id: str, id_: str, *, lock: bool = False) -> MenuItem | None:
    """An item of the menu; None also for one that was taken off it."""
    return await reader.one(_MENU_ITEM, MenuItem, lock=lock, cafe_id=cafe_id, id=id_)


async def get_all_menu_items(tx: Transaction, cafe_id: str) -> list[MenuItem]:
    """What is and what ever was on the menu, to be changed."""
    return await tx.all(_ALL_MENU_ITEMS, MenuItem, lock=True, cafe_id=cafe_id)


async def insert_menu_item(tx: Transaction, item: MenuItem) -> None:
    """Write a new item at once; needs a transaction that began with locks."""
    await tx.run(_INSERT_MENU_ITEM, **{f"new_{name}": value for name, value in msgspec.structs.asdict(item).items()})


async def update_menu_item(tx: Transaction, item: MenuItem) -> None:
    """Write an item's new state at once; needs a transaction that began with locks."""
    await tx.run(_UPDATE_MENU_ITEM, **{f"new_{name}": value for name, value in msgspec.structs.asdict(item).items()})


async def get_table(reader: Reader, cafe_id: str, id_: str, *, lock: bool = False) -> CafeTable | None:
    """A table of the cafe, in use or not."""
    return await reader.one(_TABLE, CafeTable, lock=lock, cafe_id=cafe_id, id=id_)


async def get_tables(reader: Reader, cafe_id: str) -> list[CafeTable]:
    """All tables of the cafe, in no order."""
    return await reader.all(_TABLES, CafeTable, cafe_id=cafe_id)


async def get_open_session(reader: Reader, cafe_id: str, table_id: str, *, lock: bool = False) -> TableSession | None:
    """The session of the people who sit at a table now."""
    return await reader.one(_OPEN_SESSION, TableSession, lock=lock, cafe_id=cafe_id, table_id=table_id)


async def get_session(reader: Reader, cafe_id: str, id_: str) -> TableSession | None:
    """A table session, open or closed."""
    return await reader.one(_SESSION, TableSession, cafe_id=cafe_id, id=id_)
