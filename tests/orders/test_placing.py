"""Placing an order: the server's price, and what is not on the menu."""

import asyncio
from fractions import Fraction
from typing import Any

import pytest

from tabletap.kernel.ids import new_id
from tests.support.books import rows
from tests.support.world import Answer, World

pytestmark = pytest.mark.asyncio(loop_scope="package")


def option(world: World, item: str, name: str) -> str:
    """The id of an item's modifier."""
    options = [option for group in world.home.menu[item].modifier_groups for option in group.options]
    return next(option.id for option in options if option.name == name)


def line(world: World, item: str = "Flat white", *modifiers: str, **more: Any) -> dict[str, Any]:
    chosen = [option(world, item, name) for name in modifiers]
    return {"menuItemId": world.home.menu[item].id, "quantity": 1, "modifierIds": chosen, **more}


async def place(world: World, *lines: dict[str, Any], who: str = "customer", **more: Any) -> Answer:
    return await world.call("POST", "/orders", who, {"items": list(lines), **more})


async def assert_refused(answering: Any, status: int, code: str) -> None:
    answer = await answering
    assert (answer.status, answer.body.get("code")) == (status, code), answer.body


async def test_modifiers_quantities_and_tax_are_priced_by_the_server(world: World) -> None:
    lines = (line(world, "Flat white", "oat", "large", quantity=2, note="hot"), line(world, "Banana bread", quantity=3))

    answer = await place(world, *lines, expectedTotalAmount=3_160)

    coffee, bread = answer.body["items"]
    tax = round(Fraction(1_300 * 10, 110)) + round(Fraction(1_860 * 10, 110))
    assert answer.status == 201
    assert (coffee["unitPrice"], coffee["total"], coffee["note"]) == (650, 1_300, "hot")
    assert [(each["name"], each["priceDelta"]) for each in coffee["modifiers"]] == [("oat", 70), ("large", 100)]
    assert (bread["unitPrice"], bread["total"], bread["modifiers"]) == (620, 1_860, [])
    assert answer.body["totalAmount"] == answer.body["outstandingAmount"] == 3_160
    assert answer.body["taxAmount"] == tax
    assert answer.body["subtotalAmount"] == 3_160 - tax
    assert (answer.body["status"], answer.body["paymentStatus"]) == ("pending", "unpaid")
    assert answer.body["version"] == 1


async def test_a_modifier_that_was_named_twice_is_charged_once(world: World) -> None:
    answer = await place(world, line(world, "Flat white", "oat", "oat"))

    assert answer.body["totalAmount"] == 550


async def test_a_total_that_is_not_what_the_guest_saw_is_refused(world: World) -> None:
    before = await rows(world, "SELECT count(*) FROM cafe_order")

    await assert_refused(place(world, line(world), expectedTotalAmount=479), 409, "price_changed")
    assert await rows(world, "SELECT count(*) FROM cafe_order") == before


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"menuItemId": new_id()}, 422, "item_unavailable"),
        ({"modifierIds": [new_id()]}, 422, "item_unavailable"),
        ({"quantity": 0}, 400, "invalid_request"),
        ({"quantity": -1}, 400, "invalid_request"),
        ({"quantity": 100}, 400, "invalid_request"),
        ({"quantity": 1.5}, 400, "invalid_request"),
        ({"menuItemId": "flat-white"}, 400, "invalid_request"),
        ({"price": 1}, 400, "invalid_request"),
    ],
)
async def test_a_line_that_cannot_be_is_refused(world: World, change: dict[str, Any], status: int, code: str) -> None:
    await assert_refused(place(world, line(world, **change)), status, code)


async def test_a_modifier_of_another_item_is_refused(world: World) -> None:
    oat = option(world, "Flat white", "oat")

    await assert_refused(place(world, line(world, "Espresso", modifierIds=[oat])), 422, "item_unavailable")


async def test_an_item_of_another_cafe_is_not_on_the_menu(world: World) -> None:
    theirs = world.other.menu["Flat white"].id

    await assert_refused(place(world, line(world, menuItemId=theirs)), 422, "item_unavailable")


@pytest.mark.parametrize("count", [0, 101])
async def test_an_order_has_1_to_100_lines(world: World, count: int) -> None:
    await assert_refused(place(world, *[line(world)] * count), 400, "invalid_request")
    assert (await place(world, *[line(world)] * 100)).body["totalAmount"] == 48_000


async def test_other_cafes_currencies_and_tables_are_refused(world: World) -> None:
    await assert_refused(place(world, line(world), cafeId=world.other.id), 403, "other_cafe")
    await assert_refused(place(world, line(world), currency="EUR"), 422, "currency_mismatch")
    await assert_refused(place(world, line(world), tableId=world.home.tables[0].id), 403, "not_allowed")
    theirs = world.other.tables[0].id
    await assert_refused(place(world, line(world), who="staff", tableId=theirs), 400, "invalid_request")
    seated = await place(world, line(world), who="staff", tableId=world.home.tables[0].id, cafeId=world.home.id)
    assert (seated.status, seated.body["tableNumber"], "customerId" in seated.body) == (201, "1", False)


async def test_the_kitchen_places_no_orders(world: World) -> None:
    await assert_refused(place(world, line(world), who="kitchen"), 403, "not_allowed")


async def test_a_repeated_order_is_the_first_one(world: World) -> None:
    client_id = new_id()
    first = await place(world, line(world), clientOrderId=client_id)
    again = await place(world, line(world, "Espresso"), clientOrderId=client_id)
    other = await place(world, line(world), who="friend", clientOrderId=client_id)

    assert (again.status, again.body) == (201, first.body)
    assert other.body["id"] != first.body["id"]


async def test_an_order_sent_many_times_at_once_is_one_order(world: World) -> None:
    client_id = new_id()

    answers = await asyncio.gather(*(place(world, line(world), clientOrderId=client_id) for _ in range(12)))

    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["id"] for answer in answers}) == 1
    kept = await rows(world, f"SELECT id FROM cafe_order WHERE client_order_id = '{client_id}'")  # noqa: S608 - the test's own id
    assert kept == [(answers[0].body["id"],)]


async def test_twenty_orders_at_once_are_numbered_without_gap_or_repeat(world: World) -> None:
    async def refused() -> Answer:
        return await place(world, line(world), expectedTotalAmount=1)

    work = [refused() if turn % 3 == 0 else place(world, line(world)) for turn in range(30)]
    answers = await asyncio.gather(*work)

    numbers = sorted(answer.body["orderNumber"] for answer in answers if answer.status == 201)
    assert sorted(answer.status for answer in answers) == [201] * 20 + [409] * 10
    assert numbers == list(range(numbers[0], numbers[0] + 20))
