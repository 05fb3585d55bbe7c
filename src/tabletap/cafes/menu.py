"""The menu: how it is shown, and how a new one takes the place of the old."""

from typing import Any

import msgspec

from tabletap.cafes import store
from tabletap.cafes.model import (
    Cafe,
    CategoryView,
    MenuImported,
    MenuItem,
    MenuItemView,
    MenuRow,
    MenuView,
    ModifierGroupView,
    ModifierView,
)
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import Id, new_id


def menu_view(cafe: Cafe, items: list[MenuItem]) -> MenuView:
    """The menu as everybody may see it: by category, in the order in which the categories first appear."""
    categories: dict[str, list[MenuItemView]] = {}
    for item in items:
        categories.setdefault(item.category, []).append(item_view(item))
    return MenuView(cafe.cafe_id, cafe.name, cafe.currency, [CategoryView(*each) for each in categories.items()])


def item_view(item: MenuItem) -> MenuItemView:
    """One item as everybody may see it."""
    groups: dict[str, list[ModifierView]] = {}
    for choice in item.choices.values():
        groups.setdefault(choice.group, []).append(ModifierView(choice.id, choice.name, choice.price_delta))
    return MenuItemView(
        id=item.id,
        name=item.name,
        price=item.price_minor,
        category=item.category,
        allergens=item.allergens,
        available=item.available,
        modifier_groups=[ModifierGroupView(*group) for group in groups.items()],
        description=item.description,
        tax_rate=item.tax_basis_points or None,
    )


async def replace(tx: Transaction, known: list[MenuItem], rows: list[MenuRow]) -> MenuImported:
    """Write the rows as the whole menu; an item that is not among them is taken off it, and keeps its id.

    It writes row by row, in a transaction that began with locks: a menu is far more than one plan should carry.
    """
    by_name = {item.name: item for item in known}
    added = changed = unchanged = removed = 0
    for position, row in enumerate(rows):
        before = by_name.pop(row.name, None)
        after = _item_of(tx.cafe_id, row, position, before)
        if before is None:
            await store.insert_menu_item(tx, after)
            added += 1
        elif after == before:
            unchanged += 1
        else:
            await store.update_menu_item(tx, after)
            added, changed = added + before.removed, changed + (not before.removed)
    for item in by_name.values():
        if not item.removed:
            await store.update_menu_item(tx, msgspec.structs.replace(item, removed=True))
            removed += 1
    return MenuImported(added=added, changed=changed, unchanged=unchanged, removed=removed)


def _item_of(cafe_id: Id, row: MenuRow, position: int, before: MenuItem | None) -> MenuItem:
    return MenuItem(
        cafe_id=cafe_id,
        id=before.id if before else new_id(),
        name=row.name,
        price_minor=row.price_minor,
        category=row.category,
        description=row.description,
        tax_basis_points=row.tax_basis_points,
        station=row.station,
        allergens=row.allergens,
        modifiers=_modifiers_of(row, before),
        available=row.available,
        position=position,
        removed=False,
    )


def _modifiers_of(row: MenuRow, before: MenuItem | None) -> list[dict[str, Any]]:
    """The choices as they are kept; one whose group and name stay keeps its id."""
    known = {(choice["group"], choice["name"]): choice["id"] for choice in before.modifiers} if before else {}
    return [
        {
            "id": known.get((choice.group, choice.name)) or new_id(),
            "group": choice.group,
            "name": choice.name,
            "priceDelta": choice.price_delta_minor,
        }
        for choice in row.modifiers
    ]
