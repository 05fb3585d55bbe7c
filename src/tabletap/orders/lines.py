"""The lines of an order: how many there may be, what they cost today, what they come to."""

from collections.abc import Iterable

from tabletap.cafes import store as cafes
from tabletap.cafes.model import MenuItem
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.errors import FieldError, InvalidRequest
from tabletap.kernel.ids import Id, new_id
from tabletap.orders.errors import ItemUnavailable
from tabletap.orders.model import Line, OrderItem, tax_within

MAX_LINES = 100
MAX_QUANTITY = 99


def sums_of(items: list[OrderItem]) -> tuple[int, int]:
    """What the lines that stand cost, and the tax within."""
    standing = [item for item in items if not item.voided]
    total = sum(item.total_minor for item in standing)
    return total, sum(tax_within(item.total_minor, item.tax_basis_points) for item in standing)


def check_lines(lines: tuple[Line, ...], named: str) -> None:
    """Refuse too many lines and impossible quantities; `named` is the field at fault. Raises InvalidRequest."""
    if not 1 <= len(lines) <= MAX_LINES:
        raise InvalidRequest(f"An order has 1 to {MAX_LINES} lines.")
    for index, line in enumerate(lines):
        if not 1 <= line.quantity <= MAX_QUANTITY:
            field = f"{named}[{index}].quantity"
            raise InvalidRequest(
                f"A quantity is between 1 and {MAX_QUANTITY}.", errors=[FieldError(field, "is out of range")]
            )


async def priced(tx: Transaction, order_id: Id, position: int, line: Line) -> OrderItem:
    """A line at today's price. Raises ItemUnavailable for what the menu does not have or has no more of."""
    item = await cafes.get_menu_item(tx, tx.cafe_id, line.menu_item_id)
    if item is None:
        raise ItemUnavailable("Something on this order is not on the menu.")
    if not item.available:
        raise ItemUnavailable(f"{item.name} is not available right now.")
    modifiers = _chosen(item, line.modifier_ids)
    unit = item.price_minor + sum(int(str(modifier["priceDelta"])) for modifier in modifiers)
    if unit < 0:
        raise ItemUnavailable(f"{item.name} cannot be ordered with these modifiers.")
    return OrderItem(
        tx.cafe_id, new_id(), order_id, position, item.id, item.name, line.quantity, unit, modifiers, line.note,
        item.station, list(item.allergens), item.tax_basis_points, unit * line.quantity, False,
    )  # fmt: skip


def _chosen(item: MenuItem, modifier_ids: Iterable[Id]) -> list[dict[str, object]]:
    offered = {str(modifier["id"]): modifier for modifier in item.modifiers}
    chosen = list(dict.fromkeys(modifier_ids))
    unknown = [modifier_id for modifier_id in chosen if modifier_id not in offered]
    if unknown:
        raise ItemUnavailable(f"{item.name} does not come with one of the chosen modifiers.")
    return [
        {"id": found["id"], "name": found["name"], "priceDelta": found["priceDelta"]}
        for found in (offered[modifier_id] for modifier_id in chosen)
    ]
