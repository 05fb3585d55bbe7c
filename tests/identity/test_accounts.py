"""Accounts of staff and customers: who may make and change them."""

import asyncio
import sqlite3
from collections.abc import Awaitable

import asyncpg
import msgspec
import pytest

from tabletap.cafes.model import Cafe
from tabletap.identity import store
from tabletap.identity.errors import (
    CredentialsInvalid,
    EmailTaken,
    PasswordNeedsEmail,
    PasswordTooWeak,
    PersonNotFound,
    RefreshTokenInvalid,
)
from tabletap.identity.model import ChangeCustomer, CreateCustomer, Person, PersonView, new_person
from tabletap.identity.service import IdentityService
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.kernel.errors import CustomerNotFound, InvalidRequest, NotAllowed
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Actor, Role, system
from tests.support.rows import MovedClock

PASSWORD = "flat white, two sugars"


def somebody(cafe: Cafe, role: Role) -> Actor:
    return Actor(cafe_id=cafe.cafe_id, person_id=new_id(), roles=frozenset({role}))


async def add(identity: IdentityService, by: Actor, email: str, *roles: Role, password: str = PASSWORD) -> PersonView:
    return await identity.add_staff(name="Mia", email=email, password=password, roles=frozenset(roles), by=by)


async def test_a_manager_adds_staff_but_no_admin(identity: IdentityService, cafe: Cafe) -> None:
    manager = somebody(cafe, Role.MANAGER)

    added = await add(identity, manager, "Mia@Example.org", Role.COUNTER)

    assert (added.name, added.email, added.roles) == ("Mia", "mia@example.org", [Role.COUNTER])
    with pytest.raises(NotAllowed):
        await add(identity, manager, "boss@example.org", Role.ADMIN)
    assert (await add(identity, somebody(cafe, Role.ADMIN), "boss@example.org", Role.ADMIN)).roles == [Role.ADMIN]


@pytest.mark.parametrize("role", [Role.COUNTER, Role.STAFF, Role.KITCHEN, Role.CUSTOMER])
async def test_nobody_below_a_manager_adds_or_shuts_out_staff(
    identity: IdentityService, cafe: Cafe, role: Role
) -> None:
    with pytest.raises(NotAllowed):
        await add(identity, somebody(cafe, role), "mia@example.org", Role.STAFF)
    with pytest.raises(NotAllowed):
        await identity.disable(new_id(), somebody(cafe, role))
    with pytest.raises(NotAllowed):
        await identity.list_staff(somebody(cafe, role))


@pytest.mark.parametrize("roles", [(), (Role.CUSTOMER,), (Role.STAFF, Role.BOARD)])
async def test_staff_have_roles_of_staff(identity: IdentityService, cafe: Cafe, roles: tuple[Role, ...]) -> None:
    with pytest.raises(InvalidRequest):
        await add(identity, system(cafe.cafe_id), "mia@example.org", *roles)


@pytest.mark.parametrize(
    "password", ["", "short", "x" * 257, "password123", "aaaaaaaaaaaa", "mia.long@example.org", "MIA.LONG"]
)
async def test_a_weak_password_is_refused(identity: IdentityService, cafe: Cafe, password: str) -> None:
    with pytest.raises(PasswordTooWeak):
        await add(identity, system(cafe.cafe_id), "mia.long@example.org", Role.STAFF, password=password)


@pytest.mark.parametrize(
    "email", ["", "mia", "mia@", "@x.org", "a b@x.org", "mia@x", "mia@x..org", "x" * 250 + "@x.org"]
)
async def test_what_is_no_address_is_refused(identity: IdentityService, cafe: Cafe, email: str) -> None:
    with pytest.raises(InvalidRequest):
        await add(identity, system(cafe.cafe_id), email, Role.STAFF)


