"""Menus: grouped, taken over, kept under their ids, sold out."""

import asyncio

import msgspec
import pytest

from tabletap.cafes import store
from tabletap.cafes.errors import MenuItemNotFound
from tabletap.cafes.model import Cafe, MenuRow, ModifierRow
from tabletap.cafes.service import CafeService
from tabletap.infra.db.open import AnyDatabase
from tabletap.kernel.errors import NotAllowed
from tabletap.kernel.people import Role
from tests.cafes.conftest import MENU, somebody


async def test_the_menu_is_grouped_by_category_in_its_own_order(cafes: CafeService, cafe: Cafe) -> None:
    imported = await cafes.replace_menu(MENU, somebody(cafe, Role.MANAGER))

    shown = msgspec.to_builtins(await cafes.menu(cafe.cafe_id))

    assert (imported.added, imported.changed, imported.unchanged, imported.removed) == (3, 0, 0, 0)
    assert (shown["cafeId"], shown["name"], shown["currency"]) == (cafe.cafe_id, "Blue Door", "AUD")
    names = {category["name"]: [item["name"] for item in category["items"]] for category in shown["categories"]}
    assert names == {"Coffee": ["Flat white", "Espresso"], "Cake": ["Carrot cake"]}
    flat_white, espresso = shown["categories"][0]["items"]
    assert (flat_white["price"], flat_white["taxRate"], flat_white["allergens"]) == (480, 1000, ["milk"])
    groups = [(group["name"], [(option["name"], option["priceDelta"]) for option in group["options"]])
              for group in flat_white["modifierGroups"]]  # fmt: skip
    assert groups == [("Milk", [("oat", 70), ("soy", 70)]), ("Size", [("large", 100)])]
    assert espresso.keys() == {"id", "name", "price", "category", "allergens", "available", "modifierGroups"}


async def test_items_and_choices_whose_names_stay_keep_their_ids(
    cafes: CafeService, db: AnyDatabase, cafe: Cafe
) -> None:
    manager = somebody(cafe, Role.MANAGER)
    await cafes.replace_menu(MENU, manager)
    before = {
        item.name: item
        for item in await db.read(cafe.cafe_id, lambda reader: store.get_menu_items(reader, cafe.cafe_id))
    }
    dearer = msgspec.structs.replace(
        MENU[0], price_minor=500, modifiers=[ModifierRow("Milk", "oat", 80), ModifierRow("Milk", "rice", 80)]
    )

    imported = await cafes.replace_menu([dearer, MENU[1], MenuRow(name="Mocha", price_minor=550)], manager)

    after = {
        item.name: item
        for item in await db.read(cafe.cafe_id, lambda reader: store.get_menu_items(reader, cafe.cafe_id))
    }
    assert (imported.added, imported.changed, imported.unchanged, imported.removed) == (1, 1, 1, 1)
    assert list(after) == ["Flat white", "Carrot cake", "Mocha"]
    assert (after["Flat white"].id, after["Flat white"].price_minor) == (before["Flat white"].id, 500)
    oat, rice = after["Flat white"].choices.values()
    assert oat.id == next(choice.id for choice in before["Flat white"].choices.values() if choice.name == "oat")
    assert (oat.price_delta, rice.id in before["Flat white"].choices) == (80, False)


async def test_an_item_that_left_the_menu_returns_under_its_old_id(
    cafes: CafeService, db: AnyDatabase, cafe: Cafe
) -> None:
    manager = somebody(cafe, Role.MANAGER)
    await cafes.replace_menu(MENU, manager)
    espresso = (await cafes.menu(cafe.cafe_id)).categories[0].items[1]

    await cafes.replace_menu(MENU[:2], manager)
    gone = await db.read(cafe.cafe_id, lambda reader: store.get_menu_item(reader, cafe.cafe_id, espresso.id))
    with pytest.raises(MenuItemNotFound):
        await cafes.set_available(espresso.id, True, manager)
    again = await cafes.replace_menu(MENU, manager)

    assert gone is None
    assert (again.added, again.unchanged) == (1, 2)
    assert (await cafes.menu(cafe.cafe_id)).categories[0].items[1] == espresso


async def test_a_whole_menu_is_taken_over_twice_at_once_without_a_trace_of_the_race(
    cafes: CafeService, cafe: Cafe
) -> None:
    manager = somebody(cafe, Role.MANAGER)
    rows = [MenuRow(name=f"Item {number}", price_minor=number) for number in range(300)]

    answers = await asyncio.gather(*(cafes.replace_menu(rows, manager) for _ in range(2)))

    assert sorted((answer.added, answer.unchanged) for answer in answers) == [(0, 300), (300, 0)]
    assert len((await cafes.menu(cafe.cafe_id)).categories[0].items) == 300


@pytest.mark.parametrize("role", [Role.KITCHEN, Role.STAFF, Role.MANAGER])
async def test_whoever_works_here_marks_an_item_as_sold_out(cafes: CafeService, cafe: Cafe, role: Role) -> None:
    await cafes.replace_menu(MENU, somebody(cafe, Role.MANAGER))
    item = (await cafes.menu(cafe.cafe_id)).categories[0].items[0]

    for _ in range(2):
        assert (await cafes.set_available(item.id, False, somebody(cafe, role))).available is False

    assert (await cafes.menu(cafe.cafe_id)).categories[0].items[0].available is False


async def test_the_menu_of_another_cafe_is_out_of_reach(cafes: CafeService, cafe: Cafe, other_cafe: Cafe) -> None:
    await cafes.replace_menu(MENU, somebody(cafe, Role.MANAGER))
    item = (await cafes.menu(cafe.cafe_id)).categories[0].items[0]

    with pytest.raises(NotAllowed):
        await cafes.set_available(item.id, False, somebody(cafe, Role.CUSTOMER))
    for item_id in (item.id, "nonsense"):
        with pytest.raises(MenuItemNotFound):
            await cafes.set_available(item_id, False, somebody(other_cafe, Role.ADMIN))
    await cafes.replace_menu([], somebody(other_cafe, Role.ADMIN))

    assert len((await cafes.menu(cafe.cafe_id)).categories) == 2
    assert (await cafes.menu(other_cafe.cafe_id)).categories == []
