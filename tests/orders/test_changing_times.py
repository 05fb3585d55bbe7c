"""Days change by the cafe's own clock, and menus change under orders that are already placed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from tabletap.cafes.menu_file import parse_menu
from tabletap.cafes.model import ChangeSettings
from tabletap.orders.errors import ItemUnavailable, PriceChanged
from tabletap.orders.model import Line, OrderView, PlaceOrder
from tests.support.books import rows
from tests.support.world import CafeWorld, World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def order(world: World, cafe: CafeWorld, item: str = "Flat white", expected: int | None = None) -> OrderView:
    wanted = PlaceOrder(items=(Line(menu_item_id=cafe.menu[item].id),), expected_total_minor=expected)
    return await world.app.services.orders.place(wanted, cafe.people["staff"])


async def business_day(world: World, placed: OrderView) -> str:
    ((day,),) = await rows(world, f"SELECT business_day FROM cafe_order WHERE id = '{placed.id}'")  # noqa: S608 - the test's own id
    return str(day)


def set_clock(world: World, at: datetime) -> None:
    world.clock.ahead = at - datetime.now(UTC)


async def test_numbers_start_again_at_midnight_in_the_cafes_time_zone(moving_world: World) -> None:
    world = moving_world
    elsewhere = msgspec.convert({"timeZone": "America/New_York"}, ChangeSettings)
    await world.app.services.cafes.change_settings(elsewhere, world.other.people["manager"])
    sydney = ZoneInfo("Australia/Sydney")
    today = world.clock.now().astimezone(sydney).date()
    midnight = datetime.combine(today + timedelta(days=2), datetime.min.time(), sydney)

    set_clock(world, midnight - timedelta(minutes=2))
    evening = [await order(world, world.home) for _ in range(3)]
    abroad = [await order(world, world.other)]
    set_clock(world, midnight + timedelta(minutes=2))
    morning = [await order(world, world.home) for _ in range(2)]
    abroad.append(await order(world, world.other))

    assert [each.order_number for each in (*evening, *morning)] == [1, 2, 3, 1, 2]
    days = [await business_day(world, each) for each in (*evening, *morning)]
    assert days == [str(today + timedelta(days=1))] * 3 + [str(today + timedelta(days=2))] * 2
    # It is the middle of the day over there.
    assert [each.order_number for each in abroad] == [1, 2]
    assert {await business_day(world, each) for each in abroad} == {str(today + timedelta(days=1))}


async def test_an_order_keeps_the_price_at_which_it_was_placed(moving_world: World) -> None:
    world, manager = moving_world, moving_world.home.people["manager"]
    before = await order(world, world.home)
    dearer = b"name,price,category,taxRate\nFlat white,5.20,Coffee,10\nBanana bread,6.20,Food,10\n"
    await world.app.services.cafes.replace_menu(parse_menu("menu.csv", dearer, "AUD"), manager)

    with pytest.raises(PriceChanged):
        await order(world, world.home, expected=480)
    after = await order(world, world.home, expected=520)

    assert await world.app.services.orders.get(before.id, manager) == before
    assert (before.total_amount, after.total_amount) == (480, 520)
    with pytest.raises(ItemUnavailable):
        await order(world, world.home, "Espresso")  # no longer on the menu


async def test_what_is_sold_out_cannot_be_ordered_until_it_is_back(moving_world: World) -> None:
    world, manager = moving_world, moving_world.home.people["manager"]
    bread = world.home.menu["Banana bread"].id
    await world.app.services.cafes.set_available(bread, False, manager)

    with pytest.raises(ItemUnavailable, match="Banana bread"):
        await order(world, world.home, "Banana bread")
    await world.app.services.cafes.set_available(bread, True, manager)
    assert (await order(world, world.home, "Banana bread")).total_amount == 620
