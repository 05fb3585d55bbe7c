"""Fills a database with what the payment starts need: cafes, customers with credit, and open orders."""

import asyncio
from collections.abc import Iterator

from bench.targets import Request
from tabletap.app import App
from tabletap.cafes.menu_file import parse_menu
from tabletap.cafes.model import MenuItemView
from tabletap.credits.service import MoveCredit
from tabletap.identity.model import CreateCustomer
from tabletap.infra.db.transaction import Transaction
from tabletap.infra.settings import Settings
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Actor, Role, system
from tabletap.orders import store as orders_store
from tabletap.orders.events import OrderCreated
from tabletap.orders.model import Order, OrderItem

CAFES = 8
CUSTOMERS_A_CAFE = 100
_ORDERS_AT_ONCE = 100
_AT_ONCE = 8
_PRICE_MINOR = 480
_MENU = b"name,price,category,taxRate,allergens,modifiers\nFlat white,4.80,Coffee,10,milk,\n"


async def fill(settings: Settings, secret: str, count: int) -> list[Request]:
    """Prepare so many payment starts, spread evenly over cafes and customers: neighbours are of different cafes."""
    app = App(settings, secret)
    await app.start(with_jobs=False)
    try:
        a_cafe = -(-count // CAFES)
        of_cafes = [await _cafe(app, number, a_cafe) for number in range(CAFES)]
        return [request for together in zip(*of_cafes, strict=True) for request in together][:count]
    finally:
        await app.stop()


async def _cafe(app: App, number: int, count: int) -> list[Request]:
    """One cafe with its customers and their open orders."""
    cafe = await app.services.cafes.create(f"Bench Cafe {number}", "AUD", "Australia/Sydney")
    by = system(cafe.cafe_id)
    await app.services.cafes.replace_menu(parse_menu("menu.csv", _MENU, "AUD"), by)
    item = (await app.services.cafes.menu(cafe.cafe_id)).categories[0].items[0]
    credit_minor = (count // CUSTOMERS_A_CAFE + 1) * _PRICE_MINOR
    customers: list[Id] = []
    for _ in range(0, CUSTOMERS_A_CAFE, _AT_ONCE):
        customers += await asyncio.gather(*(_customer(app, by, credit_minor) for _ in range(_AT_ONCE)))
    tokens = {
        customer: app.services.tokens.issue(cafe_id=cafe.cafe_id, person_id=customer, roles=frozenset({Role.CUSTOMER}))
        for customer in customers
    }
    order_ids: list[Id] = []
    for first in range(0, count, _ORDERS_AT_ONCE):
        numbers = range(first, min(first + _ORDERS_AT_ONCE, count))
        order_ids += await _orders(app, by, item, [(each + 1, customers[each % len(customers)]) for each in numbers])
    return list(_requests(order_ids, customers, tokens))


def _requests(order_ids: list[Id], customers: list[Id], tokens: dict[Id, str]) -> Iterator[Request]:
    for position, order_id in enumerate(order_ids):
        yield Request(tokens[customers[position % len(customers)]], order_id)


async def _customer(app: App, by: Actor, credit_minor: int) -> Id:
    customer = await app.services.identity.create_customer(CreateCustomer(name="Guest"), by)
    await app.services.credits.add(MoveCredit(customer_id=customer.id, amount_minor=credit_minor, reason="bench"), by)
    return customer.id


async def _orders(app: App, by: Actor, item: MenuItemView, wanted: list[tuple[int, Id]]) -> list[Id]:
    """Many orders in one decision, as the order service would write each of them, events included."""

    async def decide(tx: Transaction) -> list[Id]:
        order_ids: list[Id] = []
        for number, customer in wanted:
            order, line = _order(tx, number, customer, item)
            orders_store.add(tx, order, [line])
            tx.emit(OrderCreated(cafe_id=tx.cafe_id, at=tx.now, order=order, items=[line]))
            order_ids.append(order.id)
        return order_ids

    return await app.db.transaction(by.cafe_id, decide)


def _order(tx: Transaction, number: int, customer: Id, item: MenuItemView) -> tuple[Order, OrderItem]:
    order = Order(
        cafe_id=tx.cafe_id,
        id=new_id(),
        order_number=number,
        table_id=None,
        table_number=None,
        takeaway_name="Guest",
        session_id=None,
        customer_id=customer,
        placed_by=customer,
        client_order_id=None,
        status="pending",
        currency="AUD",
        subtotal_minor=_PRICE_MINOR,
        tax_minor=44,
        total_minor=_PRICE_MINOR,
        paid_minor=0,
        refunded_minor=0,
        reserved_minor=0,
        version=1,
        created_at=tx.now,
        updated_at=tx.now,
        paid_at=None,
        business_day="2026-01-01",
    )
    line = OrderItem(
        tx.cafe_id, new_id(), order.id, 1, item.id, item.name, 1, _PRICE_MINOR, [], None, None, ["milk"], 1000,
        _PRICE_MINOR, False,
    )  # fmt: skip
    return order, line
