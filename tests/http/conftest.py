"""A cafe with everybody in it behind a real server, on each engine."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pwdlib.hashers.argon2 import Argon2Hasher

from tabletap import reactions
from tabletap.audiences.snapshots import Snapshots
from tabletap.cafes import store as cafes_store
from tabletap.cafes.model import Cafe, MenuRow, ModifierRow
from tabletap.cafes.service import CafeService
from tabletap.credits.service import CreditService, Terms
from tabletap.http.app import create_http
from tabletap.http.services import HttpSettings, Services
from tabletap.identity import store as identity_store
from tabletap.identity.model import CreateCustomer
from tabletap.identity.passwords import Passwords
from tabletap.identity.service import IdentityService
from tabletap.identity.tokens import Tokens
from tabletap.infra.db.open import AnyDatabase, open_database
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Role, system
from tabletap.orders.service import OrderService
from tabletap.payments import store as payments_store
from tabletap.payments.counter import CounterService
from tabletap.payments.gateways.gateway import Gateways
from tabletap.payments.gateways.local import CashGateway, CustomerCreditGateway, QrBankTransferGateway
from tabletap.payments.gateways.payconic import PayconicGateway
from tabletap.payments.moving import OrderMoves
from tabletap.payments.refunds import RefundService
from tabletap.payments.service import PaymentService
from tabletap.payments.splits import SplitService
from tabletap.qr.model import BankDetails, checked_bank_details
from tabletap.tips.service import TipService
from tabletap.webhooks.service import WebhookService
from tests.http.edge import Caller, served
from tests.support.rows import MovedClock, fresh_database

SECRET = "b7c1f2a94e0d4f6f8a3b5c7d9e1f2a3b4c5d6e7f"
PASSWORD = "a-flat-white-please"
PUBLIC_URL = "https://cafe.example.org"
WEBHOOK_SECRET = "between-us-and-payconic"
WEBHOOK_TOKEN = "the-account-token"


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


def build_services(db: AnyDatabase, clock: MovedClock) -> Services:
    """The services as the app wires them."""

    async def terms(reader: Reader, customer_id: Id) -> Terms | None:
        person = await identity_store.get_person(reader, reader.cafe_id, customer_id)
        cafe = await cafes_store.get_cafe(reader, reader.cafe_id)
        if person is None or person.kind != "customer" or cafe is None:
            return None
        return Terms(cafe.currency, cafe.counter_credit_limit_minor)

    async def account(cafe_id: Id) -> payments_store.ProviderAccount | None:
        return await db.read(cafe_id, lambda reader: payments_store.account(reader, "payconic"))

    def bank_details(given: dict[str, Any]) -> dict[str, Any]:
        checked: dict[str, Any] = msgspec.to_builtins(checked_bank_details(msgspec.convert(given, BankDetails)))
        return checked

    tokens = Tokens(SECRET, clock)
    payconic = PayconicGateway(account, PUBLIC_URL)
    gateways = Gateways([CashGateway(), CustomerCreditGateway(), QrBankTransferGateway(PUBLIC_URL), payconic])
    payments, refunds = PaymentService(db, gateways, [PUBLIC_URL]), RefundService(db, gateways)
    quick = Passwords(Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1))
    return Services(
        db=db,
        tokens=tokens,
        identity=IdentityService(db, tokens, clock, quick),
        cafes=CafeService(db, clock, bank_details),
        orders=OrderService(db),
        order_moves=OrderMoves(db, gateways),
        payments=payments,
        refunds=refunds,
        counter=CounterService(db, gateways),
        splits=SplitService(db),
        credits=CreditService(db, terms),
        tips=TipService(db),
        webhooks=WebhookService(db, payconic, payments, refunds),
        snapshots=Snapshots(db),
    )


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
async def db(
    engine_name: str, tmp_path: Path, clock: MovedClock, request: pytest.FixtureRequest
) -> AsyncIterator[AnyDatabase]:
    postgres_url = request.getfixturevalue("postgres_url") if engine_name == "postgres" else None
    async with fresh_database(tmp_path, postgres_url, clock) as database:
        database.follow = reactions.follow
        yield database


@pytest.fixture
def services(db: AnyDatabase, clock: MovedClock) -> Services:
    return build_services(db, clock)


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

    async def follow(_: Transaction, __: object) -> None:
        """Nothing happens, so nothing follows."""

    return build_services(open_database(f"sqlite:///{tmp_path}/none.db", clock, follow, lambda _: None), clock)


@pytest.fixture
def manager_token(idle_services: Services) -> str:
    return idle_services.tokens.issue(cafe_id=new_id(), person_id=new_id(), roles=frozenset({Role.MANAGER}))
