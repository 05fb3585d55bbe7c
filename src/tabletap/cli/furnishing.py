"""The demo's two cafes: what is missing is made, what is there stays as it is, so every start may repeat it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tabletap.app import App
from tabletap.cafes.errors import CafeNotFound
from tabletap.cafes.model import Cafe, ChangeSettings, MenuItemView, MenuRow, TableView
from tabletap.credits.service import MoveCredit
from tabletap.identity.model import CreateCustomer
from tabletap.infra.paging import MAX_LIMIT
from tabletap.kernel.ids import Id
from tabletap.kernel.people import Actor, Role, system
from tabletap.payments.accounts.model import ChangeAccount, Mode, ProviderAccount
from tabletap.sandbox import SandboxAccount

CURRENCY, TIME_ZONE = "AUD", "Australia/Sydney"
STAFF = (Role.MANAGER, Role.COUNTER, Role.KITCHEN, Role.STAFF, Role.ADMIN)
DEMO_MENU = Path(__file__).parent / "demo_menu.csv"
_CREDIT_MINOR = 100_000


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A cafe as it is to be."""

    cafe_id: Id
    name: str
    mail_domain: str
    tables: int
    staff: tuple[Role, ...]
    password: str
    menu: list[MenuRow]
    own_menu: bool = False
    """The menu was chosen by the user: it replaces the one that is there."""


class Member(msgspec.Struct, frozen=True):
    """Somebody who may sign in."""

    id: Id
    email: str
    password: str
    roles: frozenset[Role]


class Furnished(msgspec.Struct, frozen=True):
    """A cafe as it is now."""

    cafe: Cafe
    tables: Sequence[TableView]
    menu: list[MenuItemView]
    people: dict[str, Member]


async def furnish(app: App, wanted: Wanted) -> Furnished:
    """Make whatever is missing of a cafe. Safe to repeat."""
    by = system(wanted.cafe_id)
    await _cafe(app, wanted, by)
    tables = await _tables(app, wanted, by)
    await _menu(app, wanted, by)
    people = await _people(app, wanted, by)
    await _credit(app, people["customer"].id, by)
    menu = await app.services.cafes.menu(wanted.cafe_id)
    items = [item for category in menu.categories for item in category.items]
    return Furnished(await app.services.cafes.get(wanted.cafe_id), tables, items, people)


async def _cafe(app: App, wanted: Wanted, by: Actor) -> None:
    cafes = app.services.cafes
    try:
        cafe = await cafes.get(wanted.cafe_id)
    except CafeNotFound:
        cafe = await cafes.create(wanted.name, CURRENCY, TIME_ZONE, cafe_id=wanted.cafe_id)
    if cafe.bank_details is None:
        bank = {"accountName": wanted.name, "bsb": "062000", "accountNumber": "12345678"}
        await cafes.change_settings(msgspec.convert({"bankDetails": bank}, ChangeSettings), by)


async def _tables(app: App, wanted: Wanted, by: Actor) -> list[TableView]:
    there = {table.number for table in await app.services.cafes.tables(by)}
    for number in range(1, wanted.tables + 1):
        if str(number) not in there:
            await app.services.cafes.add_table(str(number), by)
    return await app.services.cafes.tables(by)


async def _menu(app: App, wanted: Wanted, by: Actor) -> None:
    if wanted.own_menu or not (await app.services.cafes.menu(wanted.cafe_id)).categories:
        await app.services.cafes.replace_menu(wanted.menu, by)


async def _people(app: App, wanted: Wanted, by: Actor) -> dict[str, Member]:
    """The staff and a customer, each with an account; the hashing of passwords goes on side by side."""
    identity = app.services.identity
    staff = {person.email: person.id for person in (await identity.list_staff(by, MAX_LIMIT)).items}
    customers = {person.email: person.id for person in (await identity.list_customers(by, MAX_LIMIT)).items}

    async def member(role: Role) -> tuple[str, Member]:
        email, name, roles = f"{role}@{wanted.mail_domain}", str(role).capitalize(), frozenset({role})
        known = (customers if role is Role.CUSTOMER else staff).get(email)
        if known is None and role is Role.CUSTOMER:
            request = CreateCustomer(name="Casey Customer", email=email)
            known = (await identity.create_customer(request, by, wanted.password)).id
        elif known is None:
            added = await identity.add_staff(name=name, email=email, password=wanted.password, roles=roles, by=by)
            known = added.id
        return str(role), Member(known, email, wanted.password, roles)

    return dict(await asyncio.gather(*(member(role) for role in (*wanted.staff, Role.CUSTOMER))))


async def _credit(app: App, customer_id: Id, by: Actor) -> None:
    """Once: who has spent it all has spent it all."""
    if (await app.services.credits.balance(customer_id, by)).total_earned == 0:
        gift = MoveCredit(customer_id=customer_id, amount_minor=_CREDIT_MINOR, reason="Welcome to the demo")
        await app.services.credits.add(gift, by)


async def open_provider_account(
    app: App, cafe_id: Id, api_url: str, account: SandboxAccount, mode: Mode
) -> ProviderAccount:
    """Give a cafe its account at Payconic, or bring its address and keys up to date. Safe to repeat."""
    wanted = ChangeAccount(
        api_url=api_url,
        merchant_id=account.merchant_id,
        api_key=account.api_key,
        webhook_secret=account.webhook_secret,
        mode=mode,
    )
    return await app.services.provider_accounts.open_account("payconic", wanted, system(cafe_id))
