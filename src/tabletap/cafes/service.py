"""What people do with a cafe: its settings, its tables and who sits at them."""

import re
import secrets
import zoneinfo
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import msgspec

from tabletap.cafes import menu, store
from tabletap.cafes.errors import (
    CafeNotFound,
    CurrencyFixed,
    MenuItemNotFound,
    SettingsRefused,
    TableCodeUnknown,
    TableNotFound,
    TableNumberTaken,
)
from tabletap.cafes.model import (
    Cafe,
    CafeTable,
    CafeView,
    ChangeSettings,
    MenuImported,
    MenuItemView,
    MenuRow,
    MenuView,
    PaymentPolicy,
    Seat,
    TableSession,
    TableView,
    cafe_view,
)
from tabletap.infra.db.transaction import Database, Duplicate, Reader, Transaction
from tabletap.infra.revocations import revoke
from tabletap.kernel.clock import Clock
from tabletap.kernel.errors import FieldError, VersionConflict
from tabletap.kernel.ids import Id, is_id, new_id
from tabletap.kernel.money import exponent
from tabletap.kernel.people import Actor, Role

CheckBankDetails = Callable[[dict[str, Any]], dict[str, Any]]
"""Gives the details as they are to be kept, or raises the refusal that says what is wrong with them."""
CurrencyIsFree = Callable[[Reader, Id], Awaitable[bool]]
"""Whether nothing is on record yet that is counted in the cafe's currency."""
SITTING = timedelta(hours=4)
"""Nobody sits longer: as long as a guest's own sign-in lasts without a refresh."""
_CODE_BYTES = 16
_MAX_CODE_CHARACTERS = 64


async def _never(_: Reader, __: Id) -> bool:
    return False