async def test_an_address_belongs_to_one_person_of_a_cafe(
    identity: IdentityService, cafe: Cafe, other_cafe: Cafe
) -> None:
    await add(identity, system(cafe.cafe_id), "mia@example.org", Role.STAFF)

    with pytest.raises(EmailTaken):
        await add(identity, system(cafe.cafe_id), "MIA@example.org", Role.STAFF)
    with pytest.raises(EmailTaken):
        await identity.create_customer(CreateCustomer(email="mia@example.org"), system(cafe.cafe_id))

    elsewhere = await add(identity, system(other_cafe.cafe_id), "mia@example.org", Role.STAFF)
    assert elsewhere.email == "mia@example.org"


async def test_of_ten_who_take_one_address_at_once_one_gets_it(identity: IdentityService, cafe: Cafe) -> None:
    request = CreateCustomer(email="ada@example.org")

    answers = await asyncio.gather(
        *(identity.create_customer(request, system(cafe.cafe_id)) for _ in range(10)), return_exceptions=True
    )

    assert sum(isinstance(answer, EmailTaken) for answer in answers) == 9
    assert len((await identity.list_customers(system(cafe.cafe_id))).items) == 1


async def test_who_is_shut_out_can_neither_sign_in_nor_refresh(identity: IdentityService, cafe: Cafe) -> None:
    added = await add(identity, system(cafe.cafe_id), "mia@example.org", Role.STAFF)
    signed_in = await identity.sign_in("mia@example.org", PASSWORD)

    for _ in range(2):
        await identity.disable(added.id, somebody(cafe, Role.MANAGER))

    with pytest.raises(CredentialsInvalid):
        await identity.sign_in("mia@example.org", PASSWORD)
    with pytest.raises(RefreshTokenInvalid):
        await identity.refresh(signed_in.refresh_token)


async def test_nobody_of_another_cafe_is_shut_out_and_no_admin_by_a_manager(
    identity: IdentityService, cafe: Cafe, other_cafe: Cafe
) -> None:
    admin = await add(identity, system(cafe.cafe_id), "boss@example.org", Role.ADMIN)

    with pytest.raises(NotAllowed):
        await identity.disable(admin.id, somebody(cafe, Role.MANAGER))
    for person_id in (admin.id, "not an id"):
        with pytest.raises(PersonNotFound):
            await identity.disable(person_id, somebody(other_cafe, Role.ADMIN))

    assert (await identity.sign_in("boss@example.org", PASSWORD)).roles == [Role.ADMIN]


async def test_staff_open_customer_accounts_with_or_without_name_and_address(
    identity: IdentityService, cafe: Cafe
) -> None:
    staff = somebody(cafe, Role.STAFF)

    named = await identity.create_customer(CreateCustomer(name=" Ada ", email="Ada@example.org"), staff)
    nameless = [await identity.create_customer(CreateCustomer(), staff) for _ in range(2)]

    assert (named.name, named.email, named.tier) == ("Ada", "ada@example.org", "standard")
    assert msgspec.to_builtins(nameless[0]).keys() == {"id", "tier", "createdAt"}
    assert nameless[0].id != nameless[1].id


async def test_only_a_manager_gives_the_premium_tier(identity: IdentityService, cafe: Cafe) -> None:
    counter, manager = somebody(cafe, Role.COUNTER), somebody(cafe, Role.MANAGER)
    customer = await identity.create_customer(CreateCustomer(), counter)

    with pytest.raises(NotAllowed):
        await identity.create_customer(CreateCustomer(tier="premium"), counter)
    with pytest.raises(NotAllowed):
        await identity.change_customer(customer.id, ChangeCustomer(tier="premium"), counter)

    assert (await identity.change_customer(customer.id, ChangeCustomer(tier="premium"), manager)).tier == "premium"
    assert (await identity.customer(customer.id, counter)).tier == "premium"
    assert (await identity.create_customer(CreateCustomer(tier="premium"), manager)).tier == "premium"


async def test_a_change_touches_only_what_it_names(identity: IdentityService, cafe: Cafe) -> None:
    staff = somebody(cafe, Role.STAFF)
    customer = await identity.create_customer(CreateCustomer(name="Ada", email="ada@example.org"), staff)

    renamed = await identity.change_customer(customer.id, ChangeCustomer(name="Ada L."), staff)
    cleared = await identity.change_customer(customer.id, ChangeCustomer(email=None), staff)

    assert (renamed.name, renamed.email) == ("Ada L.", "ada@example.org")
    assert (cleared.name, cleared.email) == ("Ada L.", None)
    assert await identity.customer(customer.id, staff) == cleared


