"""The orders' tables and statements."""

import msgspec
import sqlalchemy as sa

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
from tabletap.orders.model import Order, OrderItem

cafe_order = sa.Table(
    "cafe_order",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("order_number", Whole),
    column("business_day", Text),
    column("table_id", Id, null=True),
    column("table_number", Text, null=True),
    column("takeaway_name", Text, null=True),
    column("session_id", Id, null=True),
    column("customer_id", Id, null=True),
    column("placed_by", Id),
    column("client_order_id", Text, null=True),
    column("status", Text),
    column("currency", Text),
    column("subtotal_minor", Minor),
    column("tax_minor", Minor),
    column("total_minor", Minor),
    column("paid_minor", Minor),
    column("refunded_minor", Minor),
    column("reserved_minor", Minor),
    column("version", Whole),
    column("created_at", Instant),
    column("updated_at", Instant),
    column("paid_at", Instant, null=True),
    column("kind", Text, server_default="sale"),
    column("tax_paid_minor", Minor, server_default="0"),
    column("tax_refunded_minor", Minor, server_default="0"),
    sa.CheckConstraint("kind IN ('sale', 'top_up')", name="kind"),
    sa.CheckConstraint("paid_minor >= 0 AND paid_minor <= total_minor", name="never_overpaid"),
    sa.CheckConstraint("reserved_minor >= 0", name="reserved"),
    sa.CheckConstraint("refunded_minor >= 0 AND refunded_minor <= paid_minor", name="refunded"),
    sa.CheckConstraint("status IN ('pending', 'paid', 'preparing', 'ready', 'collected', 'cancelled')", name="status"),
    sa.UniqueConstraint("cafe_id", "business_day", "order_number"),
    sa.UniqueConstraint("cafe_id", "placed_by", "client_order_id"),
    of_cafe("cafe_table", "table_id"),
    sa.Index("ix_cafe_order_status", "cafe_id", "status", "id"),
    sa.Index("ix_cafe_order_session", "cafe_id", "session_id"),
    postgresql_with={"fillfactor": 80},
)
order_item = sa.Table(
    "order_item",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("order_id", Id),
    column("position", Whole),
    column("menu_item_id", Id),
    column("name", Text),
    column("quantity", Whole),
    column("unit_price_minor", Minor),
    column("modifiers", Json),
    column("note", Text, null=True),
    column("station", Text, null=True),
    column("allergens", Json),
    column("tax_basis_points", Whole),
    column("total_minor", Minor),
    column("voided", Flag),
    sa.CheckConstraint("quantity > 0", name="quantity"),
    of_cafe("cafe_order", "order_id"),
    sa.Index("ix_order_item_order", "cafe_id", "order_id"),
)


class OrderCounter(msgspec.Struct, frozen=True):
    """The last order number given on a business day: a row of `order_counter`."""

    cafe_id: str
    business_day: str
    last_number: int


order_counter = sa.Table(
    "order_counter",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("business_day", Text, primary_key=True),
    column("last_number", Whole),
)

_OWN = (cafe_order.c.cafe_id == param("cafe_id"), cafe_order.c.id == param("id"))
_GET = Statement(sa.select(*columns_of(cafe_order, Order)).where(*_OWN))
_BY_CLIENT_ID = Statement(
    sa.select(*columns_of(cafe_order, Order)).where(
        cafe_order.c.cafe_id == param("cafe_id"),
        cafe_order.c.placed_by == param("placed_by"),
        cafe_order.c.client_order_id == param("client_order_id"),
    )
)
_ITEMS = Statement(
    sa.select(*columns_of(order_item, OrderItem))
    .where(order_item.c.cafe_id == param("cafe_id"), order_item.c.order_id == param("order_id"))
    .order_by(order_item.c.position)
)
_COUNTER = Statement(
    sa.select(*columns_of(order_counter, OrderCounter)).where(
        order_counter.c.cafe_id == param("cafe_id"), order_counter.c.business_day == param("business_day")
    )
)
_LIST = Statement(
    sa.select(*columns_of(cafe_order, Order))
    .where(
        cafe_order.c.cafe_id == param("cafe_id"),
        cafe_order.c.id < param("before"),
        sa.or_(param("any_status") == sa.true(), cafe_order.c.status == param("status")),
        sa.or_(
            param("whole_cafe") == sa.true(),
            cafe_order.c.customer_id == param("person_id"),
            cafe_order.c.session_id == param("session_id"),
        ),
    )
    .order_by(cafe_order.c.id.desc())
    .limit(param("limit"))
)


