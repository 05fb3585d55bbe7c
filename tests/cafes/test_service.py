"""Cafes, tables and menus in a real database."""

import asyncio

import msgspec
import pytest

from tabletap.cafes import store
from tabletap.cafes.errors import (
    CafeNotFound,
    CurrencyFixed,
    SettingsRefused,
    TableCodeUnknown,
    TableNotFound,
    TableNumberTaken,
)
from tabletap.cafes.model import Cafe, ChangeSettings, TableView
from tabletap.cafes.service import CafeService
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader
from tabletap.kernel.errors import InvalidRequest, NotAllowed, OtherCafe, VersionConflict
from tabletap.kernel.ids import new_id
from tabletap.kernel.money import UnknownCurrency
from tabletap.kernel.people import Role, system
from tests.cafes.conftest import MENU, check_bank_details, somebody
from tests.support.rows import MovedClock

# --- settings ----------------------------------------------------------------------


async def test_a_new_cafe_has_the_defaults_of_the_contract(cafes: CafeService) -> None:
    cafe = await cafes.create("Blue  Door ", "AUD", "Australia/Sydney")

    found = await cafes.get(cafe.cafe_id)

    assert found == cafe
    assert (found.name, found.payment_policy, found.version) == ("Blue Door", "pay_first", 1)
    assert [found.rounded_cash_minor(total) for total in (0, 481, 482, 483, 485)] == [0, 480, 480, 485, 485]