async def test_an_account_with_a_password_keeps_an_address(identity: IdentityService, cafe: Cafe) -> None:
    manager = somebody(cafe, Role.MANAGER)
    customer = await identity.create_customer(CreateCustomer(email="ada@example.org"), manager, PASSWORD)

    with pytest.raises(PasswordNeedsEmail):
        await identity.change_customer(customer.id, ChangeCustomer(email=None), manager)
    with pytest.raises(PasswordNeedsEmail):
        await identity.create_customer(CreateCustomer(name="Bo"), manager, PASSWORD)

    moved = await identity.change_customer(customer.id, ChangeCustomer(email="ada@example.net"), manager)
    assert (await identity.sign_in("ada@example.net", PASSWORD)).customer_id == moved.id


async def test_an_address_that_is_taken_is_refused_in_a_change_too(identity: IdentityService, cafe: Cafe) -> None:
    staff = somebody(cafe, Role.STAFF)
    await identity.create_customer(CreateCustomer(email="ada@example.org"), staff)
    bo = await identity.create_customer(CreateCustomer(email="bo@example.org"), staff)

    with pytest.raises(EmailTaken):
        await identity.change_customer(bo.id, ChangeCustomer(email="ada@example.org"), staff)

    assert (await identity.customer(bo.id, staff)).email == "bo@example.org"


async def test_a_customer_of_another_cafe_is_not_there(identity: IdentityService, cafe: Cafe, other_cafe: Cafe) -> None:
    customer = await identity.create_customer(CreateCustomer(name="Ada"), somebody(cafe, Role.STAFF))
    stranger = somebody(other_cafe, Role.ADMIN)

    with pytest.raises(CustomerNotFound):
        await identity.customer(customer.id, stranger)
    with pytest.raises(CustomerNotFound):
        await identity.change_customer(customer.id, ChangeCustomer(name="Eve"), stranger)

    assert (await identity.list_customers(stranger)).items == []
    assert await identity.person(other_cafe.cafe_id, customer.id) is None


async def test_staff_and_guests_are_no_customer_accounts(identity: IdentityService, cafe: Cafe) -> None:
    manager = somebody(cafe, Role.MANAGER)
    member = await add(identity, manager, "mia@example.org", Role.STAFF)
    guest = await identity.sign_in_guest(cafe.cafe_id, new_id(), new_id())
    assert guest.customer_id is not None

    for person_id in (member.id, guest.customer_id, "not an id"):
        with pytest.raises(CustomerNotFound):
            await identity.change_customer(person_id, ChangeCustomer(name="Eve"), manager)
        with pytest.raises(CustomerNotFound):
            await identity.customer(person_id, manager)

    assert (await identity.list_customers(manager)).items == []
    assert [person.id for person in (await identity.list_staff(manager)).items] == [member.id]


async def test_customers_see_themselves_and_nobody_else(identity: IdentityService, cafe: Cafe) -> None:
    staff = somebody(cafe, Role.STAFF)
    ada = await identity.create_customer(CreateCustomer(name="Ada"), staff)
    bo = await identity.create_customer(CreateCustomer(name="Bo"), staff)
    by = Actor(cafe_id=cafe.cafe_id, person_id=ada.id, roles=frozenset({Role.CUSTOMER}))

    assert (await identity.customer(ada.id, by)).name == "Ada"
    with pytest.raises(NotAllowed):
        await identity.customer(bo.id, by)
    with pytest.raises(NotAllowed):
        await identity.list_customers(by)


