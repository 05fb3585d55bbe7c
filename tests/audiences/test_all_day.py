"""How many of each thing the kitchen has to make, by station."""

from typing import Any

import msgspec

from tabletap.audiences.all_day import all_day
from tabletap.audiences.payloads import KitchenItem, KitchenTicket
from tabletap.audiences.snapshots import Snapshots
from tabletap.cafes.model import MenuRow
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Role, system
from tabletap.orders.model import Line, OrderStatus, PlaceOrder
from tests.audiences.place import Place

BAR, GRILL = "Bar", "Grill"


def ticket(status: OrderStatus, *items: KitchenItem) -> KitchenTicket:
    return KitchenTicket(order_id=new_id(), order_number=1, items=list(items), status=status, version=1, priority=0)


def item(name: str, quantity: int, *modifiers: str, station: str | None = None) -> KitchenItem:
    return KitchenItem(name=name, quantity=quantity, modifiers=list(modifiers), station=station)


def test_the_same_thing_is_counted_over_all_tickets_that_are_not_ready() -> None:
    counts = all_day(
        [
            ticket("paid", item("Flat white", 2, "oat", "large", station=BAR), item("Toast", 1)),
            ticket("preparing", item("Flat white", 1, "large", "oat", station=BAR), item("Burger", 1, station=GRILL)),
            ticket("ready", item("Flat white", 9, "large", "oat", station=BAR)),
            ticket("pending", item("Flat white", 1, station=BAR), item("Burger", 4, "rare", station=GRILL)),
        ]
    )

    assert [(each.station, each.name, each.modifiers, each.quantity) for each in counts] == [
        (None, "Toast", [], 1),
        (BAR, "Flat white", ["large", "oat"], 3),
        (BAR, "Flat white", [], 1),
        (GRILL, "Burger", ["rare"], 4),
        (GRILL, "Burger", [], 1),
    ]


async def test_tickets_carry_stations_and_a_snapshot_begins_with_the_counts(place: Place) -> None:
    rows = [
        MenuRow(name="Espresso", price_minor=350, station=BAR),
        MenuRow(name="Burger", price_minor=1_500, station=GRILL),
        MenuRow(name="Banana", price_minor=100),
    ]
    await place.services.cafes.replace_menu(rows, system(place.id))
    menu = await place.services.cafes.menu(place.id)
    ids = {each.name: each.id for category in menu.categories for each in category.items}
    lines = tuple(Line(menu_item_id=id_, quantity=2) for id_ in ids.values())
    for _ in range(2):
        order = await place.services.orders.place(PlaceOrder(items=lines), place[Role.COUNTER])
        await place.take_cash(await place.start_cash(order))

    key = f"cafe:{place.id}:kitchen"
    state: Any = msgspec.to_builtins((await Snapshots(place.services.db).take(key, place[Role.KITCHEN])).state)

    told = [msgspec.json.decode(event.data) for event in await place.told(key) if event.name == "new_paid_order"]
    stations = {each["name"]: each.get("station") for each in told[0]["items"]}
    assert stations == {"Espresso": BAR, "Burger": GRILL, "Banana": None}
    assert state["allDay"] == [
        {"name": "Banana", "modifiers": [], "quantity": 4},
        {"name": "Espresso", "modifiers": [], "quantity": 4, "station": BAR},
        {"name": "Burger", "modifiers": [], "quantity": 4, "station": GRILL},
    ]