class CafeService:
    """Cafes, tables and menus."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        check_bank_details: CheckBankDetails,
        currency_is_free: CurrencyIsFree = _never,
    ) -> None:
        self.db, self.clock = db, clock
        self.check_bank_details, self.currency_is_free = check_bank_details, currency_is_free

    # --- cafes and their settings ---------------------------------------------------

    async def create(
        self,
        name: str,
        currency: str,
        time_zone: str,
        payment_policy: PaymentPolicy = "pay_first",
        cafe_id: Id | None = None,
    ) -> Cafe:
        """Open a cafe. Not to be repeated: each call is another cafe, unless an id is given.

        Raises UnknownCurrency and SettingsRefused.
        """
        exponent(currency)
        cafe = Cafe(
            cafe_id=cafe_id or new_id(),
            name=_checked_name(name),
            currency=currency,
            time_zone=_checked_time_zone(time_zone),
            payment_policy=payment_policy,
            expiry_minutes={},
            cash_rounding_minor=5 if currency == "AUD" else 0,
            late_money_policy="credit",
            bank_details=None,
            counter_credit_limit_minor=50 * 10 ** exponent(currency),
            refund_limit_minor=None,
            version=1,
            created_at=self.clock.now(),
        )

        async def decide(tx: Transaction) -> Cafe:
            tx.add(store.cafe, cafe)
            return cafe

        return await self.db.transaction(cafe.cafe_id, decide)

    async def get(self, cafe_id: Id) -> Cafe:
        """The cafe and its settings. Raises CafeNotFound."""
        cafe = await self.db.read(cafe_id, lambda reader: store.get_cafe(reader, cafe_id)) if is_id(cafe_id) else None
        if cafe is None:
            raise CafeNotFound
        return cafe

    async def settings(self, by: Actor) -> CafeView:
        """The settings as staff see them. Raises NotAllowed."""
        by.require(Role.STAFF, Role.KITCHEN)
        return cafe_view(await self.get(by.cafe_id))

    async def change_settings(self, request: ChangeSettings, by: Actor) -> CafeView:
        """Change what the request names and leave the rest. Safe to repeat, except under an `expectedVersion`.

        Raises NotAllowed, OtherCafe, CafeNotFound, SettingsRefused, CurrencyFixed, VersionConflict and whatever is
        wrong with the bank details.
        """
        by.require(Role.MANAGER)
        by.require_cafe(request.cafe_id)
        changes = self._changes(request)

        async def decide(tx: Transaction) -> CafeView:
            before = await store.get_cafe(tx, by.cafe_id, lock=True)
            if before is None:
                raise CafeNotFound
            if request.expected_version not in (None, before.version):
                raise VersionConflict
            after = msgspec.structs.replace(before, **changes)
            if after.currency != before.currency and not await self.currency_is_free(tx, by.cafe_id):
                raise CurrencyFixed
            if after != before:
                after = msgspec.structs.replace(after, version=before.version + 1)
                tx.save(store.cafe, before, after, ("cafe_id",), ("version",))
            return cafe_view(after)

        return await self.db.transaction(by.cafe_id, decide)

    def _changes(self, request: ChangeSettings) -> dict[str, Any]:
        """The columns that the request names, checked."""
        named = {
            _COLUMNS.get(field, field): value
            for field, value in msgspec.structs.asdict(request).items()
            if value is not msgspec.UNSET and field not in ("expected_version", "cafe_id")
        }
        if "name" in named:
            named["name"] = _checked_name(named["name"])
        if "currency" in named:
            exponent(named["currency"])
        if "time_zone" in named:
            named["time_zone"] = _checked_time_zone(named["time_zone"])
        if named.get("bank_details") is not None:
            named["bank_details"] = self.check_bank_details(named["bank_details"])
        for name in ("business_details", "credit_settings"):
            if name in named:
                named[name] = msgspec.to_builtins(named[name])
        return named

    # --- tables -----------------------------------------------------------------------

    async def tables(self, by: Actor) -> list[TableView]:
        """The tables in the order of their numbers, with the codes for their QR tents. Raises NotAllowed."""
        by.require(Role.STAFF)
        tables = await self.db.read(by.cafe_id, lambda reader: store.get_tables(reader, by.cafe_id))
        return [_table_view(table) for table in sorted(tables, key=lambda table: _by_number(table.number))]

    async def add_table(self, number: str, by: Actor) -> TableView:
        """Put up a table with a code of its own. A repetition is refused: the number is taken.

        Raises NotAllowed, SettingsRefused and TableNumberTaken.
        """
        by.require(Role.MANAGER)
        table = CafeTable(by.cafe_id, new_id(), _checked_number(number), _new_code(), active=True)

        async def decide(tx: Transaction) -> TableView:
            tx.add(store.cafe_table, table)
            return _table_view(table)

        try:
            return await self.db.transaction(by.cafe_id, decide)
        except Duplicate:
            raise TableNumberTaken from None

    async def renew_code(self, table_id: Id, by: Actor) -> TableView:
        """Give a table another code, because the old one went around. Each call makes the one before void.

        Who sits there already stays. Raises NotAllowed and TableNotFound.
        """
        by.require(Role.MANAGER)
        code = _new_code()

        async def decide(tx: Transaction) -> TableView:
            before = await _table(tx, by.cafe_id, table_id)
            after = msgspec.structs.replace(before, code=code)
            tx.save(store.cafe_table, before, after, ("cafe_id", "id"), ("code",))
            return _table_view(after)

        return await self.db.transaction(by.cafe_id, decide)

    async def open_session_for(self, code: str) -> Seat:
        """Where somebody sits who scanned a code: joins the table's open session or opens one. Safe to repeat.

        A session that is older than a sitting belongs to people who have left: their orders are not for who comes next.
        Raises TableCodeUnknown.
        """
        found = None
        if len(code) <= _MAX_CODE_CHARACTERS and code.isascii() and code.isprintable():
            found = await self.db.across_cafes(lambda reader: store.table_by_code(reader, code))
        if found is None:
            raise TableCodeUnknown
        table = found

        async def decide(tx: Transaction) -> Seat:
            session = await store.get_open_session(tx, table.cafe_id, table.id, lock=True)
            if session is not None and session.opened_at + SITTING <= tx.now:
                _close(tx, session)
                session = None
            if session is None:
                session = TableSession(table.cafe_id, new_id(), table.id, tx.now, None)
                tx.add(store.table_session, session, retry_on_duplicate=True)
            return Seat(table.cafe_id, table.id, table.number, session.id)

        return await self.db.transaction(table.cafe_id, decide)

    async def close_session(self, table_id: Id, by: Actor) -> None:
        """The people at a table have left: who scans its code next begins anew. Safe to repeat.

        Raises NotAllowed and TableNotFound.
        """
        by.require(Role.STAFF)

        async def decide(tx: Transaction) -> None:
            table = await _table(tx, by.cafe_id, table_id)
            session = await store.get_open_session(tx, by.cafe_id, table.id, lock=True)
            if session is not None:
                _close(tx, session)

        await self.db.transaction(by.cafe_id, decide)

    # --- menu -------------------------------------------------------------------------

    async def menu(self, cafe_id: Id) -> MenuView:
        """The menu by category, for everybody. Raises CafeNotFound."""
        if not is_id(cafe_id):
            raise CafeNotFound

        async def look(reader: Reader) -> MenuView:
            cafe = await store.get_cafe(reader, cafe_id)
            if cafe is None:
                raise CafeNotFound
            return menu.menu_view(cafe, await store.get_menu_items(reader, cafe_id))

        return await self.db.read(cafe_id, look)

    async def replace_menu(self, rows: list[MenuRow], by: Actor) -> MenuImported:
        """Make these rows the whole menu. Items and choices whose names stay keep their ids. Safe to repeat.

        Raises NotAllowed and CafeNotFound.
        """
        by.require(Role.MANAGER)

        async def decide(tx: Transaction) -> MenuImported:
            if await store.get_cafe(tx, by.cafe_id, lock=True) is None:  # one import after the other
                raise CafeNotFound
            return await menu.replace(tx, await store.get_all_menu_items(tx, by.cafe_id), rows)

        return await self.db.transaction(by.cafe_id, decide, lock=True)

    async def set_available(self, item_id: Id, available: bool, by: Actor) -> MenuItemView:
        """Mark an item as sold out, or as back. Safe to repeat. Raises NotAllowed and MenuItemNotFound."""
        by.require(Role.STAFF, Role.KITCHEN)

        async def decide(tx: Transaction) -> MenuItemView:
            before = await store.get_menu_item(tx, by.cafe_id, item_id, lock=True) if is_id(item_id) else None
            if before is None:
                raise MenuItemNotFound
            after = msgspec.structs.replace(before, available=available)
            tx.save(store.menu_item, before, after, ("cafe_id", "id"), ("available", "removed"))
            return menu.item_view(after)

        return await self.db.transaction(by.cafe_id, decide)


_COLUMNS = {
    "cash_rounding_amount": "cash_rounding_minor",
    "counter_credit_limit_amount": "counter_credit_limit_minor",
    "refund_limit_amount": "refund_limit_minor",
}
"""Fields of ChangeSettings whose column has another name."""


async def _table(tx: Transaction, cafe_id: Id, table_id: Id) -> CafeTable:
    table = await store.get_table(tx, cafe_id, table_id, lock=True) if is_id(table_id) else None
    if table is None:
        raise TableNotFound
    return table


def _table_view(table: CafeTable) -> TableView:
    return TableView(table.id, table.number, table.code, table.active)


def _new_code() -> str:
    return secrets.token_urlsafe(_CODE_BYTES)


def _by_number(number: str) -> list[tuple[int, int, str]]:
    """Table 10 comes after table 9, and 9a between them; names come after numbers."""
    parts = re.findall(r"[0-9]+|[^0-9]+", number)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def _close(tx: Transaction, session: TableSession) -> None:
    closed = msgspec.structs.replace(session, closed_at=tx.now)
    tx.save(store.table_session, session, closed, ("cafe_id", "id"), ("closed_at",))
    revoke(tx, session.id)


def _checked_number(number: str) -> str:
    text = " ".join(number.split())
    if not 1 <= len(text) <= 20 or not text.isprintable():
        raise _refused("number", "A table's number has 1 to 20 printable characters.")
    return text


def _checked_name(name: str) -> str:
    text = " ".join(name.split())
    if not 1 <= len(text) <= 120 or not text.isprintable():
        raise _refused("name", "A cafe's name has 1 to 120 printable characters.")
    return text


def _checked_time_zone(name: str) -> str:
    try:
        return zoneinfo.ZoneInfo(name).key
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise _refused("timeZone", f"{name[:40]!r} is not a time zone like Australia/Sydney.") from None


def _refused(field: str, sentence: str) -> SettingsRefused:
    return SettingsRefused(sentence, errors=[FieldError(field, sentence)])