async def test_the_list_of_customers_comes_in_pages_that_miss_and_repeat_nobody(
    identity: IdentityService, cafe: Cafe
) -> None:
    staff = somebody(cafe, Role.STAFF)
    made = [(await identity.create_customer(CreateCustomer(), staff)).id for _ in range(7)]

    seen, cursor = list[str](), None
    while True:
        page = await identity.list_customers(staff, 3, cursor)
        seen += [customer.id for customer in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break

    assert seen == sorted(made, reverse=True)
    assert len(page.items) == 1


@pytest.mark.parametrize(("limit", "cursor"), [(0, None), (201, None), (-1, None), (10, "x"), (10, "é"), (10, "bm8=")])
async def test_a_bad_limit_or_cursor_is_refused(
    identity: IdentityService, cafe: Cafe, limit: int, cursor: str | None
) -> None:
    with pytest.raises(InvalidRequest):
        await identity.list_customers(somebody(cafe, Role.STAFF), limit, cursor)


@pytest.mark.parametrize("name", ["", "  ", "x" * 121, "Ada\x07"])
async def test_a_name_is_printable_and_not_too_long(identity: IdentityService, cafe: Cafe, name: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await identity.create_customer(CreateCustomer(name=name), somebody(cafe, Role.STAFF))

    assert refused.value.errors[0].field == "name"


async def test_a_hash_that_we_cannot_read_matches_no_password(identity: IdentityService) -> None:
    for kept in ("", "plain text", "$2b$12$abcdefghijklmnopqrstuv"):
        assert not await identity.passwords.matches("plain text", kept)


async def test_the_database_itself_refuses_people_who_make_no_sense(
    db: AnyDatabase, clock: MovedClock, cafe: Cafe, other_cafe: Cafe
) -> None:
    good = new_person(cafe.cafe_id, "customer", frozenset({Role.CUSTOMER}), clock.now(), email="ada@example.org")
    wrong: list[dict[str, str | None]] = [
        {"email": "ADA@example.org"},
        {"kind": "owner"},
        {"tier": "gold"},
        {"email": None, "password_hash": "x"},
        {"kind": "guest"},
        {"cafe_id": new_id()},
    ]

    for change in wrong:
        person = msgspec.structs.replace(good, **change)

        async def decide(tx: Transaction, person: Person = person) -> None:
            tx.add(store.person, person)

        with pytest.raises((sqlite3.IntegrityError, asyncpg.PostgresError)):
            await db.transaction(cafe.cafe_id, decide)

    assert await db.across_cafes(lambda reader: store.get_person(reader, cafe.cafe_id, good.id)) is None


async def test_row_level_security_is_a_second_wall_around_people(
    identity: IdentityService, db: AnyDatabase, cafe: Cafe, other_cafe: Cafe
) -> None:
    customer = await identity.create_customer(CreateCustomer(name="Ada"), system(cafe.cafe_id))

    def scoped_wrongly(reader: Reader) -> Awaitable[Person | None]:
        return store.get_person(reader, cafe.cafe_id, customer.id)

    seen_at_home = await db.read(cafe.cafe_id, scoped_wrongly)
    seen_elsewhere = await db.read(other_cafe.cafe_id, scoped_wrongly)

    assert seen_at_home is not None
    assert (seen_elsewhere is None) == (db.engine == "postgres")


async def test_who_is_shut_out_by_address_is_of_this_cafe_alone(
    identity: IdentityService, cafe: Cafe, other_cafe: Cafe
) -> None:
    for each in (cafe, other_cafe):
        await add(identity, somebody(each, Role.MANAGER), "mia@example.org", Role.KITCHEN)
    boss, stranger = somebody(cafe, Role.MANAGER), somebody(cafe, Role.STAFF)
    with pytest.raises(NotAllowed):
        await identity.shut_out("mia@example.org", stranger)

    await identity.shut_out(" Mia@Example.org", boss)

    with pytest.raises(CredentialsInvalid):
        await identity.sign_in("mia@example.org", PASSWORD, cafe.cafe_id)
    assert (await identity.sign_in("mia@example.org", PASSWORD, other_cafe.cafe_id)).cafe_id == other_cafe.cafe_id
    for email in ("mia@example.org", "nobody@example.org", ""):
        with pytest.raises(PersonNotFound):
            await identity.shut_out(email, boss)