@pytest.mark.parametrize(
    ("name", "currency", "time_zone", "refusal"),
    [
        ("", "AUD", "Australia/Sydney", SettingsRefused),
        ("x" * 121, "AUD", "Australia/Sydney", SettingsRefused),
        ("Door", "XXX", "Australia/Sydney", UnknownCurrency),
        ("Door", "aud", "Australia/Sydney", UnknownCurrency),
        ("Door", "AUD", "Australia/Atlantis", SettingsRefused),
        ("Door", "AUD", "Australia", SettingsRefused),
        ("Door", "AUD", "../../etc/passwd", SettingsRefused),
        ("Door", "AUD", "", SettingsRefused),
    ],
)
async def test_a_cafe_that_makes_no_sense_is_refused(
    cafes: CafeService, name: str, currency: str, time_zone: str, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await cafes.create(name, currency, time_zone)


async def test_an_unknown_cafe_is_not_there(cafes: CafeService) -> None:
    for cafe_id in (new_id(), "nonsense", "'; --"):
        with pytest.raises(CafeNotFound):
            await cafes.get(cafe_id)
        with pytest.raises(CafeNotFound):
            await cafes.menu(cafe_id)


async def test_a_manager_changes_what_is_named_and_nothing_else(cafes: CafeService, cafe: Cafe) -> None:
    manager = somebody(cafe, Role.MANAGER)
    details = {"accountName": "Blue Door Pty Ltd", "bsb": "062-000", "accountNumber": "12345678"}

    after = await cafes.change_settings(
        ChangeSettings(payment_policy="pay_later", expiry_minutes={"payconic_card": 10}, bank_details=details), manager
    )

    assert after == await cafes.settings(somebody(cafe, Role.STAFF))
    assert (after.name, after.payment_policy, after.version) == ("Blue Door", "pay_later", 2)
    assert (after.expiry_minutes["payconic_card"], after.expiry_minutes["qr_bank_transfer"]) == (10, 15)
    assert after.bank_details == {**details, "checked": True}
    cleared = await cafes.change_settings(ChangeSettings(bank_details=None, refund_limit_amount=5000), manager)
    assert (cleared.bank_details, cleared.refund_limit_amount, cleared.payment_policy) == (None, 5000, "pay_later")


async def test_a_change_that_changes_nothing_is_not_written(cafes: CafeService, cafe: Cafe) -> None:
    after = await cafes.change_settings(
        ChangeSettings(name="Blue Door", currency="AUD", cafe_id=cafe.cafe_id), somebody(cafe, Role.MANAGER)
    )

    assert after.version == 1


async def test_a_change_on_an_old_version_is_refused(cafes: CafeService, cafe: Cafe) -> None:
    manager = somebody(cafe, Role.MANAGER)
    await cafes.change_settings(ChangeSettings(name="Green Door", expected_version=1), manager)

    with pytest.raises(VersionConflict):
        await cafes.change_settings(ChangeSettings(name="Grey Door", expected_version=1), manager)

    assert (await cafes.get(cafe.cafe_id)).name == "Green Door"


async def test_ten_changes_at_once_are_all_kept(cafes: CafeService, cafe: Cafe) -> None:
    manager = somebody(cafe, Role.MANAGER)

    await asyncio.gather(
        *(cafes.change_settings(ChangeSettings(counter_credit_limit_amount=n), manager) for n in range(10))
    )

    assert (await cafes.get(cafe.cafe_id)).version == 11


async def test_wrong_settings_are_refused_and_nothing_changes(cafes: CafeService, cafe: Cafe) -> None:
    manager = somebody(cafe, Role.MANAGER)

    for request, refusal in (
        (ChangeSettings(name=" "), SettingsRefused),
        (ChangeSettings(time_zone="Mars/Olympus"), SettingsRefused),
        (ChangeSettings(currency="XXX"), UnknownCurrency),
        (ChangeSettings(currency="EUR"), CurrencyFixed),
        (ChangeSettings(bank_details={}), InvalidRequest),
        (ChangeSettings(cafe_id=new_id()), OtherCafe),
    ):
        with pytest.raises(refusal):
            await cafes.change_settings(request, manager)

    assert await cafes.get(cafe.cafe_id) == cafe


async def test_the_currency_can_change_while_nothing_is_on_record(
    db: AnyDatabase, clock: MovedClock, cafe: Cafe
) -> None:
    async def is_free(_: Reader, __: str) -> bool:
        return True

    cafes = CafeService(db, clock, check_bank_details, is_free)

    after = await cafes.change_settings(ChangeSettings(currency="NZD"), somebody(cafe, Role.MANAGER))

    assert after.currency == "NZD"


@pytest.mark.parametrize(
    "body",
    [
        b'{"paymentPolicy": "pay_never"}',
        b'{"colour": "blue"}',
        b'{"cashRoundingAmount": 2.5}',
        b'{"cashRoundingAmount": -5}',
        b'{"expiryMinutes": {"payconic_card": 0}}',
        b'{"expiryMinutes": {"Not A Method": 5}}',
        b'{"currency": null}',
    ],
)
def test_settings_of_another_shape_are_not_even_read(body: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=ChangeSettings)


@pytest.mark.parametrize("role", [Role.COUNTER, Role.STAFF, Role.KITCHEN, Role.CUSTOMER])
async def test_nobody_below_a_manager_changes_the_cafe(cafes: CafeService, cafe: Cafe, role: Role) -> None:
    by = somebody(cafe, role)

    with pytest.raises(NotAllowed):
        await cafes.change_settings(ChangeSettings(name="Mine"), by)
    with pytest.raises(NotAllowed):
        await cafes.add_table("1", by)
    with pytest.raises(NotAllowed):
        await cafes.renew_code(new_id(), by)
    with pytest.raises(NotAllowed):
        await cafes.replace_menu(MENU, by)


async def test_customers_see_neither_settings_nor_tables(cafes: CafeService, cafe: Cafe) -> None:
    by = somebody(cafe, Role.CUSTOMER)

    with pytest.raises(NotAllowed):
        await cafes.settings(by)
    with pytest.raises(NotAllowed):
        await cafes.tables(by)
    with pytest.raises(NotAllowed):
        await cafes.close_session(new_id(), by)


# --- tables --------------------------------------------------------------------------


async def table_of(cafes: CafeService, cafe: Cafe, number: str = "1") -> TableView:
    return await cafes.add_table(number, system(cafe.cafe_id))


async def test_tables_are_listed_in_the_order_of_their_numbers(
    cafes: CafeService, cafe: Cafe, other_cafe: Cafe
) -> None:
    for number in ("10", "2", "9a", "9", "Terrace 2", "1", "Terrace 10"):
        await table_of(cafes, cafe, number)
    await table_of(cafes, other_cafe, "77")

    tables = await cafes.tables(somebody(cafe, Role.STAFF))

    assert [table.number for table in tables] == ["1", "2", "9", "9a", "10", "Terrace 2", "Terrace 10"]
    assert len({table.code for table in tables}) == 7
    assert all(len(table.code) == 22 for table in tables)


async def test_a_number_belongs_to_one_table(cafes: CafeService, cafe: Cafe, other_cafe: Cafe) -> None:
    await table_of(cafes, cafe, "1")

    with pytest.raises(TableNumberTaken):
        await table_of(cafes, cafe, " 1 ")
    for number in ("", " ", "x" * 21, "\x07"):
        with pytest.raises(SettingsRefused):
            await table_of(cafes, cafe, number)

    assert (await table_of(cafes, other_cafe, "1")).number == "1"


async def test_friends_who_scan_one_code_sit_together(cafes: CafeService, cafe: Cafe) -> None:
    table, other_table = await table_of(cafes, cafe, "1"), await table_of(cafes, cafe, "2")

    seats = [await cafes.open_session_for(code) for code in (table.code, table.code, other_table.code)]

    assert seats[0] == seats[1]
    assert (seats[0].cafe_id, seats[0].table_id, seats[0].table_number) == (cafe.cafe_id, table.id, "1")
    assert seats[2].session_id != seats[0].session_id


async def test_of_twenty_who_scan_at_once_all_sit_in_one_session(cafes: CafeService, cafe: Cafe) -> None:
    table = await table_of(cafes, cafe)

    seats = await asyncio.gather(*(cafes.open_session_for(table.code) for _ in range(20)))

    assert len({seat.session_id for seat in seats}) == 1


async def test_who_comes_after_the_table_was_cleared_begins_anew(
    cafes: CafeService, db: AnyDatabase, cafe: Cafe
) -> None:
    table = await table_of(cafes, cafe)
    before = await cafes.open_session_for(table.code)

    for _ in range(2):
        await cafes.close_session(table.id, somebody(cafe, Role.STAFF))

    after = await cafes.open_session_for(table.code)
    assert after.session_id != before.session_id
    closed = await db.read(cafe.cafe_id, lambda reader: store.get_session(reader, cafe.cafe_id, before.session_id))
    assert closed is not None
    assert closed.closed_at is not None


async def test_who_comes_hours_later_does_not_sit_with_those_who_left(
    cafes: CafeService, cafe: Cafe, clock: MovedClock
) -> None:
    table = await table_of(cafes, cafe)
    lunch = await cafes.open_session_for(table.code)
    clock.let_time_pass(hours=3, minutes=59)
    dessert = await cafes.open_session_for(table.code)

    clock.let_time_pass(minutes=1)
    dinner = [await cafes.open_session_for(table.code) for _ in range(2)]

    assert dessert == lunch
    assert dinner[0] == dinner[1]
    assert dinner[0].session_id != lunch.session_id


async def test_of_twenty_who_come_hours_later_at_once_all_sit_together(
    cafes: CafeService, cafe: Cafe, clock: MovedClock
) -> None:
    table = await table_of(cafes, cafe)
    before = await cafes.open_session_for(table.code)
    clock.let_time_pass(hours=5)

    seats = await asyncio.gather(*(cafes.open_session_for(table.code) for _ in range(20)))

    assert len({seat.session_id for seat in seats} - {before.session_id}) == 1
    assert before not in seats


@pytest.mark.parametrize("code", ["", "x", "' OR 1=1 --", "x" * 10_000, "Tür", "\x00"])
async def test_an_unknown_code_opens_nothing(cafes: CafeService, cafe: Cafe, code: str) -> None:
    await table_of(cafes, cafe)

    with pytest.raises(TableCodeUnknown):
        await cafes.open_session_for(code)


async def test_a_renewed_code_makes_the_old_one_void(cafes: CafeService, cafe: Cafe) -> None:
    table = await table_of(cafes, cafe)
    seat = await cafes.open_session_for(table.code)

    renewed = await cafes.renew_code(table.id, somebody(cafe, Role.MANAGER))

    with pytest.raises(TableCodeUnknown):
        await cafes.open_session_for(table.code)
    assert await cafes.open_session_for(renewed.code) == seat


async def test_a_table_of_another_cafe_is_not_there(
    cafes: CafeService, db: AnyDatabase, cafe: Cafe, other_cafe: Cafe
) -> None:
    table = await table_of(cafes, cafe)
    stranger = somebody(other_cafe, Role.ADMIN)

    for table_id in (table.id, "nonsense"):
        with pytest.raises(TableNotFound):
            await cafes.renew_code(table_id, stranger)
        with pytest.raises(TableNotFound):
            await cafes.close_session(table_id, stranger)

    found = await db.read(other_cafe.cafe_id, lambda reader: store.get_table(reader, other_cafe.cafe_id, table.id))
    assert found is None
