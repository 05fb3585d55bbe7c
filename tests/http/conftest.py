"""A cafe with everybody in it behind a real server, on each engine."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pwdlib.hashers.argon2 import Argon2Hasher

from tabletap.app import App
from tabletap.cafes.model import Cafe, MenuRow, ModifierRow
from tabletap.http.app import create_http
from tabletap.http.services import HttpSettings, Services
from tabletap.identity.model import CreateCustomer
from tabletap.identity.passwords import Passwords
from tabletap.identity.service import IdentityService
from tabletap.infra.db.sqlite import SqliteDatabase
from tabletap.infra.settings import Settings
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Role, system
from tests.http.edge import Caller, served
from tests.support.rows import MovedClock, fresh_database

SECRET = "b7c1f2a94e0d4f6f8a3b5c7d9e1f2a3b4c5d6e7f"
PASSWORD = "a-flat-white-please"
PUBLIC_URL = "https://cafe.example.org"
WEBHOOK_SECRET = "between-us-and-payconic"


class Place(msgspec.Struct):
    """A cafe and who is in it, each with a token."""

    cafe: Cafe
    table_code: str
    flat_white: Id
    oat_milk: Id
    manager: Caller
    counter: Caller
    staff: Caller
    kitchen: Caller
    customer: Caller
    customer_id: Id
    anybody: Caller

    async def guest(self) -> Caller:
        """Somebody who scanned the table's code just now."""
        reply = await self.anybody.post("/auth/guest", {"tableCode": self.table_code})
        return self.anybody.with_token(reply.body["accessToken"])

    async def order(self, by: Caller | None = None, quantity: int = 1) -> Any:
        """An order of so many flat whites at 480 each."""
        order = {"items": [{"menuItemId": self.flat_white, "quantity": quantity}]}
        reply = await (by or self.counter).post("/orders", order)
        assert reply.status == 201, reply.raw
        return reply.body

    async def paid_order(self, quantity: int = 1) -> tuple[Any, Any]:
        """An order and the cash payment that paid it."""
        order = await self.order(quantity=quantity)
        started = await self.counter.pay("/payments", {"orderId": order["id"], "paymentMethod": "cash"})
        assert started.status == 201, started.raw
        payment = started.body
        taken = await self.counter.pay(f"/payments/{payment['paymentId']}/cash", {"received": payment["totalAmount"]})
        assert taken.status == 200, taken.raw
        return order, taken.body["payment"]


def app_on(database_url: str, clock: MovedClock) -> App:
    """The application as it is built for real, with passwords that are quick to check."""
    app = App(Settings(database_url=database_url), SECRET, public_url=PUBLIC_URL, clock=clock)
    quick = Passwords(Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1))
    identity = IdentityService(app.db, app.services.tokens, clock, quick, revocations=app.revocations)
    app.services = msgspec.structs.replace(app.services, identity=identity)
    return app


async def open_place(services: Services, anybody: Caller, name: str, currency: str) -> Place:
    """A cafe with a table, a short menu, staff and a customer."""
    cafe = await services.cafes.create(name, currency, "Australia/Sydney")
    boss = system(cafe.cafe_id)
    table = await services.cafes.add_table("1", boss)
    oat = ModifierRow(group="Milk", name="oat", price_delta_minor=70)
    await services.cafes.replace_menu([MenuRow(name="Flat white", price_minor=480, modifiers=[oat])], boss)
    [category] = (await services.cafes.menu(cafe.cafe_id)).categories
    [item] = category.items
    customer = await services.identity.create_customer(CreateCustomer(name="Ada"), boss)

    async def hired(role: Role) -> Caller:
        email = f"{role}@{cafe.cafe_id[-6:]}.example.org"
        person = await services.identity.add_staff(
            name=str(role), email=email, password=PASSWORD, roles=frozenset({role}), by=boss
        )
        token = services.tokens.issue(cafe_id=cafe.cafe_id, person_id=person.id, roles=frozenset({role}))
        return anybody.with_token(token)

    of_customer = services.tokens.issue(cafe_id=cafe.cafe_id, person_id=customer.id, roles=frozenset({Role.CUSTOMER}))
    return Place(
        cafe=cafe,
        table_code=table.code,
        flat_white=item.id,
        oat_milk=item.modifier_groups[0].options[0].id,
        manager=await hired(Role.MANAGER),
        counter=await hired(Role.COUNTER),
        staff=await hired(Role.STAFF),
        kitchen=await hired(Role.KITCHEN),
        customer=anybody.with_token(of_customer),
        customer_id=customer.id,
        anybody=anybody,
    )


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
async def services(
    engine_name: str, tmp_path: Path, clock: MovedClock, request: pytest.FixtureRequest
) -> AsyncIterator[Services]:
    """The services on a database of their own; no jobs run and nobody listens."""
    postgres_url = request.getfixturevalue("postgres_url") if engine_name == "postgres" else None
    async with fresh_database(tmp_path, postgres_url, clock) as database:
        url = f"sqlite:///{database.path}" if isinstance(database, SqliteDatabase) else database.url
        app = app_on(url, clock)
        await app.db.start()
        try:
            yield app.services
        finally:
            await app.db.stop()


@pytest.fixture
async def anybody(services: Services) -> AsyncIterator[Caller]:
    """A caller without a token, at the whole application."""
    settings = HttpSettings(public_url=PUBLIC_URL, allowed_origins=("https://friend.example.org",))
    async with served(create_http(services, settings)) as caller:
        yield caller


@pytest.fixture
async def place(services: Services, anybody: Caller) -> Place:
    return await open_place(services, anybody, "Blue Door", "AUD")


@pytest.fixture
async def other_place(services: Services, anybody: Caller) -> Place:
    return await open_place(services, anybody, "Red Door", "EUR")


@pytest.fixture
def idle_services(tmp_path: Path, clock: MovedClock) -> Services:
    """Services for tests that never reach them: their database is not open."""
    return app_on(f"sqlite:///{tmp_path}/none.db", clock).services


@pytest.fixture
def manager_token(idle_services: Services) -> str:
    return idle_services.tokens.issue(cafe_id=new_id(), person_id=new_id(), roles=frozenset({Role.MANAGER}))