async def get(reader: Reader, order_id: str, *, lock: bool = False) -> Order | None:
    """An order of the reader's cafe; within a transaction, as that transaction will leave it."""
    if isinstance(reader, Transaction):
        known: Order | None = reader.recall(("order", order_id))
        if known is not None:
            return known
    return await reader.one(_GET, Order, lock=lock, cafe_id=reader.cafe_id, id=order_id)


async def items(reader: Reader, order_id: str) -> list[OrderItem]:
    """The order's lines, in the order in which they were chosen."""
    return await reader.all(_ITEMS, OrderItem, cafe_id=reader.cafe_id, order_id=order_id)


async def by_client_id(reader: Reader, placed_by: str, client_order_id: str) -> Order | None:
    """The order a device already placed under its own id."""
    return await reader.one(
        _BY_CLIENT_ID, Order, cafe_id=reader.cafe_id, placed_by=placed_by, client_order_id=client_order_id
    )


async def page(
    reader: Reader, before: str, limit: int, status: str | None, person_id: str | None, session_id: str | None
) -> list[Order]:
    """Orders older than an id, newest first: the whole cafe's, or those of a person and of the table they sit at."""
    return await reader.all(
        _LIST,
        Order,
        cafe_id=reader.cafe_id,
        before=before,
        limit=limit,
        any_status=status is None,
        status=status or "",
        whole_cafe=person_id is None,
        person_id=person_id,
        session_id=session_id,
    )


async def has_any(reader: Reader) -> bool:
    """Whether the cafe ever had an order."""
    return bool(await page(reader, "ffffffff-ffff-ffff-ffff-ffffffffffff", 1, None, None, None))


_TAX = Statement(
    sa.select(sa.func.sum(cafe_order.c.tax_paid_minor - cafe_order.c.tax_refunded_minor)).where(
        cafe_order.c.cafe_id == param("cafe_id")
    )
)


async def tax_held(reader: Reader) -> int:
    """The tax in what was paid on all orders and not given back."""
    return int(await reader.value(_TAX, cafe_id=reader.cafe_id) or 0)


async def next_number(tx: Transaction, business_day: str) -> int:
    """The day's next order number. Two orders at once decide again, one after the other."""
    before = await tx.one(_COUNTER, OrderCounter, lock=True, cafe_id=tx.cafe_id, business_day=business_day)
    after = OrderCounter(tx.cafe_id, business_day, before.last_number + 1 if before else 1)
    if before is None:
        tx.add(order_counter, after, retry_on_duplicate=True)
    else:
        tx.save(order_counter, before, after, ("cafe_id", "business_day"), ("last_number",))
    return after.last_number


def add(tx: Transaction, order: Order, lines: list[OrderItem]) -> None:
    """A new order with its lines.

    Its number and its device's own id are unique: of two at once, the second decides again and sees the first.
    """
    tx.add(cafe_order, order, retry_on_duplicate=True)
    tx.add(order_item, *lines)
    tx.remember(("order", order.id), order)


def save(tx: Transaction, before: Order, after: Order) -> None:
    """A changed order, guarded by its version."""
    tx.save(cafe_order, before, after, ("cafe_id", "id"), ("version",))
    tx.remember(("order", after.id), after)


def change_lines(tx: Transaction, added: list[OrderItem], voided: list[OrderItem]) -> None:
    """New lines, and lines that stand no longer; they stay to be seen. The order's version guards them."""
    tx.add(order_item, *added)
    for line in voided:
        tx.save(order_item, line, msgspec.structs.replace(line, voided=True), ("cafe_id", "id"), ("voided",))
