"""A cafe whose orders are really placed, paid and moved, and whose facts are told to their streams."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from tabletap import reactions
from tabletap.audiences.broadcasts import Broadcasts
from tabletap.cafes.model import Cafe, MenuRow, ModifierRow, PaymentPolicy
from tabletap.cafes.service import CafeService
from tabletap.credits.service import CreditService, Terms
from tabletap.identity import store as people
from tabletap.identity.model import CreateCustomer, PersonKind, new_person
from tabletap.identity.service import IdentityService
from tabletap.identity.tokens import Audience, Tokens
from tabletap.infra import streams
from tabletap.infra.broker import Broker, MemoryBroker
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.infra.idempotency import Once
from tabletap.kernel.events import Event
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Actor, Role, system
from tabletap.orders.model import Line, OrderStatus, OrderView, PlaceOrder
from tabletap.orders.service import OrderService
from tabletap.payments.counter import CounterService
from tabletap.payments.gateways.gateway import GatewayContext, Gateways
from tabletap.payments.gateways.local import CashGateway, CustomerCreditGateway
from tabletap.payments.moving import MoveOrder, OrderCommands, OrderMoves
from tabletap.payments.refunds import RefundService
from tabletap.payments.security.service import SecurityService
from tabletap.payments.service import PaymentService, StartPayment
from tabletap.payments.splits import SplitService
from tabletap.payments.views import PaymentView
from tests.audiences.register import hold
from tests.support.rows import MovedClock, fresh_database

SECRET = "b7c1f2a94e0d4f6f8a3b5c7d9e1f2a3b4c5d6e7f"


async def _no_provider(_: Id, __: str) -> None:
    """Nobody here pays through a provider."""


class Services:
    """The use-cases that make something happen in a cafe."""

    def __init__(self, db: AnyDatabase, clock: MovedClock) -> None:
        context = GatewayContext("http://127.0.0.1", _no_provider)
        gateways = Gateways([CashGateway(context), CustomerCreditGateway(context)])
        self.db, self.clock = db, clock
        self.tokens = Tokens(SECRET, clock)
        self.cafes = CafeService(db, clock, dict)
        self.identity = IdentityService(db, self.tokens, clock)
        self.orders = OrderService(db)
        self.moves = OrderMoves(db, gateways)
        self.payments = PaymentService(db, gateways, [])
        self.security = SecurityService(db)
        self.commands = OrderCommands(self.moves, self.security)
        self.counter = CounterService(db, gateways)
        self.refunds = RefundService(db, gateways)
        self.splits = SplitService(db)
        self.credits = CreditService(db, self._terms)
        self.broadcasts = Broadcasts(db)

    async def _terms(self, _: Reader, __: Id) -> Terms | None:
        return Terms("AUD", 100_000)


class Place:
    """One cafe and everybody in it."""

    def __init__(self, services: Services, cafe: Cafe, flat_white: Id, oat: Id) -> None:
        self.services, self.cafe, self.flat_white, self.oat = services, cafe, flat_white, oat
        self.id = cafe.cafe_id
        self.people = {role: self.person(role) for role in Role}

    def person(self, *roles: Role, person_id: Id | None = None, **more: Any) -> Actor:
        """Somebody of this cafe."""
        return Actor(cafe_id=self.id, person_id=person_id or new_id(), roles=frozenset(roles), **more)

    def __getitem__(self, role: Role) -> Actor:
        return self.people[role]

    def guest(self, session_id: Id | None = None) -> Actor:
        """Somebody who scanned a table's code; the same session is the same table."""
        return self.person(Role.CUSTOMER, audience="guest", session_id=session_id or new_id())

    def token(self, actor: Actor) -> str:
        """A token that says who the actor is, valid for an hour by the test's clock."""
        return self.services.tokens.issue(
            cafe_id=actor.cafe_id,
            person_id=actor.person_id,
            roles=actor.roles,
            audience=cast("Audience", actor.audience),
            session_id=actor.session_id,
        )

    async def hire(self, *roles: Role) -> Actor:
        """Somebody who works here and is known to the cafe."""
        return await self._known("staff", *roles)

    async def known_guest(self) -> Actor:
        """Somebody who scanned a table's code just now."""
        view = await self.services.identity.sign_in_guest(self.id, new_id(), new_id())
        return self.services.tokens.verify(view.access_token)

    async def _known(self, kind: PersonKind, *roles: Role) -> Actor:
        row = new_person(self.id, kind, frozenset(roles), self.services.clock.now(), name="Somebody")

        async def add(tx: Transaction) -> None:
            tx.add(people.person, row)

        await self.services.db.transaction(self.id, add)
        return self.person(*roles, person_id=row.id)

    async def customer(self) -> Actor:
        """A customer with an account."""
        view = await self.services.identity.create_customer(CreateCustomer(name="Ada Lovelace"), system(self.id))
        return self.person(Role.CUSTOMER, person_id=view.id)

    async def order(self, by: Actor | None = None, quantity: int = 1, **more: Any) -> OrderView:
        """Flat whites with oat milk at 5.50 each."""
        line = Line(menu_item_id=self.flat_white, quantity=quantity, modifier_ids=(self.oat,), note="extra hot")
        return await self.services.orders.place(PlaceOrder(items=(line,), **more), by or self[Role.COUNTER])

    async def start_cash(self, order: OrderView, by: Actor | None = None, amount: int | None = None) -> PaymentView:
        """A payment that waits for cash."""
        request = StartPayment(order_id=order.id, method="cash", amount_minor=amount)
        return (await self.services.payments.start(request, by or self[Role.COUNTER])).value

    async def take_cash(self, payment: PaymentView) -> PaymentView:
        """The cash is there."""
        taken = await self.services.counter.take_cash(
            payment.payment_id, payment.total_amount, self[Role.COUNTER], None
        )
        return taken.value.payment

    async def paid_order(self, by: Actor | None = None, quantity: int = 1, **more: Any) -> OrderView:
        """An order that the kitchen has to make."""
        order = await self.order(by, quantity, **more)
        await self.take_cash(await self.start_cash(order))
        return await self.services.orders.get(order.id, self[Role.COUNTER])

    async def move(self, order: OrderView, status: OrderStatus, by: Actor | None = None) -> OrderView:
        """The order goes on."""
        request = MoveOrder(status=status)
        return (await self.services.moves.move(order.id, request, by or self[Role.COUNTER])).value

    async def move_to_the_end(self, order: OrderView) -> None:
        """Made, called and taken away."""
        await self.move(order, "preparing")
        await self.move(order, "ready")
        await self.move(order, "collected")

    def once(self, by: Actor, key: str) -> Once:
        """A command that may be repeated."""
        return Once(self.id, by.person_id, "test", key, b"")

    async def told(self, key: str) -> list[Event]:
        """Everything that a stream has, held against the register."""
        read = self.services.db.read
        told = await read(self.id, lambda reader: streams.events_after(reader, self.id, key, 0, 1000))
        for event in told:
            hold(event)
        return told


async def open_place(services: Services, name: str, policy: PaymentPolicy = "pay_first") -> Place:
    """A cafe with a short menu."""
    cafe = await services.cafes.create(name, "AUD", "Australia/Sydney", policy)
    oat = ModifierRow(group="Milk", name="oat", price_delta_minor=70)
    rows = [MenuRow(name="Flat white", price_minor=480, modifiers=[oat], allergens=["milk"])]
    await services.cafes.replace_menu(rows, system(cafe.cafe_id))
    [category] = (await services.cafes.menu(cafe.cafe_id)).categories
    [item] = category.items
    return Place(services, cafe, item.id, item.modifier_groups[0].options[0].id)


@asynccontextmanager
async def running_services(
    folder: Path, postgres_url: str | None, clock: MovedClock, broker: Broker | None = None
) -> AsyncIterator[Services]:
    """A database of its own whose facts are told, and whose events go to the broker."""
    broker = broker or MemoryBroker()
    async with fresh_database(folder, postgres_url, clock) as database:
        database.follow, database.publish = reactions.follow, broker.publish
        services = Services(database, clock)
        try:
            yield services
        finally:
            await services.security.stop()
